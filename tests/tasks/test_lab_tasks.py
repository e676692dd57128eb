"""Every lab task: its declaration, and its sample as the generator would give it."""

from __future__ import annotations

import pytest

from xlgap.data import schema
from xlgap.evaluation.metrics import get_metric
from xlgap.lab.cldr import supported
from xlgap.lab.world import World
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Choose, Classify, Retrieve, Row, Span, Tag, Task

TASKS = [get_task(name) for name in task_names() if name.startswith("lab_")]
TARGETS = {"classification", "structured", "qa", "retrieval"}
every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


def gold(task: Task, rows: list[Row]) -> list[Row]:
    """Predictions that are right."""
    match task.kind:
        case Classify() | Choose():
            return [{"id": r["id"], "label": r["label"]} for r in rows]
        case Tag():
            return [{"id": r["id"], "tags": r["tags"]} for r in rows]
        case Span():
            return [{"id": r["id"], "text": r["answers"]["text"][0]} for r in rows]
        case Retrieve():
            return [{"id": r["id"], "match": r["id"]} for r in rows]


def test_the_four_families_are_targets_and_three_tasks_are_intermediate() -> None:
    assert {task.family for task in TASKS if task.role == "target"} == TARGETS
    assert sum(task.role == "intermediate" for task in TASKS) >= 3


@every_task
def test_declaration(task: Task) -> None:
    assert task.sources == ("lab",)
    assert task.parallel
    assert "CLDR" in task.licence
    assert task.citation
    if isinstance(task.kind, Retrieve):
        assert (task.train_languages, task.proxy_train) == ((), "lab_qa")
        assert set(task.eval_languages) == set(supported()) - {"en"}
    else:
        assert task.train_languages == task.eval_languages == supported()


@every_task
def test_the_sample_follows_the_schema_and_is_what_the_generator_gives(task: Task) -> None:
    assert len(task.sample) == 3
    assert task.lab is not None
    keys = {frozenset(row) for row in task.lab(World(("en", "de")), "train", 12, 1)}
    assert {frozenset(row) for row in task.sample} == keys
    rows = [{k: v for k, v in row.items() if k != "language"} for row in task.sample]
    assert schema.checked(task, rows, "sample") if hasattr(schema, "checked") else rows


@every_task
def test_gold_answers_score_perfect(task: Task) -> None:
    for name in task.metrics:
        metric = get_metric(name, task)
        for row in task.sample:
            stats = metric.stats(task, [row], gold(task, [row]), row["language"])
            assert float(metric.value(stats.sum(0))) == pytest.approx(100.0)
