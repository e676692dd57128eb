"""Readers of rows of the Hugging Face hub.

They give the rows that a release reader gives for the same item. Ids count rows of the hub's table
where it has none of its own; groups are named by a digest of what they share, where a release numbers
them. A label that is none, as the -1 of hidden ones, is passed on as it is: the schema refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from xlgap.formats import digest
from xlgap.tasks._readers.pairs import NLI_LABELS, components
from xlgap.tasks._readers.text import dropped
from xlgap.tasks.base import Row


def named(labels: Sequence[str], number: int | None) -> str:
    """The label that stands at ``number`` in ``labels``; the number itself, as a text, where none does.

    A table has none, or None, where labels are stripped.

    >>> named(("no", "yes"), 1), named(("no", "yes"), -1)
    ('yes', '-1')
    """
    return labels[number] if number is not None and 0 <= number < len(labels) else str(number)


def whole(text: str, *, begin: int = 0) -> int | str:
    r"""A number in a column of texts, counted from 0 instead of ``begin``; the text where it is none.

    >>> whole("3"), whole(" 1\n", begin=1), whole("")
    (3, 0, '')
    """
    return int(text) - begin if text.strip().isdecimal() else text


def squad(row: Mapping[str, Any]) -> Row:
    """A question in SQuAD's columns; a group is a paragraph."""
    return {
        "id": row["id"],
        "group": digest(row["context"]),
        "context": row["context"],
        "question": row["question"],
        "answers": {key: list(row["answers"][key]) for key in ("text", "answer_start")},
    }


def copa(row: Mapping[str, Any]) -> Row:
    """A question of COPA or XCOPA, see :func:`xlgap.tasks._readers.choice.copa`."""
    return {
        "id": str(row["idx"]),
        "group": str(row["idx"]),
        "text": f"{row['premise']} What was the {row['question']}?",
        "choices": [row["choice1"], row["choice2"]],
        "label": row["label"],
    }


def lettered(row: Mapping[str, Any], stem: str, choices: Mapping[str, list[str]]) -> Row:
    """A question whose ``choices`` are texts with as many labels, one of them its ``answerKey``."""
    key, letters = row["answerKey"], list(choices["label"])
    return {
        "id": row["id"],
        "group": digest(stem),
        "text": stem,
        "choices": list(choices["text"]),
        "label": letters.index(key) if key in letters else key,
    }


def asked(row: Mapping[str, Any], name: str, choices: Sequence[str], label: int | str) -> Row:
    """A question on a ``context``, by which it is grouped."""
    return {
        "id": name,
        "group": digest(row["context"]),
        "text": f"{row['context']} {row['question']}",
        "choices": [row[choice] for choice in choices],
        "label": label,
    }


def nli(row: Mapping[str, Any], *, prefix: str, unlabelled: bool = False) -> Row:
    """A pair of ANLI, MultiNLI or SNLI; a group is a premise.

    Args:
        row: of the hub.
        prefix: put before ids and groups.
        unlabelled: whether -1 stands for no majority label, as in SNLI: such a pair is dropped.
    """
    if unlabelled and row["label"] == -1:
        return dropped("no majority label")
    return {
        "id": f"{prefix}{row['row_number']}",
        "group": f"{prefix}{digest(row['premise'])}",
        "text": row["premise"],
        "text_b": row["hypothesis"],
        "label": named(NLI_LABELS, row["label"]),
    }


def linked(rows: Iterable[Row]) -> Iterator[Row]:
    """``rows`` of pairs; a group is those that share a text, directly or through further ones."""
    found = list(rows)
    places = components([(row["text"], row["text_b"]) for row in found])
    for row, place in zip(found, places, strict=True):
        yield row | {"group": str(place)}


def at_nearest(row: Mapping[str, Any]) -> Row:
    """A question in SQuAD's columns whose texts were stripped, and their offsets left as they were.

    An answer is where its text stands nearest to its offset. A question with an answer that stands
    nowhere is dropped.
    """
    context, texts = row["context"], list(row["answers"]["text"])
    given = zip(texts, row["answers"]["answer_start"], strict=True)
    starts = [_nearest(context, text, start) for text, start in given]
    if None in starts:
        return dropped("an answer does not stand in the context")
    return {
        "id": row["id"],
        "group": digest(context),
        "context": context,
        "question": row["question"],
        "answers": {"text": texts, "answer_start": starts},
    }


def _nearest(context: str, text: str, start: int) -> int | None:
    """Where ``text`` begins in ``context``, nearest to ``start``; of two as near, before it."""
    found = [context.rfind(text, 0, start + len(text)), context.find(text, start)]
    return min((at for at in found if at >= 0), key=lambda at: abs(at - start), default=None)
