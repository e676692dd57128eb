"""The simulation behind every interval, small: binomial tolerance around its bounds."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from scipy.stats import binom

from xlgap.analysis.published.distance import published_slopes
from xlgap.config import load_params
from xlgap.published import load_scores

ROOT = Path(__file__).parents[3]
STUDIES = 40


@pytest.fixture(scope="module")
def coverage() -> Iterator[ModuleType]:
    """The script, as if it were started; not by its name, which is that of a package."""
    path = ROOT / "benchmarks/coverage.py"
    spec = importlib.util.spec_from_file_location("coverage_of_answers", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(path.parent))
        spec.loader.exec_module(module)
        yield module


@pytest.fixture(scope="module")
def rows(coverage: ModuleType) -> dict[str, dict[str, object]]:
    return {row["estimator"]: row for row in coverage.run(STUDIES, seed=7)}


def test_every_interval_holds_the_truth_about_as_often_as_it_says(
    coverage: ModuleType, rows: dict[str, dict[str, object]]
) -> None:
    """Below what 93% give by chance once in ten thousand, an estimator is broken."""
    least = binom.ppf(1e-4, STUDIES, 0.93) / STUDIES
    found = {name: row["coverage"] for name, row in rows.items() if row["kind"] == coverage.INTERVAL}
    assert len(found) >= 54
    assert {name: share for name, share in found.items() if share is None or share < least} == {}


def test_nothing_is_found_where_there_is_nothing(
    coverage: ModuleType, rows: dict[str, dict[str, object]]
) -> None:
    most = binom.ppf(1 - 1e-4, STUDIES, 0.07) / STUDIES
    found = {
        name: row["false_positive"]
        for name, row in rows.items()
        if row["false_positive"] is not None and row["kind"] != coverage.FLOOR  # of few of the studies
    }
    assert len(found) >= 60
    assert {name: share for name, share in found.items() if share > most} == {}


def test_the_bounds_tell_an_interval_that_is_too_narrow(coverage: ModuleType) -> None:
    assert not coverage.row("x", coverage.INTERVAL, [True] * 88 + [False] * 12, [])["passes"]
    assert not coverage.row("x", coverage.INTERVAL, [True] * 100, [])["passes"]
    assert coverage.row("x", coverage.INTERVAL, [True] * 95 + [False] * 5, [])["passes"]
    assert coverage.row("x", coverage.FLOOR, [True] * 100, [])["passes"]
    assert not coverage.row("x", coverage.EXACT, [], [True] * 6 + [False] * 94)["passes"]


def test_it_simulates_the_default_study(coverage: ModuleType) -> None:
    params = load_params(ROOT / "params.yaml")
    assert len(coverage.arms.SIZES) == len(params.models)
    assert len(params.study.seeds) == coverage.arms.SEEDS
    assert ("en", *coverage.arms.LANGUAGES) == tuple(params.languages.evaluation)
    assert len(coverage.arms.DISTANCE) == len(coverage.arms.LANGUAGES)


def test_published_models_and_languages_are_those_of_the_xnli_tables(coverage: ModuleType) -> None:
    slopes = [s for s in published_slopes(load_scores()) if s.task == "xnli" and s.params_total]
    made = coverage.printed_distances
    assert sorted(made.PUBLISHED.values()) == sorted((s.family, s.params_total) for s in slopes)
    assert {tuple(code for code, _, _ in s.points) for s in slopes} == {made.PUBLISHED_LANGUAGES}
