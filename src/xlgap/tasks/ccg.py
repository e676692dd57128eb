"""CCG supertagging: the combinatory category of every word; an English intermediate task.

CCGbank is licensed (LDC2005T13) and in no download: make ``intermediate_en/ccg/train.tsv`` (sections 02
to 21, 39,604 sentences) and ``dev.tsv`` (section 00) of it, one ``token<TAB>category`` a line and a
blank line after each sentence. Its more than 1,200 categories are no fixed list: the tags are those of
the prepared training rows; a category that only dev has can never be predicted and counts as wrong.

There is no hub source: CCGbank's licence lets nobody publish it.
"""

from __future__ import annotations

from collections.abc import Iterator

from xlgap.tasks._readers.text import tagged_sentences
from xlgap.tasks.base import Recipe, ReleaseFile, Row, Tag, Task


def read(text: str) -> Iterator[Row]:
    """Rows of ``token<TAB>category`` lines."""
    return tagged_sentences(text, ())


TASK = Task(
    name="ccg",
    kind=Tag(tags=(), bio=False),
    role="intermediate",
    family="structured",
    train_languages=("en",),
    eval_languages=(),
    parallel=False,
    metrics=("token_accuracy",),
    recipe=Recipe(learning_rate=2e-5, epochs=3, batch_rows=32, max_length=128),
    licence="LDC User Agreement (LDC2005T13), non-commercial",
    noncommercial=True,
    citation="Hockenmaier and Steedman 2007 (CCGbank)",
    release={
        "train": (ReleaseFile(path="intermediate_en/ccg/train.tsv", read=read),),
        "dev": (ReleaseFile(path="intermediate_en/ccg/dev.tsv", read=read),),
    },
    sample=(
        {
            "language": "en",
            "id": "1",
            "group": "1",
            "tokens": ["The", "ferry", "sank", "."],
            "tags": ["NP[nb]/N", "N", "S[dcl]\\NP", "."],
        },
        {
            "language": "en",
            "id": "2",
            "group": "2",
            "tokens": ["Ana", "sold", "boats"],
            "tags": ["N", "(S[dcl]\\NP)/NP", "N"],
        },
        {
            "language": "en",
            "id": "3",
            "group": "3",
            "tokens": ["It", "often", "rains"],
            "tags": ["NP", "(S\\NP)/(S\\NP)", "S[dcl]\\NP"],
        },
    ),
)
