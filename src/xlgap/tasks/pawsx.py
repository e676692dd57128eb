"""PAWS-X: do two sentences that share their words say the same? 7 languages, of XTREME v1.

Official protocol: trained on English PAWS (49,401 pairs, ``train-en.tsv``), selected on the English dev
set, tested on 2,000 pairs a language, translations of each other with a few labels that differ. Some
sentences were never translated: ``NS`` stands for them, in up to 4% of the pairs of a language. The
test sets keep them, as every published score does.

Where a release lacks ``train-en.tsv``, the dev files stand in for everything, since whoever trains on
them must not be tested on the official test files: these share sentences with them (of the German and
Chinese dev pairs 195 and 465 have a sentence that stands, word for word, in the test file of their
language). The dev files are divided by the English pairs, in the same way in every language, so that no
sentence is in two parts: three groups in five train, one is dev, one is test. Scores are then not
comparable with published ones. Predictions of other systems (``xlgap score --predictions``) are scored
on the official test files that there are, whoever trains on what.

Other languages train on their dev files in either case, on pairs with a translation and, beside
official test files, without the sentences of these. On the hub all files are there; training data of
the other languages are machine-translated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from xlgap.tasks._readers.pairs import PAWS_LABELS, pawsx, pawsx_part
from xlgap.tasks.base import Classify, HubDataset, Recipe, ReleaseFile, Row, Task

LANGUAGES = ("de", "en", "es", "fr", "ja", "ko", "zh")
_OTHERS = tuple(code for code in LANGUAGES if code != "en")
_PARTS, _TEST_PART, _DEV_PART, _TRAIN_PART = 5, (0,), (1,), (2, 3, 4)


def read_test_part(text: str, english: str | None = None) -> Iterator[Row]:
    """The pairs of a dev file that are tested on where others of them train."""
    return pawsx_part(text, english, _TEST_PART, _PARTS, untranslated=True)


def read_dev_part(text: str, english: str | None = None, tested: str | None = None) -> Iterator[Row]:
    """The pairs of a dev file that stay dev where others of them train."""
    return pawsx_part(text, english, _DEV_PART, _PARTS, tested=tested)


def read_train_part(text: str, english: str | None = None, tested: str | None = None) -> Iterator[Row]:
    """The pairs of a dev file that train."""
    return pawsx_part(text, english, _TRAIN_PART, _PARTS, tested=tested)


def _hub_row(row: Mapping[str, Any]) -> Row:
    number = str(row["row_number"])
    texts = {"text": row["sentence1"], "text_b": row["sentence2"]}
    return {"id": number, "group": number, **texts, "label": str(row["label"])}


_FOLDER = "xtreme_v1/pawsx/"
_TRAIN, _DEV_EN = f"{_FOLDER}train-en.tsv", f"{_FOLDER}dev-en.tsv"
_DEV, _TEST = _FOLDER + "dev-{language}.tsv", _FOLDER + "test-{language}.tsv"
_EN = ("en",)
_PART = "part of the dev files"


def _from_dev(reader: Callable[..., Iterator[Row]]) -> tuple[ReleaseFile, ReleaseFile]:
    """The dev files of other languages than English, beside official test files and without them."""
    beside = ReleaseFile(
        path=_DEV, aligned=(_DEV_EN, _TEST), read=reader, languages=_OTHERS, needs=(_TRAIN,)
    )
    return beside, ReleaseFile(path=_DEV, aligned=(_DEV_EN,), read=reader, languages=_OTHERS)


TASK = Task(
    name="pawsx",
    kind=Classify(labels=PAWS_LABELS),
    role="target",
    family="classification",
    train_languages=LANGUAGES,
    eval_languages=LANGUAGES,
    parallel=True,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=2e-5, epochs=5, batch_rows=32, max_length=128),
    licence="free for any use; acknowledgement of Google LLC appreciated",
    citation="Yang et al. 2019, arXiv 1908.11828; PAWS: Zhang et al. 2019, arXiv 1904.01130",
    release={
        "train": (
            ReleaseFile(path=_TRAIN, read=pawsx, languages=_EN, needs=(_TRAIN,)),
            ReleaseFile(path=_DEV_EN, read=read_train_part, languages=_EN),
            *_from_dev(read_train_part),
        ),
        "dev": (
            ReleaseFile(path=_DEV_EN, read=pawsx, languages=_EN, needs=(_TRAIN,)),
            ReleaseFile(path=_DEV_EN, read=read_dev_part, languages=_EN),
            *_from_dev(read_dev_part),
        ),
        "test": (
            ReleaseFile(path=_TEST, read=pawsx, needs=(_TRAIN,)),
            ReleaseFile(path=_DEV_EN, read=read_test_part, languages=_EN, stands_in=_PART),
            ReleaseFile(
                path=_DEV, aligned=(_DEV_EN,), read=read_test_part, languages=_OTHERS, stands_in=_PART
            ),
        ),
    },
    hub=HubDataset(
        repo="google/xtreme",
        revision="ec5f1f46e9af79639a90684a7a70a956c4998f04",
        config="PAWS-X.{language}",
        splits={"train": "train", "dev": "validation", "test": "test"},
        row=_hub_row,
    ),
    sample=(
        {
            "language": "en",
            "id": "1",
            "group": "1",
            "text": "The bridge links the old mill with the new harbour .",
            "text_b": "The bridge links the new mill with the old harbour .",
            "label": "0",
        },
        {
            "language": "de",
            "id": "2",
            "group": "2",
            "text": "Im Herbst zog Ana von Lima nach Quito.",
            "text_b": "Ana zog im Herbst von Lima nach Quito.",
            "label": "1",
        },
        {
            "language": "zh",
            "id": "3",
            "group": "3",
            "text": "这条河从北向南流。",
            "text_b": "这条河从南向北流。",
            "label": "0",
        },
    ),
)
