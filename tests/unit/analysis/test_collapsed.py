"""Collapsed runs: which answers count them, and what the answers are without them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.measure import Measured, measure
from xlgap.analysis.rows import Answer
from xlgap.analysis.study import Study

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
