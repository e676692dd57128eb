"""Tables of the report as text, one form for the page, for CSV and for LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from xlgap.analysis import words
from xlgap.analysis.chance import STANDARD_ERRORS
from xlgap.analysis.gains import AGAINST_ENGLISH, AGAINST_NONE
from xlgap.analysis.rows import GAP_WORDS, Answer, EnglishScore, Estimate, Scale, plain_gap
from xlgap.analysis.scales import percent_fewer_errors

AT_CHANCE = {True: "; at chance", False: "", None: "; not known to be above chance"}

BOOTSTRAPPED = (
    "Intervals: percentiles of the bootstrap over items and seeds, conditional on these checkpoints; "
    "they take the spread between seeds as known. The table of gains (question 5) has Student's t for "
    "the same gaps, which is wider with few seeds: with two up to 6.5 times. Of one model with few "
    "seeds, believe that one."
)


GIVEN = "±: one standard error, from those given, both arms’ items taken as independent."


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table of the report.

    Attributes:
        name: of its files under ``tables/``.
        title: above it.
        columns: headings of all columns but the first.
        rows: cells as they are read; the first of a row says what the row is of.
        head: heading of the first column.
        notes: sentences below it.
        wide: heads and rows of the CSV file, where it has more columns than the page.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    head: str = "Model"
    notes: tuple[str, ...] = ()
    wide: tuple[tuple[str, ...], ...] = ()

    @property
    def heads(self) -> tuple[str, ...]:
        """Headings of all columns."""
        return (self.head, *self.columns)

    @property
    def numeric(self) -> tuple[bool, ...]:
        """For each column whether it holds nothing but numbers and dashes."""
        return tuple(
            any(cell not in {"", "–"} for cell in column) and all(map(_is_number, column))
            for column in zip(*self.rows, strict=True)
        ) or tuple(False for _ in self.heads)


def _is_number(text: str) -> bool:
    plain = text.translate(NUMERALS).lstrip("+-").replace(",", "")
    return text in {"", "–"} or plain.replace(".", "", 1).isdigit()


NUMERALS = str.maketrans({"\N{MINUS SIGN}": "-"})


def csv_text(grid: Grid) -> str:
    """The table as CSV, cells as on the page; with the columns that only the file has."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(grid.wide or (grid.heads, *grid.rows))
    return text.getvalue()


def answer_grid(answers: Sequence[Answer], question: int) -> Grid:
    """The answers to one question, measured and published, that have an estimate or lack one."""
    mine = [a for a in answers if a.question == question and not a.key.endswith(".none")]
    return Grid(
        name=f"answers_{question}",
        title=f"Answers to question {question}",
        head="Source",
        columns=("Quantity", "Estimate", "Interval", "n", "Sizes", "Trend"),
        rows=tuple(
            (
                a.source,
                f"{'Proxy: ' if a.proxy else ''}{a.quantity}",
                words.signed(a.estimate, 2),
                words.intervals(a, 2),
                str(a.n),
                words.sizes(a),
                words.trend(a),
            )
            for a in mine
        ),
    )


def english_grid(english: Sequence[EnglishScore]) -> Grid:
    """English score of each model on each task and arm without intermediate training."""
    columns = list(dict.fromkeys((e.task, e.arm, e.metric, e.language) for e in english))
    models = list(dict.fromkeys((e.params_total or 0, e.model) for e in english))
    cells = {(e.model, e.task, e.arm, e.metric): e for e in english}
    rows = []
    for _, model in sorted(models):
        found = [cells.get((model, task, arm, metric)) for task, arm, metric, _ in columns]
        rows.append((model, *(_english_cell(e) for e in found)))
    heads = tuple(
        f"{task} ({metric}, {arm}{'' if language == 'en' else ', mean over languages'})"
        for task, arm, metric, language in columns
    )
    return Grid(name="english", title="English scores", columns=heads, rows=tuple(rows))


def _english_cell(score: EnglishScore | None) -> str:
    if score is None:
        return "–"
    error = "" if score.stderr is None else f" ± {words.number(score.stderr)}"
    chance = ""
    if score.chance is not None:
        chance = f"; chance {words.number(score.chance)}"
    often = "" if score.majority is None else f"; most frequent answer {words.number(score.majority)}"
    if score.per_word is not None:
        often += f", per word {words.number(score.per_word)}"
    flag = AT_CHANCE[score.at_chance]
    return f"{words.number(score.value)}{error}{chance}{often}{flag}"


def control_grid(estimates: Sequence[Estimate]) -> Grid:
    """Each model against its untrained twin: difference, interval, and whether it is above 0."""
    rows = []
    for e in estimates:
        if (e.gap, e.scale) != ("control", "raw"):
            continue
        above = e.stderr is not None and e.value > STANDARD_ERRORS * e.stderr
        rows.append(
            (
                e.task,
                e.model,
                e.note,
                words.plus_minus(e.value, e.stderr),
                words.interval_words(e.ci_low, e.ci_high),
                "above by two standard errors" if above else "not above",
            )
        )
    columns = ("Model", "Arm and twin", "Difference", "Interval", "Verdict")
    title = "Against the untrained twin"
    return Grid(name="controls", title=title, head="Task", columns=columns, rows=tuple(rows))


SCALED: dict[Scale, str] = {
    "chance_corrected": "corrected",
    "log_odds": "log-odds",
    "error_reduction": "errors, %",
}
"""Scales that only the CSV file of a gap has, in words."""


def gap_grid(estimates: Sequence[Estimate], gap: str) -> Grid:
    """One measured gap by model and task: raw with interval; on the others in its CSV file."""
    of_gap = [e for e in estimates if e.gap == gap]
    tasks = [*sorted({e.task for e in of_gap} - {"mean"}), "mean"]
    cells = {(e.model, e.task, e.scale): e for e in of_gap}
    models = sorted({(e.params_total or 0, e.model) for e in of_gap})
    mean = next((e.note for e in of_gap if e.task == "mean"), "mean")
    columns = (*tasks[:-1], mean)
    rows, wide = [], []
    for size, model in models:
        name = f"{model} ({words.short_number(size)})"
        raw = [_raw_cell(cells.get((model, task, "raw"))) for task in tasks]
        rows.append((name, *raw))
        wide.append((name, *raw, *(_scaled(cells.get((model, t, s))) for t in tasks for s in SCALED)))
    heads = ("Model", *columns, *(f"{c}: {said}" for c in columns for said in SCALED.values()))
    return Grid(
        name=f"gap_{gap}",
        title=GAP_WORDS[gap],
        columns=columns,
        rows=tuple(rows),
        notes=_of_intervals(gap, of_gap),
        wide=(heads, *wide),
    )


def _of_intervals(gap: str, of_gap: Sequence[Estimate]) -> tuple[str, ...]:
    """What stands beside the points of a gap."""
    raw = [e for e in of_gap if e.scale == "raw"]
    if any(e.ci_low is not None for e in raw):
        return (BOOTSTRAPPED,) if plain_gap(gap) in (*AGAINST_NONE, *AGAINST_ENGLISH) else ()
    return (GIVEN,) if any(e.stderr is not None for e in raw) else ()


def _raw_cell(raw: Estimate | None) -> str:
    if raw is None:
        return "–"
    return words.with_error(raw)


def _scaled(estimate: Estimate | None) -> str:
    """A gap on another scale; of a log ratio of errors by how many per cent they rise."""
    if estimate is None:
        return "–"
    if estimate.scale == "error_reduction":
        return words.signed(-percent_fewer_errors(estimate.value), 0)
    return words.signed(estimate.value, 2 if estimate.scale == "log_odds" else 1)
