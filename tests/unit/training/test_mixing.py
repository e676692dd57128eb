from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlgap.regimes.base import Sampling
from xlgap.training.mixing import (
    draw,
    shares,
    steps_to_reach,
    task_steps,
    text_steps,
    with_text,
)

ROWS = [400_000, 10_000, 90_000]
ANNEALED = Sampling(rule="time_dependent", start_temperature=1.0, end_temperature=5.0)


@pytest.mark.parametrize(
    ("sampling", "weights"),
    [
        (Sampling(rule="uniform"), [1, 1, 1]),
        (Sampling(rule="proportional"), [40, 1, 9]),
        (Sampling(rule="proportional", cap=90_000), [9, 1, 9]),
        (Sampling(rule="temperature", temperature=2.0), np.sqrt([40, 1, 9])),
        (Sampling(rule="temperature", temperature=1.0), [40, 1, 9]),
        (Sampling(rule="temperature", temperature=2.0, cap=40_000), [2, 1, 2]),
    ],
)
def test_each_rule_has_its_probabilities(sampling, weights):
    expected = np.asarray(weights) / np.sum(weights)
    assert sampling.probabilities(ROWS) == pytest.approx(expected)


def test_time_dependent_sampling_goes_from_one_temperature_to_the_other():
    first = Sampling(rule="temperature", temperature=1.0).probabilities(ROWS)
    last = Sampling(rule="temperature", temperature=5.0).probabilities(ROWS)
    middle = Sampling(rule="temperature", temperature=3.0).probabilities(ROWS)
    assert ANNEALED.probabilities(ROWS, progress=0.0) == pytest.approx(first)
    assert ANNEALED.probabilities(ROWS, progress=1.0) == pytest.approx(last)
    assert ANNEALED.probabilities(ROWS, progress=0.5) == pytest.approx(middle)
    order = draw(ROWS, ANNEALED, steps=20_000, seed=1)
    shares_of_small = [(half == 1).mean() for half in np.split(order, 2)]
    assert shares_of_small[0] < 0.7 * shares_of_small[1]


@pytest.mark.parametrize("rule", ["uniform", "proportional"])
def test_drawn_shares_are_the_probabilities(rule):
    order = draw(ROWS, Sampling(rule=rule), steps=40_000, seed=3)
    found = np.bincount(order, minlength=3) / len(order)
    assert found == pytest.approx(Sampling(rule=rule).probabilities(ROWS), abs=0.01)


def test_a_seed_draws_one_order_whose_beginning_does_not_depend_on_its_length():
    long = draw(ROWS, Sampling(), steps=50, seed=3)
    assert draw(ROWS, Sampling(), steps=50, seed=3).tolist() == long.tolist()
    assert draw(ROWS, Sampling(), steps=20, seed=3).tolist() == long[:20].tolist()
    assert draw(ROWS, Sampling(rule="uniform"), steps=50, seed=4).tolist() != long.tolist()


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 500), st.floats(0.01, 0.95), st.integers(0, 5))
def test_text_has_its_share_and_leaves_tasks_in_their_order(of_tasks, rate, seed):
    steps = of_tasks + text_steps(of_tasks, rate)
    assert task_steps(steps, rate) == of_tasks
    tasks = draw([1, 1], Sampling(rule="uniform"), steps=of_tasks, seed=seed)
    order = with_text(tasks, text=2, steps=steps, seed=seed)
    assert order[order != 2].tolist() == tasks.tolist()
    assert abs((order == 2).mean() - rate) <= 0.5 / steps + 1e-9


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=6), st.integers(6, 10_000))
def test_shares_add_up_and_are_in_proportion(lengths, total):
    found = shares(total, lengths)
    exact = [total * length / sum(lengths) for length in lengths]
    assert sum(found) == total
    assert min(found) >= 1
    if min(exact) >= 1:
        assert all(abs(part - wanted) < 1 for part, wanted in zip(found, exact, strict=True))
    ordered = [part for _, part in sorted(zip(lengths, found, strict=True))]
    assert all(a <= b + 1 for a, b in pairwise(ordered))


def test_a_share_is_one_at_least_and_nothing_is_added_for_it():
    assert shares(150, [1, 1, 1000]) == (1, 1, 148)
    assert shares(2, [5, 5]) == (1, 1)
    with pytest.raises(ValueError, match="1 cannot be shared by 2"):
        shares(1, [5, 5])


@given(st.lists(st.integers(1, 30), min_size=80, max_size=80), st.integers(1, 80))
def test_the_steps_that_reach_an_amount_are_the_fewest(sizes, amount):
    def seen(steps):
        return sum(sizes[:steps]) + max(0, steps - 80)

    steps = steps_to_reach(amount, seen)
    assert seen(steps) >= amount
    assert steps == 1 or seen(steps - 1) < amount
