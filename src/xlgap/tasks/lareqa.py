"""LAReQA (XQuAD-R): find the sentences that answer a question, in all languages at once.

The questions of XQuAD in 11 languages, 13,090 in all; the candidates are all sentences of all its
paragraphs in all languages, 13,014, each with its paragraph. A question has one right candidate in each
language, the sentence in which the answer begins; a language where it begins in none has none.

Trained on SQuAD v1.1: each question with the sentence in which its first answer begins; a question
whose answer begins in none is left out and counted. SQuAD has no sentence breaks. Those here are by
:func:`sentences`, a short rule of our own; the official ones are by another rule-based breaker, sb_sed,
so that training sentences differ a little. Of XQuAD-R's 1,180 English sentences the rule finds 1,163.
The loss tells the candidates of one forward pass apart: of 4, four of them a step, as officially.

The release's SQuAD files are as in :mod:`xlgap.tasks.squad`: all of the official train file where the
directory has it, and for dev, which chooses the checkpoint, the official dev file without the
paragraphs of XQuAD-R; else parts of the dev file, which lack them, too. Dev thus has other paragraphs
of the articles that are tested, and no paragraph that is. There is no hub source: the hub's XQuAD-R
lacks the sentence breaks that make the candidates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from xlgap.errors import DataError
from xlgap.tasks._readers.breaks import refuse_elsewhere, spans_of
from xlgap.tasks._readers.declared import SQUAD
from xlgap.tasks._readers.qa import apart, squad_unique
from xlgap.tasks._readers.text import dropped
from xlgap.tasks.base import DROPPED, Rank, Recipe, ReleaseFile, Row, Task

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
_PATTERN = "xtreme_r/lareqa/xquad-r/{language}.json"

# A mark, with what closes behind it, before a space and what can open a sentence: no lower-case letter.
_END = re.compile(r"""[.!?]+['"”’)\]]*(?:\[\d+\])*(?=\s+['"“‘(\[]*[^\W_a-z])""")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_TITLES = ("mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "rev", "hon", "gov", "sen", "rep")
_RANKS = ("gen", "col", "capt", "lt", "sgt")
_FIRMS = ("co", "corp", "inc", "ltd", "bros")
_MONTHS = ("jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec")
_OTHERS = ("mt", "ft", "vs", "no", "nos", "vol", "fig", "ca", "cf", "al", "etc")
_ABBREVIATIONS = frozenset((*_TITLES, *_RANKS, *_FIRMS, *_MONTHS, *_OTHERS))


_NOWHERE = "its answer begins in no sentence"


class _Paragraph(NamedTuple):
    """A paragraph of XQuAD-R: its number, counted from 1, and sentences with where they stand."""

    number: int
    context: str
    spans: list[tuple[int, int]]
    texts: list[str]


def sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of an English text begin and end.

    One ends at ``.``, ``!`` or ``?``, quotes and brackets behind it included, where a space follows and
    then anything but a lower-case letter. A single full stop ends none behind an initial or an
    abbreviation.

    >>> sentences("Dr. Watts came at 5 p.m. today. He left.")
    [(0, 31), (32, 40)]
    """
    found, begin = [], 0
    for mark in _END.finditer(text):
        word = (text[begin : mark.start()].split() or [""])[-1].lstrip("('\"“‘[").lower()
        if mark[0].startswith(".") and (word in _ABBREVIATIONS or _INITIALS.fullmatch(word)):
            continue
        found.append((begin, mark.end()))
        begin = mark.end() + len(text[mark.end() :]) - len(text[mark.end() :].lstrip())
    if text[begin:].strip():
        found.append((begin, len(text.rstrip())))
    return found


def _holding(spans: Sequence[tuple[int, int]], row: Row) -> int | None:
    """The sentence in which the first answer begins.

    Raises:
        DataError: there is no answer.
    """
    if not row["answers"]["text"]:
        raise DataError(f"question {row['id']!r}: no answer; expected one: fetch the file again.")
    start = row["answers"]["answer_start"][0]
    return next((k for k, (begin, end) in enumerate(spans) if begin <= start < end), None)


def _name(language: str, paragraph: int, sentence: int) -> str:
    return f"{language}_{paragraph}_{sentence}"


def _training(text: str) -> Iterator[Row]:
    """SQuAD's questions with the sentence that holds the answer."""
    return _with_sentence(squad_unique(text))


def _dev(text: str, tested: str) -> Iterator[Row]:
    """The same without the paragraphs of ``tested``, the English file of XQuAD-R."""
    return _with_sentence(apart(squad_unique(text), tested))


def _with_sentence(rows: Iterable[Row]) -> Iterator[Row]:
    spans: list[tuple[int, int]] = []
    group, number = "", 0
    for row in rows:
        if DROPPED in row:
            yield row
            continue
        if row["group"] != group:
            group, number, spans = row["group"], number + 1, sentences(row["context"])
        sentence = _holding(spans, row)
        if sentence is None:
            yield dropped(_NOWHERE)
        else:
            begin, end = spans[sentence]
            yield {
                "id": row["id"],
                "group": group,
                "text": row["question"],
                "targets": [_name("en", number, sentence)],
                "candidate": row["context"][begin:end],
                "context": row["context"],
            }


def _read(text: str) -> tuple[list[Row], dict[str, _Paragraph]]:
    """The questions of one language as rows of SQuAD, and the paragraphs by the questions' group.

    Raises:
        DataError: see :func:`~xlgap.tasks._readers.qa.squad_unique`; also sentences that are missing
            or not at their breaks, and answers that are not in the sentences.
    """
    rows = list(squad_unique(text))
    found: dict[str, _Paragraph] = {}
    for a, article in enumerate(json.loads(text)["data"], 1):
        for p, paragraph in enumerate(article["paragraphs"], 1):
            breaks, texts = (_list(paragraph, k, a, p) for k in ("sentence_breaks", "sentences"))
            context = paragraph["context"]
            spans = spans_of(breaks, texts, context, f"article {a}, paragraph {p}")
            found[f"{a}-{p}"] = _Paragraph(len(found) + 1, context, spans, texts)
    refuse_elsewhere(rows, {group: paragraph[1:] for group, paragraph in found.items()})
    return rows, found


def _list(paragraph: dict[str, Any], key: str, a: int, p: int) -> list[Any]:
    value = paragraph.get(key)
    if not isinstance(value, list) or not value:
        raise DataError(
            f"article {a}, paragraph {p}: expected a list as '{key}', got {value!r}; the file may be "
            "XQuAD without sentences: fetch that of LAReQA."
        )
    return value


def _questions(language: str, text: str, *of_each: str) -> Iterator[Row]:
    """The questions of one language; ``of_each`` are the files of :data:`LANGUAGES`, in that order."""
    right: dict[str, list[str]] = {}
    for number, (code, other) in enumerate(zip(LANGUAGES, of_each, strict=True), 2):
        try:
            rows, paragraphs = _read(other)
        except DataError as error:
            raise DataError(f"file {number}, {error}") from error
        for row in rows:
            paragraph = paragraphs[row["group"]]
            sentence = _holding(paragraph.spans, row)
            if sentence is not None:
                names = right.setdefault(row["id"], [])
                names.insert(
                    0 if code == language else len(names), _name(code, paragraph.number, sentence)
                )
    rows, paragraphs = _read(text)
    for row in rows:
        paragraph = paragraphs[row["group"]]
        sentence = _holding(paragraph.spans, row)
        if sentence is None:
            yield dropped(_NOWHERE)
        else:
            yield {
                "id": row["id"],
                "group": row["group"],
                "text": row["question"],
                "targets": right[row["id"]],
                "candidate": paragraph.texts[sentence],
                "context": paragraph.context,
            }


def _candidates(language: str, text: str) -> Iterator[Row]:
    """All sentences of one language, those without a question too."""
    for paragraph in _read(text)[1].values():
        for k, sentence in enumerate(paragraph.texts):
            yield {
                "id": _name(language, paragraph.number, k),
                "group": str(paragraph.number),
                "candidate": sentence,
                "context": paragraph.context,
            }


_TRAIN, _DEV = f"{SQUAD}/train-v1.1.json", f"{SQUAD}/dev-v1.1.json"
_PART_TRAIN, _PART_DEV = f"{SQUAD}/train_from_dev.json", f"{SQUAD}/heldout_from_dev.json"
_TESTED = (_PATTERN.format(language="en"),)


_TOWER = "The tower was finished in 1889. Its builders took two years."
_TURM = "Der Turm wurde 1889 fertig. Seine Erbauer brauchten zwei Jahre."

TASK = Task(
    name="lareqa",
    kind=Rank(pool=LANGUAGES, query_length=96, pair=True),
    role="target",
    family="retrieval",
    train_languages=("en",),
    eval_languages=LANGUAGES,
    parallel=True,
    metrics=("map20",),
    contains=("squad",),
    recipe=Recipe(learning_rate=2e-5, epochs=3, batch_rows=16, max_length=256, micro_rows=4),
    licence="CC BY-SA 4.0",
    citation="Roy et al. 2020, arXiv 2004.05484; trained on Rajpurkar et al. 2016, arXiv 1606.05250",
    release={
        # The last declaration of each split is there to name the file that is missing.
        "train": (
            ReleaseFile(path=_TRAIN, read=_training, needs=(_TRAIN,)),
            ReleaseFile(path=_PART_TRAIN, read=_training, needs=(_PART_TRAIN,)),
            ReleaseFile(path=_TRAIN, read=_training),
        ),
        "dev": (
            ReleaseFile(path=_DEV, aligned=_TESTED, read=_dev, needs=(_TRAIN,)),
            ReleaseFile(path=_PART_DEV, read=_training, needs=(_PART_DEV,)),
            ReleaseFile(path=_DEV, aligned=_TESTED, read=_dev),
        ),
        "test": tuple(
            ReleaseFile(
                path=_PATTERN,
                read=partial(_questions, code),
                aligned=tuple(_PATTERN.format(language=other) for other in LANGUAGES),
                languages=(code,),
            )
            for code in LANGUAGES
        ),
        "candidates": tuple(
            ReleaseFile(path=_PATTERN, read=partial(_candidates, code), languages=(code,))
            for code in LANGUAGES
        ),
    },
    sample=(
        {
            "language": "en",
            "id": "r1",
            "group": "1-1",
            "text": "When was the tower finished?",
            "targets": ["en_1_0", "de_1_0"],
            "candidate": "The tower was finished in 1889.",
            "context": _TOWER,
        },
        {
            "language": "en",
            "id": "r2",
            "group": "1-1",
            "text": "How long did the builders take?",
            "targets": ["en_1_1", "de_1_1"],
            "candidate": "Its builders took two years.",
            "context": _TOWER,
        },
        {
            "language": "de",
            "id": "r3",
            "group": "1-1",
            "text": "Wann wurde der Turm fertig?",
            "targets": ["de_1_0", "en_1_0"],
            "candidate": "Der Turm wurde 1889 fertig.",
            "context": _TURM,
        },
    ),
)
