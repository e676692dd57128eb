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
            "group": "train-0002",
            "text": "Loti, Kanada und Oraon: 100 Zentiliter",
            "english": "Lesotho Loti, Canada, and Kurukh: 100 centiliters",
        },
        {
            "language": "zh",
            "id": "train-0003",
            "group": "train-0001",
            "text": "宿务语、秘鲁索尔和泰米尔语: 4000米",
            "english": "Cebuano, Peruvian Sol, and Tamil: 4000 meters",
        },
        {
            "language": "ar",
            "id": "train-0006",
            "group": "train-0003",
            "text": "الكورية والساخيّة والسانتالية: خلال 120 دقيقة",
            "english": "Korean, Yakut, and Santali: in 120 minutes",
        },
    ),
)
