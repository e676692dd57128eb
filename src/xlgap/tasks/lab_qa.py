"""Question answering over CLDR facts: which amount of the context equals the one in the question."""

from __future__ import annotations

from xlgap.lab import qa
from xlgap.lab.cldr import supported
from xlgap.lab.licence import CITATION, LICENCE
from xlgap.tasks.base import Recipe, Span, Task

TASK = Task(
    name="lab_qa",
    kind=Span(),
    role="target",
    family="qa",
    train_languages=supported(),
    eval_languages=supported(),
    parallel=True,
    metrics=("f1", "em"),
    recipe=Recipe(
        learning_rate=1e-3, epochs=3, batch_rows=32, max_length=64, stride=16, warmup_steps=100
    ),
    licence=LICENCE,
    citation=CITATION,
    lab=qa.rows,
    sample=(
        {
            "language": "en",
            "id": "train-0000-0",
            "group": "train-0000",
            "context": "Czechia: 4 liters; Syria: in 12 months; Russia: 5 kilograms",
            "question": "?: 4 liters",
            "answers": {"text": ["4 liters"], "answer_start": [9]},
        },
        {
            "language": "de",
            "id": "train-0000-1",
            "group": "train-0000",
            "context": "Tschechien: 4 Liter; Syrien: in 12 Monaten; Russland: 5 Kilogramm",
            "question": "?: in 1 Jahr",
            "answers": {"text": ["in 12 Monaten"], "answer_start": [29]},
        },
        {
            "language": "zh",
            "id": "train-0001-2",
            "group": "train-0001",
            "context": "卢旺达: 5年后; 吉布提: 1周前; 纳米比亚: 2公里",
            "question": "?: 2000米",
            "answers": {"text": ["2公里"], "answer_start": [26]},
        },
    ),
)
