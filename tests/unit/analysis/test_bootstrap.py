"""Bootstrap draws: pairing, clusters, seeds, determinism."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from simulate import Plan, share_right, study

from xlgap.analysis.bootstrap import (
    Draws,
    TaskItems,
    TrainingShares,
    deviation,
    draws,
    interval,
    training_shares,
)
from xlgap.analysis.contrasts import Contrast, Key
from xlgap.analysis.measure import measure
from xlgap.errors import ResultError
from xlgap.evaluation.metrics import ratio

PLAN = Plan(tasks=("nli",), sizes=(1000, 10_000), groups=60)
EN = Key("made_1000", "direct_en", "nli", "en")
SW = Key("made_1000", "direct_en", "nli", "sw")
TUNED = Key("made_1000", "direct_sw", "nli", "sw")


def contrast(*terms: tuple[Key, float]) -> Contrast:
    return Contrast(
        model="made_1000", gap="native", task="nli", language="sw", arm_a="a", arm_b="b", unit=(),
        terms=terms,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made():
    return study(PLAN, seed=0)


def test_mean_of_the_draws_is_the_score(made) -> None:
    drawn = draws(made.items, needed={EN}, resamples=4000, seed=1)
    values = drawn.on("raw", made.table).of(contrast((EN, 1.0)))
    expected = np.mean([s.value for s in made.table[EN].values()])
    assert values.mean() == pytest.approx(expected, abs=4 * values.std() / np.sqrt(4000))


def test_spread_of_items_is_that_of_cluster_means() -> None:
    made = study(replace(PLAN, seeds=(0,), groups=400), seed=3)
    drawn = draws(made.items, needed={SW}, resamples=4000, seed=1)
    values = drawn.on("raw", made.table).of(contrast((SW, 1.0)))
    frame = made.items["nli"].frame
    rows = frame[(frame["arm"] == "direct_en") & (frame["language"] == "sw")]
    rows = rows[rows["model"] == "made_1000"]
    means = 100 * rows.groupby("group")["s0"].mean()
    assert values.std() == pytest.approx(means.std(ddof=0) / np.sqrt(400), rel=0.05)


def test_resamples_in_which_a_metric_has_no_value_stay_out() -> None:
    values = np.random.default_rng(0).normal(5, 2, 1000)
    some = np.where(np.arange(1000) % 50 == 0, np.nan, values)
    assert deviation(some) == pytest.approx(np.std(some[~np.isnan(some)], ddof=1))
    assert interval(some, 0.9) == interval(some[~np.isnan(some)], 0.9)
    rng = np.random.default_rng(1)
    runs = {Key(f"m{i}", "a", "nli", "en"): rng.normal([50, 60], 1, (1000, 2)) for i in range(5)}
    share = training_shares(runs).mean[1]
    runs[Key("m0", "a", "nli", "en")][::50, 0] = np.nan
    assert 0 < training_shares(runs).mean[1] == pytest.approx(share, abs=0.01)


def test_a_resample_without_a_value_in_one_language_has_one_in_the_others() -> None:
    values = {k: np.tile([60.0, 70.0], (100, 1)) for k in (EN, SW)}
    values[SW][::10, 0] = np.nan
    drawn = Draws({k: ((0, 1), v) for k, v in values.items()}, 100, 1)
    means = drawn.over_seeds(values, arm="direct_en")
    assert np.isfinite(means[EN]).all()
    assert np.isnan(means[SW]).sum() == 10


def test_an_f_measure_of_rare_answers_has_an_error_and_an_interval() -> None:
    """Half of the resamples of two clusters have nothing to find, and so no F1."""
    made = study(replace(PLAN, groups=2), seed=0)
    task = made.items["nli"]
    frame = task.frame.assign(s1=(task.frame["group"] == "g0").astype(float))
    items = {"nli": replace(task, frame=frame, value=ratio)}
    found = measure(replace(made, items=items, resamples=200))
    drawn = [e for e in found.estimates if e.ci_low is not None]
    assert drawn
    for e in drawn:
        assert all(math.isfinite(v) for v in (e.stderr, e.ci_low, e.ci_high))
    rows = [r for r in found.gains if r.stderr is not None]
    assert all(math.isfinite(r.stderr) for r in rows)


def test_the_same_cell_twice_cancels_in_every_draw(made) -> None:
    drawn = draws(made.items, needed={SW}, resamples=100, seed=1)
    same = drawn.on("raw", made.table).of(contrast((SW, 1.0), (SW, -1.0)))
    assert np.allclose(same, 0)


def test_pairing_narrows_a_difference_of_cells_that_share_hard_clusters() -> None:
    made = study(replace(PLAN, seeds=(0,), cluster_sd=25.0), seed=5)
    drawn = draws(made.items, needed={SW, TUNED}, resamples=2000, seed=1)
    paired = drawn.on("raw", made.table).of(contrast((TUNED, 1.0), (SW, -1.0))).std()
    alone = [drawn.on("raw", made.table).of(contrast((k, 1.0))).std() for k in (SW, TUNED)]
    assert paired < 0.9 * np.hypot(*alone)


def test_seed_spread_has_the_variance_of_a_mean_of_few_seeds(made) -> None:
    """Without the correction two seeds would show half of the variance between them."""
    values = np.tile([60.0, 70.0], (20_000, 1))
    drawn = Draws({EN: ((0, 1), values)}, resamples=20_000, seed=1)
    spread = drawn.on("raw", made.table).of(contrast((EN, 1.0)))
    assert spread.mean() == pytest.approx(65.0, abs=0.2)
    assert spread.var() == pytest.approx(np.var([60, 70], ddof=1) / 2, rel=0.03)


def test_training_that_moves_all_languages_is_told_from_items_that_even_out() -> None:
    """Nine languages, items of variance 9, trainings of variance 4: 1 of 5 in a mean is items."""
    rng = np.random.default_rng(3)
    cells: dict[Key, np.ndarray] = {}
    for model in range(300):
        training = rng.normal(0, 2, size=2)
        for language in "abcdefghi":
            seen = training + rng.normal(0, 3, size=2)
            cells[Key(f"m{model}", "a", "nli", language)] = seen + rng.normal(0, 3, size=(100, 2))
    shares = training_shares(cells)
    assert shares.mean[9] ** 2 == pytest.approx(0.8, abs=0.08)
    assert shares.apart**2 < 0.1
    assert shares.pooled == {9: 300}


def test_a_mean_over_languages_keeps_the_spread_of_training() -> None:
    values = {k: np.tile([60.0, 70.0], (20_000, 1)) for k in (EN, SW)}
    shares = {"nli": TrainingShares(mean={2: 0.5}, apart=0.0)}
    drawn = Draws({k: ((0, 1), v) for k, v in values.items()}, 20_000, 1, shares)
    both = drawn.over_seeds(values, arm="direct_en")
    assert both[EN].var() == pytest.approx(0.25 * np.var([60, 70], ddof=1) / 2, rel=0.03)
    values[SW] = values[SW][:, ::-1]  # what one language has more the other has less
    assert drawn.over_seeds(values, arm="direct_en")[SW].std() == pytest.approx(0.0, abs=1e-9)


def test_seeds_are_drawn_once_for_an_arm(made) -> None:
    drawn = draws(made.items, needed={EN, SW}, resamples=500, seed=1)
    fixed = {k: ((0, 1), np.tile([0.0, 10.0], (500, 1))) for k in (EN, SW)}
    both = replace(drawn, by_seed=fixed).on("raw", made.table).of(contrast((EN, 1.0), (SW, -1.0)))
    assert np.allclose(both, 0)


def test_draws_do_not_depend_on_what_else_is_drawn(made) -> None:
    one = draws(made.items, needed={EN}, resamples=50, seed=1).by_seed[EN][1]
    all_of_them = draws(made.items, needed=set(made.table), resamples=50, seed=1).by_seed[EN][1]
    other_seed = draws(made.items, needed={EN}, resamples=50, seed=2).by_seed[EN][1]
    assert np.array_equal(one, all_of_them)
    assert not np.array_equal(one, other_seed)


def test_order_of_rows_does_not_matter(made) -> None:
    items = made.items["nli"]
    shuffled = replace(items, frame=items.frame.sample(frac=1, random_state=0))
    a = draws({"nli": items}, needed={EN}, resamples=50, seed=1).by_seed[EN][1]
    b = draws({"nli": shuffled}, needed={EN}, resamples=50, seed=1).by_seed[EN][1]
    assert np.allclose(a, b)


def test_languages_of_tasks_that_are_not_parallel_are_drawn_apart(made) -> None:
    items = {"nli": replace(made.items["nli"], parallel=False)}
    drawn = draws(items, needed={EN, SW}, resamples=2000, seed=1)
    en, sw = (drawn.on("raw", made.table).of(contrast((k, 1.0))) for k in (EN, SW))
    seeds_only = 0.5  # seeds of an arm are shared, items are not
    assert abs(np.corrcoef(en, sw)[0, 1]) < seeds_only


def test_items_of_one_cluster_have_no_draws_rather_than_equal_ones() -> None:
    made = study(replace(PLAN, groups=1), seed=0)
    drawn = draws(made.items, needed={EN}, resamples=10, seed=0)
    assert drawn.on("raw", made.table).of(contrast((EN, 1.0))) is None


def test_cells_without_items_have_no_draws(made) -> None:
    drawn = draws({}, needed={EN}, resamples=10, seed=0)
    assert drawn.on("raw", made.table).of(contrast((EN, 1.0))) is None


def test_missing_metric_is_an_error(made) -> None:
    wrong = TaskItems(frame=made.items["nli"].frame, metric="f1", value=share_right, parallel=True)
    with pytest.raises(ResultError, match=r"no row of metric 'f1'; it holds \['accuracy'\]"):
        draws({"nli": wrong}, needed={EN}, resamples=10, seed=0)


def test_interval_is_of_percentiles() -> None:
    assert interval(np.arange(101.0), 0.9) == pytest.approx((5.0, 95.0))
