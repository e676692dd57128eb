"""The leakage gate: no training set may hold a near-duplicate of a test item, in whatever language.

A training row leaks a test item when

- its id is the item's, where ids are issued by a data set's makers and mean one item wherever they
  stand (:func:`lineage`): SQuAD's question ids in XQuAD and XQuAD-R;
- one of its texts is a near-duplicate (:mod:`xlgap.near`) of one of the item's, *in any
  language that the item is tested in*: where test sets are translations of each other, an English
  training paragraph whose translation is a Thai test item is a near-duplicate of the English one.

What is compared, and why so, stands in ``docs/leakage.md``. Text that a model is pretrained on is no
training set in this sense; :mod:`xlgap.data.corpus` drops its lines that equal a test sentence.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from xlgap.data import schema
from xlgap.near import LEAST_WEIGHT, THRESHOLD, NearIndex, normal, weight
from xlgap.tasks.base import Choose, Classify, Kind, Rank, Retrieve, Row, Span

_CUT = 50  # characters of a text that it shows
_ISSUED = re.compile(r"(?<![0-9a-z])[0-9a-f]{24,40}(?![0-9a-z])")


@dataclass(frozen=True, order=True)
class Place:
    """A set of rows: one language of one split of a task."""

    task: str
    split: str
    language: str

    def __str__(self) -> str:
        """``squad/train/en``."""
        return f"{self.task}/{self.split}/{self.language}"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of a place.

    Attributes:
        place: where they stand.
        kind: of its task.
        parallel: whether one id is one item in every language of the split.
        rows: prepared ones.
        data: digest of the files that they are all of; ``None`` where they are a part, or no files.
    """

    place: Place
    kind: Kind
    parallel: bool
    rows: Sequence[Row]
    data: str | None = None


@dataclass(frozen=True, order=True, kw_only=True)
class Leak:
    """A training row and the test item that it gives away, by one text; other texts are other leaks.

    Attributes:
        train, train_id: the row.
        test, test_id: the item, in the language in which it was found.
        similarity: 1 where the two have one id.
        by: what they share, ``id`` or ``text``.
        train_text, test_text: the texts that are near-duplicates, or of which the ids are the same.
    """

    train: Place
    train_id: str
    test: Place
    test_id: str
    similarity: float
    by: str
    train_text: str
    test_text: str

    @property
    def pair(self) -> tuple[Place, str, Place, str]:
        """The row and the item."""
        return self.train, self.train_id, self.test, self.test_id

    def __str__(self) -> str:
        """``squad/train/en 5726 <-> xquad/test/en 5726 (same id; "The ..." <-> "The ...")``."""
        how = "same id" if self.by == "id" else f"similarity {self.similarity:.2f}"
        return (
            f"{self.train} {self.train_id} <-> {self.test} {self.test_id} "
            f"({how}: {_cut(self.train_text)} <-> {_cut(self.test_text)})"
        )


def lineage(row: Row) -> frozenset[str]:
    """What in the id of a row was issued by the makers of its data set: 24 to 40 hex digits.

    Numbers of lines and the like are no lineage: they mean another item in each file.

    >>> sorted(lineage({"id": "56beb4343aeaaa14008c925b_de"}))
    ['56beb4343aeaaa14008c925b']
    >>> sorted(lineage({"id": "1204"}))
    []
    """
    return frozenset(_ISSUED.findall(row["id"].casefold()))


def passages(kind: Kind, row: Row) -> list[str]:
    """The texts of a row that no training row may have, too.

    Of a question about a context it is the context, and of a query for a sentence the paragraph that
    the sentence stands in: questions recur by nature. Of a query for an entity it is the query: what is
    described in the pool is the same in training and test by design. Of an item with choices it is all
    of it, of other rows each text; of a pair both together, too, where one of them is short: else
    an item would be known by its long one alone, which other items may have as well.
    """
    match kind:
        case Span():
            texts = [row["context"]]
        case Rank():
            texts = [row["context"] if kind.pair else row["text"]]
        case Choose():
            texts = whole_row(kind, row)
        case _:
            texts = schema.texts(kind, row)
    long = _long(texts)
    if isinstance(kind, Classify) and len(long) < len(texts):
        return [*long, *_long(whole_row(kind, row))]
    return long


