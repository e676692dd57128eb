"""Which intervals decide a claim, and which answers and how many models and seeds may."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from simulate import BUDGET, Plan, study

from xlgap.analysis.claims.answer_rules import combination_helps, level_above, slope_falls
from xlgap.analysis.claims.evidence import Evidence
from xlgap.analysis.claims.rules import Finding, both_ways, helps, helps_small_most, judged
from xlgap.analysis.claims.verdicts import CLAIMS
from xlgap.analysis.contrasts import on_shared_units
from xlgap.analysis.gains import MEAN, Weighed, over_models
from xlgap.analysis.measure import measure
from xlgap.analysis.pairing import Contrast, Key
from xlgap.analysis.rows import Answer
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


def by_size(*gains: float) -> Evidence:
    """Evidence of four models, each with its gain of English intermediate training."""
    parts = [
        study(replace(PLAN, sizes=(size,), english_gain=g), seed=n, resamples=60)
        for n, (size, g) in enumerate(zip((40_000, 200_000, 1_000_000, 5_000_000), gains, strict=True))
    ]
    items = {
        task: replace(one, frame=pd.concat([p.items[task].frame for p in parts], ignore_index=True))
        for task, one in parts[0].items.items()
    }
    return evidence(replace(parts[0], scores=tuple(s for p in parts for s in p.scores), items=items))


def test_what_helps_no_small_model_helps_them_not_most() -> None:
    none = helps_small_most("gain")(by_size(-4.0, -10.0, -16.0, -22.0))
    assert none.ci_high < 0, "the gain falls with size"
    assert none.verdict == "contradicted"
    assert "The smaller models (made_40000, made_200000): −" in none.reason
    assert "below 1 point, so that they are not helped." in none.reason
    wide = helps_small_most("gain")(by_size(0.0, -8.0, -14.0, -22.0))
    assert wide.ci_high < 0
    assert wide.verdict == "not testable"
    assert "the interval holds 0, so that no help is shown" in wide.reason


def test_what_helps_small_models_and_falls_helps_them_most() -> None:
    found = helps_small_most("gain")(by_size(20.0, 13.0, 7.0, 0.0))
    assert found.verdict == "supported"
    assert "The smaller models (made_40000, made_200000): +" in found.reason


def test_a_gain_that_grows_helps_small_models_not_most() -> None:
    assert helps_small_most("gain")(by_size(-8.0, 1.0, 12.0, 22.0)).verdict == "contradicted"


def test_a_trend_must_hold_by_known_errors_too() -> None:
    rule = slope_falls("measured", ("k", ""))
    narrow = replace(ANSWER, known_low=-5.0, known_high=1.0)
    assert rule(Evidence(answers={("measured", "k"): ANSWER})).verdict == "supported"
    found = rule(Evidence(answers={("measured", "k"): narrow}))
    assert found.verdict == "not testable"
    assert "with the known errors of the models [−5.0, 1.0]" in found.reason
    above = replace(ANSWER, estimate=2.0, ci_low=1.0, ci_high=3.0, known_low=-1.0, known_high=5.0)
    assert level_above("measured", "k")(Evidence(answers={("measured", "k"): above})).verdict == (
        "not testable"
    )


def level(made: Study, low: float, high: float, **changes: object) -> Evidence:
    """Evidence with an answer to question 5 of that interval, at equal steps."""
    measured = measure(made)
    points = tuple(
        replace(e, gap="best_single_equal_steps") for e in measured.estimates if e.task == "mean"
    )
    answer = replace(ANSWER, estimate=(low + high) / 2, ci_low=low, ci_high=high, **changes)
    return Evidence(
        study=made,
        measured=replace(measured, estimates=points),
        answers={("measured", "5.best_single_equal_steps.level"): answer},
    )


@pytest.mark.parametrize(
    ("limits", "helped", "not_helped"),
    [((0.5, 3.0), "supported", "not testable"), ((-3.0, 0.5), "contradicted", "supported"),
     ((1.5, 3.0), "supported", "contradicted"), ((-3.0, 3.0), "not testable", "not testable")],
)  # fmt: skip
def test_combinations_are_judged_by_the_interval_of_their_answer(
    made: Study, limits: tuple[float, float], helped: str, not_helped: str
) -> None:
    found = combination_helps("best_single")(level(made, *limits))
    assert (found.ci_low, found.ci_high) == limits
    assert found.verdict == helped
    assert "over 4 models as in question 5" in found.reason
    assert "At equal steps." in found.reason
    against = combination_helps("best_single", claim="does not help")(level(made, *limits))
    assert against.verdict == not_helped


def test_a_verdict_by_an_answer_has_what_stands_at_chance_behind_it(made: Study) -> None:
    said = (
        "Collapsed runs are counted (1): s/joint/xnli seed 2.",
        "Languages at chance under every arm compared, where a gap says little: xnli: s in 1 of 2.",
    )
    reason = f"Mean over xnli, xquad. {said[0]} With 150 steps. {said[1]}"
    found = combination_helps("best_single")(level(made, -3.0, 0.5, reason=reason))
    assert found.verdict == "contradicted"
    assert found.reason.endswith(f"At equal steps. {said[0]} {said[1]}")


def with_plain(one: Evidence, low: float, high: float) -> Evidence:
    """The same, and an answer of the arms without a budget."""
    assert one.measured is not None
    plain = tuple(replace(e, gap="best_single") for e in one.measured.estimates)
    answer = replace(ANSWER, estimate=(low + high) / 2, ci_low=low, ci_high=high)
    return replace(
        one,
        measured=replace(one.measured, estimates=one.measured.estimates + plain),
        answers={**one.answers, ("measured", "5.best_single.level"): answer},
    )


@pytest.mark.parametrize(
    ("plain", "verdict", "told"),
    [((1.5, 3.0), "not testable", "Contradicted at equal compute alone: "),
     ((-3.0, 3.0), "contradicted", "not at equal compute: 0.0 points [−3.0, 3.0], not testable."),
     ((-5.0, -3.0), "contradicted", "not at equal compute: −4.0 points [−5.0, −3.0], contradicted.")],
)  # fmt: skip
def test_a_verdict_at_equal_compute_tells_of_the_plain_arms(
    made: Study, plain: tuple[float, float], verdict: str, told: str
) -> None:
    rule = both_ways(combination_helps("best_single"))
    found = rule(with_plain(level(made, -3.0, 0.5), *plain))
    assert found.verdict == verdict
    assert told in found.reason
    assert (found.ci_low, found.ci_high) == (-3.0, 0.5)


def test_arms_without_a_budget_alone_are_told_once(made: Study) -> None:
    assert both_ways(helps("gain"))(evidence(made)) == helps("gain")(evidence(made))


def test_combinations_need_support_models_seeds_and_both_intervals(made: Study) -> None:
    rule = combination_helps("best_single")
    for changes, why in (
        ({"models": ("a", "b", "c"), "n": 3}, "needs at least 4 models"),
        ({"supported": False, "reason": "One language. More."}, "One language."),
        ({"known_low": -2.0, "known_high": 4.0}, "the interval holds 1 point"),
    ):
        found = rule(level(made, 0.5, 3.0, **changes))
        assert (found.verdict, why in found.reason) == ("not testable", True), found.reason
    one = level(made, 0.5, 3.0)
    single = tuple(replace(e, seeds=1) for e in one.measured.estimates)
    one = replace(one, measured=replace(one.measured, estimates=single))
    assert "needs at least 2 seeds" in rule(one).reason
    assert "Not run in this study" in rule(evidence(made)).reason


def test_translated_data_are_judged_in_the_language_of_the_translation() -> None:
    plan = Plan(tasks=("nli",), groups=40, regimes=("direct_en", "intermediate_en"))
    one = study(plan, seed=1, resamples=20)
    english = one.arms["inter_en_typing"]
    into_sw = replace(english, regime="intermediate_translated", language="sw")
    copied = [
        replace(s, arm="translated", regime=into_sw.regime, value=s.value + 9.0 * (s.language != "sw"))
        for s in one.scores
        if s.arm == "inter_en_typing"
    ]
    made = replace(
        one, arms={**one.arms, "translated": into_sw}, scores=(*one.scores, *copied), items={}
    )
    evidence = Evidence(study=made, measured=measure(made))
    cells = evidence.chosen("translated").cells
    assert {key.language for c in cells for key, _ in c.terms} == {"sw"}
    assert evidence.mean(cells).value == pytest.approx(0.0)
    claim = next(c for c in CLAIMS if c.id == "translated_not_better")
    assert "one language (sw)" in claim.rule(evidence).reason
