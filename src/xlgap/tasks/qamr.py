"""QAMR: questions and answers that take a sentence's meaning apart, an English intermediate task.

Release files: the official ``filtered/train.tsv`` and ``filtered/dev.tsv`` where the directory has the
former; else the dev split trains and the test split is dev.
Sentences come as treebank tokens, answers as their numbers, see
:func:`~xlgap.tasks._readers.qamr.qamr`.

There is no hub source: ``biu-nlp/qamr`` has a loading script and no table (of its commit 256646e6), and
no other copy was found.
"""

from __future__ import annotations

from xlgap.tasks._readers.qamr import qamr
from xlgap.tasks.base import Recipe, ReleaseFile, Span, Task

_FOLDER = "intermediate_en/qa/qamr"
_TRAIN, _DEV = f"{_FOLDER}/filtered/train.tsv", f"{_FOLDER}/filtered/dev.tsv"
_PART_TRAIN, _PART_DEV = f"{_FOLDER}/filtered.dev.tsv", f"{_FOLDER}/filtered.test.tsv"
_SENTENCES = (f"{_FOLDER}/wiki-sentences.tsv",)
_CONTEXT = "The old mill on the hill was sold to a baker in spring ."

TASK = Task(
    name="qamr",
    kind=Span(),
    role="intermediate",
    family="qa",
    train_languages=("en",),
    eval_languages=(),
    parallel=False,
    metrics=("f1", "em"),
    recipe=Recipe(
        learning_rate=3e-5,
        epochs=3,
        batch_rows=32,
        max_length=128,
        stride=32,
        warmup_steps=500,
        weight_decay=1e-4,
        select="last",
    ),
    licence="MIT; sentences of Wikipedia: CC BY-SA 3.0, of Wikinews: CC BY 2.5",
    citation="Michael et al. 2018, arXiv 1711.05885",
    release={
        # The last declaration of each split is there to name the file that is missing.
        "train": (
            ReleaseFile(path=_TRAIN, aligned=_SENTENCES, read=qamr, needs=(_TRAIN,)),
            ReleaseFile(path=_PART_TRAIN, aligned=_SENTENCES, read=qamr, needs=(_PART_TRAIN,)),
            ReleaseFile(path=_TRAIN, aligned=_SENTENCES, read=qamr),
        ),
        "dev": (
            ReleaseFile(path=_DEV, aligned=_SENTENCES, read=qamr, needs=(_TRAIN,)),
            ReleaseFile(path=_PART_DEV, aligned=_SENTENCES, read=qamr, needs=(_PART_DEV,)),
            ReleaseFile(path=_DEV, aligned=_SENTENCES, read=qamr),
        ),
    },
    sample=(
        {
            "language": "en",
            "id": "mill/1",
            "group": "mill",
            "context": _CONTEXT,
            "question": "What was sold?",
            "answers": {"text": ["The old mill", "mill"], "answer_start": [0, 8]},
        },
        {
            "language": "en",
            "id": "mill/2",
            "group": "mill",
            "context": _CONTEXT,
            "question": "Who bought something?",
            "answers": {"text": ["a baker", "baker"], "answer_start": [37, 39]},
        },
        {
            "language": "en",
            "id": "mill/3",
            "group": "mill",
            "context": _CONTEXT,
            "question": "Where does the mill stand?",
            "answers": {"text": ["on the hill"], "answer_start": [13]},
        },
    ),
)
