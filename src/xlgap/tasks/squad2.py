"""SQuAD v2.0: SQuAD with questions that their paragraph does not answer.

Release files: the official train split is absent; 7,921 questions of the dev set stand in, 2,253 more
are held out for dev. Neither contains a paragraph of XQuAD, both contain other paragraphs of its
articles. On the hub both splits are the official ones, and dev has paragraphs of XQuAD: the recipe
keeps the last checkpoint, so nothing is selected on it.

Scored as the official script of v2.0 does: without an answer the empty text alone is right.
"""

from __future__ import annotations

from xlgap.tasks._readers.qa import squad2
from xlgap.tasks.base import HubDataset, ReleaseFile, Span, Task
from xlgap.tasks.squad import RECIPE, hub_row

_CONTEXT = "The canal was dug in 1894 to join the two lakes; barges no longer use it."
_FOLDER = "intermediate_en/qa/squad_v2.0"

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
    recipe=RECIPE,
    licence="CC BY-SA 4.0",
    citation="Rajpurkar et al. 2018, arXiv 1806.03822",
    release={
        "train": (ReleaseFile(path=f"{_FOLDER}/train_from_dev.json", read=squad2),),
        "dev": (ReleaseFile(path=f"{_FOLDER}/heldout_from_dev.json", read=squad2),),
    },
    hub=HubDataset(
        repo="rajpurkar/squad_v2",
        revision="3ffb306f725f7d2ce8394bc1873b24868140c412",
        config="squad_v2",
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
