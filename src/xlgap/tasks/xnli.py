"""XNLI: does the premise entail the hypothesis? 15 languages, translations of each other.

Official protocol: trained on MultiNLI, so training rows are those of :mod:`xlgap.tasks.mnli` (which
says what trains a target language), and the checkpoint of an English training is selected on XNLI's
English dev set, 2,490 pairs. A training in another language is selected on the dev rows of
:mod:`xlgap.tasks.mnli` in that language: most of these trainings have XNLI's dev set as their data, of
which the English one is the original. Where MultiNLI is an intermediate task, MultiNLI's dev set
selects. The test labels that XTREME strips are in the release files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xlgap.tasks._readers.declared import XNLI_LANGUAGES
from xlgap.tasks._readers.hub import named
from xlgap.tasks._readers.pairs import NLI_LABELS
from xlgap.tasks._readers.text import PREMISE_ROWS, tab_pairs
from xlgap.tasks.base import Classify, HubDataset, Recipe, ReleaseFile, Row, Task


def read(text: str) -> Iterator[Row]:
    """Rows of an official file, see :func:`~xlgap.tasks._readers.text.tab_pairs`."""
    return tab_pairs(text, NLI_LABELS)


def _hub_row(row: Mapping[str, Any]) -> Row:
    number = row["row_number"]
    return {
        "id": str(number),
        "group": str((number - 1) // PREMISE_ROWS + 1),
        "text": row["premise"],
        "text_b": row["hypothesis"],
        "label": named(NLI_LABELS, row["label"]),
    }


TASK = Task(
    name="xnli",
    kind=Classify(labels=NLI_LABELS),
    role="target",
    family="classification",
    train_languages=(),
    eval_languages=XNLI_LANGUAGES,
    parallel=True,
    metrics=("accuracy",),
    proxy_train="mnli",
    own_dev=True,
    recipe=Recipe(learning_rate=2e-5, epochs=5, batch_rows=32, max_length=128),
    licence="CC BY-NC 4.0",
    noncommercial=True,
    citation="Conneau et al. 2018, arXiv 1809.05053",
    release={
        "dev": (ReleaseFile(path="xtreme_r/xnli/dev-{language}.tsv", read=read, languages=("en",)),),
        "test": (ReleaseFile(path="xtreme_r/xnli/test-{language}.tsv", read=read),),
    },
    hub=HubDataset(
        repo="facebook/xnli",
        revision="b8dd5d7af51114dbda02c0e3f6133f332186418e",
        config="{language}",
        splits={"dev": "validation", "test": "test"},
        row=_hub_row,
    ),
    sample=(
        {
            "language": "en",
            "id": "1",
            "group": "1",
            "text": "The ferry leaves at noon.",
            "text_b": "The ferry leaves in the middle of the day.",
            "label": "entailment",
        },
        {
            "language": "de",
            "id": "2",
            "group": "1",
            "text": "Die Fähre legt mittags ab.",
            "text_b": "Die Fähre ist gut besucht.",
            "label": "neutral",
        },
        {
            "language": "sw",
            "id": "3",
            "group": "1",
            "text": "Feri inaondoka saa sita mchana.",
            "text_b": "Feri inaondoka usiku.",
            "label": "contradiction",
        },
    ),
)
