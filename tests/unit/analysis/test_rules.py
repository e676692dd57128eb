"""Which intervals decide a claim, and which answers and how many models and seeds may."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulate import BUDGET, Plan, study

from xlgap.analysis.answer_rules import level_above, slope_falls
from xlgap.analysis.claims import CLAIMS
from xlgap.analysis.contrasts import on_shared_units
from xlgap.analysis.evidence import Evidence
from xlgap.analysis.gains import MEAN, Weighed, over_models
from xlgap.analysis.measure import measure
from xlgap.analysis.pairing import Contrast, Key
from xlgap.analysis.rows import Answer
from xlgap.analysis.rules import Finding, helps, judged
from xlgap.analysis.study import Study


def gain(models: int = 4, languages: tuple[str, ...] = ("de", "sw")) -> list[Contrast]:
    """One gain of each of ``models`` on XNLI."""
    return [
        Contrast(
            model=f"m{n}", gap="gain", task="xnli", language="avg", arm_a="a", arm_b="b",
            unit=("a", "b"),
            terms=tuple(
                (Key(f"m{n}", arm, "xnli", code), weight)
                for code in languages
                for arm, weight in (("a", 1.0), ("b", -1.0))
            ),
        )
        for n in range(models)
    ]  # fmt: skip


def verdict(low: float, high: float, claim: str, *, seeds: int = 3, models: int = 4) -> Finding:
    mean = Weighed(
        value=(low + high) / 2, stderr=0.1, ci_low=low, ci_high=high, df=5.0, p=0.01, seeds=seeds
    )
    return judged(mean, gain(models), claim=claim)


@pytest.mark.parametrize(
    ("low", "high", "helps", "does_not"),
    [
        (0.2, 0.8, "supported", "supported"),
        (0.2, 1.8, "supported", "not testable"),
        (1.2, 1.8, "supported", "contradicted"),
        (-0.2, 0.8, "contradicted", "supported"),
        (-0.2, 1.8, "not testable", "not testable"),
    ],
)
def test_a_gain_below_one_point_is_above_0_and_none_worth_naming(
    low: float, high: float, helps: str, does_not: str
) -> None:
    assert verdict(low, high, "helps").verdict == helps
    assert verdict(low, high, "does not help").verdict == does_not


def test_one_model_or_one_seed_decides_nothing() -> None:
    few, one = verdict(5.0, 6.0, "helps", models=3), verdict(5.0, 6.0, "helps", seeds=1)
    assert (few.verdict, one.verdict) == ("not testable", "not testable")
    assert "needs at least 4 models" in few.reason
    assert "needs at least 2 seeds" in one.reason
    assert few.estimate == 5.5


def test_what_the_interval_is_conditional_on_is_said_and_a_single_language_named() -> None:
    assert "[5.0, 6.0], conditional on these checkpoints" in verdict(5.0, 6.0, "helps").reason
    mean = Weighed(value=5.5, stderr=0.1, ci_low=5.0, ci_high=6.0, df=5.0, p=0.01, seeds=3)
    assert "one language (sw)" in judged(mean, gain(languages=("sw",)), claim="helps").reason


ANSWER = Answer(
    question=2, quantity="q, points", source="measured", models=("a", "b", "c", "d"), estimate=-2.0,
    ci_low=-3.0, ci_high=-1.0, n=4, supported=True,
)  # fmt: skip


def test_an_answer_that_is_not_supported_supports_no_claim() -> None:
    answer = replace(
        ANSWER, estimate=2.0, ci_low=1.0, ci_high=3.0, supported=False, proxy=True,
        reason="3 models only. More.",
    )  # fmt: skip
    found = level_above("measured", "k")(Evidence(answers={("measured", "k"): answer}))
    assert found.verdict == "not testable"
    assert "3 models only." in found.reason
    assert "A proxy" in found.reason
    assert found.ci_low == 1.0


def test_robustness_is_judged_with_covariates_and_without_them_only_where_it_must() -> None:
    partial, plain = (f"2.{g}.slope.params_total" for g in ("distance_partial", "distance"))
    rise = replace(ANSWER, estimate=2.0, ci_low=1.0, ci_high=3.0)
    both = {("measured", partial): rise, ("measured", plain): ANSWER}
    [rule] = [c.rule for c in CLAIMS if c.id == "robust_with_size"]
    found = rule(Evidence(answers=both))
    assert found.verdict == "contradicted"
    assert "Without covariates" not in found.reason
    both["measured", partial] = replace(rise, supported=False)
    found = rule(Evidence(answers=both))
    assert found.verdict == "supported"
    assert "Without covariates" in found.reason


def test_the_first_answer_says_why_where_neither_counts() -> None:
    lacking = replace(ANSWER, estimate=None, supported=False, reason="No covariates. More.")
    found = slope_falls("measured", ("a", ""), ("b", ""))(
        Evidence(answers={("measured", "a"): lacking})
    )
    assert (found.verdict, found.reason) == ("not testable", "No covariates.")


PLAN = Plan(
    tasks=("nli", "qa"), languages=("en", "de", "sw"), groups=60, group_size=1, cluster_sd=0.0,
    seed_sd=0.1, model_sd=0.0, english_gain=15.0, regimes=("direct_en", "intermediate_en"),
)  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Study:
    return study(PLAN, seed=1, resamples=50)


def evidence(one: Study) -> Evidence:
    return Evidence(study=one, measured=measure(one))


def test_gains_without_budgets_are_not_at_equal_compute(made: Study) -> None:
    assert "Not at equal compute" in helps("gain")(evidence(made)).reason


def test_a_study_with_budgeted_arms_alone_is_judged_at_equal_steps(made: Study) -> None:
    arms = {name: replace(arm, budget=BUDGET) for name, arm in made.arms.items()}
    found = helps("gain")(evidence(replace(made, arms=arms)))
    assert found.verdict == "supported"
    assert "At equal steps (400 steps)." in found.reason


def test_what_one_model_lacks_is_left_out_and_named(made: Study) -> None:
    def without(task: str, language: str, *models: str) -> Study:
        kept = [
            s for s in made.scores if (s.task, s.language) != (task, language) or s.model not in models
        ]
        frame = made.items[task].frame
        gone = (frame["language"] == language) & frame["model"].isin(models)
        items = {**made.items, task: replace(made.items[task], frame=frame[~gone])}
        return replace(made, scores=tuple(kept), items=items)

    found = helps("gain")(evidence(without("qa", "sw", "made_40000")))
    assert found.models == ("made_1000000", "made_200000", "made_5000000")
    assert "Left out: models without all of the cells compared: made_40000" in found.reason
    assert found.verdict == "not testable"


def test_cells_of_some_models_alone_are_in_no_mean_over_models() -> None:
    more = [replace(gain()[0], task="qa")]
    kept, left_out = on_shared_units([*gain(), *more])
    assert {c.task for c in kept} == {"xnli"}
    assert len(kept) == 4
    assert "cells that not all models compared have: a on qa" in left_out
    [whole] = [c for c in over_models([*gain(), *more], ()) if c.task == MEAN]
    assert {key.task for key, _ in whole.terms} == {"xnli"}
    assert whole.note.endswith(left_out)
