"""Collapsed runs: which answers count them, and what the answers are without them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.measure import Measured, measure
from xlgap.analysis.result import analyse, metrics
from xlgap.analysis.rows import Answer
from xlgap.analysis.sentence import headline, leading
from xlgap.analysis.study import Study
from xlgap.analysis.words import signed

PLAN = Plan(
    groups=60, group_size=2, model_sd=0.3, joint=6.0, sequential=3.0, best_single=4.0, longer=2.0,
    languages=("en", "de", "sw", "ru", "fi", "ar", "zh", "es"),
)  # fmt: skip
CHANCE = 15.0
"""Low, so that zero-shot transfer is well above it."""
FALLEN = {
    ("made_5000000", "direct_en", "nli", 0),
    ("made_5000000", "direct_en_long", "qa", 1),
    ("made_40000", "joint_typing_order", "qa", 1),
}
COUNTED = "Collapsed runs are counted"


def fallen(plan: Plan = PLAN) -> Study:
    made = study(plan, seed=4, resamples=50)
    scores = tuple(
        replace(s, chance=CHANCE, value=CHANCE)
        if (s.model, s.arm, s.task, s.seed) in FALLEN
        else replace(s, chance=CHANCE)
        for s in made.scores
    )
    return replace(made, scores=scores, items={})


@pytest.fixture(scope="module")
def made() -> tuple[Study, Measured]:
    found = fallen()
    return found, measure(found)


@pytest.fixture(scope="module")
def answers(made: tuple[Study, Measured]) -> dict[str, Answer]:
    return {a.key: a for a in measured_answers(*made)}


def counted(answer: Answer) -> str:
    return answer.reason.partition(f"{COUNTED} (")[2].partition(".")[0]


def test_an_answer_counts_the_collapsed_runs_that_are_in_it(
    made: tuple[Study, Measured], answers: dict[str, Answer]
) -> None:
    assert {(c.model, c.arm, c.task, c.seed) for c in made[1].collapsed} == FALLEN
    plain, longer = "made_5000000/direct_en/nli seed 0", "made_5000000/direct_en_long/qa seed 1"
    joint = "made_40000/joint_typing_order/qa seed 1"
    for key, runs in {
        "2.distance.slope.params_total": f"1): {plain}",
        "2.distance_equal_steps.level": f"1): {longer}",
        "3.native.slope.params_total": f"1): {plain}",
        "3.direct.slope.params_total": "",
        "1.inter.level": "",
        "5.joint.level": f"2): {joint}, {plain}",
        "5.joint.chance_corrected.level": f"2): {joint}, {plain}",
        "5.joint_english.level": f"2): {joint}, {plain}",
        "5.sequential.level": f"1): {plain}",
        "5.joint_best.level": f"1): {joint}",
        "5.joint_best_equal_steps.level": "",
        "5.sequential_best.level": "",
        "5.best_single_equal_steps.level": f"1): {longer}",
    }.items():
        assert counted(answers[key]) == runs, key


def test_a_run_of_a_model_that_an_answer_is_not_of_is_not_in_it() -> None:
    some = fallen()
    lost = ("made_5000000", "joint_typing_order", "nli")
    some = replace(some, scores=tuple(s for s in some.scores if (s.model, s.arm, s.task) != lost))
    found = {a.key: a for a in measured_answers(some, measure(some))}["5.joint.level"]
    assert "made_5000000" not in found.models
    assert counted(found) == "1): made_40000/joint_typing_order/qa seed 1"


def test_headline_gaps_of_every_question_are_told_without_their_collapsed_runs(
    answers: dict[str, Answer],
) -> None:
    for gap, statistics in {
        "2.distance": ("params_total",),
        "2.distance_equal_steps": ("params_total", "level"),
        "3.native": ("params_total",),
        "5.joint": ("params_total", "level"),
        "5.joint_best": ("params_total", "level"),
        "5.sequential": ("params_total", "level"),
        "5.best_single_equal_steps": ("params_total", "level"),
        "5.joint_english": ("level",),
    }.items():
        for statistic in statistics:
            without = answers[f"{gap}.without_collapsed.{statistic}"]
            assert without.supported, without.key
            assert COUNTED not in without.reason
            assert "Collapsed runs are left out (" in without.reason
            told = answers[f"{gap}.{'slope.params_total' if statistic != 'level' else 'level'}"]
            both = (told.estimate, without.estimate)
            assert all(f"{signed(value, 2)} [" in told.reason for value in both), told.key
            assert "without the collapsed runs, " in told.reason
    assert not [k for k in answers if k.startswith("1.inter.without_collapsed")]


def test_without_collapsed_runs_planted_gains_come_out(answers: dict[str, Answer]) -> None:
    """A run at chance hides the 2 points that joint training gains over the best single task."""
    told, without = answers["5.joint_best.level"], answers["5.joint_best.without_collapsed.level"]
    assert without.ci_low < 2.0 < without.ci_high
    assert without.estimate > told.estimate + 1.5
    assert without.quantity == f"{told.quantity}, without 1 collapsed run"
    assert headline(list(answers.values()), 5, "measured").startswith("Joint intermediate training")


def test_without_collapsed_runs_is_what_the_study_without_them_says(
    made: tuple[Study, Measured], answers: dict[str, Answer]
) -> None:
    whole = made[0]
    kept = tuple(s for s in whole.scores if (s.model, s.arm, s.task, s.seed) not in FALLEN)
    never = replace(whole, scores=kept)
    there = {a.key: a for a in measured_answers(never, measure(never))}
    for gap in ("2.transfer", "5.joint", "5.joint_best"):
        without = answers[f"{gap}.without_collapsed.params_total"]
        slope = there[f"{gap}.slope.params_total"]
        numbers = [
            (a.estimate, a.ci_low, a.ci_high, a.known_low, a.known_high) for a in (without, slope)
        ]
        assert numbers[0] == pytest.approx(numbers[1]), gap


def test_what_is_left_out_moves_levels_and_slopes_over_distance(
    made: tuple[Study, Measured], answers: dict[str, Answer]
) -> None:
    level, slope = answers["5.joint.sensitivity.level"], answers["2.distance.sensitivity.params_total"]
    assert level.estimate == pytest.approx(answers["5.joint.level"].estimate)
    assert level.ci_low == pytest.approx(answers["5.joint.level"].ci_low)
    assert slope.estimate == pytest.approx(answers["2.distance.slope.params_total"].estimate)
    assert "each without one task or language, or without collapsed runs: from " in level.method
    assert "on non-embedding parameters" in slope.method
    rows = {(r.gap, r.change, r.name): r for r in made[1].refits}
    kept = [s for s in made[0].scores if s.language != "fi"]
    again = measure(replace(made[0], scores=tuple(kept)))
    for gap in ("distance", "joint"):
        values = {
            e.model: e.value
            for e in again.estimates
            if (e.gap, e.task, e.scale) == (gap, "mean", "raw")
        }
        refit = rows[gap, "without language", "fi"]
        assert refit.level == pytest.approx(sum(values.values()) / 4)
    assert ("joint", "without collapsed runs", "2") in rows


def test_refits_are_no_headline_and_no_metric(made: tuple[Study, Measured]) -> None:
    found = analyse(made[0], [])
    levels = metrics(found)["level"]
    assert "5.joint.level" in levels
    assert not [key for key in levels if "collapsed" in key or "sensitivity" in key]
    leads = leading(a for a in found.answers if "without_collapsed" in a.key)
    assert leads is None
