"""Planted gaps and slopes come out of the whole analysis, from rows to answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.answers.cautions import LAB_SENTENCE
from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.counted import counted
from xlgap.analysis.headline import PARTS
from xlgap.analysis.measure import Measured, measure
from xlgap.analysis.rows import Answer
from xlgap.analysis.study import Study, TaskInfo

PLAN = Plan(groups=250, group_size=2, cluster_sd=5.0, seed_sd=0.5, model_sd=0.0)


@pytest.fixture(scope="module")
def made() -> tuple[Study, Measured]:
    found = study(PLAN, seed=11)
    return found, measure(found)


def answers(plan: Plan, **changes: object) -> dict[str, Answer]:
    found = replace(study(plan, seed=11, resamples=200), **changes)
    return {a.key: a for a in measured_answers(found, measure(found))}


def test_planted_gaps_are_inside_their_intervals(made: tuple[Study, Measured]) -> None:
    _, measured = made
    for gap, shift in (("inter", 0.0), ("native", 0.0), ("direct", -PLAN.english_gain)):
        points = [e for e in measured.estimates if (e.gap, e.task, e.scale) == (gap, "mean", "raw")]
        points.sort(key=lambda e: e.params_total or 0)
        assert len(points) == 4
        for i, point in enumerate(points):
            planted = PLAN.gap + shift + PLAN.slope * i * (2.0969100130080562 / 3)
            assert point.stderr is not None
            assert abs(point.value - planted) < 3.5 * point.stderr


def test_planted_slope_is_inside_its_interval(made: tuple[Study, Measured]) -> None:
    found = {a.key: a for a in measured_answers(*made)}
    for key in ("1.inter.slope.params_total", "3.direct.slope.params_total"):
        answer = found[key]
        assert answer.supported
        assert answer.n == 4
        assert answer.size_range == (40_000, 5_000_000)
        assert answer.ci_low < PLAN.slope < answer.ci_high
    conditional = found["1.inter.bootstrap.params_total"]
    assert "conditional on these checkpoints" in conditional.method
    assert conditional.ci_low < PLAN.slope < conditional.ci_high
    primary = found["1.inter.slope.params_total"]
    assert conditional.estimate == primary.estimate
    assert primary.ci_low < conditional.ci_low < conditional.ci_high < primary.ci_high


def test_paired_errors_are_on_the_rows_over_seeds(made: tuple[Study, Measured]) -> None:
    _, measured = made
    row = next(g for g in measured.gaps if (g.gap, g.language, g.seed) == ("inter", "avg", None))
    estimate = next(
        e for e in measured.estimates if (e.gap, e.task, e.model) == ("inter", row.task, row.model)
    )
    assert row.stderr == pytest.approx(estimate.stderr)


def test_parts_of_direct_add_up_on_every_task_and_over_its_tasks() -> None:
    made = study(replace(PLAN, groups=40), seed=1, resamples=100)
    kept = tuple(s for s in made.scores if (s.arm, s.task) != ("inter_en_typing", "qa"))
    for some, tasks in ((made, "nli, qa"), (replace(made, scores=kept), "nli")):
        found = [e for e in measure(some).estimates if e.scale == "raw"]
        value = {(e.gap, e.task, e.model): e.value for e in found}
        direct = {key[1:]: v for key, v in value.items() if key[0] == "direct"}
        assert {task for task, _ in direct} == {*tasks.split(", "), "mean"}
        for key, whole in direct.items():
            assert whole == pytest.approx(value["native", *key] - value["english_gain", *key])
        means = {e.note for e in found if e.task == "mean" and e.gap in {"direct", *PARTS}}
        assert means == {f"mean over {tasks}"}
        assert ("native", "qa", "made_40000") in value  # beside its mean it keeps all of its tasks


def test_parts_of_direct_without_one_of_its_tasks_are_not_shown_over_the_others() -> None:
    made = study(replace(PLAN, groups=40), seed=1, resamples=100)
    lost = ("direct_en", "qa")
    some = replace(made, scores=tuple(s for s in made.scores if (s.arm, s.task) != lost))
    means = {e.gap: e.note for e in measure(some).estimates if e.task == "mean"}
    assert means["direct"] == "mean over nli, qa"
    assert not means.keys() & set(PARTS)
    small = tuple(s for s in made.scores if (s.model, s.arm, s.task) != ("made_40000", *lost))
    measured = measure(replace(made, scores=small))
    assert measured.partial["native"] == measured.partial["english_gain"] == ("made_40000",)


def test_estimates_name_their_tasks(made: tuple[Study, Measured]) -> None:
    for e in made[1].estimates:
        assert e.tasks == (("nli", "qa") if e.task == "mean" else (e.task,)), e.gap


def test_native_stands_alone_where_there_is_no_direct() -> None:
    made = study(replace(PLAN, groups=40), seed=1, resamples=100)
    alone = replace(made, scores=tuple(s for s in made.scores if not s.arm.startswith("inter_en")))
    for some, part in ((made, True), (alone, False)):
        found = {a.key: a for a in measured_answers(some, measure(some))}
        reason = found["3.native.slope.params_total"].reason
        assert "Mean over nli, qa." in reason
        assert ("G_direct is G_native minus the gain" in reason) == part


def test_every_measured_lab_answer_says_what_the_lab_is(made: tuple[Study, Measured]) -> None:
    assert all(LAB_SENTENCE in a.reason for a in measured_answers(*made))
    released = replace(made[0], source="release")
    assert not any(LAB_SENTENCE in a.reason for a in measured_answers(released, made[1]))


def test_same_inputs_same_numbers() -> None:
    a, b = (measure(study(Plan(groups=20), seed=3, resamples=50)) for _ in range(2))
    assert a.estimates == b.estimates
    assert a.gaps == b.gaps


@pytest.mark.parametrize("sizes", [(40_000,), (40_000, 200_000), (40_000, 200_000, 10**6)])
def test_too_few_sizes_are_not_supported(sizes: tuple[int, ...]) -> None:
    answer = answers(replace(PLAN, sizes=sizes, groups=40))["1.inter.slope.params_total"]
    assert not answer.supported
    few = counted(len(sizes), "model") + " of " + counted(len(sizes), "size")
    assert few in answer.reason
    assert (answer.estimate is None) == (len(sizes) < 3)


@pytest.mark.parametrize(("largest", "said"), [(160_000, True), (400_000, False)])
def test_a_slope_beyond_the_range_of_sizes_says_so(largest: int, said: bool) -> None:
    sizes = (40_000, 80_000, 120_000, largest)
    answer = answers(replace(PLAN, sizes=sizes, groups=40))["1.inter.slope.params_total"]
    sentence = "The sizes span a factor of 4.0 (40k to 160k): the change for ten times is extrapolated."
    assert (sentence in answer.reason) == said


def test_data_that_is_no_translation_is_said_to_be_another_domain() -> None:
    made = study(replace(PLAN, groups=40), seed=1, resamples=100)
    tasks = {name: TaskInfo(metric="accuracy", parallel=name == "nli") for name in PLAN.tasks}
    for some, said in ((made, False), (replace(made, tasks=tasks), True)):
        found = {a.key: a for a in measured_answers(some, measure(some))}
        for gap in ("3.direct", "3.native"):
            assert ("Language + domain: on qa " in found[f"{gap}.slope.params_total"].reason) == said
        assert "Language + domain" not in found["1.inter.slope.params_total"].reason
    other = replace(made, translated=frozenset())
    reason = {a.key: a.reason for a in measured_answers(other, measure(other))}
    assert (
        "Language + domain: on typing the target-language intermediate data need not be the English "
        "intermediate data in translation" in reason["1.inter.slope.params_total"]
    )
    assert "Language + domain" not in reason["3.direct.slope.params_total"]


def test_one_seed_is_said() -> None:
    found = answers(replace(PLAN, seeds=(0,), groups=40))["1.inter.slope.params_total"]
    assert found.supported
    assert (
        "One seed: the interval of a single model leaves out the variance of training." in found.reason
    )


def test_all_at_chance_is_not_supported() -> None:
    found = answers(replace(PLAN, at_chance=True, groups=40))
    for key in ("1.inter.slope.params_total", "3.direct.slope.params_total"):
        assert not found[key].supported
        assert found[key].estimate is None
        assert "At chance in English for every model and left out: nli, qa." in found[key].reason


def test_models_of_which_no_error_is_known_are_not_said_to_be_above_chance() -> None:
    made = study(replace(PLAN, groups=40), seed=1, resamples=100)
    unknown = tuple(replace(s, stderr=None) if s.model == "made_40000" else s for s in made.scores)
    some = replace(made, scores=unknown)
    measured = measure(some)
    assert measured.hopeless == frozenset()
    reason = measured_answers(some, measured)[0].reason
    assert "Not known to be above chance in English: made_40000 on nli (direct_en), made_40" in reason


def test_a_model_without_its_cells_is_left_out_and_named() -> None:
    made = study(replace(PLAN, groups=40), seed=1, resamples=100)
    gone = ("made_40000", "inter_sw_typing", "qa")
    kept = tuple(s for s in made.scores if (s.model, s.arm, s.task) != gone)
    partial = replace(made, scores=kept, missing=("-".join(gone),))
    answer = next(a for a in measured_answers(partial, measure(partial)) if a.question == 1)
    assert answer.n == 3
    assert not answer.supported
    assert "made_40000" not in answer.models
    assert "Left out: made_40000 has no inter_sw_typing on qa." in answer.reason
    assert "Partial" in answer.reason


def test_questions_without_arms_say_what_they_need() -> None:
    made = study(replace(PLAN, groups=40), seed=1, resamples=100)
    arms = ("direct_en", "direct_sw", "direct_ru")
    only = replace(made, scores=tuple(s for s in made.scores if s.arm in arms))
    found = {a.key: a for a in measured_answers(only, measure(only))}
    assert "needs an intermediate_tgt arm" in found["1.inter.slope.params_total"].reason
    assert found["3.native.slope.params_total"].supported
    assert not found["4.none"].supported
    assert "Not run in this study" in found["5.none"].reason


def test_languages_only_count_over_tasks_that_are_parallel() -> None:
    tasks = {name: TaskInfo(metric="accuracy", parallel=name == "nli") for name in PLAN.tasks}
    made = replace(study(replace(PLAN, groups=40), seed=1, resamples=100), tasks=tasks)
    measured = measure(made)
    mean = next(e for e in measured.estimates if (e.gap, e.task) == ("transfer", "mean"))
    assert mean.note == "mean over nli"
    rows = [g for g in measured.gaps if g.gap == "transfer" and g.task == "qa"]
    assert all("not translations of each other" in g.note for g in rows)


def test_a_model_without_any_cell_of_a_gap_is_named() -> None:
    languages = ("en", "de", "sw", "ru", "fi", "ar", "zh", "es")
    made = study(replace(PLAN, groups=20, languages=languages), seed=1, resamples=50)
    gone = ("inter_sw_typing", "inter_ru_typing", "inter_en_typing")
    kept = tuple(s for s in made.scores if s.model != "made_40000" or s.arm not in gone)
    partial = replace(made, scores=kept)
    found = {a.key: a for a in measured_answers(partial, measure(partial))}
    for key in ("1.inter", "2.spread", "3.direct"):
        assert "Left out: made_40000 has no inter_" in found[f"{key}.slope.params_total"].reason
    assert "Left out" not in found["2.distance.slope.params_total"].reason


@pytest.mark.parametrize(("seeds", "said"), [((0,), False), ((0, 1), True)])
def test_the_bootstrap_names_seeds_where_there_are_several(seeds: tuple[int, ...], said: bool) -> None:
    found = answers(replace(PLAN, seeds=seeds, groups=40))["1.inter.bootstrap.params_total"]
    assert found.supported
    assert ("of seeds" in found.method) == said


def test_the_bootstrap_of_three_models_is_no_answer() -> None:
    sizes = (40_000, 200_000, 10**6)
    found = answers(replace(PLAN, sizes=sizes, groups=40))["1.inter.bootstrap.params_total"]
    assert not found.supported
    assert found.reason.startswith("Not sufficient: 3 models of 3 sizes")
