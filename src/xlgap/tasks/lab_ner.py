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
    recipe=Recipe(learning_rate=2e-3, epochs=3, batch_rows=32, max_length=64),
    licence=LICENCE,
    citation=CITATION,
    lab=ner.rows,
    sample=(
        {
            "language": "en",
            "id": "train-0004",
            "group": "train-0004",
            "tokens": ["Finland", ":", "Divehi", "and", "Armenian", "Dram"],
            "tags": ["B-LOC", "O", "B-LANG", "O", "B-CUR", "I-CUR"],
        },
        {
            "language": "de",
            "id": "train-0003",
            "group": "train-0003",
            "tokens": ["Jersey", ";", "in", "21", "Tagen", ";", "18.", "November", "2026"],
            "tags": ["B-LOC", "O", "O", "O", "O", "O", "B-DATE", "I-DATE", "I-DATE"],
        },
        {
            "language": "zh",
            "id": "train-0002",
            "group": "train-0002",
            "tokens": ["克丘亚语", ":", "2012年12月5日", "、", "2000米", "和", "波斯尼亚语"],
            "tags": ["B-LANG", "O", "B-DATE", "O", "O", "O", "B-LANG"],
        },
    ),
)
