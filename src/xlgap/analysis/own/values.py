"""Values of a table that someone else made: each is read, or refused in one sentence with its line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from xlgap.errors import DataError, UnknownNameError, suggestion
from xlgap.lab.cldr import is_language_tag
from xlgap.languages import CODES, unknown_language
from xlgap.regimes.base import Budget
from xlgap.tasks import task_names
from xlgap.wording import short

Row = Mapping[str, str]
T = TypeVar("T")

MOST = 1e15
"""Of parameters, rows, steps and tokens: a thousand times as many as the largest models have."""
_DIGITS = 30  # of a whole number that is worth reading


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


def language(row: Row, column: str, line: int) -> str:
    """The code of a language: one of the benchmark's 50, or another one that CLDR knows.

    Empty where the cell is. Another language has no distance from English; English is ``en`` alone.

    Raises:
        UnknownNameError: no such language; the near ones are named.
    """
    code = text(row, column)
    other = code.split("-")[0] != "en" and is_language_tag(code)
    if code and code not in CODES and not other:
        told = str(unknown_language(code))
        more = ", and ISO 639 codes of other languages." if told.endswith(".") else ""
        raise UnknownNameError(f"{at_line(column, line)}: {told.removesuffix('.')}{more}")
    return code


def task_called(name: str, column: str, line: int) -> str:
    """The name of a task: one of xlgap's, or one of the table's own.

    Raises:
        UnknownNameError: it is a task of xlgap but for case or punctuation, and would be another one.
    """
    known = _plain_names().get(_plain(name), name)
    if name != known:
        raise UnknownNameError(
            f"{at_line(column, line)}: {short(repr(name))} is the task {known!r} of xlgap but for case "
            f"or punctuation; write {known!r}, or give a task of your own another name."
        )
    return name


@cache
def _plain_names() -> dict[str, str]:
    return {_plain(name): name for name in task_names()}


def _plain(name: str) -> str:
    """Letters and digits alone, in one case."""
    return "".join(filter(str.isalnum, name.casefold()))


def number(
    row: Row, column: str, line: int, *, least: float, most: float = math.inf, whole: bool = False
) -> float | None:
    """A number from ``least`` to ``most``; ``None`` where the cell is empty.

    Raises:
        DataError: no number, no ``whole`` one, or out of bounds.
    """
    found = text(row, column)
    if not found:
        return None
    allowed = f"{'whole ' * whole}number from {least:g}" + ("" if math.isinf(most) else f" to {most:g}")
    try:
        value = float(found)
    except ValueError:
        value = math.nan
    fits = least <= value <= most and not math.isinf(value)
    if not fits or (whole and not value.is_integer()):
        raise DataError(f"{at_line(column, line)}: got {short(repr(found))}, allowed is a {allowed}.")
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


def integer(row: Row, column: str, line: int, *, least: int = 0, most: float = math.inf) -> int | None:
    """A whole number, also written as ``0.0`` or ``1e6``; ``None`` where the cell is empty.

    Raises:
        DataError: no such number.
    """
    value = number(row, column, line, least=least, most=most, whole=True)
    if value is None:
        return None
    plain = text(row, column)
    return int(plain) if plain.isdigit() else int(value)


def positive(row: Row, column: str, line: int) -> int | None:
    """Like :func:`integer`, from 1 to :data:`MOST`, which no size or number of rows exceeds."""
    return integer(row, column, line, least=1, most=MOST)


def choice(row: Row, column: str, line: int, known: Mapping[str, T]) -> T | None:
    """One of ``known`` words, whatever its case; ``None`` where the cell is empty.

    Raises:
        DataError: another word.
    """
    found = text(row, column)
    if not found:
        return None
    if found.casefold() not in known:
        raise DataError(
            f"{at_line(column, line)}: got {short(repr(found))}; {suggestion(found, known)}"
        )
    return known[found.casefold()]


def budget(row: Row, line: int) -> Budget | None:
    """Compute beyond the target task's recipe: ``steps:200`` or ``tokens:1000000``.

    Raises:
        DataError: written otherwise.
    """
    found = text(row, "budget")
    if not found:
        return None
    unit, _, digits = found.partition(":")
    plain = digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS
    amount = int(digits) if plain else 0
    if unit not in {"steps", "tokens"} or not 1 <= amount <= MOST:
        raise DataError(
            f"{at_line('budget', line)}: got {short(repr(found))}, allowed is steps:N or tokens:N with "
            f"a whole number N from 1 to {MOST:g}, in the digits 0 to 9."
        )
    if unit == "steps":
        return Budget(steps=amount, beyond=True)
    return Budget(tokens=amount, beyond=True)
