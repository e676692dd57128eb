"""Where published sources disagree on one number, and which of them the gaps use.

Two publications disagree where they print values more than half a point apart for the same model,
task, language, metric and regime. A split that a source does not name is taken for the test split
here, and said so. Nothing is averaged: each difference names the publication that it was taken from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from xlgap.analysis.published.gap import (
    DOUBTFUL,
    TRANSFER_TASKS,
    Cell,
    Coverage,
    Printed,
    Printings,
    coverage_of,
    pairs_of,
    preferred,
    printings,
    taken,
    zero_shot_tables,
)
from xlgap.analysis.rows import AVERAGE
from xlgap.published.names import NOT_SCORES
from xlgap.records import Score

APART = 0.5
"""Points between two sources from which on they disagree; less is rounding or another random seed."""


@dataclass(frozen=True, kw_only=True)
class DisagreementRow:
    """One number that two publications print differently.

    Attributes:
        arm: regime, in the words of the sources.
        language: ISO 639-1, or ``avg`` for an average as printed.
        values: (publication, value), highest coverage of the model's family first.
        spread: largest minus smallest value, points.
        used: (gap, publication) of every gap that this number stands in; empty where none does.
        why: by which rule, in a sentence.
    """

    task: str
    model: str
    params_total: int | None
    arm: str
    language: str
    metric: str
    values: tuple[tuple[str, float], ...]
    spread: float
    used: tuple[tuple[str, str], ...]
    why: str


def disagreements(scores: Iterable[Score], *, apart: float = APART) -> list[DisagreementRow]:
    """All numbers of published ``scores`` on which sources are more than ``apart`` points apart.

    Averages come first, then single languages; both by task, model and regime.
    """
    usable = [s for s in scores if s.metric not in NOT_SCORES]
    printed, coverage = printings(usable), coverage_of(usable)
    uses = _uses(printed, coverage)
    found: list[DisagreementRow] = []
    for cells in _same_number(printed).values():
        row = _row(cells, printed, coverage, uses, apart)
        found += [] if row is None else [row]
    return sorted(found, key=_order)


def _order(row: DisagreementRow) -> tuple[object, ...]:
    size = row.params_total or 0
    return (row.language != AVERAGE, row.task, row.metric, size, row.model, row.arm, row.language)


def _same_number(printed: Printings) -> dict[tuple[str, ...], list[Cell]]:
    """Cells of one number: those that differ at most in that one does not name its split."""
    found: dict[tuple[str, ...], list[Cell]] = defaultdict(list)
    for cell in printed:
        split = "test" if cell.split == "unstated" else cell.split
        found[cell.model, cell.arm, cell.task, cell.language, cell.metric, split].append(cell)
    return found


Uses = Mapping[Cell, Collection[tuple[str, str]]]


def _uses(printed: Printings, coverage: Coverage) -> Uses:
    """For every cell the (gap, publication) that differences take of it."""
    found: dict[Cell, set[tuple[str, str]]] = defaultdict(set)
    for gap, a, b in pairs_of(printed):
        source_a, source_b = taken(printed[a], printed[b], coverage)
        found[a].add((gap, source_a))
        found[b].add((gap, source_b))
    for task, metric in TRANSFER_TASKS:
        tables = zero_shot_tables(printed, coverage, task=task, metric=metric)
        for model, table in tables.items():
            for code in table.by_language:
                cell = Cell(model, "zero_shot_english", task, code, metric, "test")
                found[cell].add(("transfer", table.publication))
    return found


def _row(
    cells: Collection[Cell], printed: Printings, coverage: Coverage, uses: Uses, apart: float
) -> DisagreementRow | None:
    by_source: dict[str, Printed] = {}
    for cell in cells:
        for publication, value in printed[cell].items():
            unstated = " (split unstated)" if cell.split == "unstated" else ""
            by_source[publication + unstated] = value
    numbers = [p.value for p in by_source.values()]
    spread = max(numbers) - min(numbers)
    if len(by_source) < 2 or spread <= apart + 1e-9:
        return None
    first = min(cells, key=lambda c: c.split != "test")
    used = sorted({use for cell in cells for use in uses.get(cell, ())})
    score = next(iter(printed[first].values())).score
    covers = {name: _covers(p, coverage) for name, p in by_source.items()}
    ranked = sorted(by_source, key=lambda name: (-covers[name], name))
    return DisagreementRow(
        task=first.task,
        model=first.model,
        params_total=score.params_total,
        arm=first.arm,
        language=first.language,
        metric=first.metric,
        values=tuple((name, by_source[name].value) for name in ranked),
        spread=spread,
        used=tuple(used),
        why=_why(used, preferred(printed[first], coverage), first),
    )


def _covers(printed: Printed, coverage: Coverage) -> int:
    s = printed.score
    return coverage[s.publication, s.family, s.arm, s.task, s.metric]


def _why(used: Collection[tuple[str, str]], widest: str, cell: Cell) -> str:
    """Why the gaps use the publications that they use."""
    if not used:
        doubtful = DOUBTFUL.get((widest, cell.task)) if cell.language != AVERAGE else None
        return f"no gap uses it: {doubtful}" if doubtful else "no gap uses it"
    reasons = []
    if any(publication == widest for _, publication in used):
        reasons.append(f"{widest} covers most models of the family")
    if any(publication != widest for _, publication in used):
        reasons.append("the other side of the difference stands in the same publication")
    return "; ".join(reasons)
