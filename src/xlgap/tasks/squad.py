"""SQuAD v1.1: an English intermediate task, and the training data of XQuAD, Tatoeba and LAReQA.

Release files: the official train split is absent; 8,234 questions of the dev set stand in, 1,146 more
are held out for dev. Neither contains a paragraph of XQuAD, both contain other paragraphs of its
articles. On the hub the train split is the official one, and dev is the whole official dev set, of
which XQuAD is a part: the recipe keeps the last checkpoint, so nothing is selected on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlgap.formats import digest
from xlgap.tasks._readers import squad
from xlgap.tasks.base import HubDataset, Recipe, ReleaseFile, Row, Span, Task

RECIPE = Recipe(
    learning_rate=3e-5,
    epochs=3,
    batch_rows=32,
    max_length=384,
    stride=128,
    warmup_steps=500,
    weight_decay=1e-4,
    select="last",
)
_CONTEXT = "The lighthouse of Alexandria was built under Ptolemy II between 284 and 246 BC."


def hub_row(row: Mapping[str, Any]) -> Row:
    """A hub row in SQuAD's columns; a group is a paragraph."""
    return {
        "id": row["id"],
        "group": digest(row["context"]),
        "context": row["context"],
        "question": row["question"],
        "answers": {key: list(row["answers"][key]) for key in ("text", "answer_start")},
    }


TASK = Task(
    name="squad",
    kind=Span(),
    role="intermediate",
    family="qa",
    train_languages=("en",),
    eval_languages=(),
    parallel=False,
    metrics=("f1", "em"),
    recipe=RECIPE,
    licence="CC BY-SA 4.0",
    citation="Rajpurkar et al. 2016, arXiv 1606.05250",
    release={
        "train": (ReleaseFile(path="intermediate_en/qa/squad_v1.1/train_from_dev.json", read=squad),),
        "dev": (ReleaseFile(path="intermediate_en/qa/squad_v1.1/heldout_from_dev.json", read=squad),),
    },
    hub=HubDataset(
        repo="rajpurkar/squad",
        revision="7b6d24c440a36b6815f21b70d25016731768db1f",
        config="plain_text",
        splits={"train": "train", "dev": "validation"},
        row=hub_row,
        names={"en": "en"},
    ),
    sample=(
        {
            "language": "en",
            "id": "s1",
            "group": "1-1",
            "context": _CONTEXT,
            "question": "Under whom was the lighthouse built?",
            "answers": {"text": ["Ptolemy II"], "answer_start": [45]},
        },
        {
            "language": "en",
            "id": "s2",
            "group": "1-1",
            "context": _CONTEXT,
            "question": "Where did the lighthouse stand?",
            "answers": {"text": ["Alexandria", "of Alexandria"], "answer_start": [18, 15]},
        },
        {
            "language": "en",
            "id": "s3",
            "group": "1-1",
            "context": _CONTEXT,
            "question": "When was it built?",
            "answers": {"text": ["between 284 and 246 BC"], "answer_start": [56]},
        },
    ),
)
