"""Which arms are compared: equal budgets, equal preliminary stages, largest amounts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.contrasts import contrasts
from xlgap.analysis.headline import headline
from xlgap.analysis.measure import measure
from xlgap.analysis.pairing import Contrast, Key, amount_words, comparable
from xlgap.analysis.rows import GAPS, MATCHED, ArmInfo, plain_gap
from xlgap.regimes.base import Budget

STEPS, TOKENS, MORE = Budget(steps=400), Budget(tokens=9000), Budget(steps=800)
BUDGETS = {"": None, "_steps": STEPS, "_tokens": TOKENS, "_more": MORE}
PLAIN = {
    "direct_en": ArmInfo(regime="direct_en"),
    "direct_sw": ArmInfo(regime="direct_tgt", language="sw"),
    "en_a": ArmInfo(regime="intermediate_en", intermediate=("a",)),
    "sw_a": ArmInfo(regime="intermediate_tgt", intermediate=("a",), language="sw"),
    "joint": ArmInfo(regime="joint", intermediate=("a", "b")),
    "few_sw": ArmInfo(regime="few_shot", language="sw", shots=8),
    "few_sw_a": ArmInfo(regime="few_shot", language="sw", shots=8, intermediate=("a",)),
    "few_sw_64": ArmInfo(regime="few_shot", language="sw", shots=64),
}
ARMS = {
    f"{name}{suffix}": replace(arm, budget=budget)
    for suffix, budget in BUDGETS.items()
    for name, arm in PLAIN.items()
}


@pytest.fixture(scope="module")
def made() -> list[Contrast]:
    keys = {
        Key("nano", name, "nli", code)
        for name, arm in ARMS.items()
        for code in ("en", "sw")
        if arm.language in (None, code)
    }
    return contrasts(keys, ARMS)


def test_every_pair_has_one_budget_and_its_gap_says_which(made: list[Contrast]) -> None:
    for c in made:
        budgets = {ARMS[key.arm].budget for key, _ in c.terms}
        assert len(budgets) == 1
        (budget,) = budgets
        kind = "" if budget is None else "_equal_steps" if budget.steps else "_equal_tokens"
        assert c.gap == f"{plain_gap(c.gap)}{kind}"
        assert c.gap in GAPS


def test_every_rule_has_its_gaps_at_equal_compute_too(made: list[Contrast]) -> None:
    gaps = {plain_gap(c.gap) for c in made}
    assert gaps >= {"inter", "direct", "native", "english_gain", "transfer", "joint", "few_gain"}
    assert {c.gap for c in made} == {f"{gap}{matched}" for gap in gaps for matched in ("", *MATCHED)}


def test_different_budgets_are_never_averaged(made: list[Contrast]) -> None:
    average = [c for c in made if (c.gap, c.language) == ("joint_equal_steps", "avg")]
    assert {c.amount for c in average} == {((400, "steps"),), ((800, "steps"),)}
    assert {c.note for c in average} == {"mean over sw; 400 steps", "mean over sw; 800 steps"}


def test_few_examples_are_compared_with_the_arm_that_they_follow(made: list[Contrast]) -> None:
    few = {(c.arm_a, c.arm_b): c.amount for c in made if (c.gap, c.language) == ("few_gain", "sw")}
    assert few == {
        ("few_sw", "direct_en"): ((8, "examples"),),
        ("few_sw_a", "en_a"): ((8, "examples"),),
        ("few_sw_64", "direct_en"): ((64, "examples"),),
    }


def test_the_estimates_take_the_largest_amount(made: list[Contrast]) -> None:
    plan = Plan(tasks=("nli",), groups=4, regimes=("direct_en",))
    some = replace(study(plan, seed=0), arms=ARMS)
    wanted, _ = headline(made, some, frozenset())
    amounts = {c.gap: c.amount for c in wanted if c.task == "mean"}
    assert amounts["few_gain"] == ((64, "examples"),)
    assert amounts["joint_equal_steps"] == ((800, "steps"),)
    assert amounts["few_gain_equal_tokens"] == ((64, "examples"), (9000, "tokens"))
    assert amounts["joint"] == ()


def test_arms_compare_with_equal_stages_and_budget_alone() -> None:
    plain = PLAIN["direct_en"]
    assert comparable(plain, PLAIN["joint"])
    assert not comparable(plain, replace(PLAIN["joint"], preliminary=False))
    assert not comparable(plain, replace(PLAIN["joint"], budget=STEPS))
    assert not comparable(replace(plain, budget=MORE), replace(PLAIN["joint"], budget=STEPS))


def test_an_amount_in_words() -> None:
    assert amount_words(()) == ""
    assert amount_words(((1200, "tokens"),)) == "1,200 tokens"


def test_robustness_at_equal_steps_is_against_the_arm_of_the_same_budget() -> None:
    languages = ("en", "de", "sw", "ru", "hi", "tr", "ar")
    plan = Plan(
        tasks=("nli",), groups=10, languages=languages, regimes=("direct_en", "intermediate_en")
    )
    made = study(replace(plan, longer=1.0), seed=0, resamples=20)
    long = {
        f"{name}_long": replace(arm, budget=STEPS)
        for name, arm in made.arms.items()
        if "long" not in name
    }
    more = [replace(s, arm=f"{s.arm}_long") for s in made.scores if s.arm == "inter_en_typing"]
    some = replace(made, arms=made.arms | long, scores=(*made.scores, *more))
    found = {
        e.gap: (e.arm_a, e.arm_b) for e in measure(some).estimates if plain_gap(e.gap) == "robustness"
    }
    assert found == {
        "robustness": ("inter_en_typing", "direct_en"),
        "robustness_equal_steps": ("inter_en_typing_long", "direct_en_long"),
    }
