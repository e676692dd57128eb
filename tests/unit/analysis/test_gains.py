"""Planted gains come out of the whole analysis, from rows to the gains table and its tests."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import pytest
from simulate import Plan, study

from xlgap.analysis.contrasts import contrasts
from xlgap.analysis.gains import ALL, MEAN, GainRow, _student
from xlgap.analysis.measure import measure
from xlgap.analysis.pairing import Key
from xlgap.analysis.result import Analysis, analyse, read_analysis, write_analysis
from xlgap.analysis.rows import ArmInfo, Estimate
from xlgap.analysis.study import Study
from xlgap.report.gain_grids import NOTES, gain_grids
from xlgap.report.grids import gap_grid

PLAN = Plan(
    sizes=(40_000, 1_000_000), languages=("en", "de", "sw"), groups=400, group_size=2,
    cluster_sd=4.0, seed_sd=0.3, english_gain=18.0, regimes=("direct_en", "intermediate_en"),
)  # fmt: skip
MODELS = ("made_40000", "made_1000000")


def whole(plan: Plan, *, seed: int = 3, **changes: object) -> Analysis:
    return analyse(replace(study(plan, seed=seed, resamples=300), **changes), [])


def rows(found: Analysis, gap: str = "gain") -> dict[tuple[str, str], GainRow]:
    return {(r.model, r.target): r for r in found.gains if r.gap == gap}


def as_variant(made: Study, regime: str) -> Study:
    """The same scores, with the English arm as the plain one and the intermediate one as a variant."""
    arms = {
        "direct_en": ArmInfo(regime="intermediate_en", intermediate=("typing",)),
        "inter_en_typing": ArmInfo(regime=regime, intermediate=("typing",)),
    }
    scores = tuple(replace(s, regime=arms[s.arm].regime) for s in made.scores)
    return replace(made, arms=arms, scores=scores)


@pytest.fixture(scope="module")
def made() -> Analysis:
    return whole(PLAN)


def test_a_planted_gain_is_found_in_every_cell_and_mean(made: Analysis) -> None:
    found = rows(made)
    assert set(found) == {(m, t) for m in (*MODELS, ALL) for t in ("nli", "qa", MEAN)}
    for row in found.values():
        assert row.intermediate == "typing"
        assert row.stderr is not None
        assert abs(row.value - PLAN.english_gain) < 3.5 * row.stderr
        assert row.ci_low > 0
    assert found[ALL, MEAN].stderr < found[MODELS[0], "nli"].stderr


def test_means_are_the_means_of_the_cells(made: Analysis) -> None:
    found = rows(made)
    for model in MODELS:
        assert found[model, MEAN].value == pytest.approx(
            (found[model, "nli"].value + found[model, "qa"].value) / 2, abs=1e-5
        )
    assert found[ALL, "qa"].value == pytest.approx(
        sum(found[m, "qa"].value for m in MODELS) / 2, abs=1e-5
    )
    assert (found[ALL, "qa"].models, found[MODELS[0], "qa"].models) == (2, 1)


def test_holm_corrects_over_the_cells_of_one_gap(made: Analysis) -> None:
    cells = sorted((r for (m, t), r in rows(made).items() if m != ALL and t != MEAN), key=lambda r: r.p)
    assert {r.family for r in cells} == {4}
    worst = 0.0
    for rank, row in enumerate(cells):
        worst = max(worst, min(1.0, (4 - rank) * row.p))
        assert row.p_holm == pytest.approx(worst, abs=1e-5)
    means = [r for (m, t), r in rows(made).items() if m != ALL and t == MEAN]
    assert {r.family for r in means} == {2}
    assert rows(made)[ALL, MEAN].p_holm is None


def test_no_gain_is_not_found() -> None:
    found = rows(whole(replace(PLAN, english_gain=0.0)))
    assert all(r.ci_low < 0 < r.ci_high for r in found.values() if r.target == MEAN)
    assert all(r.p_holm > 0.05 for r in found.values() if r.p_holm is not None)


@pytest.mark.parametrize(
    ("gap", "regime"), [("mlm", "intermediate_en_mlm"), ("translated", "intermediate_translated")]
)
def test_variants_are_tested_against_english_alone(gap: str, regime: str) -> None:
    found = analyse(as_variant(study(PLAN, seed=3, resamples=300), regime), [])
    assert {r.gap for r in found.gains} == {gap}
    cells = rows(found, gap)
    assert cells[MODELS[0], "nli"].value == pytest.approx(PLAN.english_gain, abs=4.0)
    assert cells[MODELS[0], "nli"].p_holm < 0.05
    assert cells[MODELS[0], "nli"].family == 4


def test_a_task_at_chance_is_marked_and_in_no_mean_and_no_family() -> None:
    dead = study(replace(PLAN, at_chance=True, tasks=("nli",)), seed=5, resamples=200)
    alive = study(replace(PLAN, tasks=("qa",)), seed=5, resamples=200)
    both = replace(
        alive,
        tasks={**alive.tasks, **dead.tasks},
        scores=alive.scores + dead.scores,
        items={**alive.items, **dead.items},
    )
    found = rows(analyse(both, []))
    assert found[MODELS[0], "nli"].at_chance
    assert found[MODELS[0], "nli"].p_holm is None
    assert found[MODELS[0], "nli"].family == 0
    assert found[MODELS[0], "qa"].family == 2
    assert found[MODELS[0], MEAN].value == found[MODELS[0], "qa"].value
    [grid] = gain_grids(tuple(found.values()))
    assert any("At chance for every model" in note and "nli" in note for note in grid.notes)


def test_without_items_there_is_a_value_and_no_test() -> None:
    found = rows(whole(PLAN, items={}))
    assert found[MODELS[0], "nli"].value > 0
    for row in found.values():
        assert (row.stderr, row.ci_low, row.p, row.p_holm) == (None, None, None, None)


def test_one_seed_is_taken_as_normal_and_two_as_wider() -> None:
    one = rows(whole(replace(PLAN, seeds=(0,))))[MODELS[0], "nli"]
    two = rows(whole(replace(PLAN, seed_sd=4.0)))[MODELS[0], "nli"]
    assert (one.seeds, one.df) == (1, None)
    assert one.ci_high - one.value == pytest.approx(1.96 * one.stderr, rel=1e-3)
    assert two.df is not None
    assert two.df >= 1
    assert two.ci_high - two.value > 1.97 * two.stderr


def test_no_error_at_all() -> None:
    assert _student(0.0, 0.0, None, 0.95) == (0.0, 1.0)
    assert _student(1.0, 0.0, 3.0, 0.95) == (0.0, 0.0)
    assert _student(12.706, 1.0, 1.0, 0.95)[1] == pytest.approx(0.05, abs=1e-4)


def test_only_single_tasks_and_alike_arms_make_a_gain() -> None:
    arms = {
        "direct_en": ArmInfo(regime="direct_en"),
        "one": ArmInfo(regime="intermediate_en", intermediate=("a",)),
        "short": ArmInfo(regime="intermediate_en", intermediate=("a",), preliminary=False),
        "mixed": ArmInfo(regime="intermediate_en_mlm", intermediate=("a",)),
        "other": ArmInfo(regime="intermediate_en_mlm", intermediate=("b",)),
    }
    keys = {Key("nano", arm, "nli", code) for arm in arms for code in ("en", "de")}
    found = {(c.gap, c.arm_a, c.arm_b) for c in contrasts(keys, arms) if c.language == "de"}
    assert {f for f in found if f[0] in {"gain", "mlm"}} == {
        ("gain", "one", "direct_en"),
        ("mlm", "mixed", "one"),
    }


def test_the_table_is_written_and_read_back(made: Analysis, tmp_path: Path) -> None:
    write_analysis(tmp_path, made)
    assert read_analysis(tmp_path).gains == made.gains
    with (tmp_path / "gains.csv").open() as file:
        written = list(csv.DictReader(file))
    assert len(written) == len(made.gains)
    assert math.isclose(float(written[0]["value"]), made.gains[0].value)


def test_the_report_has_a_row_an_intermediate_task_and_a_column_a_target(made: Analysis) -> None:
    [grid] = gain_grids(made.gains)
    assert grid.columns == ("Model", "nli", "qa", MEAN)
    assert [row[:2] for row in grid.rows] == [("typing", m) for m in (*MODELS, ALL)]
    assert all("; p = 0.0" in cell or "; p < 0.001" in cell for cell in grid.rows[0][2:])


def test_gains_are_not_of_untrained_twins() -> None:
    made = study(PLAN, seed=3, resamples=100)
    found = measure(replace(made, controls={MODELS[0]: MODELS[1]}))
    assert {r.model for r in found.gains} == {MODELS[1]}


def test_the_two_kinds_of_interval_of_one_gap_are_named_in_both_tables() -> None:
    """Student's t with one degree of freedom is 6.5 times as wide as what knows the spread."""
    from scipy.stats import norm, t

    widest = f"{t.ppf(0.975, 1) / norm.ppf(0.975):.1f} times"
    point = Estimate(
        source="measured", model="m", family="f", params_total=1, params_nonembedding=1,
        gap="joint_equal_steps", task="mean", scale="raw", value=1.0,
        ci_low=0.5, ci_high=1.5,
    )  # fmt: skip
    [said] = gap_grid([point], "joint_equal_steps").notes
    assert said.startswith("Intervals: percentiles of the bootstrap")
    assert "The table of gains (question 5) has Student's t" in said
    gains = NOTES[0]
    assert "Intervals: Student's t" in gains
    assert "tables and figures of single gaps have percentiles of the same bootstrap" in gains
    assert widest in said
    assert widest in gains
    assert gap_grid([replace(point, gap="native")], "native").notes == ()
