"""Gaps between published scores, and which publication is taken where several print the same cell.

A difference takes both scores from one publication where one has both. Where none has, each side comes
from the publication that covers most models of the family on this task and metric (a whole ladder from
one table, rather than sizes from several), ties by name. Splits are never mixed. What other sources
print for the same cell is written into the note; nothing is averaged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from xlgap.analysis.contrasts import fixed_set
from xlgap.analysis.published.pairs import mixture_rows
from xlgap.analysis.rows import AVERAGE, GapRow, Scale
from xlgap.analysis.scales import rescale
from xlgap.published.names import NOT_SCORES
from xlgap.records import Score

PAIRS = (
    ("native", "direct_tgt", "direct_en"),
    ("translate_train", "translate_train", "direct_en"),
    ("translate_train", "translate_train_all", "direct_en"),
    ("translate_train", "translate_train_single", "direct_en"),
    ("english_gain", "intermediate_en", "direct_en"),
)
"""(gap, regime a, regime b): the differences that published scores allow."""

DOUBTFUL = {
    ("xlmr_xl_readme", "mlqa"): "its columns look alphabetically ordered, so that no language is sure"
}
"""Tables by language that are not taken apart by language, and why."""


class Cell(NamedTuple):
    """What two publications must agree on to print the same number."""

    model: str
    arm: str
    task: str
    language: str
    metric: str
    split: str


@dataclass(frozen=True)
class Printed:
    """The value of one publication for one cell: its only row, its first, or its mean over seeds."""

    score: Score
    value: float
    note: str = ""


Printings = Mapping[Cell, Mapping[str, Printed]]
Coverage = Mapping[tuple[str, str, str, str, str], int]


def gap_rows(scores: Iterable[Score], *, scales: Sequence[Scale] = ("raw",)) -> list[GapRow]:
    """All gaps between published scores, see the module's rules."""
    usable = [s for s in scores if s.metric not in NOT_SCORES]
    printed = printings(usable)
    coverage = coverage_of(usable)
    rows: list[GapRow] = []
    for gap, a, b in pairs_of(printed):
        rows += _difference(gap, printed[a], printed[b], coverage, scales)
    mixtures = mixture_rows(usable) if "raw" in scales else []
    return rows + _transfer(printed, coverage, scales) + mixtures


def printings(scores: Iterable[Score]) -> dict[Cell, dict[str, Printed]]:
    """What each publication prints for each cell."""
    found: dict[Cell, dict[str, list[Score]]] = defaultdict(lambda: defaultdict(list))
    for s in scores:
        cell = Cell(s.model, s.arm, s.task, s.language, s.metric, s.split)
        found[cell][s.publication].append(s)
    return {cell: {p: _printed(rows) for p, rows in by.items()} for cell, by in found.items()}


def _printed(rows: Sequence[Score]) -> Printed:
    first = rows[0]
    seeds = [r.value for r in rows if r.seed is not None]
    if len(seeds) > 1:
        return Printed(first, sum(seeds) / len(seeds), f"mean of {len(seeds)} seeds")
    if len(rows) > 1:
        others = ", ".join(f"{r.value:g}" for r in rows[1:])
        return Printed(first, first.value, f"the source also prints {others}")
    return Printed(first, first.value)


def coverage_of(scores: Iterable[Score]) -> dict[tuple[str, str, str, str, str], int]:
    """How many models of a family a publication covers: (publication, family, arm, task, metric)."""
    models: dict[tuple[str, str, str, str, str], set[str]] = defaultdict(set)
    for s in scores:
        models[s.publication, s.family, s.arm, s.task, s.metric].add(s.model)
    return {key: len(names) for key, names in models.items()}


def preferred(sources: Mapping[str, Printed], coverage: Coverage) -> str:
    """The publication that covers most models of the family, ties by name."""

    def rank(publication: str) -> tuple[int, str]:
        s = sources[publication].score
        return (-coverage[publication, s.family, s.arm, s.task, s.metric], publication)

    return min(sources, key=rank)


def pairs_of(printed: Printings) -> list[tuple[str, Cell, Cell]]:
    """(gap, cell a, cell b) of every difference of two regimes that the printed cells allow."""
    by_side: dict[tuple[str, ...], dict[str, Cell]] = defaultdict(dict)
    for cell in printed:
        by_side[cell.model, cell.task, cell.language, cell.metric, cell.split][cell.arm] = cell
    return [pair for _, cells in sorted(by_side.items()) for pair in _pairs(cells, printed)]


def _pairs(cells: Mapping[str, Cell], printed: Printings) -> list[tuple[str, Cell, Cell]]:
    """The pairs among the arms of one (model, task, language, metric, split)."""
    regimes: dict[str, list[str]] = defaultdict(list)
    for arm, cell in cells.items():
        regimes[next(iter(printed[cell].values())).score.regime].append(arm)
    return [
        (gap, cells[arm_a], cells[arm_b])
        for gap, regime_a, regime_b in PAIRS
        for arm_a in sorted(regimes[regime_a])
        for arm_b in sorted(regimes[regime_b])
        if "prompting" not in arm_a  # the target task was never trained: no counterpart to fine-tuning
    ]


