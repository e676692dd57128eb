"""Planted losses of earlier tasks through the analysis, to answers; and what cannot be answered."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from made_retention import Planted, made_study

from xlgap.analysis.measure import measure
from xlgap.analysis.register import shown_tables
from xlgap.analysis.report import write_report
from xlgap.analysis.result import analyse, read_analysis, write_analysis
from xlgap.analysis.retention_answers import retention_answers


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
        (Planted(before=25.0, lost=0, less=0, further=0), "At chance just after its own phase"),
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


def test_the_table_goes_from_small_models_to_large_ones():
    found = analyse(made_study(Planted(), seed=1), ())
    (table,) = [g for g in shown_tables(found)[4] if g.name == "retention"]
    shown = list(dict.fromkeys(row[0] for row in table.rows))
    assert shown == [f"made_{size}" for size in sorted(int(m.removeprefix("made_")) for m in shown)]
    assert shown != sorted(shown)
