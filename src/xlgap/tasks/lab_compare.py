"""Intermediate task: is the first amount less than, equal to, or greater than the second?"""

from __future__ import annotations

from xlgap.lab import compare
from xlgap.lab.cldr import supported
from xlgap.lab.licence import CITATION, LICENCE
from xlgap.tasks.base import Classify, Recipe, Task

TASK = Task(
    name="lab_compare",
    kind=Classify(labels=compare.LABELS),
    role="intermediate",
    family="classification",
    train_languages=supported(),
    eval_languages=supported(),
    parallel=True,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=1e-3, epochs=2, batch_rows=32, max_length=64, warmup_steps=100),
    licence=LICENCE,
    citation=CITATION,
    lab=compare.rows,
    sample=(
        {
            "language": "en",
            "id": "train-0000-1",
            "group": "train-0000",
            "text": "Cyprus: 1 kilogram",
            "text_b": "Tunisia: 3 kilograms",
            "label": "less",
        },
        {
            "language": "de",
            "id": "train-0000-2",
            "group": "train-0000",
            "text": "Zypern: 3 Kilogramm",
            "text_b": "Tunesien: 3 Kilogramm",
            "label": "equal",
        },
        {
            "language": "zh",
            "id": "train-0000-0",
            "group": "train-0000",
            "text": "塞浦路斯: 3千克",
            "text_b": "突尼斯: 1千克",
            "label": "greater",
        },
    ),
)
