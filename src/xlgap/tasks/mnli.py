"""MultiNLI: an English intermediate task, and the training data of XNLI.

English: the official recipe trains XNLI on it. Other languages have no MultiNLI; the dev set of XNLI
stands in, 2,490 pairs of the same kind and genres translated by people, four premises in five for
training, the fifth for dev. A target-language arm thus trains on another, smaller set of premises than
an English arm: its effect is *language + domain*, and ``tasks.mnli.train_rows`` must be at most 1,992
for arms to use equal numbers of rows. XNLI's test premises are in neither.

Release files: MultiNLI's official train split is absent; 8,814 pairs of ``validation_matched`` stand
in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xlgap.tasks import xnli
from xlgap.tasks._readers import json_lines, one_of, tab_pairs
from xlgap.tasks.base import Classify, HubDataset, Recipe, ReleaseFile, Row, Task

_OTHERS = tuple(code for code in xnli.LANGUAGES if code != "en")
_DEV_SHARE = 5  # one premise of XNLI dev in five is for dev


def read(text: str) -> Iterator[Row]:
    """Rows of JSON lines with ``premise``, ``hypothesis``, ``label``; a group is a premise."""
    groups: dict[str, int] = {}
    for number, pair in json_lines(text, ("premise", "hypothesis", "label")):
        yield {
            "id": str(number),
            "group": str(groups.setdefault(pair["premise"], len(groups) + 1)),
            "text": pair["premise"],
            "text_b": pair["hypothesis"],
            "label": one_of(pair["label"], xnli.LABELS, number, "label"),
        }


def read_xnli_train(text: str) -> Iterator[Row]:
    """The training part of XNLI's dev set."""
    return (row for row in tab_pairs(text, xnli.LABELS) if int(row["group"]) % _DEV_SHARE)


def read_xnli_dev(text: str) -> Iterator[Row]:
    """The dev part of XNLI's dev set."""
    return (row for row in tab_pairs(text, xnli.LABELS) if not int(row["group"]) % _DEV_SHARE)


def _hub_row(row: Mapping[str, Any]) -> Row:
    return {
        "id": str(row["row_number"]),
        "group": str(row["promptID"]),
        "text": row["premise"],
        "text_b": row["hypothesis"],
        "label": xnli.LABELS[row["label"]],
    }


_XNLI_DEV = "xtreme_r/xnli/dev-{language}.tsv"

TASK = Task(
    name="mnli",
    kind=Classify(labels=xnli.LABELS),
    role="intermediate",
    family="classification",
    train_languages=xnli.LANGUAGES,
    eval_languages=(),
    parallel=False,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=2e-5, epochs=5, batch_rows=32, max_length=128),
    licence="OANC and others, see the paper; XNLI (languages other than English): CC BY-NC 4.0",
    noncommercial=True,
    citation="Williams et al. 2018, arXiv 1704.05426; XNLI: Conneau et al. 2018, arXiv 1809.05053",
    release={
        "train": (
            ReleaseFile(path="intermediate_en/nli/mnli/train.jsonl", read=read, languages=("en",)),
            ReleaseFile(path=_XNLI_DEV, read=read_xnli_train, languages=_OTHERS),
        ),
        "dev": (
            ReleaseFile(path="intermediate_en/nli/mnli/dev.jsonl", read=read, languages=("en",)),
            ReleaseFile(path=_XNLI_DEV, read=read_xnli_dev, languages=_OTHERS),
        ),
    },
    hub=HubDataset(
        repo="nyu-mll/multi_nli",
        revision="da70db2af9d09693783c3320c4249840212ee221",
        config="default",
        splits={"train": "train", "dev": "validation_matched"},
        row=_hub_row,
        names={"en": "en"},
    ),
    sample=(
        {
            "language": "en",
            "id": "1",
            "group": "1",
            "text": "She sold the house and moved to the coast.",
            "text_b": "She moved.",
            "label": "entailment",
        },
        {
            "language": "en",
            "id": "2",
            "group": "1",
            "text": "She sold the house and moved to the coast.",
            "text_b": "The house was expensive.",
            "label": "neutral",
        },
        {
            "language": "de",
            "id": "3",
            "group": "2",
            "text": "Sie verkaufte das Haus und zog an die Küste.",
            "text_b": "Sie besitzt das Haus noch.",
            "label": "contradiction",
        },
    ),
)
