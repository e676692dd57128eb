"""Names and splits: no entity, and no name, in two splits in any language."""

from __future__ import annotations

import itertools

import pytest

from xlgap.lab.cldr import supported
from xlgap.lab.draw import SHARES
from xlgap.lab.entities import KINDS, inventory, members, name, split_of

SPLITS = tuple(SHARES)


def names(split: str, code: str) -> set[str]:
    return {name(e, code).casefold() for kind in KINDS for e in members(split, kind)}


@pytest.mark.parametrize("code", supported())
def test_no_name_stands_in_two_splits(code: str) -> None:
    for one, other in itertools.combinations(SPLITS, 2):
        assert not names(one, code) & names(other, code)


@pytest.mark.parametrize("code", supported())
def test_names_are_different_within_a_language(code: str) -> None:
    forms = [name(e, code).casefold() for e in inventory()]
    assert len(forms) == len(set(forms))


def test_splits_partition_the_inventory() -> None:
    found = [e for split in SPLITS for kind in KINDS for e in members(split, kind)]
    assert sorted(found) == sorted(inventory())
    assert all(e in members(split_of(e), e.kind) for e in inventory())


@pytest.mark.parametrize("kind", KINDS)
def test_every_split_has_enough_names_to_draw_from(kind: str) -> None:
    assert all(len(members(split, kind)) >= 7 for split in SPLITS)


def test_a_territory_and_a_language_of_one_name_are_not_both_in_use() -> None:
    keys = {(e.kind, e.key) for e in inventory()}
    assert ("LOC", "ES") in keys  # "espanja" in Finnish is the language as well
    assert ("LANG", "es") not in keys
