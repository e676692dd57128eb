"""The vectorised bootstrap over rows gives what a slow loop gives."""

from __future__ import annotations

import time

import numpy as np
import pytest

from xlgap.analysis.stats import row_bootstrap
from xlgap.analysis.stats.row_bootstrap import (
    bootstrap_rows,
    codes,
    mean_columns,
    mean_of,
    slope_columns,
    slope_of,
)
from xlgap.errors import ResultError
from xlgap.published import load_scores

RNG = np.random.default_rng(0)
SOURCES = RNG.choice(list("pqrst"), 60).tolist()
MODELS = RNG.choice(list("ABCDEFGH"), 60).tolist()
X, Y = RNG.normal(8, 1, 60), RNG.normal(40, 10, 60)


def slow(factors: list[list[str]], resamples: int, seed: int) -> list[np.ndarray]:
    """Rows repeated as often as their clusters were drawn, resample by resample."""
    rng = np.random.default_rng(seed)
    numbered = [codes(names) for names in factors]
    drawn = [rng.multinomial(count, np.full(count, 1 / count), size=resamples) for _, count in numbered]
    rows = []
    for r in range(resamples):
        times = [
            int(np.prod([d[r, number[i]] for d, (number, _) in zip(drawn, numbered, strict=True)]))
            for i in range(len(factors[0]))
        ]
        rows.append(np.repeat(np.arange(len(times)), times))
    return rows


@pytest.mark.parametrize("factors", [[SOURCES], [SOURCES, MODELS]], ids=["one", "crossed"])
def test_means_and_slopes_are_those_of_the_slow_loop(factors: list[list[str]]) -> None:
    rows = slow(factors, 200, seed=5)
    means = bootstrap_rows(
        mean_columns(Y), factors, mean_of, rng=np.random.default_rng(5), resamples=200
    )
    slopes = bootstrap_rows(
        slope_columns(X, Y), factors, slope_of, rng=np.random.default_rng(5), resamples=200
    )
    for r, kept in enumerate(rows):
        if len(kept):
            assert means[r] == pytest.approx(Y[kept].mean())
        if len(np.unique(X[kept])) > 2:
            assert slopes[r] == pytest.approx(np.polyfit(X[kept], Y[kept], 1)[0])


def test_clusters_widen_what_independent_rows_would_say() -> None:
    rng = np.random.default_rng(1)
    clusters = np.repeat(range(12), 20)
    values = np.repeat(rng.normal(0, 3, 12), 20) + rng.normal(size=240)
    drawn = [
        bootstrap_rows(mean_columns(values), [names], mean_of, rng=rng, resamples=2000)
        for names in (clusters, range(240))
    ]
    truth = np.array([values[clusters == c].mean() for c in range(12)]).std() / np.sqrt(12)
    assert drawn[0].std() == pytest.approx(truth, rel=0.06)
    assert drawn[0].std() > 3 * drawn[1].std()


def test_chunks_keep_the_number_of_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_bootstrap, "CHUNK", 100)
    found = bootstrap_rows(
        mean_columns(Y), [SOURCES], mean_of, rng=np.random.default_rng(0), resamples=57
    )
    assert found.shape == (57,)
    assert found.mean() == pytest.approx(Y.mean(), abs=3)


def test_same_generator_same_draws() -> None:
    a, b = (
        bootstrap_rows(mean_columns(Y), [MODELS], mean_of, rng=np.random.default_rng(2), resamples=20)
        for _ in range(2)
    )
    assert (a == b).all()


def test_one_cluster_or_other_lengths_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ResultError, match="at least 2 clusters"):
        bootstrap_rows(mean_columns(Y), [["a"] * 60], mean_of, rng=rng)
    with pytest.raises(ResultError, match="60 rows have 2 cluster names"):
        bootstrap_rows(mean_columns(Y), [["a", "b"]], mean_of, rng=rng)


def test_ten_thousand_resamples_of_all_published_rows_take_under_five_seconds() -> None:
    """Half a second of an idle core; the bound is processor time, so that neighbours do not count."""
    rows = load_scores()
    clusters = [(r.publication, r.model) for r in rows]
    values = np.array([r.value for r in rows])
    start = time.process_time()
    found = bootstrap_rows(mean_columns(values), [clusters], mean_of, rng=np.random.default_rng(0))
    assert time.process_time() - start < 5
    assert len(rows) == 22_176
    assert found.shape == (10_000,)
    assert found.mean() == pytest.approx(values.mean(), abs=0.5)
