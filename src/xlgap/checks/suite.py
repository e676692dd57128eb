"""Which expectations a task's prepared data must meet, built from its declaration alone.

Two suites: one for the row table of each split, one for the language table of the task (see
:mod:`xlgap.checks.frames`). Every expectation carries, under ``meta["says"]``, what it asks for in
words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xlgap.checks import pool, short
from xlgap.data import schema
from xlgap.tasks.base import Choose, Classify, Kind, Mine, Rank, Span, Split, Tag, Task

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

MAX_CHARACTERS: Mapping[str, int] = {
    "classify": 4_000,
    "choose": 4_000,
    "tag": 8_000,
    "span": 100_000,
    "retrieve": 8_000,
    "rank": 100_000,
    "candidate": 100_000,
    "mine": 8_000,
}
"""Longest row of each kind, in characters of all its texts; a multiple of the longest in XTREME-R."""
MIN_SCRIPT_SHARE = 0.5
"""Least share of letters in the language's script; the least in XTREME-R's test sets is 0.91."""
MAX_DUPLICATES = 0.05
"""Largest share of rows that repeat another row's texts; most tagging sets stay below 0.02."""
MAX_DUPLICATES_OF: Mapping[str, float] = {"wikiann": 0.15}
"""The same for tasks that are released with more of them; WikiANN reaches 0.12, in Basque."""
MAX_KNOWN: Mapping[str, float] = {"tag": 0.05}
"""Largest share of test rows that stand in training data, where it is not 0; 0.01 in UD Korean. Short
ones: :mod:`xlgap.checks.short`."""


def row_expectations(kind: Kind) -> list[Expectation]:
    """What every prepared row of a kind must meet."""
    import great_expectations.expectations as gxe

    texts = {"text", "text_b", "context", "question", "english", "candidate"}
    scalars = ("id", "group", *sorted(schema.keys(kind) & texts))
    return [
        _in_set(
            "keys_wrong",
            [""],
            f"every row has the keys {', '.join(sorted(schema.keys(kind)))} and no others",
        ),
        *(
            gxe.ExpectColumnValuesToNotBeNull(column=name, meta={"says": f"'{name}' is given"})
            for name in scalars
        ),
        *(
            gxe.ExpectColumnValuesToMatchRegex(
                column=name, regex=r"\S", meta={"says": f"'{name}' is not empty"}
            )
            for name in scalars
        ),
        *_of_kind(kind),
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["language", "id"], meta={"says": "an id stands once in a language"}
        ),
        _between(
            "characters", 1, MAX_CHARACTERS[kind.name], "a row's texts have 1 to {max} characters"
        ),
    ]


def language_expectations(task: Task, splits: Mapping[Split, Sequence[str]]) -> list[Expectation]:
    """What the languages of a task must meet.

    Args:
        task: the task.
        splits: the languages that each split must have.
    """
    import great_expectations.expectations as gxe

    known = MAX_KNOWN.get(task.kind.name, 0)
    duplicates = MAX_DUPLICATES_OF.get(task.name, MAX_DUPLICATES)
    share = f"at most {known:.0%}" if known else "none"
    wanted = sorted(f"{split}/{code}" for split, codes in splits.items() for code in codes)
    return [
        gxe.ExpectColumnDistinctValuesToEqualSet(
            column="where",
            value_set=wanted,
            meta={"says": f"the splits and languages are {', '.join(wanted)}"},
        ),
        _between("rows", 1, None, "there is at least one row"),
        gxe.ExpectColumnPairValuesToBeEqual(
            column_A="rows",
            column_B="manifest_rows",
            meta={"says": "there are as many rows as the manifest lists"},
        ),
        script_expectation(),
        _between(
            "duplicate_share",
            0,
            duplicates,
            f"at most {duplicates:.0%} of the rows are duplicates",
        ),
        _between("known_share", 0, known, f"{share} of the test rows stand in training data"),
        _in_set(
            "constant", [""], "labels differ: where all are the same they were stripped or are constant"
        ),
        _in_set("unpaired", [0], "test sets that are translations have the same ids in every language"),
        *(_in_set(name, [0], says) for name, says in _counted(task).items()),
    ]


def script_expectation() -> Expectation:
    """That a language is written in its script."""
    return _between(
        "script_share",
        MIN_SCRIPT_SHARE,
        1,
        f"at least {MIN_SCRIPT_SHARE:.0%} of the letters are of the language's script",
    )


def _counted(task: Task) -> Mapping[str, str]:
    """What is counted of this kind of task alone: column and what is asked for."""
    if isinstance(task.kind, Tag):
        return short.COLUMNS
    return pool.COLUMNS if isinstance(task.kind, Rank) else {}


def _of_kind(kind: Kind) -> list[Expectation]:
    import great_expectations.expectations as gxe

    match kind:
        case Classify():
            return [_in_set("label", list(kind.labels), f"label is one of {', '.join(kind.labels)}")]
        case Choose():
            number = kind.choices
            return [
                _in_set("choices", [number], f"there are {number} choices"),
                _in_set("empty_choices", [0], "no choice is empty"),
                _in_set("label", list(range(number)), f"label is one of 0 to {number - 1}"),
            ]
        case Tag():
            return [
                _between("tokens", 1, None, "there is at least one token"),
                gxe.ExpectColumnPairValuesToBeEqual(
                    column_A="tokens",
                    column_B="tags",
                    meta={"says": "there are as many tags as tokens"},
                ),
                _in_set("empty_tokens", [0], "no token is empty"),
                _in_set("tags_outside", [""], f"tags are of {', '.join(kind.tags) or 'an open set'}"),
            ]
        case Span():
            return [
                _between("answered", 1, None, "some question of a language has an answer")
                if kind.unanswerable
                else _between("answers", 1, None, "there is at least one answer"),
                _in_set("empty_answers", [0], "no answer is empty"),
                _in_set("answers_off", [0], "every answer stands at its offset in the context"),
            ]
        case Rank():
            return [
                _between("targets", 1, None, "there is at least one right candidate"),
                _in_set("repeated_targets", [0], "no right candidate is named twice"),
            ]
        case Mine():
            return [
                _in_set("side", ["foreign", "english"], "side is foreign or english"),
                _in_set("sides", ["english foreign"], "a language has sentences of both sides"),
                _in_set("match_unknown", [""], "every 'match' is the id of an English sentence"),
            ]
    return []


def _in_set(column: str, values: list[Any], says: str) -> Expectation:
    import great_expectations.expectations as gxe

    return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=values, meta={"says": says})


def _between(column: str, low: float, high: float | None, says: str) -> Expectation:
    import great_expectations.expectations as gxe

    return gxe.ExpectColumnValuesToBeBetween(
        column=column, min_value=low, max_value=high, meta={"says": says.format(max=high)}
    )
