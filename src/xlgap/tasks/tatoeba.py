"""Tatoeba: find the translation of a sentence, 41 languages against English.

English sentences query the index of the other language. Published models were tuned on SQuAD first, so
that is the training data by proxy (:mod:`xlgap.tasks.squad`); an arm without any fine-tuning must stand
beside it. Each language has English sentences of its own: scores of two languages are not over the same
items, hence not parallel in the sense of :class:`~xlgap.tasks.base.Task`.

Published vectors are the mean of the output of block 8 of 12, or 14 of 24. No one share of the blocks,
``evaluation.retrieval_layer``, is both; ``models.NAME.retrieval_layer`` is a model's own block.
``evaluation.sweep_languages`` has layer and pooling chosen on these languages for the others instead
(:mod:`xlgap.evaluation.sweep`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlgap.languages import get_language
from xlgap.tasks._readers.text import aligned_lines
from xlgap.tasks.base import HubDataset, Recipe, ReleaseFile, Retrieve, Row, Task

LANGUAGES = (
    *("af", "ar", "az", "bg", "bn", "de", "el", "es", "et", "eu", "fa", "fi", "fr", "he", "hi", "hu"),
    *("id", "it", "ja", "jv", "ka", "kk", "ko", "lt", "ml", "mr", "nl", "pl", "pt", "ro", "ru", "sw"),
    *("ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "zh"),
)
# Tatoeba names these by the code of the macrolanguage.
_MACRO = {"ar": "ara", "az": "aze", "et": "est"}
_NAMES = {code: _MACRO.get(code, get_language(code).iso639_3) for code in LANGUAGES}


def _file(name: str, languages: tuple[str, ...]) -> ReleaseFile:
    pattern = f"xtreme_r/tatoeba/v1/tatoeba.{name}-eng."
    return ReleaseFile(
        path=f"{pattern}{name}", aligned=(f"{pattern}eng",), read=aligned_lines, languages=languages
    )


def _hub_row(row: Mapping[str, Any]) -> Row:
    number = str(row["row_number"])
    both = ((row[f"{side}_lang"], row[f"{side}_sentence"]) for side in ("source", "target"))
    sides = {name: sentence.rstrip("\r\n") for name, sentence in both}  # some keep their line's end
    english = sides.pop("eng")
    (text,) = sides.values()
    return {"id": number, "group": number, "text": text, "english": english}


TASK = Task(
    name="tatoeba",
    kind=Retrieve(),
    role="target",
    family="retrieval",
    train_languages=(),
    eval_languages=LANGUAGES,
    parallel=False,
    metrics=("accuracy",),
    proxy_train="squad",
    recipe=Recipe(max_length=512),
    licence="CC BY 2.0 FR",
    citation="Artetxe and Schwenk 2019, arXiv 1812.10464; tatoeba.org",
    release={
        "test": (
            *(_file(name, (code,)) for code, name in _MACRO.items()),
            _file("{iso639_3}", tuple(code for code in LANGUAGES if code not in _MACRO)),
        )
    },
    hub=HubDataset(
        repo="google/xtreme",
        revision="ec5f1f46e9af79639a90684a7a70a956c4998f04",
        config="tatoeba.{language}",
        splits={"test": "validation"},
        row=_hub_row,
        names=_NAMES,
    ),
    sample=(
        {
            "language": "de",
            "id": "1",
            "group": "1",
            "text": "Der Zug hat Verspätung.",
            "english": "The train is late.",
        },
        {
            "language": "fr",
            "id": "2",
            "group": "2",
            "text": "Il neige depuis hier.",
            "english": "It has been snowing since yesterday.",
        },
        {
            "language": "ja",
            "id": "3",
            "group": "3",
            "text": "窓を開けてください。",
            "english": "Please open the window.",
        },
    ),
)
