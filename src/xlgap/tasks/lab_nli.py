"""Natural-language inference over CLDR facts: times, quantities, sets and orders."""

from __future__ import annotations

from xlgap.lab import nli
from xlgap.lab.cldr import supported
from xlgap.lab.licence import CITATION, LICENCE
from xlgap.tasks.base import Classify, Recipe, Task

TASK = Task(
    name="lab_nli",
    kind=Classify(labels=nli.LABELS),
    role="target",
    family="classification",
    train_languages=supported(),
    eval_languages=supported(),
    parallel=True,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=7e-4, epochs=5, batch_rows=32, max_length=64, warmup_steps=100),
    licence=LICENCE,
    citation=CITATION,
    lab=nli.rows,
    sample=(
        {
            "language": "en",
            "id": "train-time-0007-00",
            "group": "train-0007",
            "text": "Germany: 4 kilograms: 2 years ago",
            "text_b": "Germany: 4 kilograms: 24 months ago",
            "label": "entailment",
        },
        {
            "language": "de",
            "id": "train-set-0001-01",
            "group": "train-0001",
            "text": "Guyana: 4 Kilometer und 4 Liter: in 4 Stunden",
            "text_b": "Guyana: 4 Kilometer: vor 1 Jahr",
            "label": "contradiction",
        },
        {
            "language": "zh",
            "id": "train-order-0010-02",
            "group": "train-0010",
            "text": "土耳其: 星期一 < 星期六 < 星期二",
            "text_b": "土耳其: 星期二 < 星期四",
            "label": "neutral",
        },
    ),
)
