"""Intermediate task: of what type are the names or amounts of a list?"""

from __future__ import annotations

from xlgap.lab import typed
from xlgap.lab.cldr import supported
from xlgap.lab.licence import CITATION, LICENCE
from xlgap.tasks.base import Classify, Recipe, Task

TASK = Task(
    name="lab_typing",
    kind=Classify(labels=typed.LABELS, pair=False),
    role="intermediate",
    family="classification",
    train_languages=supported(),
    eval_languages=supported(),
    parallel=True,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=1e-3, epochs=2, batch_rows=32, max_length=64, warmup_steps=100),
    licence=LICENCE,
    citation=CITATION,
    lab=typed.rows,
    sample=(
        {
            "language": "en",
            "id": "train-0006",
            "group": "train-0006",
            "text": "Cuba; Tunisia",
            "label": "territory",
        },
        {
            "language": "de",
            "id": "train-0011",
            "group": "train-0011",
            "text": "4000 Meter; 3 Liter",
            "label": "quantity",
        },
        {
            "language": "zh",
            "id": "train-0010",
            "group": "train-0010",
            "text": "1周后; 24个月前; 4小时后",
            "label": "time",
        },
    ),
)
