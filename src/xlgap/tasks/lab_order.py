"""Intermediate task: which order of two days agrees with a chain?"""

from __future__ import annotations

from xlgap.lab import order
from xlgap.lab.cldr import supported
from xlgap.lab.licence import CITATION, LICENCE
from xlgap.tasks.base import Choose, Recipe, Task

TASK = Task(
    name="lab_order",
    kind=Choose(choices=order.CHOICES),
    role="intermediate",
    family="classification",
    train_languages=supported(),
    eval_languages=supported(),
    parallel=True,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=1e-3, epochs=2, batch_rows=32, max_length=64, warmup_steps=100),
    licence=LICENCE,
    citation=CITATION,
    lab=order.rows,
    sample=(
        {
            "language": "en",
            "id": "train-0000",
            "group": "train-0000",
            "text": "Yemen: Tuesday < Wednesday < Thursday",
            "choices": ["Wednesday < Thursday", "Thursday < Wednesday"],
            "label": 0,
        },
        {
            "language": "de",
            "id": "train-0001",
            "group": "train-0001",
            "text": "Tuvalu: Mittwoch < Freitag < Dienstag",
            "choices": ["Dienstag < Mittwoch", "Mittwoch < Dienstag"],
            "label": 1,
        },
        {
            "language": "zh",
            "id": "train-0005",
            "group": "train-0005",
            "text": "图瓦卢: 星期四 < 星期六 < 星期五",
            "choices": ["星期五 < 星期四", "星期四 < 星期五"],
            "label": 1,
        },
    ),
)
