"""Readers of multiple-choice formats: text in, rows ``{id, group, text, choices, label}`` out.

As in :mod:`xlgap.tasks._readers` an error begins with the place in the file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xlgap.errors import DataError
from xlgap.tasks._readers.text import (
    Ids,
    dropped,
    filled,
    json_lines,
    lines,
    not_constant,
    of_file,
    one_of,
    shown,
)
from xlgap.tasks.base import DROPPED, Row

LETTERS = "ABCDE"
OTHERS = "another number of choices than {}, or no question"
_AGAIN = "the file may be truncated or of another format: fetch it again."
_COPA = ("premise", "choice1", "choice2", "question", "label", "idx")


class _Groups:
    """Numbers from 1 for what several rows share, in the order in which it is met."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def of(self, shared: str) -> str:
        return str(self._seen.setdefault(shared, len(self._seen) + 1))


def _name(value: Any, key: str, number: int) -> str:
    """``value`` as an id if it is a text or a number."""
    if not str(value).strip() or not isinstance(value, str | int):
        raise DataError(
            f"line {number}: expected a text or number as '{key}', got {value!r}; " + _AGAIN
        )
    return str(value)


def _label(value: Any, choices: int, number: int) -> int:
    """``value`` if it is the index of a choice; labels that were stripped are often -1 or empty."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < choices:
        raise DataError(
            f"line {number}: label {value!r} is outside the set; allowed: 0 to {choices - 1}; "
            "a release without labels cannot be scored or trained on."
        )
    return value


def copa(text: str) -> Iterator[Row]:
    """Rows of COPA and XCOPA: what was the cause, or the effect, of the premise?

    The text is what the official code reads, an English question after a premise of any language; a
    group is a question, since no two are meant to share a premise.

    Raises:
        DataError: a line is no such question.
    """
    return not_constant(_copa(text), "label")


def _copa(text: str) -> Iterator[Row]:
    ids = Ids()
    for number, found in json_lines(text, _COPA):
        asked = one_of(found["question"], ("cause", "effect"), number, "question")
        name = ids.own(_name(found["idx"], "idx", number), number)
        if not name.isdecimal():  # the number decides which part of a divided file it is in
            raise DataError(f"line {number}: expected a number as 'idx', got {shown(name)}; {_AGAIN}")
        yield {
            "id": name,
            "group": name,
            "text": f"{filled(found['premise'], number, 'premise')} What was the {asked}?",
            "choices": [filled(found[key], number, key) for key in ("choice1", "choice2")],
            "label": _label(found["label"], 2, number),
        }


def social_iqa(text: str, labels: str) -> Iterator[Row]:
    """Rows of SocialIQA, whose labels 1 to 3 stand in a file of their own; a group is a context.

    Raises:
        DataError: a line is no such question, or there are more or fewer labels than questions.
    """
    right, groups = lines(labels), _Groups()
    for _ in of_file(2, not_constant(({"label": label} for label in right), "label")):
        pass
    answers = ("answerA", "answerB", "answerC")
    questions = list(json_lines(text, ("context", "question", *answers)))
    if len(questions) != len(right):
        raise DataError(
            f"{'file 2, ' if len(right) < len(questions) else ''}"
            f"line {min(len(questions), len(right)) + 1}: expected one label for each question, got "
            f"{len(questions)} questions and {len(right)} labels; {_AGAIN}"
        )
    for (number, found), label in zip(questions, right, strict=True):
        context = filled(found["context"], number, "context")
        yield {
            "id": str(number),
            "group": groups.of(context),
            "text": f"{context} {filled(found['question'], number, 'question')}",
            "choices": [filled(found[key], number, key) for key in answers],
            "label": _right(label, number),
        }


def _right(label: str, number: int) -> int:
    """The index that a line of the file of labels names."""
    try:
        return int(one_of(label, ("1", "2", "3"), number, "label")) - 1
    except DataError as error:
        raise DataError(f"file 2, {error}") from error


def lettered(text: str, choices: int, *, others: bool = False) -> Iterator[Row]:
    """Rows of ``{id, question: {stem, choices: [{label, text}]}, answerKey}``; a group is a stem.

    Paragraphs that some releases give with a choice (``para``) are left out.

    Args:
        text: of the file.
        choices: how many a question has, labelled A, B, ...
        others: drop what has another number of choices, and questions without a text, and have them
            counted, instead of taking them for damage.

    Raises:
        DataError: a line is no such question.
    """
    return not_constant(_lettered(text, choices, others=others), "label")


def _lettered(text: str, choices: int, *, others: bool) -> Iterator[Row]:
    letters, groups, ids, number, kept = LETTERS[:choices], _Groups(), Ids(), 0, 0
    for number, found in json_lines(text, ("id", "question", "answerKey")):
        stem, given = (_inside(found["question"], key, number) for key in ("stem", "choices"))
        if not isinstance(given, list):
            raise DataError(f"line {number}: expected a list as 'choices', got {given!r}; {_AGAIN}")
        if others and (len(given) != choices or not str(stem).strip()):
            yield dropped(OTHERS.format(choices))
            continue
        marks = "".join(str(_inside(choice, "label", number)) for choice in given)
        if marks != letters:
            raise DataError(
                f"line {number}: expected {choices} choices labelled {', '.join(letters)}, got "
                f"{len(given)} ({', '.join(marks)}); {_AGAIN}"
            )
        stem, kept = filled(stem, number, "stem"), kept + 1
        yield {
            "id": ids.own(filled(found["id"], number, "id"), number),
            "group": groups.of(stem),
            "text": stem,
            "choices": [filled(_inside(choice, "text", number), number, "text") for choice in given],
            "label": letters.index(one_of(found["answerKey"], tuple(letters), number, "answerKey")),
        }
    if number and not kept:
        raise DataError(
            f"line 1: expected questions with a text and {choices} choices, got none in {number} "
            f"lines; {_AGAIN}"
        )


def _inside(value: Any, key: str, number: int) -> Any:
    if not isinstance(value, Mapping) or key not in value:
        raise DataError(f"line {number}: the key '{key}' is missing where it is expected; {_AGAIN}")
    return value[key]


def without(rows: Iterator[Row], *later: Iterator[Row]) -> Iterator[Row]:
    """``rows`` without those that stand in ``later`` splits, in whatever order of their choices.

    These are dropped and counted.
    """
    seen = {_question(row) for split in later for row in split if DROPPED not in row}
    for row in rows:
        again = DROPPED not in row and _question(row) in seen
        yield dropped("stands in a later split, too") if again else row


def _question(row: Row) -> tuple[str, ...]:
    return (row["text"], *sorted(row["choices"]))


def numbered(text: str, choices: int) -> Iterator[Row]:
    """Rows of ``{q_id, question, choice0, choice1, ..., label}``; a group is a question's text.

    Raises:
        DataError: a line is no such question.
    """
    return not_constant(_numbered(text, choices), "label")


def _numbered(text: str, choices: int) -> Iterator[Row]:
    groups, ids, keys = _Groups(), Ids(), tuple(f"choice{i}" for i in range(choices))
    for number, found in json_lines(text, ("q_id", "question", *keys, "label")):
        question = filled(found["question"], number, "question")
        yield {
            "id": ids.own(_name(found["q_id"], "q_id", number), number),
            "group": groups.of(question),
            "text": question,
            "choices": [filled(found[key], number, key) for key in keys],
            "label": _label(found["label"], choices, number),
        }


def continued(text: str, choices: int) -> Iterator[Row]:
    """Rows of ``{ind, ctx, endings, label}``; a group is a context.

    Raises:
        DataError: a line is no such question.
    """
    return not_constant(_continued(text, choices), "label")


def _continued(text: str, choices: int) -> Iterator[Row]:
    groups, ids = _Groups(), Ids()
    for number, found in json_lines(text, ("ind", "ctx", "endings", "label")):
        context, endings = filled(found["ctx"], number, "ctx"), found["endings"]
        if not isinstance(endings, list) or len(endings) != choices:
            raise DataError(f"line {number}: expected {choices} endings, got {endings!r}; {_AGAIN}")
        yield {
            "id": ids.own(_name(found["ind"], "ind", number), number),
            "group": groups.of(context),
            "text": context,
            "choices": [filled(ending, number, "endings") for ending in endings],
            "label": _label(found["label"], choices, number),
        }


COSMOS = ("id", "context", "question", "answer0", "answer1", "answer2", "answer3", "label")


def cosmos(text: str) -> Iterator[Row]:
    """Rows of Cosmos QA's CSV with a header; a group is a context.

    Raises:
        DataError: another header, a row with other columns, or one that is no such question.
    """
    return not_constant(_cosmos(text), "label")


def _cosmos(text: str) -> Iterator[Row]:
    reader, groups, ids = csv.reader(io.StringIO(text, newline=""), strict=True), _Groups(), Ids()
    try:
        header = next(reader, [])
        if tuple(header) != COSMOS:
            raise DataError(
                f"line 1: expected the columns {', '.join(COSMOS)}, got {', '.join(header)}; {_AGAIN}"
            )
        number = reader.line_num + 1  # of a row's first line: a context may have several
        for values in reader:
            row = _cosmos_row(values, number, groups)
            yield row | {"id": ids.own(row["id"], number)}
            number = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"line {reader.line_num}: not CSV as expected ({error}); {_AGAIN}") from error


def _cosmos_row(values: Sequence[str], number: int, groups: _Groups) -> Row:
    if len(values) != len(COSMOS):
        raise DataError(
            f"line {number}: expected {len(COSMOS)} columns ({', '.join(COSMOS)}), got "
            f"{len(values)}; {_AGAIN}"
        )
    found = dict(zip(COSMOS, values, strict=True))
    context = filled(found["context"], number, "context")
    answers = ("answer0", "answer1", "answer2", "answer3")
    return {
        "id": filled(found["id"], number, "id"),
        "group": groups.of(context),
        "text": f"{context} {filled(found['question'], number, 'question')}",
        "choices": [filled(found[key], number, key) for key in answers],
        "label": int(one_of(found["label"], ("0", "1", "2", "3"), number, "label")),
    }
