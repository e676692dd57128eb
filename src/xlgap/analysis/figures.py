"""Which figures a report has, and what they show in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from xlgap.analysis import plots
from xlgap.analysis.plots import Drawing
from xlgap.analysis.published_answers import LADDER, PROXIES, published_averages
from xlgap.analysis.published_mixtures import points
from xlgap.analysis.published_pairs import XP3
from xlgap.analysis.result import Analysis
from xlgap.analysis.rows import (
    AVERAGE,
    ENGLISH,
    GAP_WORDS,
    Estimate,
    GapRow,
    LanguageSlope,
    of_gap,
    of_slope,
)

SHOWN = ("mBERT", "XLM-R base", "XLM-R large")
"""Models whose languages the published distance figure names."""

LINE = "Line: meta-regression on log10 total parameters, in the legend its slope with its interval."
MEASURED_CAPTION = f"Bars: bootstrap intervals over items and seeds, conditional on each model. {LINE}"
MIXTURE_TITLES = {
    "inter": "Multilingual (xP3) minus English-only (P3) intermediate mixture, published",
    "joint": "Gain of the xP3 intermediate mixture over none, BLOOM, published",
}
AS_PRINTED = "No standard errors were published."


def drawings(analysis: Analysis) -> dict[str, Drawing]:
    """All figures of a report by file name; a figure without data is not there."""
    found = [*_measured(analysis), *_ladders(analysis.published_gaps)]
    found += _distance(analysis.published_slopes, analysis.confidence)
    found += _transfer(analysis.published_gaps, analysis.confidence)
    found += _mixtures(analysis.published_gaps, analysis.confidence)
    return {d.name: d for d in found}


def _measured(analysis: Analysis) -> list[Drawing]:
    found = []
    over_tasks = (e for e in analysis.estimates if (e.task, e.scale) == ("mean", "raw"))
    for gap in dict.fromkeys(e.gap for e in over_tasks):
        if gap in GAP_WORDS and ENGLISH not in gap:
            picture = plots.gap_against_size(
                analysis.estimates, gap=gap, confidence=analysis.confidence
            )
            what = GAP_WORDS[gap]
            alt = f"{what}, measured, against total parameters"
            found.append(Drawing(f"{gap}.svg", picture, alt, MEASURED_CAPTION))
    return found


def _ladders(gaps: Sequence[GapRow]) -> list[Drawing]:
    found = []
    for gap, arm, _ in PROXIES:
        lines: dict[str, list[Estimate]] = defaultdict(list)
        for row in published_averages(gaps, gap=gap, arm=arm):
            lines[f"{row.family}, {row.task}"].append(of_gap(row))
        full = {k: v for k, v in sorted(lines.items()) if len(v) >= LADDER}
        if full:
            title = f"{GAP_WORDS[gap][0].upper()}{GAP_WORDS[gap][1:]}, published"
            picture = plots.ladders_against_size(full, title=title)
            found.append(
                Drawing(f"published_{gap}.svg", picture, f"{title}, by family and task", AS_PRINTED)
            )
    return found


def _distance(slopes: Sequence[LanguageSlope], confidence: float) -> list[Drawing]:
    points = [of_slope(s) for s in slopes if s.task == "xnli"]
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
            f"Bars: two standard errors over languages, clustered by subfamily. {LINE}",
        )
    ]
    shown = [s for name in SHOWN for s in slopes if (s.task, s.model) == ("xnli", name)]
    if shown:
        title = "Zero-shot loss on XNLI, by language, published"
        picture = plots.loss_over_distance(shown, title=title)
        found.append(
            Drawing(
                "published_loss_by_language.svg",
                picture,
                title,
                "Lines: least squares.",
                (2, "published"),
            )
        )
    return found


def _transfer(gaps: Sequence[GapRow], confidence: float) -> list[Drawing]:
    points = [
        of_gap(row)
        for row in gaps
        if (row.gap, row.task, row.language, row.scale) == ("transfer", "xnli", AVERAGE, "raw")
    ]
    if not points:
        return []
    title = "Transfer gap on XNLI: English minus mean of 14 languages, published"
    picture = plots.families_against_size(points, title=title, unit="points", confidence=confidence)
    return [Drawing("published_transfer.svg", picture, title, f"{AS_PRINTED} {LINE}")]


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
