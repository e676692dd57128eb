"""WikiANN-NER (PAN-X): persons, places and organisations in Wikipedia, 48 languages, BIO tags.

XTREME-R's languages: the 40 of XTREME v1 and az gu lt pa pl qu ro uk. Not parallel. The tags come from
Wikipedia's links, not from people, and the data repeat sentences within and between their splits.

Release files: XTREME's download strips the tags of test files. Where a language has no test file its
dev file is tested on, so that nothing may be selected on it: a tenth of the training file is dev then,
and training sentences that stand in the dev file are left out and counted (198 in English). Scores on
dev files are not comparable with published ones. Put labelled test files beside the others for the
official protocol. The hub has the 40 languages of XTREME v1 and lacks the other eight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xlgap.formats import digest
from xlgap.tasks._readers.text import dropped, of_file, tagged_sentences
from xlgap.tasks.base import DROPPED, HubDataset, Recipe, ReleaseFile, Row, Tag, Task

TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
LANGUAGES = (
    *("af", "ar", "az", "bg", "bn", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "gu", "he"),
    *("hi", "hu", "id", "it", "ja", "jv", "ka", "kk", "ko", "lt", "ml", "mr", "ms", "my", "nl", "pa"),
    *("pl", "pt", "qu", "ro", "ru", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "yo", "zh"),
)
_SINCE_R = ("az", "gu", "lt", "pa", "pl", "qu", "ro", "uk")
_DEV_SHARE = 10  # one training sentence in ten is dev where the dev file is tested on


def read(text: str) -> Iterator[Row]:
    """Rows of ``token<TAB>tag`` lines."""
    return tagged_sentences(text, TAGS)


def read_train_part(text: str, tested: str) -> Iterator[Row]:
    """The sentences of a training file that train where the dev file is ``tested`` on."""
    return (row for row in _fresh(text, tested) if DROPPED in row or not _is_dev(row))


def read_dev_part(text: str, tested: str) -> Iterator[Row]:
    """The sentences of a training file that are dev where the dev file is ``tested`` on."""
    return (row for row in _fresh(text, tested) if DROPPED not in row and _is_dev(row))


def _fresh(text: str, tested: str) -> Iterator[Row]:
    known = {tuple(row["tokens"]) for row in of_file(2, read(tested))}
    for row in read(text):
        yield dropped("stands in the tested file") if tuple(row["tokens"]) in known else row


def _is_dev(row: Row) -> bool:
    """By the sentence: those that stand in the file twice stay together."""
    return int(digest(row["tokens"]), 16) % _DEV_SHARE == 0


def _hub_row(row: Mapping[str, Any]) -> Row:
    number = str(row["row_number"])
    tags = [TAGS[tag] if tag >= 0 else str(tag) for tag in row["ner_tags"]]  # -1: stripped
    return {"id": number, "group": number, "tokens": list(row["tokens"]), "tags": tags}


_FOLDER = "xtreme_r/panx/"
_TRAIN, _DEV, _TEST = (_FOLDER + split + "-{language}.tsv" for split in ("train", "dev", "test"))

TASK = Task(
    name="wikiann",
    kind=Tag(tags=TAGS, bio=True),
    role="target",
    family="structured",
    train_languages=LANGUAGES,
    eval_languages=LANGUAGES,
    parallel=False,
    metrics=("f1",),
    recipe=Recipe(learning_rate=2e-5, epochs=10, batch_rows=32, max_length=128),
    licence="not stated for the annotations; text of Wikipedia: CC BY-SA",
    citation="Pan et al. 2017, ACL; Rahimi, Li and Cohn 2019, arXiv 1902.00193",
    release={
        "train": (
            ReleaseFile(path=_TRAIN, read=read, needs=(_TEST,)),
            ReleaseFile(path=_TRAIN, aligned=(_DEV,), read=read_train_part),
        ),
        "dev": (
            ReleaseFile(path=_DEV, read=read, needs=(_TEST,)),
            ReleaseFile(path=_TRAIN, aligned=(_DEV,), read=read_dev_part),
        ),
        "test": (
            ReleaseFile(path=_TEST, read=read, needs=(_TEST,)),
            ReleaseFile(path=_DEV, read=read, stands_in="dev files"),
        ),
    },
    hub=HubDataset(
        repo="google/xtreme",
        revision="ec5f1f46e9af79639a90684a7a70a956c4998f04",
        config="PAN-X.{language}",
        splits={"train": "train", "dev": "validation", "test": "test"},
        row=_hub_row,
        names={code: code for code in LANGUAGES if code not in _SINCE_R},
    ),
    sample=(
        {
            "language": "en",
            "id": "1",
            "group": "1",
            "tokens": ["Ana", "Lima", "left", "Oban", "Ferries", "."],
            "tags": ["B-PER", "I-PER", "O", "B-ORG", "I-ORG", "O"],
        },
        {
            "language": "de",
            "id": "2",
            "group": "2",
            "tokens": ["Von", "Bad", "Oban", "nach", "Quito"],
            "tags": ["O", "B-LOC", "I-LOC", "O", "B-LOC"],
        },
        {
            "language": "ja",
            "id": "3",
            "group": "3",
            "tokens": ["川", "本", "は", "港", "区"],
            "tags": ["B-PER", "I-PER", "O", "B-LOC", "I-LOC"],
        },
    ),
)
