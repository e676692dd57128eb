"""EXAMS: questions of school examinations in 12 languages of XTREME-R, seven with training data.

Beside the benchmark: native questions, translations neither of each other nor of English ones, and
none in English, so that arms which train in English have no cell on it. The texts are the questions
alone; paragraphs that a release gives with the choices are left out.

Questions have three, four or five choices. One head scores four; questions with another number are
left out, and one without a text (tr). The official splits also repeat a few questions; train is read
without those of dev and test, dev without those of test. What is left out is counted. Kept, of all:
train bg 1,098/1,100, hu 287/707, it 420/464, pl 738/739, pt 345/346, tr 479/747, vi 912/916; dev hu
113/263, it 142/156, tr 155/240, vi 304/305, all of bg, pl and pt; test de 212/577, es 38/235, fr
128/318, hu 493/1,297, it 550/636, pl 985/986, tr 650/977, all of ar, bg, lt, pt and vi. Scores are
therefore not those of the paper, least of all in de, es, fr and hu.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from xlgap.languages import get_language
from xlgap.tasks._readers import hub
from xlgap.tasks._readers.choice import OTHERS, lettered, without
from xlgap.tasks._readers.text import dropped, of_file
from xlgap.tasks.base import Choose, HubDataset, Recipe, ReleaseFile, Row, Split, Task

LANGUAGES = ("ar", "bg", "de", "es", "fr", "hu", "it", "lt", "pl", "pt", "tr", "vi")
CHOICES = 4
_IN_ORDER: tuple[Split, ...] = ("train", "dev", "test")
_FOLDER = "target_language/mc/exams"
_TEST = _FOLDER + "/test.{language}.jsonl"
_DEV = _FOLDER + "/dev.{language}.jsonl"


def read(text: str, *later: str) -> Iterator[Row]:
    """Questions with four choices that do not stand in the files of ``later`` splits."""
    rows, *others = (lettered(part, CHOICES, others=True) for part in (text, *later))
    return without(rows, *(of_file(number, part) for number, part in enumerate(others, 2)))


def _hub_language(row: Mapping[str, Any]) -> str:
    return str(row["info"]["language"])


def _hub_row(row: Mapping[str, Any]) -> Row:
    question = row["question"]
    if len(question["choices"]["text"]) != CHOICES or not question["stem"].strip():
        return dropped(OTHERS.format(CHOICES))
    return hub.lettered(row, question["stem"], question["choices"])


def _hub_without_later(split: Split, read: Callable[[Split], Iterator[Row]]) -> Iterator[Row]:
    later = _IN_ORDER[_IN_ORDER.index(split) + 1 :]
    return without(read(split), *map(read, later))


TASK = Task(
    name="exams",
    kind=Choose(choices=CHOICES),
    role="supplementary",
    family="classification",
    train_languages=("bg", "hu", "it", "pl", "pt", "tr", "vi"),
    eval_languages=LANGUAGES,
    parallel=False,
    metrics=("accuracy",),
    recipe=Recipe(learning_rate=2e-5, epochs=5, batch_rows=32, max_length=128),
    licence="CC BY-SA 4.0",
    citation="Hardalov et al. 2020, arXiv 2011.03080",
    release={
        "train": (
            ReleaseFile(path=_FOLDER + "/train.{language}.jsonl", aligned=(_DEV, _TEST), read=read),
        ),
        "dev": (ReleaseFile(path=_DEV, aligned=(_TEST,), read=read),),
        "test": (ReleaseFile(path=_TEST, read=read),),
    },
    hub=HubDataset(
        repo="mhardalov/exams",
        revision="4ff10804abb3341f8815cacd778181177bba7edd",
        config="multilingual",
        splits={"train": "train", "dev": "validation", "test": "test"},
        row=_hub_row,
        names={code: get_language(code).name for code in LANGUAGES} | {"ar": "Arabic"},
        language_of=_hub_language,
        finish=_hub_without_later,
    ),
    sample=(
        {
            "language": "de",
            "id": "e1",
            "group": "1",
            "text": "Welcher Fluss mündet ins Schwarze Meer?",
            "choices": ["die Elbe", "die Donau", "der Rhein", "die Rhone"],
            "label": 1,
        },
        {
            "language": "it",
            "id": "e2",
            "group": "2",
            "text": "Quale di questi animali è un anfibio?",
            "choices": ["il gatto", "il merlo", "la trota", "la rana"],
            "label": 3,
        },
        {
            "language": "pl",
            "id": "e3",
            "group": "3",
            "text": "Ile boków ma sześciokąt?",
            "choices": ["sześć", "cztery", "pięć", "osiem"],
            "label": 0,
        },
    ),
)
