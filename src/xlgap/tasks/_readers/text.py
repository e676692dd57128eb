"""Readers of file formats that several tasks share: text in, rows out.

Each raises a :class:`DataError` that begins with the place in the file (``line 7: ...``); whoever
opened the file puts its name before it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from xlgap.errors import DataError
from xlgap.tasks.base import DROPPED, Row

PREMISE_ROWS = 3  # consecutive rows of XNLI share a premise, one for each label
_AGAIN = "the file may be truncated or of another format: fetch it again."
_STRIPPED = ("label", "tag")
_SHOWN = 80
FEW_ROWS = 10  # so many rows with one label are no coincidence


def lines(text: str) -> list[str]:
    """The lines of ``text``, split at newlines only: U+2028 and the like stand inside sentences."""
    found = text.split("\n")
    if found[-1] == "":
        found.pop()
    return [line.removesuffix("\r") for line in found]


def columns(line: str, number: int, names: Sequence[str], labels: Collection[str] = ()) -> list[str]:
    """The tab-separated columns of one line; see :func:`as_many`.

    Raises:
        DataError: another number of columns than ``names``.
    """
    return as_many(line.split("\t"), number, names, labels)


def as_many(
    found: list[str], number: int, names: Sequence[str], labels: Collection[str] = ()
) -> list[str]:
    """``found`` if it has one value for each of ``names``.

    Args:
        found: the values of one line.
        number: of the line.
        names: of the columns.
        labels: what the last column has: where one of them is last, another column is missing.

    Raises:
        DataError: more or fewer; a label or tag that is missing is said to be stripped.
    """
    if len(found) == len(names) - 1 and names[-1] in _STRIPPED and found[-1] not in labels:
        raise DataError(
            f"line {number}: expected {len(names)} tab-separated columns ({', '.join(names)}), got "
            f"{len(found)}: the {names[-1]}s are stripped, as XTREME's download does with test files, "
            "or the file is truncated; put the whole labelled file in its place."
        )
    if len(found) != len(names):
        raise DataError(
            f"line {number}: expected {len(names)} tab-separated columns ({', '.join(names)}), "
            f"got {len(found)}; {_AGAIN}"
        )
    return found


def filled(value: Any, number: int, what: str) -> str:
    """``value`` if it is a text with something in it.

    Raises:
        DataError: naming the line, what was expected there and what was got.
    """
    if not isinstance(value, str) or not value.strip():
        raise DataError(
            f"line {number}: expected a non-empty text as '{what}', got {shown(value)}; {_AGAIN}"
        )
    return value


class Ids:
    """The ids of a file, which must differ: predictions are joined to rows by them."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}

    def own(self, name: str, number: int) -> str:
        """``name``, which stands in line ``number``.

        Raises:
            DataError: it is an earlier line's, too.
        """
        first = self._lines.setdefault(name, number)
        if first != number:
            raise DataError(
                f"line {number}: expected an id of its own, got {name!r}, which is line {first}'s "
                "already; " + _AGAIN
            )
        return name


def not_constant(
    rows: Iterable[Row], key: str, place: str = "line 1", whole: str = "file"
) -> Iterator[Row]:
    """``rows`` as they are, if their labels (or tags) differ: a constant one stands for stripped ones.

    Args:
        rows: of a file, or of another whole.
        key: of the label.
        place: named as the one where they stand.
        whole: what they are all of.

    Raises:
        DataError: after the last of at least 10 rows, all of which have the same label.
    """
    seen: set[str | int] = set()
    count = 0
    for row in rows:
        if DROPPED not in row:
            seen.update([row[key]] if isinstance(row[key], str | int) else row[key])
            count += 1
        yield row
    if len(seen) == 1 and count >= FEW_ROWS:
        what = key.removesuffix("s")
        raise DataError(
            f"{place}: every {what} of the {whole} is {seen.pop()!r}, expected several: the {what}s "
            "are stripped or constant, and a score on them would be chance; put the labelled "
            f"{whole} in its place."
        )


def of_file(number: int, rows: Iterable[Row]) -> Iterator[Row]:
    """``rows`` of the ``number``-th file that a reader was given, which its errors then name.

    Raises:
        DataError: what ``rows`` raise, with ``file 2, `` before the line.
    """
    try:
        yield from rows
    except DataError as error:
        raise DataError(f"file {number}, {error}") from error


