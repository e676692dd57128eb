"""Named-entity recognition over CLDR names: territories, languages, currencies, dates."""

from __future__ import annotations

from xlgap.lab import ner
from xlgap.lab.cldr import supported
from xlgap.lab.licence import CITATION, LICENCE
from xlgap.tasks.base import Recipe, Tag, Task

TASK = Task(
    name="lab_ner",
    kind=Tag(tags=ner.TAGS, bio=True),
    role="target",
    family="structured",
    train_languages=supported(),
    eval_languages=supported(),
    parallel=True,
    metrics=("f1", "token_accuracy"),
    recipe=Recipe(learning_rate=1e-3, epochs=3, batch_rows=32, max_length=64, warmup_steps=100),
    licence=LICENCE,
    citation=CITATION,
    lab=ner.rows,
    sample=(
        {
            "language": "en",
            "id": "train-0000",
            "group": "train-0000",
            "tokens": ["August", "9", ",", "2010", ",", "Danish", "Krone", ",", "and", "Cuba"],
            "tags": ["B-DATE", "I-DATE", "I-DATE", "I-DATE", "O", "B-CUR", "I-CUR", "O", "O", "B-LOC"],
        },
        {
            "language": "de",
            "id": "train-0002",
            "group": "train-0002",
            "tokens": [
                "Mohawk",
                ":",
                "5.",
                "Dezember",
                "2012",
                ",",
                "1000",
                "Meter",
                ",",
                "Dzongkha",
                "und",
                "Jiddisch",
            ],
            "tags": [
                "B-LANG",
                "O",
                "B-DATE",
                "I-DATE",
                "I-DATE",
                "O",
                "O",
                "O",
                "O",
                "B-LANG",
                "O",
                "B-LANG",
            ],
        },
        {
            "language": "zh",
            "id": "train-0003",
            "group": "train-0003",
            "tokens": ["门德语", ";", "21天后", ";", "2026年11月18日", ";", "智利"],
            "tags": ["B-LANG", "O", "O", "O", "B-DATE", "O", "B-LOC"],
        },
    ),
)
