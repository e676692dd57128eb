"""Quora Question Pairs: do two questions ask the same? An English intermediate task, of GLUE.

363,846 training pairs as GLUE gives them. Release files: GLUE's ``train.tsv`` and ``dev.tsv`` below
``intermediate_en/qqp/``; the labels of its ``test.tsv`` are stripped, so it is not read. The hub's rows
lack the ids of questions: pairs are grouped by their texts there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from xlgap.tasks._readers import hub
from xlgap.tasks._readers.pairs import qqp
from xlgap.tasks._readers.text import dropped
from xlgap.tasks.base import Classify, HubDataset, Recipe, ReleaseFile, Row, Split, Task

LABELS = ("0", "1")


def _hub_row(row: Mapping[str, Any]) -> Row:
    name, first, second = str(row["idx"]), row["question1"], row["question2"]
    if not first.strip() or not second.strip():
        return dropped("empty question")
    texts = {"text": first, "text_b": second}
    return {"id": name, "group": name, **texts, "label": hub.named(LABELS, row["label"])}


def _hub_groups(split: Split, read: Callable[[Split], Iterator[Row]]) -> Iterator[Row]:
    return hub.linked(read(split))


TASK = Task(
    name="qqp",
    kind=Classify(labels=LABELS),
    role="intermediate",
    family="classification",
    train_languages=("en",),
    eval_languages=(),
    parallel=False,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=2e-5, epochs=3, batch_rows=32, max_length=128),
    licence="Quora's terms of service, non-commercial",
    noncommercial=True,
    citation="Iyer, Dandekar and Csernai 2017 (Quora); GLUE: Wang et al. 2019, arXiv 1804.07461",
    release={
        "train": (ReleaseFile(path="intermediate_en/qqp/train.tsv", read=qqp),),
        "dev": (ReleaseFile(path="intermediate_en/qqp/dev.tsv", read=qqp),),
    },
    hub=HubDataset(
        repo="nyu-mll/glue",
        revision="bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
        config="qqp",
        splits={"train": "train", "dev": "validation"},
        row=_hub_row,
        names={"en": "en"},
        finish=_hub_groups,
    ),
    sample=(
        {
            "language": "en",
            "id": "1",
            "group": "1",
            "text": "How do I keep basil alive in winter?",
            "text_b": "What does basil need to survive the winter?",
            "label": "1",
        },
        {
            "language": "en",
            "id": "2",
            "group": "1",
            "text": "How do I keep basil alive in winter?",
            "text_b": "How do I dry basil?",
            "label": "0",
        },
        {
            "language": "en",
            "id": "3",
            "group": "2",
            "text": "Is the ferry to Oban cheaper on weekdays?",
            "text_b": "Why is the ferry to Oban expensive?",
            "label": "0",
        },
    ),
)
