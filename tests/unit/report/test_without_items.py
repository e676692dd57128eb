"""Scores without outcomes of items: nothing of the report speaks of a bootstrap that there is not."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest
from simulate import Plan, study

from xlgap.analysis.result import Analysis, analyse
from xlgap.report.canvas import Drawing
from xlgap.report.figures import drawings
from xlgap.report.pages import level, render

PLAN = Plan(groups=20, joint=2.0, best_single=1.0)


@dataclass(frozen=True)
class Report:
    """A report; its page is without figures."""

    analysis: Analysis
    known: bool
    figures: dict[str, Drawing]
    page: str


@pytest.fixture(scope="module", params=["errors", "no errors"])
def found(request: pytest.FixtureRequest) -> Report:
    made = study(PLAN, seed=2, resamples=20)
    known = request.param == "errors"
    scores = made.scores if known else tuple(replace(s, stderr=None) for s in made.scores)
    analysis = analyse(replace(made, items={}, source="rows", scores=scores), [])
    figures = drawings(analysis)
    page = re.sub(r"<svg.*?</svg>", "", render(analysis, figures), flags=re.DOTALL)
    return Report(analysis, known, figures, page)


def test_no_text_speaks_of_a_bootstrap_or_of_resamples(found: Report) -> None:
    said = [d.caption for d in found.figures.values()] + found.page.splitlines()
    said += [a.method + a.reason for a in found.analysis.answers]
    assert not [text for text in said if re.search("bootstrap|resampl", text)]


def test_a_missing_interval_is_no_dash_beside_a_number(found: Report) -> None:
    known = found.known
    assert not re.findall(r"[+−\d.]+ (?:± )?– ?\S*", found.page)
    number = r"[+−]\d+\.\d( ± \d+\.\d)" + ("" if known else "?")
    said = level(found.analysis, 1)
    unit = "points, ± one standard error, mean over" if known else "points, mean over"
    assert re.fullmatch(rf"G_inter itself: {number} in \S+, {number} in \S+ \({unit} .*", said)
    assert ("±" in said) == known


def test_captions_say_what_bars_are(found: Report) -> None:
    known, figures = found.known, found.figures
    bars = "Bars: normal intervals from the standard errors given" if known else "Without bars:"
    assert figures["inter.svg"].caption.startswith(bars)
    assert bars in figures["regimes_combined.svg"].caption
    assert ("two standard errors" in figures["languages_inter.svg"].caption) == known
