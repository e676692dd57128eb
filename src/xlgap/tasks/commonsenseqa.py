"""CommonsenseQA: an English intermediate task, with JCommonsenseQA as its Japanese counterpart.

English: the official random split, whole. Japanese: JCommonsenseQA v1.3 was built from ConceptNet by
the same method with the same five choices, so it is the same task in another language and trains it
there, though with other questions (its effect is *language + domain*; equal rows for both:
``train_rows: 8939`` at most); ``valid`` is dev, ``test`` is not read. Its splits share a few short
questions, never with the same choices.

No recipe of a benchmark stands behind these numbers: 1e-5 is the learning rate of the widely used
re-implementation of Phang et al. 2020 (arXiv 2005.13013).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xlgap.tasks._readers import hub
from xlgap.tasks._readers.choice import lettered, numbered
from xlgap.tasks.base import Choose, HubDataset, Recipe, ReleaseFile, Row, Task

CHOICES = 5
_ENGLISH = "intermediate_en/mc/commonsenseqa"
_JAPANESE = "target_language/mc/ja_jcommonsenseqa"


def read(text: str) -> Iterator[Row]:
    """Rows of an official CommonsenseQA file."""
    return lettered(text, CHOICES)


def read_japanese(text: str) -> Iterator[Row]:
    """Rows of an official JCommonsenseQA file."""
    return numbered(text, CHOICES)


def _hub_row(row: Mapping[str, Any]) -> Row:
    return hub.lettered(row, row["question"], row["choices"])


TASK = Task(
    name="commonsenseqa",
    kind=Choose(choices=CHOICES),
    role="intermediate",
    family="classification",
    train_languages=("en", "ja"),
    eval_languages=(),
    parallel=False,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=1e-5, epochs=3, batch_rows=32, max_length=128),
    licence="MIT; JCommonsenseQA: CC BY-SA 4.0",
    citation="Talmor et al. 2019, arXiv 1811.00937; JCommonsenseQA: Kurihara et al. 2022, LREC",
    release={
        "train": (
            ReleaseFile(path=f"{_ENGLISH}/train_rand_split.jsonl", read=read, languages=("en",)),
            ReleaseFile(path=f"{_JAPANESE}/train-v1.3.json", read=read_japanese, languages=("ja",)),
        ),
        "dev": (
            ReleaseFile(path=f"{_ENGLISH}/dev_rand_split.jsonl", read=read, languages=("en",)),
            ReleaseFile(path=f"{_JAPANESE}/valid-v1.3.json", read=read_japanese, languages=("ja",)),
        ),
    },
    hub=HubDataset(
        repo="tau/commonsense_qa",
        revision="94630fe30dad47192a8546eb75f094926d47e155",
        config="default",
        splits={"train": "train", "dev": "validation"},
        row=_hub_row,
        names={"en": "en"},
    ),
    sample=(
        {
            "language": "en",
            "id": "a1",
            "group": "1",
            "text": "Where would you keep a boat over the winter?",
            "choices": ["drawer", "boathouse", "orchard", "library", "chimney"],
            "label": 1,
        },
        {
            "language": "en",
            "id": "a2",
            "group": "2",
            "text": "What do you need to cross a wide river on foot?",
            "choices": ["a ladder", "a lantern", "a bridge", "a saddle", "a basket"],
            "label": 2,
        },
        {
            "language": "ja",
            "id": "3",
            "group": "3",
            "text": "冬の間、舟をしまっておく場所は？",
            "choices": ["引き出し", "果樹園", "図書館", "煙突", "舟小屋"],
            "label": 4,
        },
    ),
)
