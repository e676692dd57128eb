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
    recipe=Recipe(learning_rate=2e-3, epochs=3, batch_rows=32, max_length=64),
    licence=LICENCE,
    citation=CITATION,
    lab=nli.rows,
    sample=(
        {
            "language": "en",
            "id": "train-time-0000-00",
            "group": "train-0000",
            "text": "Cuba: 5 kilometers: in 3 hours",
            "text_b": "Cuba: 5 kilometers: in 180 minutes",
            "label": "entailment",
        },
        {
            "language": "de",
            "id": "train-set-0001-01",
            "group": "train-0001",
            "text": "Guyana: 3 Kilometer und 1 Kilogramm: vor 4 Stunden",
            "text_b": "Guyana: 1000 Gramm: in 21 Tagen",
            "label": "contradiction",
        },
        {
            "language": "zh",
            "id": "train-order-0010-02",
            "group": "train-0010",
            "text": "土耳其: 星期二 < 星期日 < 星期一",
            "text_b": "土耳其: 星期一 < 星期六",
            "label": "neutral",
        },
    ),
)
