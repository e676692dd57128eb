"""Bitext retrieval over CLDR names: find the translation of an English sentence."""

from __future__ import annotations

from xlgap.lab import retrieval
from xlgap.lab.cldr import supported
from xlgap.lab.licence import CITATION, LICENCE
from xlgap.tasks.base import Recipe, Retrieve, Task

TASK = Task(
    name="lab_retrieval",
    kind=Retrieve(),
    role="target",
    family="retrieval",
    train_languages=(),
    eval_languages=tuple(code for code in supported() if code != "en"),
    parallel=True,
    metrics=("accuracy",),
    recipe=Recipe(max_length=64),
    licence=LICENCE,
    citation=CITATION,
    proxy_train="lab_qa",
    lab=retrieval.rows,
    sample=(
        {
            "language": "de",
            "id": "train-0004",
            "group": "train-0001",
            "text": "Russland, Tschechien und Panama: 4000 Meter",
            "english": "Russia, Czechia, and Panama: 4000 meters",
        },
        {
            "language": "zh",
            "id": "train-0003",
            "group": "train-0000",
            "text": "马来语、波斯语和维吾尔语: 5小时后",
            "english": "Malay, Persian, and Uyghur: in 5 hours",
        },
        {
            "language": "ar",
            "id": "train-0006",
            "group": "train-0001",
            "text": "سول بيروفي والموهوك وبنما: 4000 متر",
            "english": "Peruvian Sol, Mohawk, and Panama: 4000 meters",
        },
    ),
)
