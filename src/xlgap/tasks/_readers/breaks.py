"""Where the sentences of XQuAD-R begin and end: what its ``sentence_breaks`` must be.

As in :mod:`xlgap.tasks._readers.text` an error begins with the place in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xlgap.errors import DataError
from xlgap.tasks._readers.qa import MAX_WRONG
from xlgap.tasks._readers.text import shown
from xlgap.tasks.base import Row

_AGAIN = "fetch the file again."
_FEW_WRONG = 3
"""Answers or sentences that may be at no right place in however short a file: of the official ones two
sentences of a paragraph are (tr), and 2 in 100 answers go over the end of a sentence."""

Span = tuple[int, int]


def spans_of(breaks: Sequence[Any], sentences: Sequence[Any], context: str, place: str) -> list[Span]:
    """Where each of ``sentences`` begins and ends in ``context``, by its break.

    Raises:
        DataError: another number of breaks, an empty sentence, or a break that is no stretch of the
            context behind the one before.
    """
    if len(breaks) != len(sentences):
        raise DataError(
            f"{place}: {len(sentences)} sentences and {len(breaks)} breaks; expected as many: {_AGAIN}"
        )
    found: list[Span] = []
    for number, (given, sentence) in enumerate(zip(breaks, sentences, strict=True), 1):
        if not isinstance(sentence, str) or not sentence.strip():
            raise DataError(
                f"{place}: expected a non-empty text as sentence {number}, got {shown(sentence)}; "
                + _AGAIN
            )
        before = found[-1][1] if found else 0
        if not _is_stretch(given, before, len(context)):
            raise DataError(
                f"{place}: expected where sentence {number} begins and ends, from {before} to "
                f"{len(context)}, as entry {number} of 'sentence_breaks', got {shown(given)}; {_AGAIN}"
            )
        found.append((given[0], given[1]))
    return found


def _is_stretch(given: Any, least: int, most: int) -> bool:
    if not isinstance(given, list) or len(given) != 2 or any(type(each) is not int for each in given):
        return False
    return bool(least <= given[0] < given[1] <= most)


def refuse_elsewhere(
    rows: Iterable[Row], paragraphs: Mapping[str, tuple[str, Sequence[Span], Sequence[str]]]
) -> None:
    """Check that the breaks are those of the sentences and hold the answers, but for a few.

    Args:
        rows: questions with their answers; a group is ``article-paragraph``.
        paragraphs: by group context, spans and sentences.

    Raises:
        DataError: more are wrong than in the official files; names the first.
    """
    _refuse_many(
        [
            f"{_place(group)}: sentence {number} does not stand at its break"
            for group, (context, spans, texts) in paragraphs.items()
            for number, ((begin, end), text) in enumerate(zip(spans, texts, strict=True), 1)
            if context[begin:end] != text
        ],
        sum(len(texts) for _, _, texts in paragraphs.values()),
        "sentences",
    )
    questions = list(rows)
    _refuse_many(
        [
            f"{_place(row['group'])}, question {row['id']!r}: its answer does not stand in one sentence"
            for row in questions
            if not _in_one(row, paragraphs[row["group"]][1])
        ],
        len(questions),
        "answers",
    )


def _in_one(row: Row, spans: Sequence[Span]) -> bool:
    """Whether a sentence holds all of the first answer."""
    start = row["answers"]["answer_start"][0]
    end = start + len(row["answers"]["text"][0])
    return any(first <= start and end <= last for first, last in spans)


def _refuse_many(wrong: Sequence[str], every: int, what: str) -> None:
    if len(wrong) > max(_FEW_WRONG, MAX_WRONG * every):
        raise DataError(
            f"{wrong[0]}, as {len(wrong)} of {every} {what} do not; expected at most {MAX_WRONG:.0%}: "
            f"'sentence_breaks' are those of another text, {_AGAIN}"
        )


def _place(group: str) -> str:
    article, paragraph = group.split("-")
    return f"article {article}, paragraph {paragraph}"
