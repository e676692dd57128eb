"""The transfer gap relative to the in-language ceiling, from rows to answers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.measure import Measured, measure
from xlgap.analysis.rows import Estimate
from xlgap.analysis.study import Study

PLAN = Plan(
    groups=300, group_size=2, cluster_sd=4.0, seed_sd=0.3, model_sd=0.0,
    regimes=("direct_en", "direct_tgt"),
)  # fmt: skip
ZERO_SHOT, CHANCE = 45.0, 25.0


@pytest.fixture(scope="module")
def made() -> tuple[Study, Measured]:
    """Tests that are no translations of each other: no transfer gap over tasks."""
    found = study(PLAN, seed=2, resamples=400)
    tasks = {name: replace(task, parallel=False) for name, task in found.tasks.items()}
    found = replace(found, tasks=tasks)
    return found, measure(found)


def shares(measured: Measured, task: str = "mean") -> list[Estimate]:
    found = [e for e in measured.estimates if (e.gap, e.task) == ("transfer_ceiling", task)]
    return sorted(found, key=lambda e: e.params_total or 0)


def test_the_planted_share_of_the_ceiling_is_found(made: tuple[Study, Measured]) -> None:
    points = shares(made[1])
    assert len(points) == len(PLAN.sizes)
    for point, size in zip(points, PLAN.sizes, strict=True):
        native = PLAN.gap + PLAN.slope * (math.log10(size) - math.log10(PLAN.sizes[0]))
        planted = 100 * native / (ZERO_SHOT + native - CHANCE)
        assert point.stderr is not None
        assert 0.3 < point.stderr < 5
        assert abs(point.value - planted) < 3.5 * point.stderr
        assert point.tasks == ("nli", "qa")
    assert not [e for e in made[1].estimates if (e.gap, e.task) == ("transfer", "mean")]


def test_it_is_over_each_task_with_the_same_weight(made: tuple[Study, Measured]) -> None:
    nli, qa = shares(made[1], "nli"), shares(made[1], "qa")
    means = [(a.value + b.value) / 2 for a, b in zip(nli, qa, strict=True)]
    assert [e.value for e in shares(made[1])] == pytest.approx(means)


def test_it_answers_question_2_in_percent(made: tuple[Study, Measured]) -> None:
    answer = {a.key: a for a in measured_answers(*made)}["2.transfer_ceiling.slope.params_total"]
    assert answer.supported
    assert answer.question == 2
    assert "percent for ten times the total parameters" in answer.quantity
    assert answer.ci_low < answer.estimate < answer.ci_high < 0
    assert "0 is all of what training in the language itself reaches" in answer.reason
    assert "Language + domain: on nli, qa" in answer.reason


def test_a_model_without_a_ceiling_above_chance_is_left_out_and_named(
    made: tuple[Study, Measured],
) -> None:
    dull = [
        replace(s, value=26.0, stderr=2.0)
        if (s.model, s.arm, s.task) == ("made_40000", "direct_sw", "qa")
        else s
        for s in made[0].scores
    ]
    found = replace(made[0], scores=tuple(dull))
    measured = measure(found)
    assert [e.model for e in shares(measured)] == ["made_200000", "made_1000000", "made_5000000"]
    answers = {a.key: a for a in measured_answers(found, measured)}
    reason = answers["2.transfer_ceiling.slope.params_total"].reason
    assert (
        "Left out: made_40000 is not known to be above chance under direct_tgt in each language."
    ) in reason
    unknown = replace(found, scores=tuple(replace(s, chance=None) for s in found.scores))
    assert shares(measure(unknown)) == []


def test_of_one_language_it_supports_nothing_on_languages(made: tuple[Study, Measured]) -> None:
    one = tuple(s for s in made[0].scores if s.arm != "direct_ru")
    found = replace(made[0], scores=one)
    answers = {a.key: a for a in measured_answers(found, measure(found))}
    answer = answers["2.transfer_ceiling.slope.params_total"]
    assert not answer.supported
    assert answer.reason.startswith("Not sufficient: one language (sw)")
