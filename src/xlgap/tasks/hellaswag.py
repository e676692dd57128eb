"""HellaSwag: how does the description go on? An English intermediate task.

Release files: the official train split is absent; 8,042 questions of the validation split stand in,
2,000 more are held out for dev. They share no context. On the hub both splits are the official ones.

No recipe of a benchmark stands behind these numbers: 1e-5 is the learning rate of the widely used
re-implementation of Phang et al. 2020 (arXiv 2005.13013).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xlgap.formats import digest
from xlgap.tasks._readers import hub
from xlgap.tasks._readers.choice import continued
from xlgap.tasks.base import Choose, HubDataset, Recipe, ReleaseFile, Row, Task

CHOICES = 4


def read(text: str) -> Iterator[Row]:
    """Rows of an official file, with or without the fields that only describe a question."""
    return continued(text, CHOICES)


def _hub_row(row: Mapping[str, Any]) -> Row:
    return {
        "id": str(row["ind"]),
        "group": digest(row["ctx"]),
        "text": row["ctx"],
        "choices": list(row["endings"]),
        "label": hub.whole(row["label"]),
    }


TASK = Task(
    name="hellaswag",
    kind=Choose(choices=CHOICES),
    role="intermediate",
    family="classification",
    train_languages=("en",),
    eval_languages=(),
    parallel=False,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=1e-5, epochs=3, batch_rows=32, max_length=128),
    licence="MIT",
    citation="Zellers et al. 2019, arXiv 1905.07830",
    release={
        "train": (ReleaseFile(path="intermediate_en/mc/hellaswag/train.jsonl", read=read),),
        "dev": (ReleaseFile(path="intermediate_en/mc/hellaswag/dev.jsonl", read=read),),
    },
    hub=HubDataset(
        repo="Rowan/hellaswag",
        revision="218ec52e09a7e7462a5400043bb9a69a41d06b76",
        config="default",
        splits={"train": "train", "dev": "validation"},
        row=_hub_row,
        names={"en": "en"},
    ),
    sample=(
        {
            "language": "en",
            "id": "0",
            "group": "1",
            "text": "A woman stands in a rowing boat and pushes off from the bank. she",
            "choices": [
                "sits down and takes the oars.",
                "paints the kitchen wall blue.",
                "puts a cake on the scales.",
                "throws the piano to a friend.",
            ],
            "label": 0,
        },
        {
            "language": "en",
            "id": "1",
            "group": "2",
            "text": "Two boys kneel on a frozen lake beside a hole. one of them",
            "choices": [
                "mows the lawn around it.",
                "answers the telephone.",
                "pulls a fish out on a line.",
                "dives from a tall tower.",
            ],
            "label": 2,
        },
        {
            "language": "en",
            "id": "2",
            "group": "3",
            "text": "How to mend a torn sail. First spread the sail on a dry floor.",
            "choices": [
                "Feed it twice a day.",
                "Look for the whole length of the tear.",
                "Add two eggs and stir.",
                "Ask it where it was born.",
            ],
            "label": 1,
        },
    ),
)