def shown(value: Any) -> str:
    """What is said of a wrong ``value``: the beginning of it where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def dropped(reason: str) -> Row:
    """What a reader yields for a row that the release says is no item; it is counted by its reason."""
    return {DROPPED: reason}


def one_of(value: str, allowed: Sequence[str], number: int, what: str) -> str:
    """``value`` if it is one of ``allowed``.

    Raises:
        DataError: naming the line, what was got and what is allowed.
    """
    if value not in allowed:
        raise DataError(
            f"line {number}: {what} {shown(value)} is outside the set; allowed: {', '.join(allowed)}."
        )
    return value


def tab_pairs(text: str, labels: Sequence[str]) -> Iterator[Row]:
    """Rows of ``premise<TAB>hypothesis<TAB>label`` without header, as XNLI's; a group is a premise.

    Raises:
        DataError: another number of columns, an empty text, or a label outside ``labels``; all labels
            are the same.
    """
    return not_constant(_tab_pairs(text, labels), "label")


def _tab_pairs(text: str, labels: Sequence[str]) -> Iterator[Row]:
    for number, line in enumerate(lines(text), 1):
        premise, hypothesis, label = columns(line, number, ("premise", "hypothesis", "label"), labels)
        yield {
            "id": str(number),
            "group": str((number - 1) // PREMISE_ROWS + 1),
            "text": filled(premise, number, "premise"),
            "text_b": filled(hypothesis, number, "hypothesis"),
            "label": one_of(label, labels, number, "label"),
        }


def json_lines(text: str, keys: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line of JSON.

    Raises:
        DataError: a line is no JSON object, or lacks one of ``keys``.
    """
    for number, line in enumerate(lines(text), 1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:  # the others: a number or a depth beyond Python's
            reason = getattr(error, "msg", error)
            raise DataError(
                f"line {number}: not a JSON object ({reason}), expected one; {_AGAIN}"
            ) from error
        missing = [key for key in keys if not isinstance(value, Mapping) or key not in value]
        if missing:
            raise DataError(
                f"line {number}: expected the keys {', '.join(keys)}, {', '.join(missing)} missing; "
                + _AGAIN
            )
        yield number, value


def tagged_sentences(text: str, tags: Sequence[str]) -> Iterator[Row]:
    """CoNLL style: one ``token<TAB>tag`` a line, a blank line after each sentence.

    Ids count sentences from 1. Without ``tags`` any tag is right that is not empty.

    Raises:
        DataError: another number of columns, an empty token, a tag outside ``tags``; all are the same.
    """
    return not_constant(_sentences(text, tags), "tags")


def _sentences(text: str, tags: Sequence[str]) -> Iterator[Row]:
    tokens: list[str] = []
    found: list[str] = []
    count = 0
    for number, line in enumerate([*lines(text), ""], 1):
        if line:
            token, tag = columns(line, number, ("token", "tag"), tags)
            if not token.strip():
                raise DataError(f"line {number}: empty token, expected a word; {_AGAIN}")
            tokens.append(token)
            if not tags and not tag.strip():
                raise DataError(f"line {number}: empty tag, expected one; {_AGAIN}")
            found.append(one_of(tag, tags or (tag,), number, "tag"))
        elif tokens:
            count += 1
            yield {"id": str(count), "group": str(count), "tokens": tokens, "tags": found}
            tokens, found = [], []


def aligned_lines(text: str, english: str) -> Iterator[Row]:
    """Two files, line by line translations of each other; ids count lines from 1.

    Raises:
        DataError: another number of lines, or an empty one.
    """
    ours, theirs = lines(text), lines(english)
    if len(ours) != len(theirs):
        fewer, more = sorted((len(ours), len(theirs)))
        raise DataError(
            f"{'file 2, ' if len(theirs) < len(ours) else ''}line {fewer + 1}: expected as many lines "
            f"as the other side has, {more}, got {fewer}; {_AGAIN}"
        )
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True), 1):
        if not b.strip():
            raise DataError(f"file 2, line {number}: empty sentence, expected a text; {_AGAIN}")
        if not a.strip():
            raise DataError(f"line {number}: empty sentence, expected a text; {_AGAIN}")
        yield {"id": str(number), "group": str(number), "text": a, "english": b}
