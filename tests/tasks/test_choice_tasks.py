"""Multiple-choice tasks: their recipes, what the real files hold, and that they keep splits apart."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlgap.checks.validate import validate
from xlgap.config import check
from xlgap.data.prepare import prepare
from xlgap.data.sources import Loaded, ReleaseDirectory, load
from xlgap.evaluation.metrics import get_metric
from xlgap.formats import read_json
from xlgap.tasks import get_task, task_names
from xlgap.tasks._readers.declared import XCOPA_LANGUAGES
from xlgap.tasks.base import Choose, Row, Split, Task

NAMES = ("commonsenseqa", "copa", "cosmosqa", "exams", "hellaswag", "socialiqa", "xcopa")
TASKS = [get_task(name) for name in NAMES]
every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


def languages(task: Task, split: Split) -> tuple[str, ...]:
    return task.eval_languages if split == "test" else task.train_languages


def loaded(task: Task, real_data: Path) -> dict[tuple[Split, str], Loaded]:
    assert task.release is not None
    return {
        (split, code): found
        for split in task.release
        for code, found in load(
            task, split, languages(task, split), source="release", data_dir=real_data
        ).items()
    }


def test_what_a_recipe_trains_on_first_hands_its_head_on() -> None:
    chains = [task for name in task_names() if (task := get_task(name)).preliminary]
    assert "xcopa" in {task.name for task in chains}
    for task in chains:
        kinds = [
            type(get_task(name).kind) for name in (*task.preliminary, task.proxy_train or task.name)
        ]
        assert kinds == [type(task.kind)] * len(kinds)
        assert all("en" in get_task(name).train_languages for name in task.preliminary)


def test_the_recipe_of_xcopa_is_the_official_one() -> None:
    xcopa, first = get_task("xcopa"), get_task("socialiqa")
    assert (xcopa.proxy_train, xcopa.preliminary) == ("copa", ("socialiqa",))
    for recipe in (first.recipe, get_task("copa").recipe):
        assert (recipe.learning_rate, recipe.epochs, recipe.batch_rows) == (2e-5, 5, 32)
        assert (recipe.max_length, recipe.select, recipe.warmup_steps) == (128, "last", 0)
    assert (xcopa.role, xcopa.family, len(xcopa.eval_languages)) == ("target", "classification", 11)


KEPT = {  # of the questions of EXAMS, those with four choices that later splits do not repeat
    ("train", "bg"): 1098, ("train", "hu"): 287, ("train", "it"): 420, ("train", "pl"): 738,
    ("train", "pt"): 345, ("train", "tr"): 479, ("train", "vi"): 912,
    ("dev", "bg"): 365, ("dev", "hu"): 113, ("dev", "it"): 142, ("dev", "pl"): 246, ("dev", "pt"): 115,
    ("dev", "tr"): 155, ("dev", "vi"): 304,
    ("test", "ar"): 562, ("test", "bg"): 1472, ("test", "de"): 212, ("test", "es"): 38,
    ("test", "fr"): 128, ("test", "hu"): 493, ("test", "it"): 550, ("test", "lt"): 593,
    ("test", "pl"): 985, ("test", "pt"): 463, ("test", "tr"): 650, ("test", "vi"): 1222,
}  # fmt: skip


@pytest.mark.slow
@every_task
def test_real_files_have_the_listed_rows(task: Task, real_data: Path) -> None:
    listed = ReleaseDirectory(real_data).listed
    for (split, code), found in loaded(task, real_data).items():
        names = [file["path"] for file in found.origin["files"]]
        rows = {name: listed[name]["rows"] for name in names}
        if task.name == "exams":
            assert len(found.rows) == KEPT[split, code]
            dropped = sum(found.origin.get("dropped", {}).values())
            assert len(found.rows) + dropped == rows[names[0]]
        elif task.name == "copa" and code != "en":
            assert (len(found.rows), *rows.values()) == (80 if split == "train" else 20, 100)
        else:
            assert set(rows.values()) == {len(found.rows)}
        assert {listed[name]["language"] for name in names} == {code}
        assert len({row["id"] for row in found.rows}) == len(found.rows)
        assert not found.noncommercial


@pytest.mark.slow
@every_task
def test_gold_is_perfect_and_dealt_out_labels_are_at_chance(task: Task, real_data: Path) -> None:
    """A score of dealt-out labels has a standard error of at most 50/sqrt(n) points; five of them."""
    assert isinstance(task.kind, Choose)
    by_language = loaded(task, real_data)
    metric = get_metric("accuracy", task)
    drawn = random.Random(0)
    for (_, code), found in by_language.items():
        gold = [{"id": row["id"], "label": row["label"]} for row in found.rows]
        assert metric.score(task, found.rows, gold, code) == 100
        labels = [row["label"] for row in found.rows]
        drawn.shuffle(labels)
        dealt = [{**guess, "label": label} for guess, label in zip(gold, labels, strict=True)]
        chance, error = 100 / task.kind.choices, 50 / len(labels) ** 0.5
        assert abs(metric.score(task, found.rows, dealt, code) - chance) < 5 * error


def texts(row: Row) -> tuple[str, ...]:
    return (row["text"], *sorted(row["choices"]))


@pytest.mark.slow
@every_task
def test_splits_share_no_row(task: Task, real_data: Path) -> None:
    by_language = loaded(task, real_data)
    for code in dict.fromkeys(code for _, code in by_language):
        splits = [found.rows for (_, other), found in by_language.items() if other == code]
        seen: set[tuple[str, ...]] = set()
        for rows in splits:
            own = {texts(row) for row in rows}
            assert not own & seen
            seen |= own


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cosmosqa", "socialiqa"])
def test_splits_share_no_context(name: str, real_data: Path) -> None:
    task, directory = get_task(name), ReleaseDirectory(real_data)
    assert task.release is not None
    contexts = []
    for split in ("train", "dev"):
        text, _ = directory.read(task.release[split][0].path)
        rows = (
            csv.DictReader(io.StringIO(text, newline=""))
            if name == "cosmosqa"
            else map(json.loads, text.splitlines())
        )
        contexts.append({row["context"] for row in rows})
    assert not contexts[0] & contexts[1]


@pytest.mark.slow
def test_xcopa_is_parallel_but_for_what_some_languages_ask(real_data: Path) -> None:
    """Labels agree everywhere; the question does not, as the task's docstring says."""
    found = {code: loaded_.rows for (_, code), loaded_ in loaded(get_task("xcopa"), real_data).items()}
    asks = {code: [row["text"].endswith("cause?") for row in rows] for code, rows in found.items()}
    differ = {}
    for code, rows in found.items():
        assert [(row["id"], row["label"]) for row in rows] == [
            (row["id"], row["label"]) for row in found["et"]
        ]
        differ[code] = sum(a != b for a, b in zip(asks[code], asks["et"], strict=True))
    assert {code: n for code, n in differ.items() if n} == {
        "id": 4, "it": 4, "sw": 37, "th": 250, "tr": 51,
    }  # fmt: skip
    assert not any(asks["th"])


