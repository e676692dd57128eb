"""Reader of QAMR: questions on single sentences, answered by the numbers of words.

As in :mod:`xlgap.tasks._readers.text` an error begins with the place in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from xlgap.errors import DataError
from xlgap.tasks._readers.text import FEW_ROWS, columns, dropped, filled, lines
from xlgap.tasks.base import Row

_AGAIN = "the file may be truncated or of another format: fetch it again."
_QAMR = (
    *("sentence id", "target words", "worker", "question number", "target", "question"),
    *("answer", "answer of a validator", "answer of another"),
)
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_TREEBANK = {**_BRACKETS, "``": '"', "''": '"'}


def qamr(text: str, sentences: str) -> Iterator[Row]:
    """QAMR: questions on single sentences, answered by the numbers of the sentence's words.

    The context is the sentence's words, joined by spaces, with brackets and quotes for the treebank's
    names of them. The writer's answer comes first, then those of the validators; one whose words are
    not neighbours is no span and left out, and a question with such answers alone is dropped. A
    question that several writers ask of a sentence is one item with all their answers. A group is a
    sentence.

    Raises:
        DataError: a line has another number of columns, a sentence that is not in ``sentences``, or an
            answer beyond its sentence.
    """
    words = _sentences(sentences)
    items: dict[tuple[str, str], Row] = {}
    answers: set[tuple[str, ...]] = set()
    for number, line in enumerate(lines(text), 1):
        sentence, _, _, _, _, question, *given = columns(line, number, _QAMR)
        if sentence not in words:
            raise DataError(
                f"line {number}: sentence {sentence!r} is not in the file of sentences, where it is "
                "expected; fetch both files again."
            )
        answers.add(tuple(answer.rpartition(":")[2] for answer in given))
        spans = [span for answer in given if (span := _span(answer, words[sentence], number))]
        if not spans:
            items[str(number), ""] = dropped("no answer is a stretch of words")
            continue
        key = (sentence, question)
        if key in items:
            items[str(number), ""] = dropped("asked before: its answers are added to that item")
        else:
            items[key] = {
                "id": f"{sentence}/{number}",
                "group": sentence,
                "context": " ".join(words[sentence]),
                "question": filled(question, number, "question"),
                "answers": {"text": [], "answer_start": []},
            }
        _add(items[key]["answers"], spans)
    if len(answers) == 1 and len(items) >= FEW_ROWS:
        raise DataError(
            f"line 1: every answer of the file is {answers.pop()[0]!r}, expected several: they are "
            "constant, and a score on them would be chance; put the labelled file in its place."
        )
    yield from items.values()


def _add(answers: dict[str, list[Any]], spans: Iterable[tuple[str, int]]) -> None:
    known = set(zip(answers["text"], answers["answer_start"], strict=True))
    for span in spans:
        if span not in known:
            answers["text"].append(span[0])
            answers["answer_start"].append(span[1])
            known.add(span)


def _sentences(text: str) -> dict[str, list[str]]:
    """The words of each sentence by its id."""
    found = {}
    for number, line in enumerate(lines(text), 1):
        try:
            name, sentence = columns(line, number, ("sentence id", "sentence"))
            filled(name, number, "sentence id")
            filled(sentence, number, "sentence")
        except DataError as error:
            raise DataError(f"file 2, {error}") from error
        found[name] = [_TREEBANK.get(word, word) for word in sentence.split(" ")]
    return found


def _span(answer: str, words: list[str], number: int) -> tuple[str, int] | None:
    """Text and offset of the words that an answer names; ``None`` where they are not neighbours."""
    try:
        at = [int(index) for index in answer.rpartition(":")[2].split()]
    except ValueError:
        at = []
    if not at or max(at) >= len(words) or min(at) < 0:
        raise DataError(
            f"line {number}: expected numbers of words below {len(words)} as an answer, got "
            f"{answer!r}; {_AGAIN}"
        )
    first, last = min(at), max(at)
    if sorted(at) != list(range(first, last + 1)):
        return None
    return " ".join(words[first : last + 1]), sum(len(word) + 1 for word in words[:first])
