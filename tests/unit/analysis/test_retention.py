"""Planted losses of earlier tasks through the analysis, to answers; and what cannot be answered."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from made_retention import Planted, made_study

from xlgap.analysis.answers.retention import retention_answers
from xlgap.analysis.measure import measure
from xlgap.analysis.result import analyse, read_analysis, write_analysis
from xlgap.analysis.retention.kept import kept_of
from xlgap.analysis.retention.refit import retention_refits
from xlgap.analysis.rows import ArmInfo, Collapsed
from xlgap.records import Score
from xlgap.report.register import shown_tables
from xlgap.report.write import write_report


def answers(plan, *, seed=1):
    study = made_study(plan, seed=seed)
    return {a.key: a for a in retention_answers(study, measure(study))}


@pytest.fixture(scope="module")
def planted():
    return answers(Planted(arms=("inter_en_typing", "seq")))


def test_slope_and_level_of_the_kept_head_are_those_planted(planted):
    slope, level = planted["4.retention.slope.params_total"], planted["4.retention.level"]
    assert slope.supported
    assert level.supported
    assert slope.ci_low < 10 < slope.ci_high
    assert slope.estimate == pytest.approx(10, abs=1.5)
    lost = -(40 - 10 * 1.398)
    assert level.ci_low < lost < level.ci_high


def test_others_than_english_lose_the_same(planted):
    assert planted["4.retention_others.slope.params_total"].estimate == pytest.approx(10, abs=1.5)


def test_the_probe_loses_a_quarter_and_is_told_beside_an_untrained_one(planted):
    slope = planted["4.retention_probe.slope.params_total"]
    assert slope.estimate == pytest.approx(2.5, abs=1)
    assert "on an untrained encoder 3" in slope.reason


def test_the_ratio_is_of_chance_corrected_means():
    flat = answers(Planted(lost=30, less=0, model_sd=0))
    assert flat["4.retention_ratio.level"].estimate == pytest.approx(100 * 30 / 60, abs=3)


def test_backward_transfer_is_the_mean_over_the_tasks_of_a_run(planted):
    level = planted["4.backward.level"]
    first = -(40 - 10 * 1.398)
    assert level.estimate == pytest.approx(first - 5 / 2, abs=1.5)  # the first task loses 5 more
    assert "seq" in level.reason


def test_tasks_that_were_trained_on_at_once_are_no_backward_transfer(planted):
    assert "4.retention_joint.level" not in planted
    found = answers(Planted(arms=("inter_en_typing", "seq", "joint")))
    first = -(40 - 10 * 1.398)
    joint, backward = found["4.retention_joint.level"], found["4.backward.level"]
    assert joint.estimate == pytest.approx(first, abs=1.5)
    assert backward.estimate == pytest.approx(first - 5 / 2, abs=1.5)
    assert "(joint)" in joint.reason
    assert "(seq)" not in joint.reason
    assert "(joint)" not in backward.reason
    assert "runs that train on them at once have no order and are not in it" in backward.reason


def test_the_untrained_probe_is_told_of_the_rows_of_the_quantity():
    study = made_study(Planted(arms=("inter_en_typing", "seq")), seed=1)
    data = study.retention
    far = tuple(
        replace(s, value=99.0) if s.arm == "seq" and s.head in {"probe", "untrained"} else s
        for s in data.scores
    )
    moved = replace(study, retention=replace(data, scores=far))
    for gap in ("retention_probe", "retention_probe_others"):
        key = f"4.{gap}.level"
        said = [
            next(
                a.reason.partition("The probe scores ")[2].partition(". ")[0]
                for a in retention_answers(some, measure(some))
                if a.key == key
            )
            for some in (study, moved)
        ]
        assert said[0] == said[1]
        assert "on an untrained encoder 3" in said[0]


def test_an_untrained_probe_that_was_not_scored_on_all_of_them_has_no_number():
    study = made_study(Planted(), seed=1)
    some = tuple(s for s in study.retention.scores if (s.head, s.model) != ("untrained", "made_40000"))
    study = replace(study, retention=replace(study.retention, scores=some))
    found = {a.key: a for a in retention_answers(study, measure(study))}
    reason = found["4.retention_probe.level"].reason
    assert "not all of that was scored on an untrained encoder" in reason


def test_estimates_name_the_earlier_tasks():
    found = measure(made_study(Planted(arms=("inter_en_typing", "seq")), seed=1, resamples=20))
    tasks = {(e.gap, e.task): e.tasks for e in found.estimates}
    assert tasks["retention", "mean"] == tasks["retention", "typing"] == ("typing",)
    assert tasks["backward", "mean"] == ("order", "typing")


def test_the_masked_loss_rises_as_planted(planted):
    level = planted["4.retention_mlm.level"]
    assert level.estimate == pytest.approx(0.5, abs=0.05)
    assert "nats" in level.quantity


def test_intervals_of_single_models_hold_what_was_planted():
    study = made_study(Planted(lost=20, less=0, model_sd=0, seed_sd=0), seed=3)
    found = [e for e in measure(study).estimates if (e.gap, e.task) == ("retention", "mean")]
    assert len(found) == 5
    assert sum(e.ci_low < -20 < e.ci_high for e in found) >= 4
    assert all(1 < e.stderr < 4 for e in found)  # sqrt(2 * 85 * 15 / 500) is 2.3


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Planted(before=25.0, lost=0, less=0, further=0), "at chance just after its own phase"),
        (Planted(sizes=(40_000, 200_000)), "Not sufficient: 2 models"),
    ],
)
def test_what_data_cannot_support_says_so(plan, said):
    found = answers(plan)
    slope = found["4.retention.slope.params_total"]
    assert not slope.supported
    assert said in slope.reason


def test_models_at_chance_before_have_no_ratio_and_are_named():
    study = made_study(Planted(), seed=1)
    data = study.retention
    dull = "made_40000"
    scores = tuple(replace(s, chance=84.9) if s.model == dull and s.chance else s for s in data.scores)
    study = replace(study, retention=replace(data, scores=scores))
    found = {a.key: a for a in retention_answers(study, measure(study))}
    assert dull not in found["4.retention_ratio.slope.params_total"].models
    assert f"Left out: {dull}." in found["4.retention_ratio.slope.params_total"].reason
    assert f"{dull} on typing" in found["4.retention.slope.params_total"].reason


def test_a_model_at_chance_on_one_of_two_tasks_before_has_no_ratio():
    study = made_study(Planted(arms=("seq",)), seed=1)
    data = study.retention
    dull = "made_40000"
    scores = tuple(
        replace(s, chance=84.9) if s.model == dull and s.task == "order" and s.chance else s
        for s in data.scores
    )
    study = replace(study, retention=replace(data, scores=scores))
    found = {a.key: a for a in retention_answers(study, measure(study))}
    assert found["4.retention.level"].n == 5
    ratio = found["4.retention_ratio.level"]
    assert ratio.n == 4
    assert f"Left out: {dull}." in ratio.reason
    assert "and counted" not in ratio.reason


def test_without_it_the_question_is_not_run():
    study = replace(made_study(Planted(), seed=1), retention=None)
    (answer,) = retention_answers(study, measure(study))
    assert answer.key == "4.none"
    assert "evaluation.retention" in answer.reason


def test_it_reaches_answers_json_and_the_matrix_its_table(tmp_path):
    found = analyse(made_study(Planted(arms=("inter_en_typing", "seq")), seed=1), [])
    write_analysis(tmp_path, found)
    assert read_analysis(tmp_path) == found
    write_report(tmp_path / "report", found)
    said = json.loads((tmp_path / "report" / "answers.json").read_text())
    slope = next(a for a in said if a["key"] == "4.retention.slope.params_total")
    assert slope["estimate"] == pytest.approx(10, abs=1.5)
    assert (tmp_path / "retention.csv").is_file()
    rows = [r for r in found.retention if (r.head, r.arm, r.task) == ("kept", "seq", "typing")]
    matrix = {(r.phase, r.language): r for r in rows if r.model == "made_40000"}
    assert matrix[1, "en"].change is None
    assert matrix[1, "en"].before == matrix[1, "en"].value
    assert matrix[2, "en"].change == pytest.approx(-5, abs=4)
    assert matrix[3, "avg"].change == pytest.approx(-45, abs=5)
    assert matrix[3, "en"].ratio == pytest.approx(100 * (80 - 25 - 40) / 60, abs=8)


def test_answers_carry_the_cautions_of_other_measured_answers():
    study = replace(
        made_study(Planted(seeds=(0,), languages=("en", "de")), seed=1), missing=("one", "two")
    )
    fell = Collapsed(
        model="made_40000", arm="inter_en_typing", task="nli", language="en", seed=0, value=25.0,
        others=80.0,
        chance=25.0,
    )  # fmt: skip
    measured = replace(measure(study), collapsed=(fell, replace(fell, task="qa")))
    found = {a.key: a for a in retention_answers(study, measured)}
    level, others = found["4.retention.level"], found["4.retention_others.level"]
    for answer in (level, others):
        assert "Partial: cells of the grid without scores: 2." in answer.reason
        assert "One seed: the interval of a single model leaves out" in answer.reason
        assert "Collapsed runs are counted (1): made_40000/inter_en_typing/nli seed 0." in answer.reason
    assert level.supported
    assert not others.supported
    assert others.reason.startswith("Not sufficient: one language (de); nothing here speaks of others.")


def test_a_collapsed_run_is_left_out_of_what_is_retained():
    """A run that fell on its target has lost 30 points of its intermediate task besides."""
    study = made_study(Planted(), seed=1)
    data = study.retention
    run = ("made_40000", "inter_en_typing", "nli", 0)
    scores = tuple(
        replace(s, value=s.value - 30)
        if s.final and (s.model, s.arm, s.target, s.seed) == run and s.head == "kept"
        else s
        for s in data.scores
    )
    fell = Collapsed(
        model=run[0], arm=run[1], task=run[2], language="en", seed=run[3], value=25.0, others=80.0,
        chance=25.0,
    )  # fmt: skip
    some = replace(data, scores=scores)
    refits = retention_refits(some, kept_of(some), [fell])
    found = {(r.gap, r.change): r for r in refits}
    whole, without = (found["retention", change] for change in ("none", "without collapsed runs"))
    assert without.slope == pytest.approx(10, abs=1.5)
    assert whole.slope > without.slope + 3
    assert without.level == pytest.approx(whole.level + 3, abs=0.3)
    measured = replace(measure(study), kept=kept_of(some), collapsed=(fell,), refits=refits)
    told = {a.key: a for a in retention_answers(replace(study, retention=some), measured)}
    answer = told["4.retention.without_collapsed.level"]
    assert answer.estimate == without.level
    assert "Collapsed runs are left out (1): made_40000/inter_en_typing/nli seed 0." in answer.reason
    assert "without the collapsed runs, " in told["4.retention.level"].reason
    assert "4.retention.sensitivity.level" in told


def test_of_a_whole_grid_with_several_seeds_and_languages_nothing_of_that_is_said(planted):
    reason = planted["4.retention_others.level"].reason
    assert not [w for w in ("Partial", "One seed", "Collapsed", "one language") if w in reason]


def without(study, model, arm):
    scores = tuple(s for s in study.retention.scores if (s.model, s.arm) != (model, arm))
    return replace(study, retention=replace(study.retention, scores=scores))


def test_a_model_without_a_run_is_left_out_and_named():
    whole = made_study(Planted(), seed=1)
    study = without(whole, "made_40000", "inter_en_typing")
    arms = {"direct_en": ArmInfo(regime="direct_en")}
    study = replace(study, arms=arms, scores=tuple(extra(whole)))
    found = {a.key: a for a in retention_answers(study, measure(study))}
    slope = found["4.retention.slope.params_total"]
    assert slope.supported
    assert slope.n == 4
    assert "Left out: made_40000." in slope.reason


def extra(study):
    """A target score of each model of a study, which has none of its own."""
    for s in study.retention.scores:
        if (s.head, s.phase, s.seed, s.language, s.task) == ("kept", 1, 0, "en", "typing"):
            yield Score(
                source="measured", model=s.model, family=s.family, params_total=s.params_total,
                params_nonembedding=s.params_nonembedding, arm="direct_en", regime="direct_en",
                train_language="en", task="nli", language="en", seed=0, metric="accuracy", value=80.0,
                chance=25.0, stderr=1.0, n_items=500,
            )  # fmt: skip


def test_models_without_a_run_in_common_are_not_said_to_be_without_any():
    study = made_study(Planted(arms=("inter_en_typing", "seq")), seed=1)
    regimes = tuple(replace(s, regime="intermediate_en") for s in study.retention.scores)
    study = replace(study, retention=replace(study.retention, scores=regimes))
    for model in ("made_40000", "made_200000"):
        study = without(study, model, "seq")
    for model in ("made_1000000", "made_5000000", "made_25000000"):
        study = without(study, model, "inter_en_typing")
    found = {a.key: a for a in retention_answers(study, measure(study))}
    assert "4.none" not in found
    reason = found["4.retention.level"].reason
    assert "Left out: made_200000, made_40000." in reason
    assert "and left out: typing onto nli (inter_en_typing)." in reason


def test_the_noise_of_items_is_in_an_error_once():
    plan = Planted(lost=20, less=0, model_sd=0, seed_sd=0, seeds=(0, 1, 2, 3))
    found = [e for e in measure(made_study(plan, seed=3)).estimates if e.gap == "retention"]
    variance = sum(e.stderr**2 for e in found) / len(found)
    once = (85 * 15 + 65 * 35) / 500 / 4
    assert 0.7 * once < variance < 1.5 * once  # twice, with the weights of seeds as they were drawn


def test_the_table_goes_from_small_models_to_large_ones():
    found = analyse(made_study(Planted(), seed=1), ())
    (table,) = [g for g in shown_tables(found)[4] if g.name == "retention"]
    shown = list(dict.fromkeys(row[0] for row in table.rows))
    assert shown == [f"made_{size}" for size in sorted(int(m.removeprefix("made_")) for m in shown)]
    assert shown != sorted(shown)
