"""ANLI+: adversarial NLI, MultiNLI and SNLI together, an English intermediate task.

Officially 162,865 + 392,702 + 549,367 = 1,104,934 training pairs. Ids and groups begin with their
source. The three dev sets together are dev. MultiNLI, in here, is what XNLI is trained on, too.

Release files: ANLI's training file ``anli/train.jsonl`` (rounds 1 to 3 together) may be absent; nine
premises in ten of its dev file train then, the tenth is dev. ANLI's test file is not read. On the hub
the three sets are three repositories, with their official splits.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain

from xlgap.tasks._readers import hub
from xlgap.tasks._readers.pairs import NLI_LABELS, nli_json
from xlgap.tasks._readers.text import of_file
from xlgap.tasks.base import Classify, HubDataset, Recipe, ReleaseFile, Row, Task

_DEV_SHARE = 10  # one premise of ANLI dev in ten stays dev where the rest trains


def read(anli: str, mnli: str, snli: str) -> Iterator[Row]:
    """The pairs of one split of the three sets, in this order."""
    return chain(nli_json(anli, prefix="anli-"), _others(mnli, snli))


def read_train(anli: str, mnli: str, snli: str) -> Iterator[Row]:
    """The training pairs where ANLI's dev file stands in for its training file."""
    return chain((row for row in _anli(anli) if not _is_dev(row)), _others(mnli, snli))


def read_dev(anli: str, mnli: str, snli: str) -> Iterator[Row]:
    """The dev pairs where most of ANLI's dev file trains."""
    return chain((row for row in _anli(anli) if _is_dev(row)), _others(mnli, snli))


def _anli(text: str) -> Iterator[Row]:
    return (row for row in nli_json(text, prefix="anli-") if "group" in row)


def _is_dev(row: Row) -> bool:
    return int(row["group"].removeprefix("anli-")) % _DEV_SHARE == 0


def _others(mnli: str, snli: str) -> Iterator[Row]:
    return chain(of_file(2, nli_json(mnli, prefix="mnli-")), of_file(3, nli_json(snli, prefix="snli-")))


_FOLDER = "intermediate_en/nli/"
_ANLI_TRAIN, _ANLI_DEV = f"{_FOLDER}anli/train.jsonl", f"{_FOLDER}anli/dev.jsonl"
_TRAIN = (f"{_FOLDER}mnli/train.jsonl", f"{_FOLDER}snli/train.jsonl")
_DEV = (f"{_FOLDER}mnli/dev.jsonl", f"{_FOLDER}snli/dev.jsonl")

TASK = Task(
    name="anli_plus",
    kind=Classify(labels=NLI_LABELS),
    role="intermediate",
    family="classification",
    train_languages=("en",),
    eval_languages=(),
    parallel=False,
    metrics=("accuracy",),
    contains=("mnli",),
    recipe=Recipe(learning_rate=2e-5, epochs=3, batch_rows=32, max_length=128),
    licence="ANLI: CC BY-NC 4.0; MultiNLI: OANC and others; SNLI: CC BY-SA 4.0",
    noncommercial=True,
    citation=(
        "Nie et al. 2020, arXiv 1910.14599; Williams et al. 2018, arXiv 1704.05426; "
        "Bowman et al. 2015, arXiv 1508.05326"
    ),
    release={
        "train": (
            ReleaseFile(path=_ANLI_TRAIN, aligned=_TRAIN, read=read, needs=(_ANLI_TRAIN,)),
            ReleaseFile(path=_ANLI_DEV, aligned=_TRAIN, read=read_train),
        ),
        "dev": (
            ReleaseFile(path=_ANLI_DEV, aligned=_DEV, read=read, needs=(_ANLI_TRAIN,)),
            ReleaseFile(path=_ANLI_DEV, aligned=_DEV, read=read_dev),
        ),
    },
    hub=HubDataset(
        repo="facebook/anli",
        revision="8e4813d81f46d313dac7892e1c28076917cfcdf9",
        config="plain_text",
        splits={"train": "train_r1+train_r2+train_r3", "dev": "dev_r1+dev_r2+dev_r3"},
        row=partial(hub.nli, prefix="anli-"),
        names={"en": "en"},
        more=(
            HubDataset(
                repo="nyu-mll/multi_nli",
                revision="da70db2af9d09693783c3320c4249840212ee221",
                config="default",
                splits={"train": "train", "dev": "validation_matched"},
                row=partial(hub.nli, prefix="mnli-"),
                names={"en": "en"},
            ),
            HubDataset(
                repo="stanfordnlp/snli",
                revision="cdb5c3d5eed6ead6e5a341c8e56e669bb666725b",
                config="plain_text",
                splits={"train": "train", "dev": "validation"},
                row=partial(hub.nli, prefix="snli-", unlabelled=True),
                names={"en": "en"},
            ),
        ),
    ),
    sample=(
        {
            "language": "en",
            "id": "anli-1",
            "group": "anli-1",
            "text": "The Tern is a ferry built in 1983. It was sold twice and now lies in Oban.",
            "text_b": "The Tern has had at least three owners.",
            "label": "entailment",
        },
        {
            "language": "en",
            "id": "mnli-1",
            "group": "mnli-1",
            "text": "uh we went there every summer you know",
            "text_b": "They never went there.",
            "label": "contradiction",
        },
        {
            "language": "en",
            "id": "snli-1",
            "group": "snli-1",
            "text": "A boy holds a kite.",
            "text_b": "The boy waits for wind.",
            "label": "neutral",
        },
    ),
)