@pytest.mark.slow
def test_real_files_meet_their_expectations(
    raw_real_study: Callable[..., dict[str, Any]], real_data: Path, tmp_path: Path
) -> None:
    """In every language, whole; of the largest English sets 2,000 rows."""
    trained = dict.fromkeys((*XCOPA_LANGUAGES, *get_task("exams").train_languages))
    tested = dict.fromkeys((*get_task("xcopa").eval_languages, *get_task("exams").eval_languages))
    own = {f"direct_{code}": {"regime": "direct_tgt", "language": code} for code in trained}
    raw = raw_real_study(
        languages={"evaluation": list(tested), "pretraining": ["en"]},
        arms={"direct_en": {"regime": "direct_en"}, **own},
        tasks={"xcopa": {}, "exams": {}},
        intermediate={
            name: {"train_rows": 2000} for name in NAMES if get_task(name).role == "intermediate"
        },
    )
    params = check(raw, Path("params.yaml"))
    for task in TASKS:
        manifest = prepare(task, params, tmp_path / task.name, data_dir=real_data)
        assert not manifest["noncommercial"]
        assert set(manifest["splits"].get("test", {})) == set(task.eval_languages)
    for task in TASKS:
        proxy = tmp_path / task.proxy_train if task.proxy_train else None
        out = tmp_path / "checks" / f"{task.name}.json"
        validate(task, params, tmp_path / task.name, out, proxy=proxy)
        assert read_json(out)["success"]
