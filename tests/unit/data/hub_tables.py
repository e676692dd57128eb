"""Tables as the hub has them: columns, made-up rows, and how a task's rows are read from them here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from datasets import ClassLabel, Features, List, Value

from xlgap.data.sources import Loaded, load
from xlgap.tasks import get_task
from xlgap.tasks.base import HubDataset, Row, Split, Task

TEXT, NUMBER = Value("string"), Value("int32")
NLI = ClassLabel(names=["entailment", "neutral", "contradiction"])
COPA = dict.fromkeys(("premise", "choice1", "choice2", "question"), TEXT) | {"idx": NUMBER}
XCOPA = Features(COPA | {"label": NUMBER, "changed": Value("bool")})
SUPER_GLUE = Features(COPA | {"label": ClassLabel(names=["choice1", "choice2"])})
CHOICES = {"label": List(TEXT), "text": List(TEXT)}
COMMONSENSE = Features(
    dict.fromkeys(("id", "question", "question_concept", "answerKey"), TEXT) | {"choices": CHOICES}
)
SIQA = Features(dict.fromkeys(("context", "question", "answerA", "answerB", "answerC", "label"), TEXT))
COSMOS = Features(
    dict.fromkeys(("id", "context", "question"), TEXT)
    | {f"answer{i}": TEXT for i in range(4)}
    | {"label": NUMBER}
)
HELLASWAG = Features(
    {"ind": NUMBER, "endings": List(TEXT)}
    | dict.fromkeys(("activity_label", "ctx_a", "ctx_b", "ctx", "source_id", "split", "label"), TEXT)
)
ANLI = Features(dict.fromkeys(("uid", "premise", "hypothesis", "reason"), TEXT) | {"label": NLI})
MNLI = Features({"promptID": NUMBER, "premise": TEXT, "hypothesis": TEXT, "genre": TEXT, "label": NLI})
SNLI = Features({"premise": TEXT, "hypothesis": TEXT, "label": NLI})
QQP = Features(
    {"question1": TEXT, "question2": TEXT, "idx": NUMBER}
    | {"label": ClassLabel(names=["not_duplicate", "duplicate"])}
)


EXAMS = Features(
    {
        "id": TEXT,
        "answerKey": TEXT,
        "question": {"stem": TEXT, "choices": CHOICES | {"para": List(TEXT)}},
    }
    | {"info": {"grade": NUMBER, "subject": TEXT, "language": TEXT}}
)


Put = Callable[..., None]


def here(hub: HubDataset, root: Path) -> HubDataset:
    return replace(
        hub, repo=str(root / hub.repo), more=tuple(here(further, root) for further in hub.more)
    )


def from_hub(name: str, split: Split, root: Path, code: str = "en") -> Loaded:
    task = get_task(name)
    assert task.hub is not None
    return load(replace(task, hub=here(task.hub, root)), split, [code], source="hub")[code]


def released(task: Task, split: Split, code: str, *texts: str) -> list[Row]:
    """The rows of the task's first release reader for the language."""
    assert task.release is not None
    files = [f for f in task.release[split] if f.languages is None or code in f.languages]
    return [row for row in files[0].read(*texts) if "dropped" not in row]


def assert_same(found: Sequence[Row], expected: Sequence[Row], *, ids: bool = True) -> None:
    """Equal but for the names of groups and, unless ``ids``, of items."""
    loose = {"group"} if ids else {"group", "id"}
    bare = [[{k: v for k, v in row.items() if k not in loose} for row in r] for r in (found, expected)]
    assert bare[0] == bare[1]
    assert len({row["id"] for row in found}) == len(found)
    partitions = []
    for rows in (found, expected):
        first: dict[str, int] = {}
        partitions.append([first.setdefault(row["group"], at) for at, row in enumerate(rows)])
    assert partitions[0] == partitions[1]


def json_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def question(idx: int, asked: str, label: int) -> Row:
    texts = {
        "premise": f"The kettle {idx} was cold.",
        "choice1": "It was off.",
        "choice2": "Tea was late.",
    }
    return {**texts, "question": asked, "label": label, "idx": idx, "changed": False}


QUESTIONS = [question(i, ("cause", "effect")[i % 2], i % 2) for i in range(10)]
SOCIAL = [
    {
        "context": f"Noor lent Emil boat {i // 2}.", "question": "Why did Noor do this?",
        "answerA": "to help", "answerB": "to win", "answerC": "to sleep", "label": str(i % 3 + 1),
    }
    for i in range(6)
]  # fmt: skip


COMMON = [
    {
        "id": f"q{i}", "question": f"Where is a boat kept in {i // 2}?", "question_concept": "boat",
        "choices": {"label": list("ABCDE"), "text": [f"{place} {i}" for place in "vwxyz"]},
        "answerKey": "ABCDE"[i % 5],
    }
    for i in range(6)
]  # fmt: skip


STORIES = [
    {
        "id": f"s{i}", "context": f"The bread {i // 2} was gone , and\nthe dog slept .",
        "question": "Why ?", **{f"answer{k}": f"Reason {k} ." for k in range(4)}, "label": i % 4,
    }
    for i in range(6)
]  # fmt: skip


ENDINGS = [
    {
        "ind": 7 * i, "activity_label": "Rowing", "ctx_a": "She rows.", "ctx_b": "she",
        "ctx": f"She rows {i // 2}. she", "endings": [f"does {k}." for k in range(4)],
        "source_id": "x", "split": "train", "label": str(i % 4),
    }
    for i in range(6)
]  # fmt: skip


def pairs(start: str, labels: Sequence[int]) -> list[Row]:
    return [
        {
            "uid": f"{start}{i}", "premise": f"{start} premise {i // 2}.",
            "hypothesis": f"{start} hypothesis {i}.", "label": label,
        }
        for i, label in enumerate(labels)
    ]  # fmt: skip


def exam(name: str, stem: str, key: str, letters: str = "ABCD", language: str = "German") -> Row:
    texts = [f"{stem} {letter}" for letter in letters]
    choices = {"label": list(letters), "text": texts, "para": [""] * len(letters)}
    info = {"grade": 12, "subject": "Biology", "language": language}
    return {"id": name, "question": {"stem": stem, "choices": choices}, "answerKey": key, "info": info}
