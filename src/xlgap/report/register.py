"""Which rows of an analysis are tables of the report: adding one is one entry of :data:`LISTINGS`.

An entry names a field of :class:`~xlgap.analysis.result.Analysis`. All of its rows go to
``tables/NAME.csv``, a column a field. With ``shown`` it is a table of the page, too, and of
``tables/NAME.tex``; a table without rows is left out of both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from xlgap.analysis import words
from xlgap.analysis.answers.distance import DISTANCE_METHOD
from xlgap.analysis.claims.verdicts import ClaimVerdict
from xlgap.analysis.diagnostic import ErrorRate
from xlgap.analysis.distance.rows import DistanceRow, headline_distance
from xlgap.analysis.distance.subwords import SubwordRow
from xlgap.analysis.excused import Excused
from xlgap.analysis.gains import GainRow
from xlgap.analysis.item_tests import ItemTest
from xlgap.analysis.licences import DataSet
from xlgap.analysis.published.disagreements import DisagreementRow
from xlgap.analysis.refit import Refit
from xlgap.analysis.retention.rows import RetentionRow
from xlgap.analysis.rows import (
    AVERAGE,
    ENGLISH,
    GAP_WORDS,
    Answer,
    Collapsed,
    EnglishScore,
    Estimate,
    GapRow,
    LanguageSlope,
    LearnedNothing,
    plain_gap,
)
from xlgap.analysis.tables import flat
from xlgap.published import load_known_disagreements
from xlgap.published.loader import KnownDisagreement, QuotedGain, load_quoted_gains
from xlgap.records import EditionScore
from xlgap.report.error_grids import error_tables
from xlgap.report.gain_grids import gain_grids
from xlgap.report.grids import (
    Grid,
    answer_grid,
    control_grid,
    english_grid,
    gap_grid,
)
from xlgap.report.overall import overall_tables

if TYPE_CHECKING:
    from xlgap.analysis.result import Analysis

Place = int | Literal["checks", "benchmark", "study", "sources"]
"""A part of the report: a question by its number, or one of those behind the questions."""
Cell = str | Callable[[Any], str]

QUESTION_OF = {
    "inter": 1, "mlm": 1, "translated": 1, "distance": 2, "robustness": 2, "transfer": 2,
    "transfer_ceiling": 2,
    "distance_partial": 2, "robustness_partial": 2, "spread": 2, "worst": 2, "spread_level": 2,
    "worst_level": 2, "direct": 3,
    "native": 3, "english_gain": 3, "few_gain": 3, "retention": 4, "retention_others": 4,
    "retention_ratio": 4, "retention_probe": 4, "retention_probe_others": 4,
    "retention_joint": 4, "backward": 4, "retention_mlm": 4, "retention_mlm_others": 4,
    "joint": 5, "sequential": 5, "best_single": 5,
    "joint_sequential": 5, "joint_best": 5, "sequential_best": 5,
}  # fmt: skip
"""The question that a measured gap belongs to; a gap that is not here is shown under 'study'."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Rows of an analysis as a file and, with ``shown``, as a table of the report.

    Attributes:
        name: of the files under ``tables/``.
        kind: the dataclass of the rows; its fields are the columns of the CSV file.
        rows: takes them out of the analysis.
        title, place: above the table; on which page.
        shown: heading to the name of a field, or to a function that writes the cell. The first column
            says what a row is of.
        only: which rows are shown, of many; all by default.
        order: sorts the rows that are shown; they keep their order among equals, and without it.
        notes: sentences below the table.
    """

    name: str
    kind: type[Any]
    rows: Callable[[Analysis], Sequence[Any]]
    title: str = ""
    place: Place = "study"
    shown: Mapping[str, Cell] = field(default_factory=dict)
    only: Callable[[Any], bool] = lambda row: True
    order: Callable[[Any], Any] | None = None
    notes: tuple[str, ...] = ()

    def grid(self, analysis: Analysis) -> Grid | None:
        """The table of the page; ``None`` where nothing is to be shown."""
        chosen = [row for row in self.rows(analysis) if self.only(row)]
        if not (self.shown and chosen):
            return None
        if self.order is not None:
            chosen.sort(key=self.order)
        head, *columns = self.shown
        return Grid(
            name=self.name,
            title=self.title,
            head=head,
            columns=tuple(columns),
            rows=tuple(tuple(written(row, cell) for cell in self.shown.values()) for row in chosen),
            notes=self.notes,
        )

    def records(self, analysis: Analysis) -> tuple[list[str], list[dict[str, Any]]]:
        """Columns and rows of the CSV file."""
        columns = [f.name for f in dataclasses.fields(self.kind)]
        return columns, [flat(row) for row in self.rows(analysis)]


def written(row: Any, cell: Cell) -> str:
    """One cell: what a function says of the row, or a field of it in words; a dash for none."""
    if not isinstance(cell, str):
        return cell(row)
    value = getattr(row, cell)
    if value is None or isinstance(value, float):
        return words.number(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def interval(row: Any) -> str:
    """The interval of a row that has ``ci_low`` and ``ci_high``."""
    return words.interval_words(row.ci_low, row.ci_high)


def change(row: Any) -> str:
    """The ``value`` of a row, with its sign."""
    return words.signed(row.value)


LISTINGS: tuple[Listing, ...] = (
    Listing(name="answers", kind=Answer, rows=lambda a: a.answers),
    Listing(name="estimates", kind=Estimate, rows=lambda a: a.estimates),
    Listing(name="gaps_measured", kind=GapRow, rows=lambda a: a.gaps),
    Listing(name="gaps_published", kind=GapRow, rows=lambda a: a.published_gaps),
    Listing(name="collapsed", kind=Collapsed, rows=lambda a: a.collapsed),
    Listing(name="learned_nothing", kind=LearnedNothing, rows=lambda a: a.learned_nothing),
    Listing(name="english_scores", kind=EnglishScore, rows=lambda a: a.english),
    Listing(name="overall_scores", kind=EditionScore, rows=lambda a: a.editions),
    Listing(name="diagnostic_error_rates", kind=ErrorRate, rows=lambda a: a.errors),
    Listing(name="published_slopes", kind=LanguageSlope, rows=lambda a: a.published_slopes),
    Listing(
        name="distances",
        kind=DistanceRow,
        rows=lambda a: a.distances,
        title="Slope of the zero-shot loss over syntactic distance, with and without covariates",
        place=2,
        shown={
            "model": "model",
            "source": "source",
            "task": "task",
            "arm": "arm",
            "measure": "measure",
            "held still": lambda r: r.covariates or "nothing",
            "points lost": lambda r: words.plus_minus(r.slope, r.stderr),
            "for": lambda r: f"{r.step:g} more",
            "Pearson": lambda r: words.number(r.pearson, 2),
            "Spearman": lambda r: words.number(r.spearman, 2),
            "languages": "n_languages",
            "genera": "genera",
        },
        only=headline_distance,
        notes=DISTANCE_METHOD,
    ),
    Listing(name="subwords", kind=SubwordRow, rows=lambda a: a.subwords),
    Listing(
        name="disagreements",
        kind=DisagreementRow,
        rows=lambda a: a.disagreements,
        title="Averages that sources print more than half a point apart, and which one a gap uses",
        place="sources",
        only=lambda row: row.language == AVERAGE and bool(row.used),
        shown={
            "Task": lambda row: f"{row.task} ({row.metric})",
            "Model": "model",
            "Regime": "arm",
            "Printed": lambda row: ", ".join(f"{words.number(v)} in {name}" for name, v in row.values),
            "Used (gap)": lambda row: ", ".join(f"{name} ({gap})" for gap, name in row.used),
            "Why": "why",
        },
        notes=(
            "Same model, task, language, metric and regime. Single languages, and numbers that no gap "
            "uses, stand in tables/disagreements.csv.",
        ),
    ),
    Listing(
        name="known_disagreements",
        kind=KnownDisagreement,
        rows=lambda a: load_known_disagreements(),
        title="Disagreements between or inside sources that their readers noted; values are as printed",
        place="sources",
        shown={"Where": "where", "What": "what"},
    ),
    Listing(
        name="claims",
        kind=ClaimVerdict,
        rows=lambda a: a.claims,
        title="Claims of papers, and this study's verdict",
        place="study",
        shown={
            "Claim": "sentence",
            "Made in": "source",
            "Verdict": "verdict",
            "Estimate": lambda row: words.signed(row.estimate),
            "Interval": interval,
            "Why": "reason",
            "About": "about",
        },
        notes=(
            "A claim is supported where the whole interval agrees, contradicted where it disagrees. "
            "The smallest gain worth naming is 1 point, in both directions: that something helps is "
            "supported by an interval above 0, and contradicted by one that is not, and is below 1 "
            "point; that it does not help is supported by an interval below 1 point, and contradicted "
            "by one above 1 point.",
            "Joint and best single training are judged by the interval over models of question 5; an "
            "interval that is conditional on these checkpoints says nothing of other models.",
            "Claims that name data sets are judged on these alone.",
        ),
    ),
    Listing(name="gains", kind=GainRow, rows=lambda a: a.gains),
    Listing(name="item_tests", kind=ItemTest, rows=lambda a: a.item_tests),
    Listing(
        name="quoted_gains",
        kind=QuotedGain,
        rows=lambda a: load_quoted_gains() if a.gains else (),
        title="Gains over XLM-R large of arXiv 2005.13013, to set beside the table of gains",
        place=5,
        shown={
            "Intermediate task": "intermediate",
            "Gain": change,
            "Split": lambda row: row.split or "–",
            "Which mean": "what",
            "Seen at": "seen_at",
        },
        notes=("Other models, data and target tasks than measured here: not the same quantity.",),
    ),
    Listing(name="sensitivity", kind=Refit, rows=lambda a: a.refits),
    Listing(name="data_sets", kind=DataSet, rows=lambda a: a.data),
    Listing(
        name="retention",
        kind=RetentionRow,
        rows=lambda a: a.retention,
        title="Earlier tasks scored again when all training has ended",
        place=4,
        shown={
            "Model": "model",
            "Arm": "arm",
            "Target": "target",
            "Earlier task": "task",
            "Language": "language",
            "Head": "head",
            "Before": lambda r: words.number(r.before),
            "After": lambda r: words.number(r.value),
            "Change": lambda r: words.plus_minus(r.change, r.stderr),
            "Kept, %": lambda r: words.number(r.ratio, 0),
            "Untrained": lambda r: words.number(r.untrained),
        },
        only=lambda r: r.final and r.change is not None and r.language in {"en", AVERAGE},
        order=lambda r: (r.params_total or 0, r.model),
        notes=(
            "avg: mean over the other languages. Change: after minus before; of a loss (mlm, in nats) "
            "above 0 is forgetting. Kept: ratio of chance-corrected scores, where the score before is "
            "above chance.",
        ),
    ),
    Listing(name="excused_leaks", kind=Excused, rows=lambda a: a.excused),
)
"""Every field of an analysis that is a file of the report; see the module for a new one."""


def shown_tables(analysis: Analysis) -> dict[Place, list[Grid]]:
    """The tables of each page, in order; tables without rows are left out."""
    found: dict[Place, list[Grid]] = {
        "checks": [english_grid(analysis.english), control_grid(analysis.estimates)],
        "benchmark": [*overall_tables(analysis.editions)],
    }
    found["checks"] += error_tables(analysis.errors)
    for question in words.QUESTIONS:
        found[question] = [answer_grid(analysis.answers, question)]
    found[5] += gain_grids(analysis.gains)
    for gap in dict.fromkeys(e.gap for e in analysis.estimates):
        if gap in GAP_WORDS and gap != "control":
            found.setdefault(place_of(gap), []).append(gap_grid(analysis.estimates, gap))
    for listing in LISTINGS:
        grid = listing.grid(analysis)
        if grid is not None:
            found.setdefault(listing.place, []).append(grid)
    return {place: [g for g in grids if g.rows] for place, grids in found.items()}


def place_of(gap: str) -> Place:
    """The page of a measured gap."""
    return QUESTION_OF.get(plain_gap(gap).removesuffix(ENGLISH), "study")
