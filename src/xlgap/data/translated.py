"""Training rows of an English task in another language, made of translations of their texts.

Labels stay. Whoever translates (a file, a hub model, the lab) gives texts alone; what a row is made of
and what is wrong with a file is decided here, for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlgap.errors import DataError
from xlgap.formats import read_jsonl
from xlgap.tasks.base import Choose, Classify, Kind, Row, Span

Translate = Callable[[Sequence[str]], list[str]]
"""From English texts to as many in the other language, in their order."""

_SHOWN = 3  # ids that an error names


@dataclass(frozen=True)
class Translated:
    """Translated rows.

    Attributes:
        rows: in the schema of their kind, with the ids of the English ones, in their order.
        dropped: ids of questions whose answer does not stand in the translated context.
    """

    rows: tuple[Row, ...]
    dropped: tuple[str, ...]


def parts(kind: Kind, row: Row) -> list[str]:
    """The texts of an English row that are translated, in a fixed order; for spans the answers, too."""
    match kind:
        case Classify():
            return [row["text"], row["text_b"]] if kind.pair else [row["text"]]
        case Choose():
            return [row["text"], *row["choices"]]
        case Span():
            return [row["context"], row["question"], *row["answers"]["text"]]
    raise DataError(f"rows of kind '{kind.name}' cannot be translated text by text.")


def translated(kind: Kind, rows: Sequence[Row], texts: Sequence[Sequence[str]]) -> Translated:
    """Rows with translations in place of their texts.

    An answer is looked for in the translated context, where its first occurrence is taken; a question
    none of whose answers stands there is dropped.

    Args:
        kind: of the rows.
        rows: English ones.
        texts: of each row, the translations of its :func:`parts`.

    Raises:
        DataError: no row is left.
    """
    made, dropped = [], []
    for row, of_row in zip(rows, texts, strict=True):
        found = _row(kind, row, of_row)
        if found is None:
            dropped.append(row["id"])
        else:
            made.append(found)
    if not made:
        raise DataError(
            f"none of {len(rows)} questions has an answer that stands in its translated context; "
            "translate answers as they stand in the context, or mark them in it."
        )
    return Translated(tuple(made), tuple(dropped))


def _row(kind: Kind, row: Row, texts: Sequence[str]) -> Row | None:
    match kind:
        case Classify():
            return {**row, **dict(zip(("text", "text_b"), texts, strict=False))}
        case Choose():
            return {**row, "text": texts[0], "choices": list(texts[1:])}
    context, question, *answers = texts
    there = list(dict.fromkeys(answer for answer in answers if answer.strip() and answer in context))
    if answers and not there:
        return None
    starts = [context.find(answer) for answer in there]
    return {
        **row,
        "context": context,
        "question": question,
        "answers": {"text": there, "answer_start": starts},
    }


def by_translator(kind: Kind, rows: Sequence[Row], translate: Translate) -> list[list[str]]:
    """The translations of the :func:`parts` of each row, each different text translated once.

    Raises:
        DataError: a translation is empty.
    """
    wanted = [parts(kind, row) for row in rows]
    different = list(dict.fromkeys(text for of_row in wanted for text in of_row))
    of = dict(zip(different, translate(different), strict=True))
    empty = [text for text in different if not of[text].strip()]
    if empty:
        raise DataError(
            f"{len(empty)} of {len(different)} texts have an empty translation, the first of "
            f"'{empty[0][:60]}'; use another translator."
        )
    return [[of[text] for text in of_row] for of_row in wanted]


def from_file(path: Path, kind: Kind, rows: Sequence[Row], *, whole: bool) -> list[list[str]]:
    """The translations of the :func:`parts` of each row that stand in a file.

    One JSON object a line: the ``id`` of the English row and its texts in the other language under the
    keys that prepared rows have; ``answers`` is a list of texts.

    Args:
        path: of the file, JSON lines.
        kind: of the rows.
        rows: English ones.
        whole: whether these are all rows that there are; of a part, the file may have others, too.

    Raises:
        DataError: the file is missing or no JSON lines; rows have no translation in it, or more than
            one; it has ids that no row has, or rows without all texts. All of it in one sentence.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file of translations; bring it there, or change 'file'.")
    given = read_jsonl(path)
    count = Counter(str(entry.get("id")) for entry in given)
    of = {str(entry.get("id")): entry for entry in given}
    ids = {row["id"] for row in rows}
    texts = {row["id"]: _texts(kind, row, of[row["id"]]) for row in rows if row["id"] in of}
    problems = {
        "English rows without a translation": [row["id"] for row in rows if row["id"] not in of],
        "ids that no English row has": [name for name in of if name not in ids] if whole else [],
        "ids that stand there more than once": [name for name, n in count.items() if n > 1],
        "rows with a missing or empty text": [name for name, found in texts.items() if not found],
    }
    told = [f"{len(names)} {what} ({_first(names)})" for what, names in problems.items() if names]
    if told:
        raise DataError(
            f"{path}: {'; '.join(told)}; expected one JSON object for each of the {len(rows)} English "
            f"training rows, with the keys {', '.join(_keys(kind))}."
        )
    return [texts[row["id"]] for row in rows]


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _keys(kind: Kind) -> tuple[str, ...]:
    match kind:
        case Choose():
            return ("id", "text", "choices")
        case Span():
            return ("id", "context", "question", "answers")
    return ("id", "text", "text_b") if getattr(kind, "pair", False) else ("id", "text")


def _texts(kind: Kind, row: Row, entry: Mapping[str, Any]) -> list[str]:
    """A file's texts for a row, in the order of :func:`parts`; none where one is missing or empty."""
    found: list[Any] = []
    for key in _keys(kind)[1:]:
        value = entry.get(key)
        found += value if isinstance(value, list) else [value]
    complete = all(isinstance(text, str) and text.strip() for text in found)
    return found if complete and len(found) == len(parts(kind, row)) else []
