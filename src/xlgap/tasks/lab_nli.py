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
            "id": "train-time-0007-00",
            "group": "train-0007",
            "text": "Niue: in 48 months",
            "text_b": "Niue: in 4 years",
            "label": "entailment",
        },
        {
            "language": "de",
            "id": "train-set-0003-02",
            "group": "train-0003",
            "text": "Jersey: Mittwoch, Sonntag und Donnerstag: in 48 Monaten",
            "text_b": "Jersey: Mittwoch: vor 48 Monaten",
            "label": "contradiction",
        },
        {
            "language": "zh",
            "id": "train-order-0009-01",
            "group": "train-0009",
            "text": "安道尔: 星期六 < 星期三 < 星期二",
            "text_b": "安道尔: 星期日 < 星期二",
            "label": "neutral",
        },
    ),
)