def taken(a: Mapping[str, Printed], b: Mapping[str, Printed], coverage: Coverage) -> tuple[str, str]:
    """The publications that a difference takes its two sides from, see the module's rules."""
    both = {p: a[p] for p in a if p in b}
    if both:
        return (found := preferred(both, coverage)), found
    return preferred(a, coverage), preferred(b, coverage)


def _difference(
    gap: str,
    a: Mapping[str, Printed],
    b: Mapping[str, Printed],
    coverage: Coverage,
    scales: Sequence[Scale],
) -> list[GapRow]:
    source_a, source_b = taken(a, b, coverage)
    note = "; ".join(
        part
        for part in (
            f"both from {source_a}" if source_a == source_b else f"{source_a} minus {source_b}",
            a[source_a].note,
            b[source_b].note,
            _others(a, source_a),
            _others(b, source_b),
        )
        if part
    )
    return [
        row
        for scale in scales
        if (row := _row(gap, a[source_a], b[source_b], scale=scale, note=note)) is not None
    ]


def _others(sources: Mapping[str, Printed], taken: str) -> str:
    """What the publications that were not taken print, where it differs."""
    value = sources[taken].value
    different = [
        f"{p} prints {s.value:g}" for p, s in sorted(sources.items()) if abs(s.value - value) > 0.05
    ]
    return f"for {sources[taken].score.arm}, " + ", ".join(different) if different else ""


def _row(gap: str, a: Printed, b: Printed, *, scale: Scale, note: str) -> GapRow | None:
    values = [
        rescale(x.value, scale, metric=x.score.metric, chance=x.score.chance, n_items=x.score.n_items)
        for x in (a, b)
    ]
    if values[0] is None or values[1] is None:
        return None
    s = a.score
    return GapRow(
        source="published",
        model=s.model,
        family=s.family,
        params_total=s.params_total,
        params_nonembedding=s.params_nonembedding,
        gap=gap,
        task=s.task,
        language=s.language if gap != "transfer" else b.score.language,
        metric=s.metric,
        seed=None,
        value=float(values[0] - values[1]),
        scale=scale,
        stderr=None,
        arm_a=s.arm,
        arm_b=b.score.arm,
        note=note if s.split == "test" else f"{note}; split {s.split}",
    )


@dataclass(frozen=True)
class LanguageTable:
    """The zero-shot scores of one model on all languages of a task, from one publication."""

    publication: str
    by_language: Mapping[str, Printed]


def full_tables(
    printed: Printings, *, task: str, metric: str
) -> dict[tuple[str, str], dict[str, Printed]]:
    """Zero-shot scores by language of each (model, publication), all with the same languages.

    On the test split. The set of languages is the one that most numbers stand for (languages times
    tables that have them all); tables that lack one of them are left out.
    """
    tables: dict[tuple[str, str], dict[str, Printed]] = defaultdict(dict)
    for cell, sources in printed.items():
        wanted = (cell.task, cell.metric, cell.split, cell.arm)
        if wanted == (task, metric, "test", "zero_shot_english") and len(cell.language) == 2:
            for publication, value in sources.items():
                if (publication, task) not in DOUBTFUL:
                    tables[cell.model, publication][cell.language] = value
    languages = fixed_set([frozenset(t) for t in tables.values() if "en" in t])
    return {
        key: {code: table[code] for code in sorted(languages)}
        for key, table in tables.items()
        if languages and languages <= set(table)
    }


def zero_shot_tables(
    printed: Printings, coverage: Coverage, *, task: str, metric: str
) -> dict[str, LanguageTable]:
    """One table a model, see :func:`full_tables`; of several publications the preferred one."""
    full = full_tables(printed, task=task, metric=metric)
    chosen: dict[str, LanguageTable] = {}
    for model in sorted({model for model, _ in full}):
        english = {p: t["en"] for (m, p), t in full.items() if m == model}
        best = preferred(english, coverage)
        chosen[model] = LanguageTable(best, full[model, best])
    return chosen


TRANSFER_TASKS = (("xnli", "accuracy"), ("pawsx", "accuracy"), ("xquad", "f1"), ("mlqa", "f1"))
"""Parallel test sets with published scores by language, English among them."""


def _transfer(printed: Printings, coverage: Coverage, scales: Sequence[Scale]) -> list[GapRow]:
    rows: list[GapRow] = []
    for task, metric in TRANSFER_TASKS:
        for table in zero_shot_tables(printed, coverage, task=task, metric=metric).values():
            for scale in scales:
                rows += _transfer_rows(table, scale)
    return rows


def _transfer_rows(table: LanguageTable, scale: Scale) -> list[GapRow]:
    note = f"all from {table.publication}"
    english = table.by_language["en"]
    rows = [
        _row("transfer", english, other, scale=scale, note=note)
        for code, other in table.by_language.items()
        if code != "en"
    ]
    found = [r for r in rows if r is not None]
    if not found:
        return []
    mean = sum(r.value for r in found) / len(found)
    return [*found, replace(found[0], language=AVERAGE, value=mean)]
