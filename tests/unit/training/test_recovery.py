"""When a loss is lost, what is left out; how micro-batches become smaller."""

import numpy as np
import pytest

from xlgap.errors import DataError
from xlgap.training.batches import schedule
from xlgap.training.manifest import Beside, Topology, declare, folder_of
from xlgap.training.recovery import WINDOW, Adjusted, LossWatch, noted, smaller


def falling(steps, seed=0):
    """Losses as of a training: from 3 to about 0.3, with noise."""
    noise = np.random.default_rng(seed).normal(size=steps)
    return [float((0.3 + 2.7 * np.exp(-k / 40)) * np.exp(0.15 * n)) for k, n in enumerate(noise)]


def watched(losses, order=None):
    """The first spike."""
    watch = LossWatch(np.zeros(len(losses), np.int64) if order is None else np.asarray(order), [])
    found = (watch.spike(step, loss) for step, loss in enumerate(losses))
    return next((spike for spike in found if spike is not None), None)


@pytest.mark.parametrize("seed", range(20))
def test_a_training_that_falls_has_no_spike(seed):
    assert watched(falling(2000, seed)) is None


def test_heavy_tails_of_a_training_that_has_learnt_everything_are_no_spike():
    """Near zero, with a row now and then that costs a hundred times the median."""
    random = np.random.default_rng(1)
    learnt = [float(x) for x in 0.01 * np.exp(random.normal(size=3000))]
    for k in random.integers(0, 3000, 60):
        learnt[k] = 1.0
    assert watched(falling(200) + learnt) is None


def test_two_high_losses_in_a_row_are_one():
    losses = falling(200)
    losses[150] = 3.5
    assert watched(losses) is None
    losses[151] = 3.6
    assert watched(losses) == range(149, 152)


def test_before_there_is_a_median_nothing_is_one():
    losses = [0.1] * WINDOW + [0.2]
    losses[3:5] = [90.0, 90.0]
    assert watched(losses) is None


def test_tasks_of_a_mixture_have_medians_of_their_own():
    order = [0, 1] * 200
    losses = [0.3, 8.0] * 200
    assert watched(losses, order) is None
    losses[201] = losses[203] = 30.0
    assert watched(losses, order) is None  # not in a row: the other task's loss between them is good
    losses[202] = 9.0
    assert watched(losses, order) == range(200, 203)


def test_a_watch_goes_on_where_another_was():
    losses = falling(200)
    losses[150:152] = [4.0, 4.0]
    order = np.zeros(200, np.int64)
    assert LossWatch(order, losses[:151]).spike(151, losses[151]) == range(149, 152)


def test_what_fails_again_at_once_leaves_out_more_before_it():
    once = Adjusted().without([10])
    assert (once.skipped, once.rewinds) == ((10,), 1)
    twice = once.without([11])
    assert twice.skipped == (9, 10, 11)
    assert twice.without([12]).skipped == tuple(range(6, 13))
    assert once.without([12]).skipped == (10, 12)
    assert Adjusted(skipped=(0, 1)).without([2]).skipped == (0, 1, 2)


def test_what_was_decided_is_kept(tmp_path):
    assert Adjusted.read(tmp_path) == Adjusted()
    known = Adjusted(skipped=(3, 4), rewinds=1, token_budget=64, micro_rows=2)
    known.write(tmp_path)
    assert Adjusted.read(tmp_path) == known
    assert noted(tmp_path) == (known, "")


WRONG = {
    "cut": lambda text: text[:20],
    "empty": lambda text: "",
    "of another version": lambda text: text.replace("{", '{"more": 2,', 1),
    "of another kind": lambda text: text.replace(": 64", ': "x"'),
    "no sub-words": lambda text: text.replace(": 64", ": 0"),
    "no rows": lambda text: text.replace('"micro_rows": null', '"micro_rows": -5'),
    "less than no going back": lambda text: text.replace('"rewinds": 2', '"rewinds": -1'),
    "a step before the first": lambda text: text.replace("  3,", "  -10,"),
    "a step twice": lambda text: text.replace("  4,", "  3,"),
}


@pytest.mark.parametrize("harm", [*WRONG.values(), None], ids=[*WRONG, "gone"])
def test_what_is_lost_of_it_the_checkpoints_know(tmp_path, harm):
    written(tmp_path, 6)
    written(tmp_path, 20, skipped=(3, 4, 9))
    path = tmp_path / "adjusted.json"
    Adjusted(skipped=(3, 4, 9), rewinds=2, token_budget=64).write(tmp_path)
    if harm is None:
        path.unlink()
    else:
        whole = path.read_text()
        path.write_text(harm(whole))
        assert path.read_text() != whole
        with pytest.raises(DataError, match=r"adjusted\.json"):
            Adjusted.read(tmp_path)
    found, said = noted(tmp_path)
    assert found == Adjusted(skipped=(3, 4, 9), rewinds=2)
    assert str(path) in said
    assert "leave out 3 steps." in said
    assert "fetch" not in said


def test_without_a_file_and_without_steps_left_out_there_is_nothing_to_say(tmp_path):
    written(tmp_path, 6)
    assert noted(tmp_path) == (Adjusted(), "")


def written(place, step, *, skipped=()):
    topology = Topology(stage=0, precision="fp32", world=1)
    told = {"rank": 0, "step": step, "topology": topology, "skipped": skipped}
    declare(folder_of(place, step), **told, files={}, beside=Beside())


def test_half_of_the_largest_micro_batch():
    lengths = [4, 6, 8, 10] * 10
    plan = schedule(lengths, steps=3, batch_rows=16, token_budget=80, world=1, seed=0)
    sizes = [np.asarray(lengths)] * 3
    tokens, rows = smaller(plan, sizes, packed=[False] * 3)
    widest = max(len(r) for step in plan for micro in step.micro for r in micro.ranks)
    assert rows == widest // 2
    assert tokens <= 40
    halved = schedule(
        lengths, steps=3, batch_rows=16, token_budget=tokens, world=1, seed=0, micro_rows=rows
    )
    assert [sorted(s.examples) for s in halved] == [sorted(s.examples) for s in plan]
    assert smaller(halved, sizes, packed=[False] * 3)[1] == rows // 2


def test_of_one_row_there_is_no_half():
    plan = schedule([5, 5], steps=1, batch_rows=2, token_budget=5, world=1, seed=0)
    assert smaller(plan, [np.asarray([5, 5])], packed=[True])[1] == 0
