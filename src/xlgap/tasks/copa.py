"""COPA: an English intermediate task, and the training data of XCOPA.

English: 400 questions to train on, 100 to select by, as XTREME-R's official script uses them. Other
languages have no training split of their own; the validation set of XCOPA stands in, the same 100
questions translated by people, four in five for training, the fifth for dev. A target-language arm thus
trains on 80 questions where an English one has 400: give ``tasks.copa.train_rows`` (or that under
``intermediate``) 80 for arms to use equal numbers of rows. XCOPA's test questions are in neither.

The official script keeps the last weights; nothing is selected on dev.

On the hub English is SuperGLUE's COPA, the same 400 and 100 questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xlgap.tasks._readers import hub
from xlgap.tasks._readers.choice import copa
from xlgap.tasks._readers.declared import COPA_RECIPE, XCOPA_LANGUAGES
from xlgap.tasks.base import Choose, HubDataset, ReleaseFile, Row, Split, Task

_DEV_SHARE = 5  # one question of XCOPA's validation set in five is for dev
_XCOPA = "xtreme_r/xcopa/val.{language}.jsonl"


def read_xcopa_train(text: str) -> Iterator[Row]:
    """The training part of XCOPA's validation set."""
    return (row for row in copa(text) if not _is_dev(row))


def read_xcopa_dev(text: str) -> Iterator[Row]:
    """The dev part of XCOPA's validation set."""
    return (row for row in copa(text) if _is_dev(row))


def _is_dev(row: Row) -> bool:
    return int(row["id"]) % _DEV_SHARE == 0


def _hub_part(split: Split, read: Callable[[Split], Iterator[Row]]) -> Iterator[Row]:
    return (row for row in read(split) if _is_dev(row) == (split == "dev"))


TASK = Task(
    name="copa",
    kind=Choose(choices=2),
    role="intermediate",
    family="classification",
    train_languages=("en", *XCOPA_LANGUAGES),
    eval_languages=(),
    parallel=False,
    metrics=("accuracy",),
    recipe=COPA_RECIPE,
    licence="BSD 2-Clause; XCOPA (languages other than English): CC BY 4.0",
    citation=(
        "Roemmele et al. 2011, AAAI Spring Symposium Series; XCOPA: Ponti et al. 2020, arXiv 2005.00333"
    ),
    release={
        "train": (
            ReleaseFile(path="intermediate_en/mc/copa/train-en.jsonl", read=copa, languages=("en",)),
            ReleaseFile(path=_XCOPA, read=read_xcopa_train, languages=XCOPA_LANGUAGES),
        ),
        "dev": (
            ReleaseFile(path="intermediate_en/mc/copa/val-en.jsonl", read=copa, languages=("en",)),
            ReleaseFile(path=_XCOPA, read=read_xcopa_dev, languages=XCOPA_LANGUAGES),
        ),
    },
    hub=HubDataset(
        repo="aps/super_glue",
        revision="3de24cf8022e94f4ee4b9d55a6f539891524d646",
        config="copa",
        splits={"train": "train", "dev": "validation"},
        row=hub.copa,
        names={"en": "en"},
        more=(
            HubDataset(
                repo="cambridgeltl/xcopa",
                revision="042f78955ba48e6404616762fa6e05e839c3907a",
                config="{language}",
                splits={"train": "validation", "dev": "validation"},
                row=hub.copa,
                names={code: code for code in XCOPA_LANGUAGES},
                finish=_hub_part,
            ),
        ),
    ),
    sample=(
        {
            "language": "en",
            "id": "0",
            "group": "0",
            "text": "The ferry stayed in the harbour. What was the cause?",
            "choices": ["A storm came up.", "The passengers went ashore."],
            "label": 0,
        },
        {
            "language": "en",
            "id": "1",
            "group": "1",
            "text": "The baker forgot the bread in the oven. What was the effect?",
            "choices": ["She bought more flour.", "The kitchen filled with smoke."],
            "label": 1,
        },
        {
            "language": "it",
            "id": "2",
            "group": "2",
            "text": "Il traghetto rimase nel porto. What was the cause?",
            "choices": ["I passeggeri scesero a terra.", "Si alzò una tempesta."],
            "label": 1,
        },
    ),
)
