"""Readers of file formats that several tasks share: text in, rows out.

Each raises a :class:`DataError` that begins with the place in the file (``line 7: ...``); whoever
opened the file puts its name before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xlgap.errors import DataError
from xlgap.tasks.base import Row

PREMISE_ROWS = 3  # consecutive rows of XNLI share a premise, one for each label
_AGAIN = "the file may be truncated or of another format: fetch it again."


def lines(text: str) -> list[str]:
    """The lines of ``text``, split at newlines only: U+2028 and the like stand inside sentences."""
    found = text.split("\n")
    if found[-1] == "":
        found.pop()
    return [line.removesuffix("\r") for line in found]


def columns(line: str, number: int, names: Sequence[str]) -> list[str]:
    """The tab-separated columns of one line.

    Raises:
        DataError: another number of columns than ``names``.
    """
    found = line.split("\t")
    if len(found) != len(names):
        raise DataError(
            f"line {number}: expected {len(names)} tab-separated columns ({', '.join(names)}), "
            f"got {len(found)}; {_AGAIN}"
        )
    return found


def one_of(value: str, allowed: Sequence[str], number: int, what: str) -> str:
    """``value`` if it is one of ``allowed``.

    Raises:
        DataError: naming the line, what was got and what is allowed.
    """
    if value not in allowed:
        raise DataError(
            f"line {number}: {what} {value!r} is outside the set; allowed: {', '.join(allowed)}."
        )
    return value


def tab_pairs(text: str, labels: Sequence[str]) -> Iterator[Row]:
    """Rows of ``premise<TAB>hypothesis<TAB>label`` without header, as XNLI's; a group is a premise.

    Raises:
        DataError: another number of columns, or a label outside ``labels``.
    """
    for number, line in enumerate(lines(text), 1):
        premise, hypothesis, label = columns(line, number, ("premise", "hypothesis", "label"))
        yield {
            "id": str(number),
            "group": str((number - 1) // PREMISE_ROWS + 1),
            "text": premise,
            "text_b": hypothesis,
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
        except json.JSONDecodeError as error:
            raise DataError(f"line {number}: not a JSON object ({error.msg}); {_AGAIN}") from error
        missing = [key for key in keys if not isinstance(value, Mapping) or key not in value]
        if missing:
            raise DataError(
                f"line {number}: expected the keys {', '.join(keys)}, {', '.join(missing)} missing; "
                + _AGAIN
            )
        yield number, value


def tagged_sentences(text: str, tags: Sequence[str]) -> Iterator[Row]:
    """CoNLL style: one ``token<TAB>tag`` a line, a blank line after each sentence.

    Ids count sentences from 1.
    """
    tokens: list[str] = []
    found: list[str] = []
    count = 0
    for number, line in enumerate([*lines(text), ""], 1):
        if line:
            token, tag = columns(line, number, ("token", "tag"))
            if not token.strip():
                raise DataError(f"line {number}: empty token; {_AGAIN}")
            tokens.append(token)
            found.append(one_of(tag, tags, number, "tag"))
        elif tokens:
            count += 1
            yield {"id": str(count), "group": str(count), "tokens": tokens, "tags": found}
            tokens, found = [], []


def squad(text: str) -> Iterator[Row]:
    """SQuAD v1.1 JSON: articles of paragraphs of questions; a group is a paragraph.

    Raises:
        DataError: not JSON, a missing key, or an answer that does not stand at its offset.
    """
    try:
        articles = json.loads(text)["data"]
    except json.JSONDecodeError as error:
        raise DataError(
            f"line {error.lineno}: not valid JSON at column {error.colno} ({error.msg}); {_AGAIN}"
        ) from error
    except (KeyError, TypeError) as error:
        raise DataError(f"line 1: expected an object with the key 'data'; {_AGAIN}") from error
    for a, article in enumerate(articles, 1):
        for p, paragraph in enumerate(_get(article, "paragraphs", f"article {a}"), 1):
            place = f"article {a}, paragraph {p}"
            context = _get(paragraph, "context", place)
            for question in _get(paragraph, "qas", place):
                yield _question(question, context, place) | {"group": f"{a}-{p}"}


def _question(question: Mapping[str, Any], context: str, place: str) -> Row:
    name = _get(question, "id", place)
    place = f"{place}, question {name!r}"
    answers = _get(question, "answers", place)
    texts = [_get(answer, "text", place) for answer in answers]
    starts = [_get(answer, "answer_start", place) for answer in answers]
    for answer, start in zip(texts, starts, strict=True):
        if context[start : start + len(answer)] != answer:
            raise DataError(f"{place}: answer {answer!r} does not stand at offset {start}; {_AGAIN}")
    return {
        "id": name,
        "context": context,
        "question": _get(question, "question", place),
        "answers": {"text": texts, "answer_start": starts},
    }


def _get(value: Mapping[str, Any], key: str, place: str) -> Any:
    if not isinstance(value, Mapping) or key not in value:
        raise DataError(f"{place}: key {key!r} is missing; {_AGAIN}")
    return value[key]


def aligned_lines(text: str, english: str) -> Iterator[Row]:
    """Two files, line by line translations of each other; ids count lines from 1.

    Raises:
        DataError: another number of lines, or an empty one.
    """
    ours, theirs = lines(text), lines(english)
    if len(ours) != len(theirs):
        raise DataError(
            f"line {min(len(ours), len(theirs)) + 1}: expected as many lines as the English side has, "
            f"{len(theirs)}, got {len(ours)}; {_AGAIN}"
        )
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True), 1):
        if not a.strip() or not b.strip():
            raise DataError(f"line {number}: empty sentence; {_AGAIN}")
        yield {"id": str(number), "group": str(number), "text": a, "english": b}
