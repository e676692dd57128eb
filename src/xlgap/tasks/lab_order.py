"""Intermediate task: which order of two names agrees with a chain?"""

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
    recipe=Recipe(learning_rate=2e-3, epochs=2, batch_rows=32, max_length=64),
    licence=LICENCE,
    citation=CITATION,
    lab=order.rows,
    sample=(
        {
            "language": "en",
            "id": "train-0000",
            "group": "train-0000",
            "text": "Slovakia < Guernsey < Panama",
            "choices": ["Panama < Guernsey", "Guernsey < Panama"],
            "label": 1,
        },
        {
            "language": "de",
            "id": "train-0003",
            "group": "train-0003",
            "text": "Honduras < Russland < Monaco",
            "choices": ["Russland < Monaco", "Monaco < Russland"],
            "label": 0,
        },
        {
            "language": "zh",
            "id": "train-0006",
            "group": "train-0006",
            "text": "泰国 < 黎巴嫩 < 匈牙利",
            "choices": ["泰国 < 匈牙利", "匈牙利 < 泰国"],
            "label": 0,
        },
    ),
)
