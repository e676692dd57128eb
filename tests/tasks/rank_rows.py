"""The tasks that rank a pool, and their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlgap.data.sources import load
from xlgap.tasks import get_task
from xlgap.tasks.base import Row, Task

NAMES = ("lareqa", "mewslix")
TASKS = [get_task(name) for name in NAMES]
LAREQA, MEWSLIX = TASKS


def of(task: Task, split: Any, data: Path) -> dict[str, list[Row]]:
    codes = {"test": task.eval_languages, "candidates": task.kind.pool}.get(split, ("en",))
    loaded = load(task, split, codes, source="release", data_dir=data)
    return {code: found.rows for code, found in loaded.items()}
