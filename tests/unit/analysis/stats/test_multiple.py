"""Holm and Benjamini-Hochberg over a family, by hand."""

from __future__ import annotations

import pytest

from xlgap.analysis.stats.multiple import corrected
from xlgap.errors import ResultError

P = {"a": 0.010, "b": 0.013, "c": 0.030, "d": 0.6}


def test_holm_multiplies_by_what_is_left_and_never_falls() -> None:
    found = corrected(P)
    assert [found[k].adjusted for k in P] == pytest.approx([0.04, 0.04, 0.06, 0.6])
    assert [found[k].rejected for k in P] == [True, True, False, False]
    assert {c.family for c in found.values()} == {4}


def test_benjamini_hochberg_divides_by_rank() -> None:
    found = corrected(P, method="benjamini_hochberg")
    assert [found[k].adjusted for k in P] == pytest.approx([0.026, 0.026, 0.04, 0.6])
    assert [found[k].rejected for k in P] == [True, True, True, False]


def test_order_does_not_matter() -> None:
    assert corrected(dict(reversed(P.items()))) == corrected(P)


@pytest.mark.parametrize("wrong", [{"a": 1.2}, {"a": float("nan")}, {}])
def test_what_is_no_p_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ResultError, match="p "):
        corrected(wrong)
