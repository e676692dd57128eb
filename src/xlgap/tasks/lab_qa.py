"""Question answering over CLDR facts: which amount belongs to the name asked for."""

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
    recipe=Recipe(learning_rate=2e-3, epochs=3, batch_rows=32, max_length=64, stride=32),
    licence=LICENCE,
    citation=CITATION,
    lab=qa.rows,
    sample=(
        {
            "language": "en",
            "id": "train-0000-0",
            "group": "train-0000",
            "context": "Niger: in 5 years; Cuba: 200 centiliters; Kuwait: 8 kilometers",
            "question": "Niger: ?",
            "answers": {"text": ["in 5 years"], "answer_start": [7]},
        },
        {
            "language": "de",
            "id": "train-0002-1",
            "group": "train-0002",
            "context": "Serbien: 5000 Gramm; Tschechien: vor 24 Monaten; Paraguay: 500 Zentiliter",
            "question": "Tschechien: ?",
            "answers": {"text": ["vor 24 Monaten"], "answer_start": [33]},
        },
        {
            "language": "zh",
            "id": "train-0000-2",
            "group": "train-0000",
            "context": "尼日尔: 5年后; 古巴: 200厘升; 科威特: 8公里",
            "question": "科威特: ?",
            "answers": {"text": ["8公里"], "answer_start": [26]},
        },
    ),
)
