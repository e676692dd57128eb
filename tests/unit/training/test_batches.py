import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlgap.training.batches import schedule

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=120)


@settings(deadline=None, max_examples=60)
@given(LENGTHS, st.integers(1, 3), st.integers(1, 16), st.integers(8, 200), st.integers(0, 5))
def test_a_micro_batch_keeps_its_budget_and_all_ranks_take_the_same_number(
    lengths, world, rows, budget, seed
):
    steps = schedule(lengths, steps=5, batch_rows=rows, token_budget=budget, world=world, seed=seed)
    assert len(steps) == 5
    for step in steps:
        assert len(step.examples) == min(rows, len(lengths))
        assert len(set(step.examples.tolist())) == len(step.examples)
        for micro in step.micro:
            assert len(micro.ranks) == world
            for mine in micro.ranks:
                if len(mine) > 1:
                    assert len(mine) * max(lengths[i] for i in mine) <= budget


@settings(deadline=None, max_examples=30)
@given(LENGTHS, st.integers(1, 3), st.integers(1, 16), st.integers(1, 5), st.integers(8, 200))
def test_a_micro_batch_has_at_most_the_rows_that_are_asked_for(lengths, world, rows, most, budget):
    numbers = {"steps": 4, "batch_rows": rows, "token_budget": budget, "world": world, "seed": 1}
    limited = schedule(lengths, **numbers, micro_rows=most)
    for one, two in zip(limited, schedule(lengths, **numbers), strict=True):
        assert sorted(one.examples.tolist()) == sorted(two.examples.tolist())
        for micro in one.micro:
            for mine in micro.ranks:
                assert len(mine) <= most
                assert len(mine) <= 1 or len(mine) * max(lengths[i] for i in mine) <= budget


def test_four_rows_at_a_time_make_a_batch_of_sixteen_four_passes():
    (step,) = schedule(
        [5] * 16, steps=1, batch_rows=16, token_budget=8192, world=1, seed=0, micro_rows=4
    )
    assert [len(micro.ranks[0]) for micro in step.micro] == [4, 4, 4, 4]


@settings(deadline=None, max_examples=30)
@given(LENGTHS, st.integers(1, 8), st.integers(0, 5))
def test_what_a_step_holds_depends_on_neither_world_nor_budget(lengths, rows, seed):
    one = schedule(lengths, steps=4, batch_rows=rows, token_budget=999, world=1, seed=seed)
    two = schedule(lengths, steps=4, batch_rows=rows, token_budget=20, world=2, seed=seed)
    for a, b in zip(one, two, strict=True):
        assert sorted(a.examples.tolist()) == sorted(b.examples.tolist())


def test_an_epoch_shows_every_example_once_when_batches_divide_it():
    steps = schedule([5] * 64, steps=8, batch_rows=8, token_budget=400, world=1, seed=0)
    assert sorted(np.concatenate([s.examples for s in steps]).tolist()) == list(range(64))


def test_examples_of_every_length_are_seen():
    """Those that fill no batch are drawn anew each epoch, whatever their lengths."""
    lengths = list(range(1, 51))
    steps = schedule(lengths, steps=6 * 20, batch_rows=8, token_budget=400, world=1, seed=0)
    seen = np.bincount(np.concatenate([s.examples for s in steps]), minlength=50)
    assert seen.sum() == 6 * 20 * 8
    assert seen.min() >= 14  # of 20 epochs, each with 48 of 50


def test_sorting_by_length_leaves_little_padding():
    random = np.random.default_rng(0)
    lengths = random.integers(5, 60, 512).tolist()
    steps = schedule(lengths, steps=16, batch_rows=32, token_budget=4096, world=1, seed=0)
    padded = sum(len(r) * max(lengths[i] for i in r) for s in steps for m in s.micro for r in m.ranks)
    real = sum(lengths[i] for s in steps for i in s.examples)
    assert real / padded > 0.9


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_schedule(seed):
    make = lambda s: schedule([3] * 40, steps=6, batch_rows=8, token_budget=64, world=1, seed=s)  # noqa: E731
    again = [s.examples.tolist() for s in make(seed)]
    assert [s.examples.tolist() for s in make(seed)] == again
    assert [s.examples.tolist() for s in make(seed + 7)] != again
