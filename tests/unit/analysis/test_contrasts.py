"""Which set of languages or cells stands for all models."""

from __future__ import annotations

from xlgap.analysis.contrasts import fixed_set


def test_fixed_set_has_the_most_numbers_behind_it() -> None:
    full = frozenset("abcdefghij")
    sets = [full, full, full, frozenset("ab"), frozenset("ab")]
    assert fixed_set(sets) == full


def test_a_small_set_wins_only_where_most_have_no_more() -> None:
    sets = [frozenset("abc"), *[frozenset("ab")] * 3]
    assert fixed_set(sets) == frozenset("ab")


def test_no_sets_no_members() -> None:
    assert fixed_set([]) == frozenset()
