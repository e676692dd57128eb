"""``xlgap tasks``: the benchmark's tasks, what is said of each, and how the others are found."""

from __future__ import annotations

import json

import pytest

from xlgap import listings
from xlgap.__main__ import main
from xlgap.tasks import get_task, task_names

TARGETS = {
    "xnli", "xcopa", "pawsx", "udpos", "wikiann", "xquad", "mlqa", "tydiqa", "tatoeba", "bucc2018",
    "lareqa", "mewslix",
}  # fmt: skip
INTERMEDIATE = {
    "anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmosqa", "commonsenseqa",
    "socialiqa", "copa", "qamr", "ud_english",
}  # fmt: skip


def test_the_benchmark_has_twelve_target_and_thirteen_intermediate_tasks() -> None:
    shown, _ = listings.listed_tasks(everything=False)
    assert {t.name for t in shown if t.role == "target"} == TARGETS
    assert {t.name for t in shown if t.role == "intermediate"} == INTERMEDIATE
    assert len(shown) == 25


def test_the_others_are_counted_and_all_are_listed_on_demand(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["tasks"]) == 0
    out, err = capsys.readouterr()
    others = len(task_names()) - len(listings.listed_tasks(everything=False)[0])
    assert others >= 7  # of the lab
    assert err.splitlines() == [
        f"{others} more tasks, the lab's, diagnostic and supplementary ones: xlgap tasks --all"
    ]
    assert "lab_nli" not in out
    assert main(["tasks", "--all"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert all(name in out for name in task_names())


def test_json_says_of_each_task_what_a_reader_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["tasks", "--json", "--all"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(task_names())
    for name, row in rows.items():
        task = get_task(name)
        assert row["role"] == task.role
        assert row["kind"] == task.kind.name
        trained = task.role == "intermediate"
        assert row["languages"] == list(task.train_languages if trained else task.eval_languages)
        assert row["languages"]
        assert row["metric"] == list(task.metrics) == [line["metric"] for line in row["ledger"]]
        assert row["recipe"]["learning_rate"] == task.recipe.learning_rate
        assert row["sources"]
        assert row["licence"]
        assert row["citation"]
    assert rows["xnli"]["noncommercial"]
    assert not rows["tatoeba"]["noncommercial"]


def test_a_task_without_training_of_its_own_says_whose_it_is() -> None:
    assert listings.recipe_text(get_task("xnli")).startswith("mnli: 2e-5, 5 epochs of 32 rows, 128")
    told = "none; model tuned on squad; 512 sub-words"
    assert listings.recipe_text(get_task("tatoeba")) == told


def test_the_table_marks_what_is_not_for_commercial_use() -> None:
    for name in ("xnli", "bucc2018"):
        assert listings.task_text(get_task(name))["licence"].endswith("(non-commercial)")
    assert listings.task_text(get_task("squad"))["licence"].endswith("(non-commercial: fa)")
    assert "(non-commercial" not in listings.task_text(get_task("xquad"))["licence"]


def test_the_citation_of_each_task_is_listed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "--citations"]) == 0
    said = capsys.readouterr().out.split()
    for task in listings.listed_tasks(everything=False)[0]:
        assert set(task.citation.split()) <= set(said), task.name
