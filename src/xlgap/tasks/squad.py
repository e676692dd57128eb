"""SQuAD v1.1: an English intermediate task, and the training data of XQuAD, MLQA, Tatoeba and LAReQA.

XQuAD and XQuAD-R are 240 paragraphs of SQuAD's dev set. Release files: where the directory has the
official ``train-v1.1.json``, all of it trains, and dev is the official dev set without XQuAD's
paragraphs, 9,380 questions, which takes the English file of XQuAD. Else 8,234 questions of the dev set
stand in and 1,146 more are dev: scores on them do not compare with published ones. No split contains a
paragraph of XQuAD, those from the dev set contain other paragraphs of its articles. On the hub the
train split is the official one, and dev is the whole official dev set, of which XQuAD is a part. The
recipe keeps the last checkpoint, so nothing is selected on dev.

Counterparts in the target languages, made like SQuAD but on other texts (no translations, so an effect
is one of language and domain): Arabic ARCD, Persian ParsiNLU, Japanese JSQuAD, Portuguese FaQuAD, Thai
iApp, Chinese CMRC 2018 and DRCD together. Where a release lacks its train split, the dev split trains
and the next one is dev (Japanese, Chinese); ARCD has no dev split, its test split is dev. Answers at a
wrong offset are mended or dropped, see :func:`~xlgap.tasks._readers.qa.squad_mended`; JSQuAD's contexts
begin with their title and "[SEP]", as released.
"""

from __future__ import annotations

from collections.abc import Iterator

from xlgap.tasks._readers import hub
from xlgap.tasks._readers.declared import SQUAD, SQUAD_RECIPE, XQUAD
from xlgap.tasks._readers.qa import apart, cmrc_and_drcd, iapp, squad_mended, squad_unique
from xlgap.tasks.base import HubDataset, ReleaseFile, Row, Span, Task

_QA = "target_language/qa"


def _counterparts(split: int) -> tuple[ReleaseFile, ...]:
    """The files in the target languages that train (0) or are dev (1)."""
    json_files = {
        "ar": ("ar_arcd/arcd-train.json", "ar_arcd/arcd-test.json"),
        "fa": ("fa_parsinlu_rc/train.json", "fa_parsinlu_rc/dev.json"),
        "ja": ("ja_jsquad/valid-v1.3.json", "ja_jsquad/test-v1.3.json"),
        "pt": ("pt_faquad/train.json", "pt_faquad/dev.json"),
    }
    chinese = (
        ("zh_cmrc2018/cmrc2018_dev.json", "zh_drcd/DRCD_dev.json"),
        ("zh_cmrc2018/cmrc2018_trial.json", "zh_drcd/DRCD_test.json"),
    )[split]
    return (
        *(
            ReleaseFile(path=f"{_QA}/{files[split]}", read=squad_mended, languages=(code,))
            for code, files in json_files.items()
        ),
        ReleaseFile(
            path=f"{_QA}/th_iapp/{('train', 'valid')[split]}.jsonl", read=iapp, languages=("th",)
        ),
        ReleaseFile(
            path=f"{_QA}/{chinese[0]}",
            aligned=(f"{_QA}/{chinese[1]}",),
            read=cmrc_and_drcd,
            languages=("zh",),
        ),
    )


_TRAIN, _DEV = f"{SQUAD}/train-v1.1.json", f"{SQUAD}/dev-v1.1.json"
_PART_TRAIN, _PART_DEV = f"{SQUAD}/train_from_dev.json", f"{SQUAD}/heldout_from_dev.json"
_CONTEXT = "The lighthouse of Alexandria was built under Ptolemy II between 284 and 246 BC."


def read_dev(text: str, xquad: str) -> Iterator[Row]:
    """Rows of the official dev file without XQuAD's paragraphs."""
    return apart(squad_unique(text), xquad)


_EN = ("en",)

TASK = Task(
    name="squad",
    kind=Span(),
    role="intermediate",
    family="qa",
    train_languages=("ar", "en", "fa", "ja", "pt", "th", "zh"),
    eval_languages=(),
    parallel=False,
    metrics=("f1", "em"),
    recipe=SQUAD_RECIPE,
    licence="CC BY-SA 4.0 (en, ja, zh), CC BY-SA 3.0 (zh: DRCD), MIT (ar, th), CC BY 4.0 (pt), "
    "CC BY-NC-SA 4.0 (fa)",
    noncommercial=True,
    noncommercial_in=("fa",),
    citation="Rajpurkar et al. 2016, arXiv 1606.05250; ar: Mozannar et al. 2019, arXiv 1906.05394; "
    "fa: Khashabi et al. 2021, arXiv 2012.06154; ja: Kurihara et al. 2022 (JGLUE); pt: Sayama et al. "
    "2019 (FaQuAD); th: Viriyayudhakorn and Polpanumas 2021 (iApp); zh: Cui et al. 2019, arXiv "
    "1810.07366, and Shao et al. 2018, arXiv 1806.00920",
    release={
        "train": (
            ReleaseFile(path=_TRAIN, read=squad_unique, languages=_EN, needs=(_TRAIN,)),
            ReleaseFile(path=_PART_TRAIN, read=squad_unique, languages=_EN, needs=(_PART_TRAIN,)),
            ReleaseFile(
                path=_TRAIN, read=squad_unique, languages=_EN
            ),  # names the file that is missing
            *_counterparts(0),
        ),
        "dev": (
            # The small release has the official dev file, too, from which its training part is taken.
            ReleaseFile(path=_DEV, aligned=(XQUAD,), read=read_dev, languages=_EN, needs=(_TRAIN,)),
            ReleaseFile(path=_PART_DEV, read=squad_unique, languages=_EN, needs=(_PART_DEV,)),
            ReleaseFile(path=_DEV, aligned=(XQUAD,), read=read_dev, languages=_EN),
            *_counterparts(1),
        ),
    },
    hub=HubDataset(
        repo="rajpurkar/squad",
        revision="7b6d24c440a36b6815f21b70d25016731768db1f",
        config="plain_text",
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
            "question": "Under whom was the lighthouse built?",
            "answers": {"text": ["Ptolemy II"], "answer_start": [45]},
        },
        {
            "language": "en",
            "id": "s2",
            "group": "1-1",
            "context": _CONTEXT,
            "question": "Where did the lighthouse stand?",
            "answers": {"text": ["Alexandria", "of Alexandria"], "answer_start": [18, 15]},
        },
        {
            "language": "en",
            "id": "s3",
            "group": "1-1",
            "context": _CONTEXT,
            "question": "When was it built?",
            "answers": {"text": ["between 284 and 246 BC"], "answer_start": [56]},
        },
    ),
)
