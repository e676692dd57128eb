"""A small valid study, two small tasks and a small tokenizer for tests of the core."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import xlgap.tasks
from xlgap.config import Params, check
from xlgap.models.tokenizer import Tokenizer, load_tokenizer, train_tokenizer

TRAIN = {"version": 1, "precision": "fp32", "evaluations": 4, "learning_rate_scale": 1.0}

_RAW: dict[str, Any] = {
    "study": {"name": "toy", "source": "lab", "seeds": [1, 2]},
    "languages": {"evaluation": ["en", "de", "sw"], "pretraining": ["en", "de", "sw"]},
    "models": {
        "nano": {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64},
        "micro": {"layers": 2, "width": 64, "heads": 4, "feed_forward": 128},
    },
    "arms": {"direct_en": {"regime": "direct_en"}},
    "tasks": {"toy_nli": {"train_rows": 100, "test_rows": 10}},
    "intermediate": {"toy_order": {"train_rows": 64}},
    "pretrain": {
        "version": 1,
        "corpus_lines": 100,
        "parallel_lines": 0,
        "vocabulary": 500,
        "positions": 64,
        "tokens": 100_000,
        "sequence_length": 64,
        "batch_tokens": 1024,
        "learning_rate": 0.001,
        "warmup_fraction": 0.1,
        "seed": 0,
    },
    "evaluation": {},
    "analysis": {},
}

_TASK = """
from xlgap.tasks.base import {kind}, Recipe, Task

TASK = Task(
    name="{name}", kind={kind}({arguments}), role="{role}", family="classification",
    train_languages={train}, eval_languages={evaluation}, parallel=True, metrics=("accuracy",),
    recipe=Recipe(epochs=2, batch_rows=16, max_length=32, select="{select}"), licence="CC0-1.0",
    citation="none", proxy_train={proxy}, lab=lambda world, split, rows, seed: iter(()),
)
"""
_LABELS = 'labels=("a", "b")'
_TOYS: dict[str, dict[str, Any]] = {
    "toy_nli": {},
    "toy_order": {"role": "intermediate", "train": ("en", "sw"), "evaluation": ("en", "sw")},
    "toy_english": {"train": ("en",), "evaluation": ("en", "de")},
    "toy_last": {"select": "last"},
    "toy_retrieval": {
        "kind": "Retrieve", "arguments": "", "train": (), "evaluation": ("de", "sw"),
        "proxy": "'toy_nli'",
    },
}  # fmt: skip


@pytest.fixture
def raw_study() -> Callable[..., dict[str, Any]]:
    """Makes the mapping of ``params.yaml``; keyword arguments replace top-level keys."""

    def make(**changes: Any) -> dict[str, Any]:
        train = {**TRAIN, **changes.pop("train", {})}
        return {**copy.deepcopy(_RAW), "train": train, **changes}

    return make


@pytest.fixture
def study(raw_study: Callable[..., dict[str, Any]]) -> Callable[..., Params]:
    """Makes the checked study; keyword arguments replace top-level keys."""
    return lambda **changes: check(raw_study(**changes), Path("params.yaml"))


@pytest.fixture
def toy_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Toy tasks as files of a second folder of the registry."""
    folder = tmp_path / "toy_tasks"
    folder.mkdir()
    for name, changes in _TOYS.items():
        fields = {
            "kind": "Classify", "arguments": _LABELS, "role": "target", "proxy": None, "select": "dev",
            "train": ("en", "de", "sw"), "evaluation": ("en", "de", "sw"), **changes,
        }  # fmt: skip
        (folder / f"{name}.py").write_text(_TASK.format(name=name, **fields))
    monkeypatch.setattr(xlgap.tasks, "__path__", [*xlgap.tasks.__path__, str(folder)])
    caches = (xlgap.tasks.task_names, xlgap.tasks.get_task)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()
    for name in _TOYS:
        monkeypatch.delitem(sys.modules, f"xlgap.tasks.{name}", raising=False)


LINES = [
    "The cat sat on the mat in 1999 and the dog ran after 25 birds.",
    "Die Katze saß auf der Matte und der Hund lief 13 Vögeln nach.",
    "Кошка сидела на коврике, а собака бежала за птицами 7 дней.",
    "猫坐在垫子上,狗追着鸟跑了三天。",
    "Where did the cat sit and when did the dog run away from home?",
] * 8


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A real small tokenizer."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train_tokenizer(LINES, path, vocabulary=90)
    return load_tokenizer(path)
