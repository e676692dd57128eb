"""The gains table as the report shows it: a row an intermediate task and model, a column a target."""

from __future__ import annotations

from collections.abc import Sequence

from xlgap.analysis.gains import AGAINST_ENGLISH, AGAINST_NONE, MEAN, GainRow
from xlgap.analysis.rows import plain_gap
from xlgap.analysis.words import interval_words, probability, signed
from xlgap.report.grids import Grid

TITLES = {
    AGAINST_NONE: "Gain of English intermediate training over none, by intermediate and target task",
    AGAINST_ENGLISH: "Multilingual MLM and translated data against English intermediate training alone",
}
NOTES = (
    "Points over languages but English. Intervals: Student's t on the standard error of the paired "
    "bootstrap over items and seeds, conditional on these checkpoints. The tables and figures of "
    "single gaps have percentiles of the same bootstrap, which take the spread between seeds as known; "
    "with two seeds t may have 1 degree of freedom, and is then 6.5 times as wide. Of one model with "
    "few seeds, believe this table.",
    "p: Holm-corrected over all single tests of the same kind in this study; over the means apart.",
    "Single runs and languages on the same items (McNemar's test, or a bootstrap over clusters), "
    "corrected after Benjamini and Hochberg, stand in tables/item_tests.csv.",
)

WITHOUT = (
    "Points over languages but English. Without the outcomes of items there are no intervals and no "
    "tests of single models.",
)


def gain_grids(rows: Sequence[GainRow]) -> list[Grid]:
    """One table of gains over no intermediate training, one of variants, and those at equal compute."""
    grids: list[Grid] = []
    for gaps, title in TITLES.items():
        for matched in ("", "_equal_steps", "_equal_tokens"):
            chosen = [r for r in rows if r.gap in {f"{gap}{matched}" for gap in gaps}]
            if chosen:
                name = f"{'gains' if gaps == AGAINST_NONE else 'variants'}_table{matched}"
                at = f", at{matched.replace('_', ' ')}" if matched else ""
                grids.append(_grid(name, f"{title}{at}", chosen))
    return grids


def _grid(name: str, title: str, rows: Sequence[GainRow]) -> Grid:
    targets = [*sorted({r.target for r in rows} - {MEAN}), MEAN]
    cells = {(r.gap, r.arm_a, r.arm_b, r.model, r.target): r for r in rows}
    lines = list(dict.fromkeys((r.gap, r.arm_a, r.arm_b, r.model) for r in rows))
    shown = []
    for line in lines:
        found = [cells.get((*line, target)) for target in targets]
        first = next(r for r in found if r is not None)
        shown.append((_label(first), first.model, *(_cell(r) for r in found)))
    at_chance = sorted({r.target for r in rows if r.at_chance})
    out = f"At chance for every model, and in no mean and no family of tests: {', '.join(at_chance)}."
    tested = any(r.ci_low is not None for r in rows)
    return Grid(
        name=name,
        title=title,
        head="Intermediate task",
        columns=("Model", *targets),
        rows=tuple(shown),
        notes=(*(NOTES if tested else WITHOUT), *([out] if at_chance else [])),
    )


def _label(row: GainRow) -> str:
    kind = plain_gap(row.gap)
    tasks = row.intermediate.replace("+", ", ")
    return tasks if kind == "gain" else f"{tasks} ({kind}: {row.arm_a} minus {row.arm_b})"


def _cell(row: GainRow | None) -> str:
    if row is None:
        return "–"
    text = signed(row.value)
    if row.ci_low is not None:
        text += f" {interval_words(row.ci_low, row.ci_high)}"
    if row.at_chance:
        return f"{text}; at chance"
    return text if row.p_holm is None else f"{text}; {probability(row.p_holm)}"
