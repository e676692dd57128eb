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
            "text": "Barbados, Belarus und Omanischer Rial: 8000 Meter",
            "english": "Barbados, Belarus, and Omani Rial: 8000 meters",
        },
        {
            "language": "zh",
            "id": "train-0003",
            "group": "train-0000",
            "text": "苏丹、莱索托和伊朗里亚尔: 5小时后",
            "english": "Sudan, Lesotho, and Iranian Rial: in 5 hours",
        },
        {
            "language": "ar",
            "id": "train-0006",
            "group": "train-0001",
            "text": "الهوسا ونيجيريا وبوتان: 8000 متر",
            "english": "Hausa, Nigeria, and Bhutan: 8000 meters",
        },
    ),
)
