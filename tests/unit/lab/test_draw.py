"""Another draw: other items of every task, and names dealt out to the splits afresh."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from xlgap.lab import compare, draw, entities, ner, nli, order, qa, retrieval, statements, typed
from xlgap.lab.world import World

GENERATORS = (compare.rows, ner.rows, nli.rows, order.rows, qa.rows, retrieval.rows, typed.rows)


@pytest.fixture
def redraw(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Raises the draw, and forgets which names stand where."""

    def forget() -> None:
        entities.members.cache_clear()
        entities.split_of.cache_clear()

    def change() -> None:
        monkeypatch.setattr(draw, "DRAW", draw.DRAW + 1)
        forget()

    yield change
    monkeypatch.undo()
    forget()


def test_names_are_dealt_out_afresh(redraw: Callable[[], None]) -> None:
    before = {kind: set(entities.members("test", kind)) for kind in entities.KINDS}
    redraw()
    for kind in entities.KINDS:
        again = before[kind] & set(entities.members("test", kind))
        assert len(again) < 0.6 * len(before[kind])  # a quarter is expected


def test_things_without_a_name_are_dealt_out_afresh(redraw: Callable[[], None]) -> None:
    things = [str(number) for number in range(300)]
    before = [draw.split_by_digest(thing) for thing in things]
    redraw()
    moved = sum(draw.split_by_digest(t) != split for t, split in zip(things, before, strict=True))
    assert moved > 100  # 0.6 x 0.4 + 0.15 x 0.85 + 0.25 x 0.75 = 56% are expected to


@pytest.mark.parametrize("rows", GENERATORS, ids=lambda rows: rows.__module__.split(".")[-1])
def test_items_are_other_ones_even_over_the_same_names(
    redraw: Callable[[], None], rows: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {kind: entities.members("test", kind) for kind in entities.KINDS}

    def items() -> set[str]:
        found = rows(World(("de",)), "test", 120, 1)
        return {repr([v for k, v in row.items() if k not in {"id", "group"}]) for row in found}

    before = items()
    redraw()
    monkeypatch.setattr(statements, "members", lambda split, kind: kept[kind])
    assert len(before & items()) < 0.05 * len(before)