def whole_passage(kind: Kind, row: Row) -> list[str]:
    """All texts of a row as one, if it is not too short to be compared."""
    return _long(whole_row(kind, row))


def _long(texts: Iterable[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if weight(normal(text)) >= LEAST_WEIGHT]


def whole_row(kind: Kind, row: Row) -> list[str]:
    """All texts of a row as one."""
    return [" ".join(schema.texts(kind, row))]


def generated(kind: Kind, row: Row) -> list[str]:
    """What must not recur as it is in generated data, whose sentences differ in one word by design."""
    return list(dict.fromkeys((*passages(kind, row), *whole_row(kind, row))))


def translations(rows: Rows) -> Rows:
    """The gold pairs of a set of sentences to mine, each as one row with its foreign sentence's id."""
    english = {row["id"]: row["text"] for row in rows.rows if row["side"] == "english"}
    paired = [
        {key: row[key] for key in ("id", "group", "text")} | {"english": english[row["match"]]}
        for row in rows.rows
        if row["match"]
    ]
    return replace(rows, kind=Retrieve(), rows=paired)


Units = Callable[[Kind, Row], list[str]]


def leaks(
    train: Iterable[Rows],
    test: Iterable[Rows],
    asked: Callable[[Place, Place], bool] = lambda train, test: True,
    *,
    threshold: float = THRESHOLD,
    units: Units = passages,
) -> list[Leak]:
    """The test items that training rows give away, once for each text that they share, in order.

    Args:
        train: training sets; each is looked at once.
        test: test sets, in all languages that one of the study's models may be scored in.
        asked: whether a training set must be free of a test set.
        threshold: least similarity of near-duplicates.
        units: the texts of a row that are compared.
    """
    sets = {rows.place: rows for rows in test}
    texts, found_at = _by_text(sets.values(), units)
    index = NearIndex(texts, threshold)
    issued: dict[str, list[tuple[Place, Row]]] = defaultdict(list)
    for rows in sets.values():
        for row in rows.rows:
            for name in lineage(row):
                issued[name].append((rows.place, row))
    found: set[Leak] = set()
    for rows in train:
        if not any(asked(rows.place, place) for place in sets):
            continue
        shared = (*_of_ids(rows, sets, issued), *_of_texts(rows, index, found_at, units))
        found.update(leak for leak in shared if asked(leak.train, leak.test))
    return sorted(found)


_Standing = tuple[Place, str, str]  # set, id of the row, text as it stands


def _by_text(sets: Iterable[Rows], units: Units) -> tuple[list[str], list[list[_Standing]]]:
    """Each different text in normal form, and where it stands."""
    found: dict[str, list[_Standing]] = defaultdict(list)
    for rows in sets:
        for row in rows.rows:
            for text in units(rows.kind, row):
                found[normal(text)].append((rows.place, row["id"], text))
    found.pop("", None)
    return list(found), list(found.values())


def _of_texts(
    rows: Rows, index: NearIndex, found_at: Sequence[Sequence[_Standing]], units: Units
) -> Iterable[Leak]:
    texts, standing = _by_text([rows], units)
    for near in index.matches(texts):
        for train, train_id, train_text in standing[near.left]:
            for test, test_id, test_text in found_at[near.right]:
                yield Leak(
                    train=train, train_id=train_id, test=test, test_id=test_id,
                    similarity=near.similarity, by="text", train_text=train_text, test_text=test_text,
                )  # fmt: skip


def _of_ids(
    rows: Rows,
    sets: Mapping[Place, Rows],
    issued: Mapping[str, Sequence[tuple[Place, Row]]],
) -> Iterable[Leak]:
    for row in rows.rows:
        for name in lineage(row):
            for place, item in issued.get(name, ()):
                yield Leak(
                    train=rows.place, train_id=row["id"], test=place, test_id=item["id"],
                    similarity=1.0, by="id",
                    train_text=whole_row(rows.kind, row)[0],
                    test_text=whole_row(sets[place].kind, item)[0],
                )  # fmt: skip


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line if len(line) <= _CUT else line[:_CUT] + '...'}”"
