"""The registry of tasks: one task, one file in this folder."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from xlgap.errors import unknown
from xlgap.tasks.base import Task

_NOT_TASKS = {"base"}


@cache
def task_names() -> tuple[str, ...]:
    """The names of all tasks, sorted; imports none of them."""
    names = (m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return tuple(sorted(set(names) - _NOT_TASKS))


@cache
def get_task(name: str) -> Task:
    """The task called ``name``; imports only its file.

    Raises:
        UnknownNameError: no such file in ``xlgap/tasks``.
    """
    if name not in task_names():
        raise unknown("task", name, task_names())
    task: Task = importlib.import_module(f"{__name__}.{name}").TASK
    assert task.name == name, f"tasks/{name}.py defines the task {task.name!r}"
    return task
