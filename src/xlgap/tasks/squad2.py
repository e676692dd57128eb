"""SQuAD v2.0: SQuAD with questions that their paragraph does not answer.

Release files: where the directory has the official ``train-v2.0.json``, all of it trains, and dev is
the official dev set without XQuAD's paragraphs, 10,174 questions, which takes the English file of
XQuAD. Else 7,921 questions of the dev set stand in and 2,253 more are dev. No split contains a
paragraph of XQuAD, those from the dev set contain other paragraphs of its articles. On the hub both
splits are the official ones, and dev has paragraphs of XQuAD. The recipe keeps the last checkpoint, so
nothing is selected on dev.

Scored as the official script of v2.0 does: without an answer the empty text alone is right.
"""

from __future__ import annotations

from collections.abc import Iterator

from xlgap.tasks._readers import hub
from xlgap.tasks._readers.declared import SQUAD_RECIPE, XQUAD
from xlgap.tasks._readers.qa import apart, squad2
from xlgap.tasks.base import HubDataset, ReleaseFile, Row, Span, Task

_CONTEXT = "The canal was dug in 1894 to join the two lakes; barges no longer use it."
_FOLDER = "intermediate_en/qa/squad_v2.0"
_TRAIN, _DEV = f"{_FOLDER}/train-v2.0.json", f"{_FOLDER}/dev-v2.0.json"
_PART_TRAIN, _PART_DEV = f"{_FOLDER}/train_from_dev.json", f"{_FOLDER}/heldout_from_dev.json"


def read_dev(text: str, xquad: str) -> Iterator[Row]:
    """Rows of the official dev file without XQuAD's paragraphs."""
    return apart(squad2(text), xquad)


TASK = Task(
    name="squad2",
    kind=Span(unanswerable=True),
    role="intermediate",
    family="qa",
    train_languages=("en",),
    eval_languages=(),
    parallel=False,
    metrics=("f1", "em"),
    contains=("squad",),
    recipe=SQUAD_RECIPE,
    licence="CC BY-SA 4.0",
    citation="Rajpurkar et al. 2018, arXiv 1806.03822",
    release={
        # The last declaration of each split is there to name the file that is missing.
        "train": (
            ReleaseFile(path=_TRAIN, read=squad2, needs=(_TRAIN,)),
            ReleaseFile(path=_PART_TRAIN, read=squad2, needs=(_PART_TRAIN,)),
            ReleaseFile(path=_TRAIN, read=squad2),
        ),
        "dev": (
            ReleaseFile(path=_DEV, aligned=(XQUAD,), read=read_dev, needs=(_TRAIN,)),
            ReleaseFile(path=_PART_DEV, read=squad2, needs=(_PART_DEV,)),
            ReleaseFile(path=_DEV, aligned=(XQUAD,), read=read_dev),
        ),
    },
    hub=HubDataset(
        repo="rajpurkar/squad_v2",
        revision="3ffb306f725f7d2ce8394bc1873b24868140c412",
        config="squad_v2",
        splits={"train": "train", "dev": "validation"},
        row=hub.squad,
        names={"en": "en"},
    ),
    sample=(
        {
            "language": "en",
            "id": "s1",
            "group": "1-1",
            "context": _CONTEXT,
            "question": "When was the canal dug?",
            "answers": {"text": ["1894", "in 1894"], "answer_start": [21, 18]},
        },
        {
            "language": "en",
            "id": "s2",
            "group": "1-1",
            "context": _CONTEXT,
            "question": "Who dug the canal?",
            "answers": {"text": [], "answer_start": []},
        },
        {
            "language": "en",
            "id": "s3",
            "group": "1-1",
            "context": _CONTEXT,
            "question": "What does the canal join?",
            "answers": {"text": ["the two lakes"], "answer_start": [34]},
        },
    ),
)
