"""Standard errors over groups of items."""

from __future__ import annotations

import numpy as np
import pytest

from xlgap.evaluation.jackknife import standard_error
from xlgap.evaluation.metrics import get_metric
from xlgap.tasks import get_task

ACCURACY = get_metric("accuracy", get_task("xnli"))
F1 = get_metric("f1", get_task("udpos"))
RIGHT = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
STATS = np.stack([RIGHT, np.ones(6)], axis=-1)


def test_error_of_a_mean_is_that_of_the_textbook() -> None:
    error = standard_error(ACCURACY, STATS, list("abcdef"))
    assert error == pytest.approx(100 * RIGHT.std(ddof=1) / 6**0.5)


def test_items_of_a_group_are_left_out_together() -> None:
    means = RIGHT.reshape(3, 2).mean(axis=1)
    error = standard_error(ACCURACY, STATS, list("aabbcc"))
    assert error == pytest.approx(100 * means.std(ddof=1) / 3**0.5)


def test_one_group_has_no_error() -> None:
    assert standard_error(ACCURACY, STATS, ["a"] * 6) is None


def test_a_group_without_which_nothing_is_left_to_count_has_no_error() -> None:
    stats = np.array([[1.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    assert standard_error(F1, stats, ["a", "b"]) is None
