"""Which figures a report has, and what they show in words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from xlgap.analysis.published.answers import LADDER, PROXIES, published_averages
from xlgap.analysis.published.distance import of_distance_row
from xlgap.analysis.published.mixtures import points
from xlgap.analysis.published.pairs import XP3
from xlgap.analysis.published.rows import transfer_figure
from xlgap.analysis.result import Analysis
from xlgap.analysis.rows import (
    AVERAGE,
    GAP_WORDS,
    MATCHED,
    Answer,
    Estimate,
    GapRow,
    LanguageSlope,
    of_gap,
    of_slope,
)
from xlgap.analysis.words import capital, number
from xlgap.records import Source
from xlgap.report import plots
from xlgap.report.by_language import language_figures
from xlgap.report.canvas import Drawing
from xlgap.report.comparison import Branch, forest
from xlgap.report.members import at_chance
from xlgap.report.panels import Cloud, loss_over_distance
from xlgap.report.plots import Beyond
from xlgap.report.register import place_of
from xlgap.report.retention_figures import retention_figure

SHOWN = ("mBERT", "XLM-R base", "XLM-R large")
"""Models whose languages the published distance figure names."""

LINE = (
    "Line, from four models on: meta-regression on log10 total parameters (least squares where "
    "errors are not known or over the same languages) with its interval as a band, in the legend its "
    "slope with its interval; where a curve fits better than the line, that curve."
)
BOOTSTRAPPED = "bootstrap intervals over items and seeds, conditional on each model"
GIVEN = "normal intervals from the standard errors given, both arms’ items taken as independent"
MEASURED_CAPTION = f"Bars: {BOOTSTRAPPED}. {LINE}"
EXTRAPOLATED = "Dashes and hollow diamond: extrapolated beyond the largest model, with its interval."
MIXTURE_TITLES = {
    "inter": "Multilingual (xP3) minus English-only (P3) intermediate mixture, published",
    "joint": "Gain of the xP3 intermediate mixture over none, BLOOM, published",
}
AS_PRINTED = "No standard errors were published."
SYNTAX = "syntactic distance from English (1 - cosine, URIEL)"

COMPARED = (
    "inter", "english_gain", "mlm", "translated", "direct", "native", "few_gain", "joint", "sequential",
    "best_single", "joint_sequential", "joint_best", "sequential_best",
)  # fmt: skip
"""Gaps of the forest, in its order."""
SHORT = {
    "inter": "target-language − English\nintermediate",
    "english_gain": "English intermediate − none",
    "mlm": "English intermediate + MLM\n− without",
    "translated": "translated − English\nintermediate",
    "direct": "target-language data\n− English intermediate",
    "native": "in-language − zero-shot",
    "few_gain": "few-shot − none",
    "joint": "joint − none",
    "sequential": "sequential − none",
    "best_single": "best single − none",
    "joint_sequential": "joint − sequential",
    "joint_best": "joint − best single",
    "sequential_best": "sequential − best single",
}
"""Names of the rows of the forest."""


def bars(points: Iterable[Estimate]) -> str:
    """What the bars of a figure are, in a sentence."""
    of = list(points)
    if any(e.ci_low is not None for e in of):
        return f"Bars: {BOOTSTRAPPED}."
    if any(e.stderr is not None for e in of):
        return f"Bars: {GIVEN}."
    return "Without bars: the errors of single models are not known."


FOREST_CAPTION = (
    "A line a gap, on it a marker a model from small to large. {bars} Right of 0 the regime named "
    "first is better."
)


def drawings(analysis: Analysis) -> dict[str, Drawing]:
    """All figures of a report by file name; a figure without data is not there."""
    found = [*_measured(analysis), *_ladders(analysis.published_gaps)]
    found += _distance(analysis.published_slopes, analysis.confidence)
    found += _held(analysis)
    found += _transfer(analysis.published_gaps, analysis.answers, analysis.confidence)
    found += [*_regimes(analysis), *language_figures(analysis)]
    found += _mixtures(analysis.published_gaps, analysis.confidence)
    found += retention_figure(analysis.retention)
    return {d.name: d for d in found}


def _measured(analysis: Analysis) -> list[Drawing]:
    """Each gap that a measured answer names, against size."""
    named = {a.figure for a in analysis.answers if a.source == "measured"}
    dead = at_chance(analysis)
    found = []
    for gap in dict.fromkeys(e.gap for e in analysis.estimates if (e.task, e.scale) == ("mean", "raw")):
        if f"{gap}.svg" not in named or gap not in GAP_WORDS:
            continue
        beyond = _beyond(analysis.answers, gap)
        title = f"{capital(GAP_WORDS[gap])}, measured"
        picture = plots.gap_against_size(
            analysis.estimates,
            gap=gap,
            title=title,
            confidence=analysis.confidence,
            beyond=beyond,
            at_chance=dead,
        )
        shown = (e for e in analysis.estimates if (e.gap, e.scale) == (gap, "raw"))
        caption = f"{bars(shown)} {LINE}" + ("" if beyond is None else f" {EXTRAPOLATED}")
        found.append(Drawing(f"{gap}.svg", picture, title, caption))
    return found


def _beyond(answers: Sequence[Answer], gap: str) -> Beyond | None:
    """What the measured answers say of a gap at a size that no model has (``3.direct.at.175e9``)."""
    for answer in answers:
        key = re.fullmatch(rf"\d\.{re.escape(gap)}\.at\.([\d.]+(?:e\d+)?)", answer.key)
        told = answer.supported and answer.quantity.endswith(", extrapolated")
        if key and answer.source == "measured" and answer.estimate is not None and told:
            return Beyond(
                size=float(key[1]), value=answer.estimate, low=answer.ci_low, high=answer.ci_high
            )
    return None


def _ladders(gaps: Sequence[GapRow]) -> list[Drawing]:
    found = []
    for gap, arm, _ in PROXIES:
        lines: dict[str, list[Estimate]] = defaultdict(list)
        for row in published_averages(gaps, gap=gap, arm=arm):
            lines[f"{row.family}, {row.task}"].append(of_gap(row))
        full = {k: v for k, v in sorted(lines.items()) if len(v) >= LADDER}
        if full:
            title = f"{capital(GAP_WORDS[gap])}, published, by family and task"
            picture = plots.ladders_against_size(full, title=title)
            found.append(Drawing(f"published_{gap}.svg", picture, title, AS_PRINTED))
    return found


def _distance(slopes: Sequence[LanguageSlope], confidence: float) -> list[Drawing]:
    points = [of_slope(s, confidence=confidence) for s in slopes if s.task == "xnli"]
    if not points:
        return []
    against = "Slope of zero-shot loss on XNLI over distance, published"
    found = [
        Drawing(
            "published_distance.svg",
            plots.families_against_size(
                points, title=against, unit="points lost for 0.1 of distance", confidence=confidence
            ),
            against,
            f"Bars: intervals over languages, clustered by genus. {LINE}",
        )
    ]
    shown = [s for name in SHOWN for s in slopes if (s.task, s.model) == ("xnli", name)]
    if shown:
        title = "Zero-shot loss on XNLI, by language, published"
        clouds = [
            Cloud(
                label=f"{s.model}: {number(s.loss_per_tenth)} for 0.1 "
                f"(Spearman {number(s.spearman, 2)})",
                points=s.points,
                slope=10 * s.loss_per_tenth,
            )
            for s in shown
        ]
        picture = loss_over_distance(clouds, title=title, distance=SYNTAX)
        name = "published_loss_by_language.svg"
        caption = "Lines: least squares. A code stands by the highest of a language's points."
        found.append(Drawing(name, picture, title, caption, (2, "published"), on_page=True))
    return found


def _held(analysis: Analysis) -> list[Drawing]:
    """The published slope with covariates, where there is one."""
    rows = [r for r in analysis.distances if (r.source, r.task) == ("published", "xnli")]
    points = [of_distance_row(r, confidence=analysis.confidence) for r in rows if r.covariates]
    if not points:
        return []
    title = "Zero-shot loss on XNLI for 0.1 of syntactic distance, text and script held still"
    picture = plots.families_against_size(
        points, title=title, unit="points lost for 0.1 of distance", confidence=analysis.confidence
    )
    caption = f"Bars: intervals over languages, clustered by genus. {LINE}"
    return [Drawing("published_distance_partial.svg", picture, title, caption)]


def _transfer(gaps: Sequence[GapRow], answers: Sequence[Answer], confidence: float) -> list[Drawing]:
    """Transfer gaps against size on each task of which a published answer names the figure."""
    named = {a.figure for a in answers if a.source == "published"}
    of_task: dict[str, list[Estimate]] = defaultdict(list)
    for row in gaps:
        if (row.gap, row.language, row.scale) == ("transfer", AVERAGE, "raw"):
            of_task[row.task].append(of_gap(row))
    found = []
    for task, shown in sorted(of_task.items()):
        if transfer_figure(task) in named:
            title = f"Transfer gap on {task}: English minus the mean of the other languages, published"
            picture = plots.families_against_size(
                shown, title=title, unit="points", confidence=confidence
            )
            caption = f"One point a model, from one publication. {AS_PRINTED} {LINE}"
            if task != "xnli":
                caption += " The row in the table is over all languages and printings instead."
            found.append(Drawing(transfer_figure(task), picture, title, caption))
    return found


def _regimes(analysis: Analysis) -> list[Drawing]:
    """Forests of the gaps between regimes, in groups that are legible on one page."""
    points = [e for e in analysis.estimates if (e.task, e.scale) == ("mean", "raw")]
    points.sort(key=lambda e: (e.params_total or 0, e.model))
    found = []
    for question, which in ((3, "of single intermediate tasks"), (5, "that combine tasks")):
        mine = [gap for gap in COMPARED if (place_of(gap) == 5) == (question == 5)]
        for matched, said in {"": "", **MATCHED}.items():
            gaps = [f"{gap}{matched}" for gap in mine]
            shown = [
                (SHORT[of], e)
                for of, gap in zip(mine, gaps, strict=True)
                for e in points
                if e.gap == gap
            ]
            branches = [_branch(row, e, analysis.confidence) for row, e in shown]
            if branches:
                title = f"Gaps between regimes {which}, mean over tasks, {said or 'measured'}"
                name = f"regimes{'_combined' * (question == 5)}{matched}.svg"
                picture = forest(branches, title=title)
                caption = FOREST_CAPTION.format(bars=bars(e for _, e in shown))
                beside: tuple[int, Source] = (question, "measured")
                found.append(Drawing(name, picture, title, caption, beside, on_page=not matched))
    return found


def _branch(row: str, point: Estimate, confidence: float) -> Branch:
    below, above = plots.arms_of_bar(point, confidence)
    low, high = (point.value - below, point.value + above) if below + above > 0 else (None, None)
    return Branch(row=row, series=point.model, value=point.value, low=low, high=high)


def _mixtures(gaps: Sequence[GapRow], confidence: float) -> list[Drawing]:
    """Differences of intermediate mixtures: multilingual against English-only, and against none."""
    found = []
    for gap, title in MIXTURE_TITLES.items():
        shown = points(gaps, gap=gap, arm=f"multilingual_intermediate:{XP3}")
        if shown:
            picture = plots.families_against_size(
                shown, title=title, unit="points", confidence=confidence
            )
            found.append(Drawing(f"published_{gap}.svg", picture, title, f"{AS_PRINTED} {LINE}"))
    return found
