"""Readers of sentence pairs: natural-language inference in JSON lines and tables, PAWS-X, QQP.

As in :mod:`xlgap.tasks._readers` a :class:`DataError` begins with the place in the file. A row that the
release itself says is no item (no majority label, no translation) becomes :func:`dropped`: it is left
out and counted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from xlgap.errors import DataError
from xlgap.tasks._readers.text import (
    as_many,
    columns,
    dropped,
    filled,
    json_lines,
    lines,
    not_constant,
    of_file,
    one_of,
)
from xlgap.tasks.base import Row

NLI_LABELS = ("entailment", "neutral", "contradiction")
_SHORT = {label[0]: label for label in NLI_LABELS}
_KEYS = (  # what releases call premise, hypothesis and label
    ("premise", "hypothesis", "label"),
    ("premise", "hypothesis", "gold_label"),
    ("sentence1", "sentence2", "gold_label"),
    ("sentence1", "sentence2", "label"),
    ("context", "hypothesis", "label"),
)
_NO_MAJORITY = "-"


def nli_json(
    text: str, *, group: Callable[[Mapping[str, Any], int], str] | None = None, prefix: str = ""
) -> Iterator[Row]:
    """Rows of JSON lines as MultiNLI, SNLI, ANLI, OCNLI, IndoNLI, KLUE and JNLI are released in.

    Labels are words or their first letters. Rows labelled ``-`` (no majority) are dropped.

    Args:
        text: of the file.
        group: from an object and its line's number to what its premise belongs to; the premise itself
            when ``None``.
        prefix: put before ids, which count lines from 1, and before groups.

    Raises:
        DataError: a line is no JSON object, lacks keys, or has another label; all labels are the same.
    """
    groups: dict[str, int] = {}

    def rows() -> Iterator[Row]:
        for number, pair in json_lines(text, ()):
            if not isinstance(pair, dict):
                raise DataError(f"line {number}: expected a JSON object, got {pair!r:.60}.")
            names = max(_KEYS, key=lambda keys: len(set(keys) & set(pair)))
            if missing := [name for name in names if name not in pair]:
                raise DataError(
                    f"line {number}: expected the keys {', '.join(names)}, {', '.join(missing)} "
                    "missing; fetch the file again, with labels."
                )
            premise, hypothesis, label = (pair[name] for name in names)
            key = str(premise if group is None else group(pair, number))
            place = f"{prefix}{groups.setdefault(key, len(groups) + 1)}"
            yield _nli_row(f"{prefix}{number}", place, premise, hypothesis, label, number)

    return not_constant(rows(), "label")


def nli_table(
    text: str, names: Sequence[str], *, others: Sequence[str] = (), quoted: bool = False
) -> Iterator[Row]:
    """Rows of a tab-separated table with a header, as FarsTail and SICK-NL; a group is a premise.

    Args:
        text: of the file.
        names: of the columns with premise, hypothesis and label.
        others: of further columns that the release has.
        quoted: whether fields may stand in quotation marks, as in CSV.

    Raises:
        DataError: a column is missing, a line has more or fewer than the header, or another label.
    """
    groups: dict[str, int] = {}

    def rows() -> Iterator[Row]:
        table = _fields(text, quoted=quoted)
        number, header = next(table, (1, []))
        if missing := [name for name in (*names, *others) if name not in header]:
            raise DataError(
                f"line {number}: expected a header with the columns {', '.join((*names, *others))}, "
                f"{', '.join(missing)} missing; fetch the file again, with labels."
            )
        for number, fields in table:
            values = as_many(fields, number, header, (*NLI_LABELS, *_SHORT))
            row = dict(zip(header, values, strict=True))
            premise, hypothesis, label = (row[name] for name in names)
            place = str(groups.setdefault(premise, len(groups) + 1))
            yield _nli_row(str(number - 1), place, premise, hypothesis, label.lower(), number)

    return not_constant(rows(), "label")


def _fields(text: str, *, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    if not quoted:
        yield from ((number, line.split("\t")) for number, line in enumerate(lines(text), 1))
        return
    reader = csv.reader(lines(text), delimiter="\t", strict=True)
    try:
        for fields in reader:
            yield reader.line_num, fields
    except csv.Error as error:
        raise DataError(
            f"line {reader.line_num}: not tab-separated text as expected, with quotation marks in "
            f"pairs ({error}); the file may be truncated or of another format: fetch it again."
        ) from error


def _nli_row(name: str, group: str, premise: str, hypothesis: str, label: Any, number: int) -> Row:
    if label == _NO_MAJORITY:
        return dropped("no majority label")
    label = one_of(_SHORT.get(str(label), label), NLI_LABELS, number, "label")
    return {
        "id": name,
        "group": group,
        "text": filled(premise, number, "premise"),
        "text_b": filled(hypothesis, number, "hypothesis"),
        "label": label,
    }


PAWS_LABELS = ("0", "1")
_UNTRANSLATED = "NS"  # stands in PAWS-X where a sentence was not translated


def pawsx(text: str) -> Iterator[Row]:
    """Rows of ``sentence1<TAB>sentence2<TAB>label`` without header, as XTREME lays PAWS-X out.

    Ids count lines, which are translations of each other across languages; a group is the pairs that
    share a sentence.

    Raises:
        DataError: another number of columns or another label; all labels are the same.
    """
    names = ("sentence1", "sentence2", "label")
    found = [columns(line, n, names, PAWS_LABELS) for n, line in _numbered(text)]
    places = components([tuple(_names(pair[:2], n)) for n, pair in enumerate(found)])
    rows = (
        {
            "id": str(number),
            "group": str(place),
            "text": filled(first, number, "sentence1"),
            "text_b": filled(second, number, "sentence2"),
            "label": one_of(label, PAWS_LABELS, number, "label"),
        }
        for number, ((first, second, label), place) in enumerate(zip(found, places, strict=True), 1)
    )
    yield from not_constant(rows, "label")


def _names(sentences: Sequence[str], row: int) -> Iterator[str]:
    """What groups a pair: its sentences, but not the mark of a missing one, which is no sentence."""
    return (f"row {row}" if text == _UNTRANSLATED else text for text in sentences)


def pawsx_part(
    text: str,
    english: str | None,
    parts: Sequence[int],
    of: int,
    *,
    untranslated: bool = False,
    tested: str | None = None,
) -> Iterator[Row]:
    """Some of the pairs of a dev file, the same ones in every language.

    Pairs whose English sentences share their words, in whatever order, stay together: PAWS makes its
    pairs by swapping words.

    Args:
        text: dev file of a language.
        english: the English one, line by line the same pairs; ``None`` where ``text`` is.
        parts: which of the ``of`` parts, counted from 0.
        of: number of parts.
        untranslated: whether pairs with a missing translation stay; else they are dropped.
        tested: test file of the language; pairs that share the words of a sentence with it are dropped.

    Raises:
        DataError: see :func:`pawsx`; another number of lines than the English file.
    """
    rows = list(pawsx(text))
    sources = rows if english is None else list(of_file(2, pawsx(english)))
    known = {_bag(s) for row in of_file(3, pawsx(tested or "")) for s in (row["text"], row["text_b"])}
    if len(rows) != len(sources):
        fewer, more = sorted((len(rows), len(sources)))
        raise DataError(
            f"{'file 2, ' if len(sources) < len(rows) else ''}line {fewer + 1}: expected as many lines "
            f"as the file of the other language has, {more}, got {fewer}; fetch both again."
        )
    places = components([(_bag(row["text"]), _bag(row["text_b"])) for row in sources])
    for row, place in zip(rows, places, strict=True):
        if place % of not in parts:
            continue
        pair = {row["text"], row["text_b"]}
        if _UNTRANSLATED in pair and not untranslated:
            yield dropped("no translation")
        elif known & {_bag(sentence) for sentence in pair}:
            yield dropped("shares a sentence with the test file")
        else:
            yield row | {"group": str(place)}


def _bag(sentence: str) -> str:
    return " ".join(sorted(re.findall(r"\w+", sentence.casefold())))


QQP_COLUMNS = ("id", "qid1", "qid2", "question1", "question2", "is_duplicate")
_MAX_BROKEN = 10


def qqp(text: str) -> Iterator[Row]:
    """Rows of GLUE's QQP with its header; a group is the questions that pairs link.

    GLUE's training file has a few lines that a newline within a question broke in two; at most 10 such
    are dropped, as GLUE's own reader does.

    Raises:
        DataError: another header, more columns, an incomplete last line, too many broken ones, another
            label; all labels are the same.
    """
    table = [(number, line.split("\t")) for number, line in _numbered(text)]
    header = table[0][1] if table else []
    if tuple(header) != QQP_COLUMNS:
        raise DataError(
            f"line 1: expected the header {', '.join(QQP_COLUMNS)}, got {', '.join(header)[:200]!r}; "
            "use GLUE's train.tsv and dev.tsv (in its test.tsv the labels are stripped)."
        )
    width, body = len(QQP_COLUMNS), table[1:]
    broken = [number for number, fields in body if len(fields) < width]
    for number, fields in body:
        if len(fields) > width or len(broken) > _MAX_BROKEN or number == len(table):
            as_many(fields, number, QQP_COLUMNS)
    whole = [(number, fields) for number, fields in body if len(fields) == width]
    places = components([fields[1:3] for _, fields in whole])

    def rows() -> Iterator[Row]:
        yield from (dropped("line broken in two") for _ in broken)
        for (number, (name, _, _, first, second, label)), place in zip(whole, places, strict=True):
            if first.strip() and second.strip():
                label = one_of(label, ("0", "1"), number, "label")
                yield {
                    **{"id": name, "group": str(place), "text": first, "text_b": second},
                    "label": label,
                }
            else:
                yield dropped("empty question")

    return not_constant(rows(), "label")


def components(links: Sequence[Sequence[str]]) -> list[int]:
    """For each of ``links`` the number of its connected component, counted from 1 in their order.

    >>> components([("a", "b"), ("c", "d"), ("e", "b")])
    [1, 2, 1]
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for first, *others in links:
        for other in others:
            parent[root(other)] = root(first)
    numbers: dict[str, int] = {}
    return [numbers.setdefault(root(link[0]), len(numbers) + 1) for link in links]


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    return enumerate(lines(text), 1)
