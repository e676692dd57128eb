"""TyDiQA-GoldP: questions of native speakers on the paragraph that answers them, 9 languages.

Not translated: every language has questions of its own. Official protocol: trained on its own English
(3,696 questions), scored by SQuAD's EM and F1 with the English normaliser in every language; the
language-aware F1 stands beside it. The task has no dev split besides the one it is scored on and needs
none: the recipe keeps the last checkpoint, and a train file trains whole.

Release files: the official dev files are the test set where the directory has them. Else, in English,
Korean and Swahili, a part of the official train file stands in (15 paragraphs in 100), and the rest
trains: such scores do not compare with published ones. XTREME's train files repeat question ids: those
that train are numbered, a test file with such ids is refused.

On the hub both splits are the official ones. Spaces around its texts were cut off and the offsets left
as they were: an answer is where its text stands nearest to its offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlgap.languages import get_language
from xlgap.tasks._readers import hub
from xlgap.tasks._readers.declared import SQUAD_RECIPE
from xlgap.tasks._readers.qa import tydiqa, tydiqa_train
from xlgap.tasks.base import HubDataset, ReleaseFile, Span, Task

LANGUAGES = ("ar", "bn", "en", "fi", "id", "ko", "ru", "sw", "te")
_FOLDER = "xtreme_r/tydiqa"
_PART = f"{_FOLDER}/tydiqa.goldp.{{language}}"
_PART_NAME = "part of the train files"
_PART_TRAIN, _PART_TEST = f"{_PART}.train.json", f"{_PART}.heldout.json"
_TRAIN = f"{_FOLDER}/tydiqa-goldp-v1.1-train/tydiqa.goldp.{{language}}.train.json"
_TEST = f"{_FOLDER}/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{{language}}.dev.json"
_FINNISH = "Majakka rakennettiin vuonna 1884 saaren länsirannalle."


def _hub_language(row: Mapping[str, Any]) -> str:
    return str(row["id"]).partition("-")[0]


TASK = Task(
    name="tydiqa",
    kind=Span(),
    role="target",
    family="qa",
    train_languages=LANGUAGES,
    eval_languages=LANGUAGES,
    parallel=False,
    metrics=("f1", "em", "f1_aware", "em_aware"),
    recipe=SQUAD_RECIPE,
    licence="Apache-2.0; Wikipedia text: CC BY-SA 3.0",
    citation="Clark et al. 2020, arXiv 2003.05002",
    release={
        # An official train file holds what stands in for the test file: it trains beside the official
        # test file alone. The third declaration is there to name the file that is missing.
        "train": (
            ReleaseFile(path=_TRAIN, read=tydiqa_train, needs=(_TRAIN, _TEST)),
            ReleaseFile(path=_PART_TRAIN, read=tydiqa_train, needs=(_PART_TRAIN,)),
            ReleaseFile(path=_TRAIN, read=tydiqa_train),
        ),
        "test": (
            ReleaseFile(path=_TEST, read=tydiqa, needs=(_TEST,)),
            ReleaseFile(path=_PART_TEST, read=tydiqa, needs=(_PART_TEST,), stands_in=_PART_NAME),
            ReleaseFile(path=_TEST, read=tydiqa),
        ),
    },
    hub=HubDataset(
        repo="google-research-datasets/tydiqa",
        revision="da78f23f9119363459acbaf46bf89426ff26c259",
        config="secondary_task",
        splits={"train": "train", "test": "validation"},
        row=hub.at_nearest,
        names={code: get_language(code).name.lower() for code in LANGUAGES} | {"ar": "arabic"},
        language_of=_hub_language,
    ),
    sample=(
        {
            "language": "fi",
            "id": "t1",
            "group": "1-1",
            "context": _FINNISH,
            "question": "Milloin majakka rakennettiin?",
            "answers": {"text": ["vuonna 1884"], "answer_start": [21]},
        },
        {
            "language": "fi",
            "id": "t2",
            "group": "1-1",
            "context": _FINNISH,
            "question": "Missä majakka on?",
            "answers": {"text": ["saaren länsirannalle"], "answer_start": [33]},
        },
        {
            "language": "sw",
            "id": "t3",
            "group": "2-1",
            "context": "Mnara wa taa ulijengwa kisiwani mwaka 1884.",
            "question": "Mnara wa taa ulijengwa mwaka gani?",
            "answers": {"text": ["1884"], "answer_start": [38]},
        },
    ),
)
