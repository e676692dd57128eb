"""Languages at chance and intermediate tasks that were not learned are told with their gaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from made_retention import Planted, made_study
from simulate import BUDGET, Plan, study

from xlgap.analysis.answers.floor import floor_notes
from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.measure import measure
from xlgap.analysis.study import Study
from xlgap.records import Score

SMALL, LARGE = "made_40000", "made_1000000"
PLAN = Plan(sizes=(40_000, 1_000_000), tasks=("nli",), groups=40, best_single=3.0)


@pytest.fixture(scope="module")
def whole() -> Study:
    return study(PLAN, seed=3, resamples=20)


def at_chance(one: Study, wanted: Callable[[Score], bool]) -> Study:
    """The study with the scores that are ``wanted`` moved to chance."""
    scores = tuple(replace(s, value=s.chance or 0.0) if wanted(s) else s for s in one.scores)
    return replace(one, scores=scores)


def notes(one: Study, gap: str) -> str:
    return " ".join(floor_notes(one, measure(one))[gap])


def test_languages_at_chance_under_every_arm_are_counted_by_model(whole: Study) -> None:
    dark = at_chance(whole, lambda s: (s.language, s.model) in {("sw", SMALL), ("de", LARGE)})
    assert notes(dark, "english_gain").endswith(f"it is counted: nli: {SMALL} in 1 of 2.")
    assert notes(dark, "best_single").endswith(
        f"it is counted: nli: {SMALL} in 1 of 3, {LARGE} in 1 of 3."
    )
    assert notes(dark, "transfer") == ""
    told = {a.key: a.reason for a in measured_answers(dark, measure(dark))}
    for key in ("1.inter.slope.params_total", "3.direct.level", "5.best_single.level"):
        assert "Languages at chance under every arm compared, where a gap says little" in told[key]


def test_a_language_that_one_arm_can_do_and_english_are_not_counted(whole: Study) -> None:
    one = at_chance(whole, lambda s: s.arm == "direct_en" and s.model == SMALL)
    assert notes(one, "english_gain") == notes(one, "inter") == ""


def retained(one: Study, before: float) -> Study:
    plan = Planted(
        before=before, lost=0, less=0, further=0, sizes=(40_000, 1_000_000), groups=60, model_sd=0
    )
    return replace(one, retention=made_study(plan, seed=2).retention)


def test_intermediate_tasks_that_were_not_learned_are_named(whole: Study) -> None:
    dead, alive = retained(whole, 25.0), retained(whole, 85.0)
    said = (
        "Intermediate tasks that were not learned, at chance in English just after their own phase: "
        "typing (every model); the gap then says little of what knowing them does."
    )
    for gap in ("inter", "direct", "english_gain", "best_single"):
        assert notes(dead, gap) == said
        assert notes(alive, gap) == ""
    assert notes(dead, "native") == "", "no arm of it has an intermediate task"
    assert notes(whole, "inter") == "", "nothing is known of it"


def test_the_models_that_have_not_learned_are_named(whole: Study) -> None:
    dead, alive = retained(whole, 25.0).retention, retained(whole, 85.0).retention
    assert dead is not None
    assert alive is not None
    sides = ((dead, SMALL), (alive, LARGE))
    mixed = replace(
        dead,
        scores=tuple(s for data, model in sides for s in data.scores if s.model == model),
        items=pd.concat([data.items[data.items["model"] == model] for data, model in sides]),
    )
    assert f"phase: typing ({SMALL}); the gap" in notes(replace(whole, retention=mixed), "inter")


def test_arms_of_another_budget_stand_in_and_are_said_to(whole: Study) -> None:
    plain = ("direct_en", "inter_en_typing", "direct_sw", "direct_ru")
    longer = {f"{arm}_long": replace(whole.arms[arm], budget=BUDGET) for arm in plain}
    scores = tuple(replace(s, arm=f"{s.arm}_long") for s in whole.scores if s.arm in plain)
    one = replace(whole, arms={**whole.arms, **longer}, scores=(*whole.scores, *scores), items={})
    found = notes(retained(one, 25.0), "english_gain_equal_steps")
    assert "typing (every model), judged by the same arms at another budget; the gap" in found
    assert "another budget" not in notes(retained(one, 25.0), "english_gain")
