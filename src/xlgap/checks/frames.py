"""Prepared rows as tables that expectations are put to.

The *row table* of a split has one line for each prepared row of every language: its scalar values and
a few derived ones. The *language table* of a task has one line for each split and language. Derived
values never fail on a damaged row: they take what is missing as empty, so that an expectation says
what is wrong.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xlgap.checks import pool, short
from xlgap.checks.scripts import script_share
from xlgap.data import schema
from xlgap.languages import get_language
from xlgap.tasks.base import (
    Candidate,
    Choose,
    Classify,
    Kind,
    Mine,
    Rank,
    Retrieve,
    Row,
    Span,
    Split,
    Tag,
    Task,
)

if TYPE_CHECKING:
    import pandas as pd

Rows = Mapping[str, Sequence[Row]]  # by language
MIN_LABELLED = 20
"""Rows from which their labels should not all be the same; fewer may be by chance."""


@dataclass(frozen=True)
class Training:
    """Prepared rows that train a task: its own or its proxy's.

    Attributes:
        kind: of the task that they were prepared for.
        rows: by language.
    """

    kind: Kind
    rows: Rows


@dataclass(frozen=True)
class LanguageTable:
    """The language table and, behind its counts, the ids that they count.

    Attributes:
        frame: the table; columns as in :func:`language_table`.
        ids: ids by (split, language, column).
    """

    frame: pd.DataFrame
    ids: Mapping[tuple[str, str, str], list[str]] = field(default_factory=dict)


def row_table(kind: Kind, rows: Rows) -> pd.DataFrame:
    """One line a row, in the order of languages and rows.

    Columns: ``language``, the scalar keys of the kind's schema, ``keys_wrong`` (missing or extra keys,
    empty when none), ``characters`` (of all texts), and what :func:`_derived` and
    :func:`_of_file` add for the kind.
    """
    import pandas as pd

    expected = schema.keys(kind)
    of_file = {code: _of_file(kind, found) for code, found in rows.items()}
    scalars = sorted(expected - {"tokens", "tags", "choices", "answers", "targets"})
    table = [
        {
            "language": code,
            **{key: row.get(key) for key in scalars},
            "keys_wrong": " ".join(sorted(expected ^ set(row))),
            "characters": sum(map(len, _texts(kind, row))),
            **_derived(kind, row),
            **of_file[code](row),
        }
        for code, found in rows.items()
        for row in found
    ]
    return pd.DataFrame(table)


def _derived(kind: Kind, row: Row) -> dict[str, Any]:
    match kind:
        case Tag():
            tokens, tags = row.get("tokens") or [], row.get("tags") or []
            return {
                "tokens": len(tokens),
                "tags": len(tags),
                "empty_tokens": sum(not str(token).strip() for token in tokens),
                "tags_outside": " ".join(sorted(set(map(str, tags)) - set(kind.tags or tags))),
            }
        case Choose():
            choices = row.get("choices") or []
            return {
                "choices": len(choices),
                "empty_choices": sum(not str(choice).strip() for choice in choices),
            }
        case Span():
            answers = row.get("answers") or {}
            starts, context = answers.get("answer_start") or [], row.get("context") or ""
            pairs = list(zip(answers.get("text") or [], starts, strict=False))
            return {
                "answers": len(pairs),
                "answers_off": sum(context[i : i + len(text)] != text for text, i in pairs),
                "empty_answers": sum(not text.strip() for text, _ in pairs),
            }
        case Rank():
            targets = row.get("targets") or []
            return {"targets": len(targets), "repeated_targets": len(targets) - len(set(targets))}
        case Classify() | Retrieve() | Candidate() | Mine():
            return {}


def _of_file(kind: Kind, rows: Sequence[Row]) -> Callable[[Row], dict[str, Any]]:
    """From a row to what is told of it by the other rows of its language.

    Of mining: ``match_unknown``, the id that it matches where no English row has it, and ``sides``,
    those that the rows of its language have. Where questions may have no answer: ``answered``, how many
    rows of its language have one.
    """
    if isinstance(kind, Span) and kind.unanswerable:
        answered = sum(bool((row.get("answers") or {}).get("text")) for row in rows)
        return lambda row: {"answered": answered}
    if not isinstance(kind, Mine):
        return lambda row: {}
    english = {str(row.get("id")) for row in rows if row.get("side") == "english"}
    sides = " ".join(sorted({str(row.get("side")) for row in rows}))

    def told(row: Row) -> dict[str, Any]:
        match = str(row.get("match") or "")
        return {"match_unknown": "" if match in english else match, "sides": sides}

    return told


def language_table(
    task: Task, splits: Mapping[Split, Rows], manifest: Mapping[str, Any], training: Training
) -> LanguageTable:
    """One line a split and language.

    Columns: ``split``, ``language``, ``where`` (``test/de``), ``rows``, ``manifest_rows``,
    ``script_share`` (of letters, missing where there are none), ``constant`` (the one label or tag that
    all rows have, empty where they differ or are few), ``duplicates`` and ``duplicate_share``
    (rows whose texts stand in an earlier row), ``known`` and ``known_share`` (test rows that
    stand in training data, see :func:`_known`), ``unpaired`` (ids that not every language of a parallel
    test set has), of ranking those of :mod:`~xlgap.checks.pool`, of tagging that of
    :mod:`~xlgap.checks.short`.

    Args:
        task: the task.
        splits: prepared rows by split and language.
        manifest: ``manifest.json`` of the prepared task.
        training: what test rows must not repeat.
    """
    import pandas as pd

    lines: list[dict[str, Any]] = []
    ids: dict[tuple[str, str, str], list[str]] = {}
    of_pool = pool.faults(splits) if isinstance(task.kind, Rank) else None
    for split, rows in splits.items():
        kind = task.kind_of(split)
        for code, found in rows.items():
            offending = {
                "duplicates": _duplicates(kind, found),
                "known": _known(kind, found, code, training) if split == "test" else [],
                "unpaired": _unpaired(rows, code) if split == "test" and task.parallel else [],
            }
            if of_pool is not None:
                offending |= {name: of_pool.get((split, code, name), []) for name in pool.COLUMNS}
            if isinstance(kind, Tag):
                again = _short_known(task, found, code, training) if split == "test" else []
                offending["short_known"] = again
            ids |= {(split, code, column): value for column, value in offending.items() if value}
            count = max(len(found), 1)
            listed = manifest["splits"].get(split, {}).get(code, {})
            lines.append(
                {
                    "split": split,
                    "language": code,
                    "where": f"{split}/{code}",
                    "rows": len(found),
                    "manifest_rows": listed.get("rows", 0),
                    "script_share": _script_share(kind, found, code),
                    "constant": _constant(kind, found),
                    **{column: len(value) for column, value in offending.items()},
                    "duplicate_share": len(offending["duplicates"]) / count,
                    "known_share": len(offending["known"]) / count,
                }
            )
    return LanguageTable(pd.DataFrame(lines), ids)


def _texts(kind: Kind, row: Row) -> list[str]:
    """Texts of a row, also of one that lacks keys."""
    names = sorted(schema.keys(kind) - {"id", "group", "label", "tags", "answers"})
    complete = {name: row.get(name) or "" for name in names}
    return [str(text) for text in schema.texts(kind, complete)]


def _script_share(kind: Kind, rows: Sequence[Row], code: str) -> float | None:
    if isinstance(kind, Mine):  # the other half is English by its nature
        rows = [row for row in rows if row.get("side") != "english"]
    texts = (_texts(kind, row) for row in rows)
    own = (found[:1] if isinstance(kind, Retrieve | Rank) else found for found in texts)
    return script_share((text for found in own for text in found), get_language(code).script)


def _constant(kind: Kind, rows: Sequence[Row]) -> str:
    if len(rows) < MIN_LABELLED or not isinstance(kind, Classify | Choose | Tag):
        return ""
    tagged = isinstance(kind, Tag)
    labels = {str(x) for row in rows for x in (row.get("tags") or [] if tagged else [row.get("label")])}
    return labels.pop() if len(labels) == 1 else ""


def _key(texts: Sequence[str]) -> bytes:
    return hashlib.sha256("\0".join(texts).encode()).digest()


def _recurs_by_nature(kind: Kind, texts: Sequence[str]) -> bool:
    return isinstance(kind, Tag) and sum(map(len, texts)) < short.SHORT


def _duplicates(kind: Kind, rows: Sequence[Row]) -> list[str]:
    """Ids of rows whose texts all stand in an earlier row."""
    seen: Counter[bytes] = Counter()
    found = []
    for row in rows:
        texts = _texts(kind, row)
        key = _key(texts)
        if seen[key] and not _recurs_by_nature(kind, texts):
            found.append(str(row.get("id")))
        seen[key] += 1
    return found


def _known(kind: Kind, test: Sequence[Row], language: str, training: Training) -> list[str]:
    """Ids of test rows that stand in training data.

    Of the same kind those of the same language are compared: all texts of a row, of a span task and of
    pairs to rank its context. Of another kind a test row is known when one of its texts is a text of a
    training row, in whatever language: a retrieval row has an English side. Tagged sentences that recur
    by nature are counted by :func:`_short_known`.
    """
    return [
        str(row.get("id"))
        for row in _standing(kind, test, language, training)
        if not _recurs_by_nature(kind, _texts(kind, row))
    ]


def _short_known(task: Task, test: Sequence[Row], language: str, training: Training) -> list[str]:
    """Ids of short tagged test sentences that stand in training data, where they are too many."""
    brief = [row for row in test if _recurs_by_nature(task.kind, _texts(task.kind, row))]
    known = [str(row.get("id")) for row in _standing(task.kind, brief, language, training)]
    return short.too_many(task.name, language, len(brief), known)


def _standing(kind: Kind, test: Sequence[Row], language: str, training: Training) -> list[Row]:
    """The test rows that stand in training data."""
    if training.kind.name == kind.name:
        seen = {_identity(kind, row) for row in training.rows.get(language, ())}
        known = (_identity(kind, row) in seen for row in test)
    else:
        rows = (row for found in training.rows.values() for row in found)
        seen = {_key([text]) for row in rows for text in _texts(training.kind, row)}
        known = (any(_key([text]) in seen for text in _texts(kind, row)) for row in test)
    return [row for row, again in zip(test, known, strict=True) if again]


def _identity(kind: Kind, row: Row) -> bytes:
    texts = _texts(kind, row)
    if isinstance(kind, Span):
        return _key(texts[:1])
    return _key(texts[-1:] if isinstance(kind, Rank) and kind.pair else texts)


def _unpaired(rows: Rows, code: str) -> list[str]:
    """Ids of one language that another lacks, and the other way round."""
    sets = [{str(row.get("id")) for row in found} for found in rows.values()]
    common = set.intersection(*sets)
    return sorted({str(row.get("id")) for row in rows[code]} - common)
