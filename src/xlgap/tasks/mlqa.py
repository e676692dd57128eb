"""MLQA: questions on Wikipedia paragraphs, 7 languages, context and question in the same one.

Official protocol: trained on SQuAD v1.1 (:mod:`xlgap.tasks.squad`), scored by MLQA's own EM and F1,
which know the articles and the segmentation of each language. By that rule a right answer of which
nothing is left, such as "una", has an F1 of 0; the language-aware F1 beside it mends this, and the
Arabic article. Of the settings with context and question
in two languages XTREME uses none. An item is in four languages on average, with the same id, so the
test sets are no translations of each other as wholes.

Release files: the official test files where the directory has them, else the official dev files (500 to
1,148 questions a language), whose scores do not compare with published ones.

Of the hub's texts the spaces around them may be cut off, see :mod:`xlgap.tasks.xquad`.
"""

from __future__ import annotations

from functools import partial

from xlgap.tasks._readers import hub
from xlgap.tasks._readers.declared import SQUAD_RECIPE
from xlgap.tasks._readers.qa import MLQA_LABELLED, squad_unique
from xlgap.tasks.base import HubDataset, ReleaseFile, Span, Task

_TEST = "xtreme_r/mlqa/test/test-context-{language}-question-{language}.json"
_DEV = "xtreme_r/mlqa/dev/dev-context-{language}-question-{language}.json"
_READ = partial(squad_unique, labelled=MLQA_LABELLED)
_SPANISH = "El puente de piedra se cerró en mayo de 1961 después de la crecida del río."

TASK = Task(
    name="mlqa",
    kind=Span(),
    role="target",
    family="qa",
    train_languages=(),
    eval_languages=("ar", "de", "en", "es", "hi", "vi", "zh"),
    parallel=False,
    metrics=("f1_mlqa", "em_mlqa", "f1_aware", "em_aware"),
    proxy_train="squad",
    recipe=SQUAD_RECIPE,
    licence="CC BY-SA 3.0",
    citation="Lewis et al. 2020, arXiv 1910.07475",
    release={
        "test": (
            ReleaseFile(path=_TEST, read=_READ, needs=(_TEST,)),
            ReleaseFile(path=_DEV, read=_READ, stands_in="dev files"),
        )
    },
    hub=HubDataset(
        repo="google/xtreme",
        revision="ec5f1f46e9af79639a90684a7a70a956c4998f04",
        config="MLQA.{language}.{language}",
        splits={"test": "test"},
        row=hub.at_nearest,
    ),
    sample=(
        {
            "language": "es",
            "id": "m1",
            "group": "1-1",
            "context": _SPANISH,
            "question": "¿Cuándo se cerró el puente?",
            "answers": {"text": ["mayo de 1961"], "answer_start": [32]},
        },
        {
            "language": "es",
            "id": "m2",
            "group": "1-1",
            "context": _SPANISH,
            "question": "¿De qué es el puente?",
            "answers": {"text": ["piedra"], "answer_start": [13]},
        },
        {
            "language": "zh",
            "id": "m3",
            "group": "2-1",
            "context": "石桥在1961年5月的洪水之后关闭。",
            "question": "石桥是什么时候关闭的？",
            "answers": {"text": ["1961年5月"], "answer_start": [3]},
        },
    ),
)
