"""Readers of question answering formats: SQuAD's JSON as others release it, and iApp's lines.

Most readers take a release to the letter; those that mend or drop something know what is wrong with the
release they are for, and say what they drop.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xlgap.errors import DataError
from xlgap.tasks._readers.text import Ids, dropped, filled, json_lines, of_file, shown
from xlgap.tasks.base import DROPPED, Row

MAX_WRONG = 0.1
"""Largest share of answers at a wrong offset in a file that is read nevertheless; the most is 0.06."""
XQUAD_LABELLED = "github.com/google-deepmind/xquad"
MLQA_LABELLED = "the archive dl.fbaipublicfiles.com/MLQA/MLQA_V1.zip"
TYDIQA_LABELLED = "the archive storage.googleapis.com/tydiqa/v1.1/tydiqa-goldp-v1.1-dev.tgz"
_AGAIN = "the file may be truncated or of another format: fetch it again."


@dataclass(frozen=True)
class _Question:
    """A question as released; ``answers`` are texts with their offsets, unchecked."""

    place: str
    group: str
    context: str
    id: str
    text: str
    answers: tuple[tuple[str, int], ...]
    impossible: bool = True  # whether the release may mean that it has no answer

    def row(self, answers: Iterable[tuple[str, int]]) -> Row:
        """The prepared row with these answers."""
        kept = list(answers)
        return {
            "id": self.id,
            "group": self.group,
            "context": self.context,
            "question": self.text,
            "answers": {"text": [t for t, _ in kept], "answer_start": [start for _, start in kept]},
        }

    def wrong(self, answer: str, start: int) -> bool:
        """Whether the context has something else at ``start``."""
        return start < 0 or self.context[start : start + len(answer)] != answer

    def refuse_empty(self, **parts: Any) -> None:
        """Check that each of ``parts`` is a text with something in it.

        Raises:
            DataError: one is not.
        """
        for name, value in parts.items():
            if not isinstance(value, str) or not value.strip():
                raise DataError(
                    f"{self.place}: expected a non-empty text as {name!r}, got {shown(value)}; {_AGAIN}"
                )

    def checked(self) -> Row:
        """The row as released.

        Raises:
            DataError: a text is empty, or an answer does not stand at its offset.
        """
        self.refuse_empty(context=self.context, question=self.text, id=self.id)
        for answer, start in self.answers:
            if not answer.strip() or self.wrong(answer, start):
                raise DataError(
                    f"{self.place}: answer {answer!r} does not stand at offset {start} as expected; "
                    + _AGAIN
                )
        return self.row(self.answers)


def _questions(text: str) -> Iterator[_Question]:
    try:
        articles = json.loads(text)["data"]
    except json.JSONDecodeError as error:
        raise DataError(
            f"line {error.lineno}: not valid JSON at column {error.colno} ({error.msg}), "
            f"expected an object with the key 'data'; {_AGAIN}"
        ) from error
    except (ValueError, RecursionError) as error:  # a number or a depth beyond Python's
        raise DataError(
            f"line 1: not JSON that can be read ({error}), expected an object with the key 'data'; "
            + _AGAIN
        ) from error
    except (KeyError, TypeError) as error:
        raise DataError(f"line 1: expected an object with the key 'data'; {_AGAIN}") from error
    if not isinstance(articles, list) or not articles:
        raise DataError(f"line 1: expected a list of articles as 'data'; {_AGAIN}")
    found = False
    for a, article in enumerate(articles, 1):
        paragraphs = _get(article, "paragraphs", f"article {a}", list)
        if not paragraphs:
            raise DataError(f"article {a}: expected at least one paragraph, got none; {_AGAIN}")
        for p, paragraph in enumerate(paragraphs, 1):
            place = f"article {a}, paragraph {p}"
            context = _get(paragraph, "context", place, str)
            for question in _get(paragraph, "qas", place, list):
                name = str(_get(question, "id", place, str | int))
                where = f"{place}, question {name!r}"
                answers = _get(question, "answers", where, list)
                found = True
                yield _Question(
                    where,
                    f"{a}-{p}",
                    context,
                    name,
                    _get(question, "question", where, str),
                    tuple(
                        (_get(x, "text", where, str), _get(x, "answer_start", where, int))
                        for x in answers
                    ),
                    question.get("is_impossible") is not False,
                )
    if not found:
        raise DataError(f"line 1: expected at least one question, got none; {_AGAIN}")


def _get(value: Any, key: str, place: str, kind: Any) -> Any:
    if not isinstance(value, Mapping) or key not in value:
        raise DataError(f"{place}: key {key!r} is missing where it is expected; {_AGAIN}")
    return _of_kind(value[key], key, place, kind)


def _of_kind(value: Any, name: str, place: str, kind: Any) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise DataError(f"{place}: expected {_KINDS[kind]} as {name!r}, got {shown(value)}; {_AGAIN}")
    return value


_KINDS = {str: "a text", int: "a whole number", list: "a list", str | int: "a text or number"}


def unique(rows: Iterable[Row], remedy: str) -> Iterator[Row]:
    """``rows``, whose ids must differ: predictions are joined to them by id.

    Raises:
        DataError: an id stands twice; ends with ``remedy``.
    """
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        if DROPPED not in row and seen.setdefault(row["id"], number) != number:
            raise DataError(
                f"question {number}: expected an id of its own, got {row['id']!r}, which is question "
                f"{seen[row['id']]}'s already; {remedy}"
            )
        yield row


def squad_unique(text: str, *, labelled: str = "") -> Iterator[Row]:
    """SQuAD v1.1 JSON with an answer for every question and ids that differ.

    Args:
        text: of the file.
        labelled: where the file with its answers comes from.

    Raises:
        DataError: also where answers are stripped, as from hidden test sets.
    """
    return unique(map(_answered, _labelled(text, labelled)), _AGAIN)


def _labelled(text: str, source: str = "") -> Iterator[_Question]:
    """The questions of a file that has answers.

    Raises:
        DataError: it has none, or empty texts alone, as XTREME's own download leaves them
            (``remove_qa_test_annotations`` of its ``utils_preprocess.py``).
    """
    found = list(_questions(text))
    if not any(answer.strip() for question in found for answer, _ in question.answers):
        whence = f", from {source}" if source else ""
        raise DataError(
            f"{found[0].place}: expected at least one answer, got none or an empty text in all "
            f"{len(found)} questions of the file: the answers are stripped, as XTREME's download "
            f"strips test files; put the labelled file in its place{whence}."
        )
    return iter(found)


def apart(rows: Iterable[Row], xquad: str) -> Iterator[Row]:
    """``rows`` of SQuAD's dev set without the paragraphs that XQuAD took; these are dropped, counted.

    Args:
        rows: in SQuAD's columns.
        xquad: text of the second file that a reader was given, the English XQuAD.

    Raises:
        DataError: the second file is damaged.
    """
    taken = {row["context"] for row in of_file(2, squad_unique(xquad))}
    for row in rows:
        yield dropped("its paragraph is in XQuAD") if row.get("context") in taken else row


def _answered(question: _Question) -> Row:
    _refuse_stripped(question)
    return question.checked()


def _refuse_stripped(question: _Question) -> None:
    if not question.answers:
        raise DataError(
            f"{question.place}: expected at least one answer, got none: the answers are stripped; put "
            "the labelled file in its place."
        )


def squad2(text: str) -> Iterator[Row]:
    """SQuAD v2.0 JSON: a question without answers is one that the paragraph does not answer.

    Raises:
        DataError: as for v1.1; an id stands twice, no question has an answer, or one has none that is
            not marked as impossible to answer.
    """
    return unique(_squad2(text), _AGAIN)


def _squad2(text: str) -> Iterator[Row]:
    for question in _labelled(text):
        if not question.impossible:
            _refuse_stripped(question)
        yield question.checked()


def squad_mended(text: str, prefix: str = "") -> Iterator[Row]:
    """SQuAD JSON with a few wrong answer offsets, as ARCD, CMRC 2018 and FaQuAD are released.

    An answer at a wrong offset is put where its text stands, if the context has it once and no more;
    it is dropped otherwise. A question of which no answer or no text is left is dropped and counted.

    Args:
        text: of the file.
        prefix: of groups, where several files make one split.

    Raises:
        DataError: a question has no answer as released, or more than 1 in 10 answers are wrong (the
            context is then another one) or questions empty.
    """
    wrong = every = empty = count = 0
    for question in _labelled(text):
        _refuse_stripped(question)
        question.refuse_empty(context=question.context, id=question.id)
        kept = []
        count += 1
        for answer, start in question.answers:
            every += 1
            off = not answer.strip() or question.wrong(answer, start)
            wrong += off
            if not off:
                kept.append((answer, start))
            elif answer.strip() and question.context.count(answer) == 1:
                kept.append((answer, question.context.index(answer)))
        if not question.text.strip():
            empty += 1
            yield dropped("the question is empty")
        elif not kept:
            yield dropped("no answer stands in the context")
        else:
            yield question.row(kept) | {"group": prefix + question.group}
    if empty > MAX_WRONG * count:
        raise DataError(
            f"line 1: {empty} of {count} questions are empty, expected at most {MAX_WRONG:.0%}; "
            + _AGAIN
        )
    if wrong > MAX_WRONG * every:
        raise DataError(
            f"line 1: {wrong} of {every} answers do not stand at their offset, expected at most "
            f"{MAX_WRONG:.0%}; {_AGAIN}"
        )


def cmrc_and_drcd(cmrc: str, drcd: str) -> Iterator[Row]:
    """Two Chinese sets as one: CMRC 2018 in simplified and DRCD in traditional characters."""
    yield from unique(_either(cmrc, drcd), _AGAIN)


def _either(cmrc: str, drcd: str) -> Iterator[Row]:
    yield from squad_mended(cmrc, "cmrc-")
    yield from of_file(2, squad_mended(drcd, "drcd-"))


def iapp(text: str) -> Iterator[Row]:
    """The questions of iApp, one a line of JSON; a group is an article.

    Raises:
        DataError: a line is no JSON object or lacks a key, or an answer is not at its offset.
    """
    wanted = ("article_id", "question_id", "context", "question", "answers")
    ids = Ids()
    for number, value in json_lines(text, wanted):
        answers, place = value["answers"], f"line {number}"
        texts, starts = (
            [_of_kind(each, key, place, kind) for each in _get(answers, key, place, list)]
            for key, kind in (("text", str), ("answer_start", int))
        )
        if len(texts) != len(starts) or not texts:
            raise DataError(
                f"{place}: expected as many answers as offsets and at least one, got {len(texts)} and "
                f"{len(starts)}; {_AGAIN}"
            )
        yield _Question(
            place,
            filled(value["article_id"], number, "article_id"),
            value["context"],
            ids.own(filled(value["question_id"], number, "question_id"), number),
            value["question"],
            tuple(zip(texts, starts, strict=True)),
        ).checked()


def tydiqa(text: str) -> Iterator[Row]:
    """TyDiQA-GoldP to be scored on: one question a paragraph, ids that differ.

    Raises:
        DataError: an id stands twice, as in XTREME's per-language files of the train split; the answers
            are stripped.
    """
    return unique(
        map(_answered, _labelled(text, TYDIQA_LABELLED)),
        "files divided by XTREME's script keep only the last field of the id, so that ids repeat and "
        "predictions cannot be told apart: make ids unique, or use a file that kept them.",
    )


def tydiqa_train(text: str) -> Iterator[Row]:
    """Training questions of TyDiQA; where an id stands again, it is numbered: ``id#2``, ``id#3``."""
    seen: dict[str, int] = {}
    for row in map(_answered, _labelled(text)):
        seen[row["id"]] = number = seen.get(row["id"], 0) + 1
        yield row if number == 1 else row | {"id": f"{row['id']}#{number}"}
