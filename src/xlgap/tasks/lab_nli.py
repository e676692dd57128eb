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
            "id": "train-time-0001-00",
            "group": "train-0001",
            "text": "Zambia: 7000 grams; Zimbabwe: in 28 days",
            "text_b": "Zimbabwe: in 4 weeks",
            "label": "entailment",
        },
        {
            "language": "de",
            "id": "train-order-0000-07",
            "group": "train-0000",
            "text": "Schweiz < Georgien < Ruanda",
            "text_b": "Indien < Ruanda",
            "label": "neutral",
        },
        {
            "language": "zh",
            "id": "train-order-0000-02",
            "group": "train-0000",
            "text": "印度 < 格鲁吉亚 < 卢旺达",
            "text_b": "卢旺达 < 印度",
            "label": "contradiction",
        },
    ),
)
