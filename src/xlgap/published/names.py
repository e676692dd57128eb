"""From the words of the published tables to the names of this project.

The raw regime text stays in :attr:`Score.arm`; what stands here only sorts it into house terms.
"""

from __future__ import annotations

import re

TASKS = {
    "LAReQA (XQuAD-R)": "lareqa",
    "Mewsli-X": "mewslix",
    "PAWS-X": "pawsx",
    "TyDiQA-GoldP": "tydiqa",
    "UD-POS": "udpos",
    "WikiANN NER": "wikiann",
}
"""Published task names whose house name is not just their slug."""

METRICS = {
    "bits_per_byte (lower is better)": "bits_per_byte",
    "map@20": "map20",
    "top-10 accuracy": "top10_accuracy",
}
"""Published metric names whose house name is not just their slug."""

NOT_SCORES = frozenset({"bits_per_byte", "gain_over_xlm_r_large"})
"""Metrics that are no score of 0-100 and enter no difference."""

CHANCE = {"xnli": 100 / 3, "xcopa": 50.0, "xstorycloze": 50.0, "xwinograd": 50.0}
"""Accuracy of shuffled predictions, where the gold labels are balanced by construction.

XNLI test has 1,670 items of each of three labels; the others offer two choices in random order.
Elsewhere chance depends on the predictions, which were not published, and stays unknown.
"""

DIRECT_EN, DIRECT_TGT, INTERMEDIATE_EN = "direct_en", "direct_tgt", "intermediate_en"


def slug(text: str) -> str:
    """``text`` as a name of ``a-z``, ``0-9`` and ``_``.

    >>> slug("FLORES-101 language modelling")
    'flores_101_language_modelling'
    """
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def task_name(published: str) -> str:
    """House name of a published task: ``WikiANN NER`` is ``wikiann``."""
    return TASKS.get(published, slug(published))


def metric_name(published: str) -> str:
    """House name of a published metric: ``map@20`` is ``map20``."""
    return METRICS.get(published, slug(published))


def regime_name(published: str) -> str:
    """House name of a published regime.

    English-only fine-tuning is ``direct_en``, training data in the tested languages ``direct_tgt`` (one
    language or all at once: the raw text tells them apart), an English stage before it
    ``intermediate_en``. The other regimes have no house name and keep theirs, without their details.
    A run that ends on data of the tested languages after an English stage is neither.

    >>> regime_name("english_intermediate:RACE")
    'intermediate_en'
    """
    kind, _, detail = published.partition(":")
    if kind == "english_intermediate":
        return "intermediate_en_then_direct_tgt" if "in_language" in detail else INTERMEDIATE_EN
    return {"zero_shot_english": DIRECT_EN, "in_language": DIRECT_TGT}.get(kind, slug(kind))


def train_language(regime: str, language: str) -> str:
    """Language of the training data of a published row evaluated on ``language``."""
    return language if regime == DIRECT_TGT or regime.startswith("translate_train") else "en"


def split_name(published: str) -> str:
    """``test``, ``dev``, or what the source calls it; ``unstated`` where it says nothing."""
    text = published.lower()
    if "test" in text:
        return "test"
    if "dev" in text or "validation" in text:
        return "dev"
    return slug(text) or "unstated"
