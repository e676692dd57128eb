"""The ledger: every metric that a task declares has its rule, and none is stale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from xlgap.errors import UnknownNameError
from xlgap.evaluation import ledger
from xlgap.evaluation.metrics import METRICS, get_metric
from xlgap.listings import listed_tasks
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Span, Task

TASKS = [get_task(name) for name in task_names()]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_metric_that_a_task_declares_is_in_the_ledger(task: Task) -> None:
    lines = list(ledger.lines(task))
    assert [line.metric for line in lines] == list(task.metrics)
    assert all(line.rule and line.source for line in lines)
    assert {get_metric(name, task).name for name in ledger.official(task)} <= set(task.metrics)
    assert len(ledger.corrected(task)) == len(ledger.official(task)) > 0


def test_a_metric_without_a_rule_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"'xnli' declares the metric 'kappa'.*ledger lacks"):
        list(ledger.lines(replace(get_task("xnli"), metrics=("accuracy", "kappa"))))


def test_no_rule_is_stale() -> None:
    measured = {(metric.name, kind) for metric in METRICS for kind in metric.kinds}
    assert {(entry.metric, entry.kind) for entry in ledger.LEDGER} <= measured
    new = replace(get_task("lareqa"), name="new")
    used = [ledger.rule(task, metric) for task in (*TASKS, new) for metric in task.metrics]
    assert [entry for entry in ledger.LEDGER if entry not in used] == []


def test_parts_of_speech_are_corrected_by_token_accuracy_and_entities_are_not() -> None:
    udpos = get_task("udpos")
    assert (ledger.official(udpos), ledger.corrected(udpos)) == (("f1",), ("token_accuracy",))
    assert [line.standing for line in ledger.lines(udpos)] == ["official", "corrected"]
    entities = get_task("lab_ner")
    assert ledger.corrected(entities) == ledger.official(entities) == ("f1",)
    assert [line.standing for line in ledger.lines(entities)] == ["both", "beside"]


def test_the_rules_of_a_new_task_follow_from_what_it_declares() -> None:
    """Its name is in no list: kind and languages decide."""

    def new(like: str, **changes: object) -> Task:
        return replace(get_task(like), name="new", **changes)

    answerable = new("xquad", metrics=("f1", "em"), eval_languages=("de", "sw"))
    unanswerable = replace(answerable, kind=Span(unanswerable=True))
    english = replace(answerable, eval_languages=("en",))
    assert "v2.0" in ledger.rule(unanswerable, "f1").source
    assert "English-normalised" in ledger.rule(answerable, "em").rule
    assert ledger.rule(answerable, "em").defect
    assert not ledger.rule(english, "em").defect
    one_a_word = new("udpos")
    assert "runs of equal tags" in ledger.rule(one_a_word, "f1").rule
    assert ledger.corrected(one_a_word) == ("token_accuracy",)
    alone = new("udpos", metrics=("token_accuracy",))
    assert ledger.corrected(alone) == ledger.official(alone) == ("token_accuracy",)
    assert "CoNLL" in ledger.rule(new("wikiann"), "f1").rule
    assert not ledger.rule(new("lareqa"), "map20").defect


def test_question_answering_is_scored_by_two_metrics_and_both_are_corrected() -> None:
    task = get_task("xquad")
    assert ledger.official(task) == ("f1", "em")
    assert ledger.corrected(task) == ("f1_aware", "em_aware")
    assert ledger.summary(task) == "f1+em, corrected f1_aware+em_aware"
    assert ledger.corrected(replace(task, metrics=("f1", "em", "f1_aware"))) == ("f1_aware", "em")


def test_the_manual_s_table_is_the_ledger_s() -> None:
    """After a change: the text of ``ledger.markdown(listed_tasks(everything=False)[0])``."""
    page = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf8")
    assert ledger.markdown(listed_tasks(everything=False)[0]) in page
