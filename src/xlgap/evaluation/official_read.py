"""Files of the official submission layout (:mod:`xlgap.evaluation.official`) to prediction rows.

Anyone's files are taken as the official scorers take them, and what is odd in them is told:

- a label, tag or number outside the set is wrong (``accuracy`` and ``f1`` of XTREME's ``evaluate.py``
  compare texts);
- a question without an answer scores 0, an id that nobody asked for is ignored (SQuAD's and MLQA's
  scripts, and Mewsli-X's ``evaluate`` in ``utils_mewslix.py``);
- pairs of BUCC are a set: a foreign sentence may have several matches, an id that the test data lack is
  a wrong pair (``bucc_f1``).

A file of which nothing fits is of other rows or in another format, and no score is made of it. An id
that stands twice in a file is refused: which answer is meant cannot be told.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xlgap.errors import DataError, suggestion
from xlgap.evaluation.official import OtherRowsError, english_order, file_name
from xlgap.tasks._readers.text import json_lines, lines, one_of
from xlgap.tasks.base import Choose, Classify, Mine, Rank, Retrieve, Row, Span, Tag, Task

UNANSWERED = "\ue000"
"""In place of an answer that is missing, which scores 0: an empty text would be an exact match of a
gold answer of which normalising leaves nothing."""
Wrong = list[
    tuple[str, int, DataError]
]  # answer, its line, and the error that it is where all must fit


@dataclass(frozen=True)
class Oddities:
    """What is odd in one file.

    Attributes:
        strict: whether it is an error: for predictions of our own.
        notes: a clause for each kind of it.
    """

    strict: bool = False
    notes: list[str] = field(default_factory=list)

    def tell(self, error: DataError, note: str, *, nothing_fits: bool = False) -> None:
        """Add ``note``; raises ``error`` where ``strict``, or where nothing in the file fits."""
        if self.strict or nothing_fits:
            raise error
        self.notes.append(note)

    def outside(self, wrong: Wrong, count: int, what: str) -> None:
        """Tell of the answers outside the set, of ``count`` answers."""
        if wrong:
            value, number, error = wrong[0]
            self.tell(
                error,
                f"{len(wrong)} of {count} {what}s are outside the set and count as wrong, the first is "
                f"{value.strip()[:40]!r} in line {number}",
                nothing_fits=len(wrong) == count,
            )

    def ids(
        self, gold: Sequence[Row], found: Mapping[str, Any], what: str, *, all_of: bool = True
    ) -> None:
        """Tell of ids that the test data lack, and of test rows without an answer.

        Args:
            gold: the test rows.
            found: answers by id.
            what: whose ids they are.
            all_of: whether each test row must have an answer where ``strict``.
        """
        known = {row["id"] for row in gold}
        strange = [name for name in found if name not in known]
        lacking = [row["id"] for row in gold if row["id"] not in found]
        nothing = len(lacking) == len(gold)
        if strange:
            self.tell(
                OtherRowsError(
                    f"line 1: {len(strange)} {what} ids are not in the test data, the first is "
                    f"{strange[0]!r}; {suggestion(strange[0], known)}"
                ),
                f"{len(strange)} {what} ids are not in the test data and are ignored, the first is "
                f"{strange[0]!r}",
                nothing_fits=nothing,
            )
        if lacking and (all_of or not self.strict):
            self.tell(
                OtherRowsError(
                    f"line 1: {len(lacking)} of {len(gold)} {what} ids of the test data have no "
                    f"answer, the first is {lacking[0]!r}; give '' where nothing was found."
                ),
                f"{len(lacking)} of {len(gold)} {what} ids have no answer and score 0, the first is "
                f"{lacking[0]!r}",
                nothing_fits=nothing,
            )


def read(task: Task, gold: Sequence[Row], text: str, odd: Oddities | None = None) -> list[Row]:
    """Prediction rows of one file, in the order of ``gold``.

    Args:
        task: the task.
        gold: its test rows, in the order of the official file.
        text: of the file.
        odd: takes what official scorers put up with; as an error of each where ``None``.

    Raises:
        DataError: it begins with the place in the file: another number of lines or tags, another
            format, nothing that fits the test data; without ``odd`` whatever does not fit.
    """
    odd = odd or Oddities(strict=True)
    match task.kind:
        case Classify(labels=labels):
            return list(_labelled(labels, gold, text, odd))
        case Tag():
            return list(_tagged(task.kind, gold, text, odd))
        case Choose(choices=choices):
            return list(_chosen(choices, gold, text, odd))
        case Span():
            answers = _object(text, "{question id: answer}")
            odd.ids(gold, answers, "question")
            return [{"id": row["id"], "text": _answer(row["id"], answers)} for row in gold]
        case Retrieve():
            return _retrieved(gold, text, odd)
        case Mine():
            return _mined(gold, text, odd)
        case Rank():
            return list(_ranked(task, gold, text, odd))
    raise AssertionError(f"no official file for {task.kind!r}")


def _labelled(labels: Sequence[str], gold: Sequence[Row], text: str, odd: Oddities) -> Iterator[Row]:
    wrong: Wrong = []
    for number, line, row in _numbered(lines(text), gold, "label"):
        label = line.strip()
        _outside(label, labels, number, "label", wrong)
        yield {"id": row["id"], "label": label}
    odd.outside(wrong, len(gold), "label")


def _outside(value: str, allowed: Sequence[str], number: int, what: str, wrong: Wrong) -> bool:
    """Whether ``value`` is not allowed, which is added to ``wrong``."""
    try:
        one_of(value, allowed, number, what)
    except DataError as error:
        wrong.append((value, number, error))
        return True
    return False


def _retrieved(gold: Sequence[Row], text: str, odd: Oddities) -> list[Row]:
    in_order = [gold[index] for index in english_order(gold)]
    match: dict[str, str] = {}
    wrong: Wrong = []
    for number, value, row in _numbered(lines(text), in_order, "number"):
        try:
            match[row["id"]] = gold[_index(value, len(gold), number)]["id"]
        except DataError as error:
            wrong.append((value, number, error))
    odd.outside(wrong, len(gold), "number")
    return [{"id": row["id"], "match": match.get(row["id"], "")} for row in gold]


def _numbered(found: Sequence[str], gold: Sequence[Row], what: str) -> Iterator[tuple[int, str, Row]]:
    """Line number, line and test row, one to one."""
    if len(found) != len(gold):
        raise OtherRowsError(
            f"line {min(len(found), len(gold)) + 1}: expected {len(gold)} lines, one {what} for each "
            f"row of the test data, got {len(found)}; predict every row, in their order."
        )
    for number, (line, row) in enumerate(zip(found, gold, strict=True), 1):
        yield number, line, row


def _index(value: str, of: int, number: int) -> int:
    text = value.strip()
    numeral = text.lstrip("0") or "0"
    known = text.isascii() and text.isdecimal() and len(numeral) <= len(str(of))
    if not known or int(numeral) >= of:
        raise DataError(
            f"line {number}: got {value[:40]!r}, expected the number of a line of the other language, "
            f"0 to {of - 1}."
        )
    return int(numeral)


def _tagged(kind: Tag, gold: Sequence[Row], text: str, odd: Oddities) -> Iterator[Row]:
    sentences: list[tuple[int, list[str]]] = []  # number of the first line, tags
    begun = False
    wrong: Wrong = []
    for number, line in enumerate(lines(text), 1):
        tag = line.strip()
        if not tag:
            begun = False
            continue
        if not begun:
            sentences.append((number, []))
            begun = True
        _outside(tag, kind.tags, number, "tag", wrong)
        sentences[-1][1].append(tag)
    odd.outside(wrong, sum(len(tags) for _, tags in sentences), "tag")
    if len(sentences) != len(gold):
        last = sentences[-1][0] if sentences else 1
        raise OtherRowsError(
            f"line {last}: expected {len(gold)} sentences, one for each of the test data, with an "
            f"empty line after each, got {len(sentences)}; predict every sentence, in their order."
        )
    for (number, tags), row in zip(sentences, gold, strict=True):
        if len(tags) != len(row["tokens"]):
            raise OtherRowsError(
                f"line {number}: the sentence that begins here has {len(tags)} tags, its test row "
                f"(id {row['id']!r}) {len(row['tokens'])} tokens; give one tag a token."
            )
        yield {"id": row["id"], "tags": tags}


def _chosen(choices: int, gold: Sequence[Row], text: str, odd: Oddities) -> Iterator[Row]:
    allowed = list(map(str, range(choices)))
    values = dict(json_lines(text, ("label",)))
    wrong: Wrong = []
    for number, line, row in _numbered(lines(text), gold, "object"):
        value = values[number]
        if str(value.get("idx", row["id"])) != str(row["id"]):
            raise DataError(
                f"line {number}: idx {value['idx']!r} is not that of the test row, {row['id']!r} "
                f"({line[:40]!r}); predict every row, in their order."
            )
        label = str(value["label"])
        outside = _outside(label, allowed, number, "label", wrong)
        yield {"id": row["id"], "label": -1 if outside else int(label)}
    odd.outside(wrong, len(gold), "label")


def _object(text: str, shape: str) -> dict[str, Any]:
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise DataError(
            f"line {error.lineno}: not valid JSON at column {error.colno} ({error.msg}); expected "
            f"{shape}."
        ) from error
    except RecursionError as error:
        raise DataError(f"line 1: too deep for JSON of this layout; expected {shape}.") from error
    if not isinstance(value, dict):
        raise DataError(f"line 1: expected a JSON object {shape}, got {type(value).__name__}.")
    return value


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names differ: of two answers to a question which is meant cannot be told.

    Raises:
        DataError: a name stands twice.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise DataError(f"line 1: id {twice!r} stands more than once; give each id one answer.")
    return found


def _answer(name: str, answers: Mapping[str, Any]) -> str:
    if name not in answers:
        return UNANSWERED
    if not isinstance(answers[name], str):
        raise DataError(f"line 1: the answer to {name!r} must be a text, got {answers[name]!r}.")
    return str(answers[name])


def _mined(gold: Sequence[Row], text: str, odd: Oddities) -> list[Row]:
    """The set of pairs, a row for each foreign sentence: its right match where that was found.

    ``pairs`` says how many matches it has where they are not one; a pair of a foreign id that the test
    data lack is one more wrong pair, of whichever sentence.
    """
    sides = {side: [r["id"] for r in gold if r["side"] == side] for side in ("foreign", "english")}
    foreign = set(sides["foreign"])
    known = {side: set(ids) for side, ids in sides.items()}
    found: dict[str, dict[str, int]] = {}  # by foreign id: English ids with the line they stand in
    wrong: Wrong = []
    for number, line in enumerate(lines(text), 1):
        parts = line.split("\t")
        if len(parts) != 2:
            raise DataError(f"line {number}: expected 'foreign id<TAB>English id', got {line!r}.")
        if parts[1] in found.get(parts[0], {}):
            continue
        for name, (side, ids) in zip(parts, known.items(), strict=True):
            if name not in ids:
                said = f"line {number}: {side} id {name!r} is not in the test data."
                wrong.append((line, number, DataError(said)))
                break
        found.setdefault(parts[0], {})[parts[1]] = number
    odd.outside(wrong, sum(map(len, found.values())), "pair")
    _tell_several(found, odd)
    strange = sum(len(matches) for name, matches in found.items() if name not in foreign)
    rows = []
    for row in gold:
        matches = found.get(row["id"], {}) if row["id"] in foreign else {}
        pairs = len(matches) + (strange if row["id"] == sides["foreign"][0] else 0)
        best = row["match"] if row["match"] in matches else next(iter(matches), "")
        several = {} if pairs == bool(best) else {"pairs": pairs}
        rows.append({"id": row["id"], "match": best, **several})
    return rows


def _tell_several(found: Mapping[str, Mapping[str, int]], odd: Oddities) -> None:
    several = [name for name, matches in found.items() if len(matches) > 1]
    if several:
        number = list(found[several[0]].values())[1]
        odd.tell(
            DataError(f"line {number}: foreign id {several[0]!r} has two matches; give one."),
            f"{len(several)} foreign ids have several matches, each of which counts as a pair, the "
            f"first is {several[0]!r}",
        )


def _ranked(task: Task, gold: Sequence[Row], text: str, odd: Oddities) -> Iterator[Row]:
    if file_name(task, "").endswith(".json"):
        found = _object(text, "{mention id: [entity ids, the best first]}")
        place = dict.fromkeys(found, 1)
    else:
        numbered = list(json_lines(text, ("id", "ranked")))
        for number, value in numbered:
            if not isinstance(value["id"], str):
                raise DataError(f"line {number}: expected as 'id' a text, got {value['id']!r:.60}.")
        found = {value["id"]: value["ranked"] for _, value in numbered}
        place = {value["id"]: number for number, value in numbered}
        if len(found) != len(numbered):
            twice = Counter(value["id"] for _, value in numbered).most_common(1)[0][0]
            raise DataError(f"line {place[twice]}: id {twice!r} stands more than once.")
    odd.ids(gold, found, "query", all_of=task.name != "mewslix")
    for name, ids in found.items():
        texts = isinstance(ids, list) and all(isinstance(each, str) for each in ids)
        if not texts or len(set(ids)) != len(ids):
            raise DataError(
                f"line {place[name]}: expected for {name!r} a list of different ids, the best first."
            )
    for row in gold:
        yield {"id": row["id"], "ranked": list(found.get(row["id"], ()))}
