"""What stands behind a slope: levels, refits, collapsed runs, seeds, families, the sizes beyond."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.answers.level import level_answer
from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.answers.series import FAMILIES, SIZES, Series, correlation_answer, slope_answer
from xlgap.analysis.answers.trend import beyond_answers, family_answers
from xlgap.analysis.measure import Measured, measure
from xlgap.analysis.rows import Answer, Estimate
from xlgap.analysis.sentence import beyond, headline
from xlgap.analysis.study import Study
from xlgap.analysis.words import BENT, trend

PLAN = Plan(
    groups=120, group_size=2, languages=("en", "de", "sw", "ru", "fi", "ar", "zh", "es"), model_sd=0.3
)


@pytest.fixture(scope="module")
def made() -> tuple[Study, Measured]:
    found = study(PLAN, seed=4, resamples=200)
    return found, measure(found)


@pytest.fixture(scope="module")
def answers(made: tuple[Study, Measured]) -> dict[str, Answer]:
    return {a.key: a for a in measured_answers(*made)}


def of(plan: Plan, change: Callable[[Study], Study] = lambda s: s) -> dict[str, Answer]:
    found = change(study(plan, seed=4, resamples=100))
    return {a.key: a for a in measured_answers(found, measure(found))}


def test_the_planted_level_is_in_its_interval(answers: dict[str, Answer]) -> None:
    middle = PLAN.gap + PLAN.slope * 2.0969100130080562 / 2
    for key, planted in (("1.inter", middle), ("3.direct", middle - PLAN.english_gain)):
        level = answers[f"{key}.level"]
        assert level.supported
        assert level.ci_low < planted < level.ci_high


def test_the_whole_study_refitted_is_the_primary_slope(
    made: tuple[Study, Measured], answers: dict[str, Answer]
) -> None:
    whole = {r.gap: r for r in made[1].refits if r.change == "none"}
    for key in ("1.inter", "3.direct"):
        slope = answers[f"{key}.slope.params_total"]
        refit = whole[key.split(".")[1]]
        assert (refit.slope, refit.ci_low, refit.ci_high) == pytest.approx(
            (slope.estimate, slope.ci_low, slope.ci_high)
        )
        again = answers[f"{key}.sensitivity.params_total"]
        assert (again.estimate, again.ci_low, again.ci_high, again.n) == (
            slope.estimate, slope.ci_low, slope.ci_high, slope.n,
        )  # fmt: skip


def test_the_range_over_refits_reads_as_a_sentence(answers: dict[str, Answer]) -> None:
    method = answers["1.inter.sensitivity.params_total"].method
    assert method.startswith(
        "the primary slope with its interval, again in 5 refits, each without one task or language, or "
        "on non-embedding parameters: from −"
    )
    assert re.search(r"; the interval (is below 0 each time|holds 0 without (task|language) )", method)


def test_each_part_is_left_out_once(made: tuple[Study, Measured]) -> None:
    found = {(r.change, r.name) for r in made[1].refits if r.gap == "inter"}
    assert found == {
        ("none", ""), ("non-embedding parameters", ""), ("without task", "nli"),
        ("without task", "qa"), ("without language", "sw"), ("without language", "ru"),
    }  # fmt: skip


def test_a_task_left_out_gives_the_slope_of_the_others(made: tuple[Study, Measured]) -> None:
    without = next(
        r for r in made[1].refits if (r.gap, r.change, r.name) == ("inter", "without task", "qa")
    )
    kept = replace(made[0], scores=tuple(s for s in made[0].scores if s.task == "nli"))
    values = {e.model: e.value for e in measure(kept).estimates if (e.gap, e.task) == ("inter", "mean")}
    assert len(values) == 4
    assert without.slope == pytest.approx(PLAN.slope, abs=2.5)
    assert without.slope != pytest.approx(
        next(r.slope for r in made[1].refits if (r.gap, r.change) == ("inter", "none")), abs=1e-6
    )


def test_a_corrected_metric_is_one_of_the_refits(made: tuple[Study, Measured]) -> None:
    mended = [replace(s, metric="aware", value=s.value / 2) for s in made[0].scores if s.task == "qa"]
    tasks = dict(made[0].tasks) | {"qa": replace(made[0].tasks["qa"], corrected="aware")}
    both = replace(made[0], scores=(*made[0].scores, *mended), tasks=tasks)
    found = {(r.change, r.name): r for r in measure(both).refits if r.gap == "inter"}
    assert found["metric", "aware on qa"].slope > found["none", ""].slope


FALLEN = ("made_5000000", "inter_sw_typing", "qa", 0)


def fallen(made: Study) -> Study:
    """The study with one run at chance, and chance so low that zero-shot transfer is well above it."""
    scores = tuple(
        replace(s, chance=15.0, value=15.0)
        if (s.model, s.arm, s.task, s.seed) == FALLEN
        else replace(s, chance=15.0)
        for s in made.scores
    )
    return replace(made, scores=scores, items={})


def test_collapsed_runs_are_counted_and_left_out(made: tuple[Study, Measured]) -> None:
    some = fallen(made[0])
    measured = measure(some)
    assert [(c.model, c.arm, c.task, c.seed) for c in measured.collapsed] == [FALLEN]
    found = {a.key: a for a in measured_answers(some, measured)}
    plain = found["1.inter.slope.params_total"]
    without = found["1.inter.without_collapsed.params_total"]
    assert without.supported
    assert "without 1 collapsed run" in without.quantity
    assert "3.direct.without_collapsed.params_total" not in found
    named = "Collapsed runs are counted (1): made_5000000/inter_sw_typing/qa seed 0."
    assert "Collapsed runs are left out (1): made_5000000/inter_sw_typing" in without.reason
    assert {a.question for a in found.values() if "Collapsed" in a.reason} == {1}
    assert named in plain.reason
    kept = tuple(s for s in some.scores if (s.model, s.arm, s.task, s.seed) != FALLEN)
    never = measured_answers(replace(some, scores=kept), measure(replace(some, scores=kept)))
    slope = next(a for a in never if a.key == "1.inter.slope.params_total")
    assert without.estimate == pytest.approx(slope.estimate) != plain.estimate
    assert without.estimate == pytest.approx(PLAN.slope, abs=2.0)
    assert "1.inter.without_collapsed.params_total" not in {a.key for a in measured_answers(*made)}


def test_seeds_answer_names_gap_and_seeds(answers: dict[str, Answer]) -> None:
    found = answers["1.inter.seeds"]
    assert found.supported
    assert found.ci_low < found.estimate < found.ci_high
    assert "t test over 2 seeds with 80% power" in found.method
    assert (found.n, len(found.models)) == (4, 4)
    assert "needs" in found.method


def test_no_answer_reads_its_tasks_out_of_a_note() -> None:
    """Seeds, collapsed runs and the mixed model take the tasks that the estimates are over."""
    found = fallen(study(replace(PLAN, groups=30), seed=4, resamples=50))
    measured = measure(found)
    other = tuple(replace(e, note="In other words") for e in measured.estimates)
    said = [
        {a.key: (a.estimate, a.method, a.n) for a in measured_answers(found, some)}
        for some in (measured, replace(measured, estimates=other))
    ]
    assert {"1.inter.seeds", "1.inter.without_collapsed.params_total"} <= said[0].keys()
    assert "2.distance.mixed.params_total" in said[0]
    assert said[0] == said[1]


def test_question_3_tells_the_measured_range_and_what_lies_beyond(answers: dict[str, Answer]) -> None:
    measured, beyond = answers["3.direct.at.measured"], answers["3.direct.at.175e9"]
    assert measured.method.startswith("Measured from 40k to 5M parameters: at the largest size")
    assert measured.supported
    assert not beyond.supported
    assert beyond.reason.startswith("Extrapolation to 175B parameters is refused: 4 sizes")
    assert "extrapolated" in beyond.quantity


def point(size: float, value: float, family: str = "f") -> Estimate:
    return Estimate(
        source="published", model=f"{family}{size:g}", family=family, params_total=int(size),
        params_nonembedding=None, gap="direct", task="mean", scale="raw", value=value,
    )  # fmt: skip


def series(*points: Estimate) -> Series:
    return Series(
        question=3, key="3.direct", quantity="G", unit="points", estimates=points, figure="f.svg"
    )


def test_a_bent_ladder_is_extrapolated_and_says_what_the_interval_is() -> None:
    values = [40.1, 20.2, 12.1, 8.0, 7.1, 6.9]
    sizes = [3e8, 7e8, 1.5e9, 4e9, 1.3e10, 4e10]
    found = beyond_answers(series(*(point(s, v) for s, v in zip(sizes, values, strict=True))))[1]
    assert found.supported
    assert found.method.startswith("Extrapolated to 175B parameters, a factor of 4.38 beyond")
    assert "if it goes on: power law, better than a line by an F test (p " in found.method
    assert found.ci_low < found.estimate < found.ci_high


LEVELS_OFF = [(1e8, 32.1), (3e8, 11.9), (1e9, 5.1), (4e9, 2.6), (1.6e10, 2.3), (6e10, 2.0)]


def levels_off(factor: float = 1) -> Series:
    return series(*(point(factor * s, v) for s, v in LEVELS_OFF))


def test_a_gap_that_levels_off_is_told_by_its_curve() -> None:
    made = levels_off()
    slope, level = slope_answer(made, *SIZES[0]), level_answer(made)
    assert trend(slope) == "not shown"
    assert slope.reason.startswith(f"{BENT}a power law fits better (F test, p < 0.001)")
    assert "power law" in level.method
    assert trend(level) == "above 0"
    said = headline([slope, level], 3, "published")
    assert "no change with size is shown" not in said
    assert "is not along a straight line on log size, so that this is only its mean" in said
    measured, farther = beyond_answers(made)
    assert measured.ci_low < 2.0 < measured.ci_high, "what the largest model measures"
    assert measured.ci_high - measured.ci_low < 3, "the line's interval there is 32 points wide"
    two = beyond([slope, measured, farther], 3, "published")
    assert two[0].endswith(" at the largest size, on the curve (power law) through all sizes.")
    assert two[1].startswith("Extrapolated to 175B parameters, a factor of 2.92 beyond")


def test_a_size_within_the_measured_ones_is_no_extrapolation() -> None:
    lines = [(1e9, 8.1), (1e10, 6.2), (1e11, 3.8), (4.05e11, 2.9)]
    for made, drawn in (
        (levels_off(10), "curve (power law)"), (series(*(point(s, v) for s, v in lines)), "line"),
    ):  # fmt: skip
        measured, there = beyond_answers(made)
        assert there.supported
        assert "extrapolated" not in there.quantity
        said = beyond([measured, there], 3, "published")[1]
        assert said.startswith("175B parameters lie within the measured sizes, so that nothing is ")
        assert said.endswith(f" there, on the {drawn} through all sizes.")
    few = beyond_answers(series(*(point(s, v) for s, v in lines[2:])))[1]
    assert not few.supported
    assert few.reason.startswith("Not sufficient: 2 models of 2 sizes")
    assert beyond_answers(series(point(2e11, 3), point(9e11, 2)))[1].reason.startswith(
        "Extrapolation to 175B parameters is refused: 175B lies below the smallest model"
    )


def test_families_are_told_apart() -> None:
    points = [
        point(s, v + {"a": 0, "b": 20, "c": 40, "d": 60}[f], f)
        for f in "abcd"
        for s, v in ((1e8, 5.0), (1e9, 3.1), (1e10, 0.9))
    ]
    within, between = family_answers(series(*points))
    assert within.estimate == pytest.approx(-2.05, abs=0.01)
    assert within.supported
    assert not between.supported
    assert family_answers(series(*points[:3])) == []


def test_two_sizes_carry_no_trend_and_no_level() -> None:
    for key, answer in of(replace(PLAN, sizes=(40_000, 5_000_000), groups=30)).items():
        if answer.question in {1, 2, 3} and not key.endswith(".seeds"):
            assert not answer.supported, key
            few = ("2 models", "2 sizes", "1 model without the collapsed runs")
            assert any(sentence in answer.reason for sentence in few), key


def test_one_seed_says_nothing_of_seeds() -> None:
    found = of(replace(PLAN, seeds=(0,), groups=30))
    for key in ("1.inter.seeds", "3.direct.seeds"):
        assert not found[key].supported
        assert found[key].reason.startswith("One seed: the variance between seeds is not known")


def test_one_language_says_so_and_carries_no_slope_over_distance() -> None:
    def one(made: Study) -> Study:
        return replace(made, scores=tuple(s for s in made.scores if s.language in {"en", "sw"}))

    found = of(replace(PLAN, groups=30), one)
    said = "Not sufficient: one language (sw); nothing here speaks of others."
    of_gaps = [a for key, a in found.items() if key.startswith(("1.inter.", "3.direct.", "3.native."))]
    assert len(of_gaps) > 10
    for answer in of_gaps:
        assert not answer.supported, answer.key
        assert answer.reason.startswith(said), answer.key
    assert found["1.inter.level"].estimate is not None  # it is told all the same, of that language
    assert not found["2.distance.slope.params_total"].supported
    assert "at least five languages" in found["2.distance.slope.params_total"].reason
    without = next(k for k in found if k == "1.inter.sensitivity.params_total")
    assert "not possible: without language sw" in found[without].method


def test_scores_at_chance_answer_nothing() -> None:
    for key, answer in of(replace(PLAN, at_chance=True, groups=30)).items():
        if answer.question in {1, 2, 3}:
            assert not answer.supported, key
            assert answer.estimate is None, key
            assert "At chance in English for every model and left out: nli, qa." in answer.reason, key


def test_a_slope_over_several_families_says_that_it_is_not_of_size_alone() -> None:
    points = [replace(point(1e8 * 4**i, 5.0 - i * i, "ab"[i % 2]), source="measured") for i in range(5)]
    several = slope_answer(series(*points), *SIZES[0])
    assert several.supported
    assert f"{FAMILIES}." in several.reason
    for family in ("a", "unknown"):
        of_one = series(*(replace(p, family=family) for p in points))
        assert FAMILIES not in slope_answer(of_one, *SIZES[0]).reason


def test_families_that_are_not_known_are_not_told_apart() -> None:
    points = [point(1e8 * 4**i, 5.0 - i, family) for i, family in enumerate(("a", "b", "c", "d", "e"))]
    assert len(family_answers(series(*points))) == 2
    assert family_answers(series(*points[:4], replace(points[4], family="unknown"))) == []


def test_single_models_are_left_out_where_four_stay() -> None:
    sizes = (40_000, 200_000, 1_000_000, 5_000_000, 25_000_000)
    made = study(replace(PLAN, groups=20, sizes=sizes), seed=4, resamples=20)
    found = {r.name for r in measure(made).refits if (r.gap, r.change) == ("inter", "without model")}
    assert found == {f"made_{size}" for size in sizes}


def test_the_interval_of_a_level_is_said_to_be_about_the_line(answers: dict[str, Answer]) -> None:
    assert "their scatter about the line on log10 parameters" in answers["1.inter.level"].method


def test_the_same_gap_in_every_model_has_no_correlation() -> None:
    points = [point(s, 2.0) for s in (1e8, 1e9, 1e10, 1e11)]
    assert correlation_answer(series(*points), *SIZES[0]).reason.startswith("Not defined: all 4 models")
