"""Values of a table that someone else made: each is read, or refused in one sentence with its line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

from xlgap.errors import DataError, suggestion
from xlgap.regimes.base import Budget

Row = Mapping[str, str]
T = TypeVar("T")


def at_line(column: str, line: int) -> str:
    """Where a value stands, for the beginning of a sentence."""
    return f"line {line}, column {column!r}"


def text(row: Row, column: str) -> str:
    """A cell without spaces around it; empty where the column or the value is absent."""
    return row.get(column, "").strip()


def required(row: Row, column: str, line: int) -> str:
    """A cell that may not be empty.

    Raises:
        DataError: it is.
    """
    found = text(row, column)
    if not found:
        raise DataError(f"{at_line(column, line)}: empty, but every row needs it.")
    return found


def number(row: Row, column: str, line: int, *, least: float, most: float = math.inf) -> float | None:
    """A number from ``least`` to ``most``; ``None`` where the cell is empty.

    Raises:
        DataError: no number, or out of bounds.
    """
    found = text(row, column)
    if not found:
        return None
    allowed = f"from {least:g}" + ("" if math.isinf(most) else f" to {most:g}")
    try:
        value = float(found)
    except ValueError:
        value = math.nan
    if not least <= value <= most or math.isinf(value):
        raise DataError(f"{at_line(column, line)}: got {found!r}, allowed is a number {allowed}.")
    return value


def share(row: Row, column: str, line: int) -> float:
    """A score from 0 to 100 that must be there.

    Raises:
        DataError: empty, no number, or out of bounds.
    """
    required(row, column, line)
    value = number(row, column, line, least=0.0, most=100.0)
    assert value is not None, "it is not empty"
    return value


def integer(row: Row, column: str, line: int) -> int | None:
    """A whole number from 0, also written as ``0.0`` or ``1e6``; ``None`` where the cell is empty.

    Raises:
        DataError: no such number.
    """
    value = number(row, column, line, least=0.0)
    if value is None:
        return None
    if not value.is_integer():
        found = text(row, column)
        raise DataError(f"{at_line(column, line)}: got {found!r}, allowed is a whole number.")
    plain = text(row, column)
    return int(plain) if plain.isdigit() else int(value)


def positive(row: Row, column: str, line: int) -> int | None:
    """Like :func:`integer`, from 1."""
    value = integer(row, column, line)
    if value == 0:
        raise DataError(f"{at_line(column, line)}: got 0, allowed is a whole number from 1.")
    return value


def choice(row: Row, column: str, line: int, known: Mapping[str, T]) -> T | None:
    """One of ``known`` words, whatever its case; ``None`` where the cell is empty.

    Raises:
        DataError: another word.
    """
    found = text(row, column)
    if not found:
        return None
    if found.casefold() not in known:
        raise DataError(f"{at_line(column, line)}: got {found!r}; {suggestion(found, known)}")
    return known[found.casefold()]


def budget(row: Row, line: int) -> Budget | None:
    """Compute beyond the target task's recipe: ``steps:200`` or ``tokens:1000000``.

    Raises:
        DataError: written otherwise.
    """
    found = text(row, "budget")
    if not found:
        return None
    unit, _, amount = found.partition(":")
    if unit not in {"steps", "tokens"} or not amount.isdigit() or int(amount) == 0:
        raise DataError(
            f"{at_line('budget', line)}: got {found!r}, allowed is steps:N or tokens:N with a whole "
            "number N from 1."
        )
    if unit == "steps":
        return Budget(steps=int(amount), beyond=True)
    return Budget(tokens=int(amount), beyond=True)
