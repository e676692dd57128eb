"""The measured range and a size beyond it, in two sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.result import Analysis, analyse
from xlgap.analysis.rows import Answer
from xlgap.analysis.sentence import beyond
from xlgap.report.pages import render

END = Answer(
    question=3, source="measured", key="3.direct.at.measured", n=6, supported=True,
    quantity="G_direct (a minus b) at the largest measured size, points", estimate=6.9, ci_low=5.0,
    ci_high=9.0, size_range=(300_000_000, 40_000_000_000),
)  # fmt: skip
BEYOND = replace(
    END, key="3.direct.at.175e9", estimate=-6.4, ci_low=-11.0, ci_high=7.0,
    quantity="G_direct (a minus b) at 175B parameters, points, extrapolated",
)  # fmt: skip
WHY = "Extrapolation to 175B parameters is refused: 4 sizes: a curve needs at least 6."


def test_an_extrapolation_is_called_one_and_has_its_interval() -> None:
    assert beyond([END, BEYOND], 3, "measured") == (
        "Measured from 300M to 40B parameters: G_direct (a minus b) is +6.9 points [5.0, 9.0] at the "
        "largest size, on the line through all sizes.",
        "Extrapolated to 175B parameters, a factor of 4.38 beyond the largest model: −6.4 points "
        "[−11.0, 7.0], if the curve that fits best goes on.",
    )


def test_a_refusal_says_why() -> None:
    refused = replace(BEYOND, estimate=None, supported=False, reason=f"{WHY} One seed.")
    assert beyond([END, refused], 3, "measured")[1] == WHY


def test_too_few_sizes_have_no_line() -> None:
    few = replace(END, supported=False, estimate=None, reason="Not sufficient: 2 models. One seed.")
    assert beyond([few, BEYOND], 3, "measured")[0] == (
        "In the measured range G_direct (a minus b) cannot be told by a line: 2 models."
    )


def test_a_proxy_is_named_and_other_sources_and_questions_are_not_taken() -> None:
    proxies = [replace(a, source="published", proxy=True) for a in (END, BEYOND)]
    assert "parameters: by proxy, G_direct" in beyond(proxies, 3, "published")[0]
    assert beyond(proxies, 3, "measured") == beyond(proxies, 1, "published") == ()
    assert beyond([END], 3, "measured") == ()


@pytest.fixture(scope="module")
def refused() -> Analysis:
    return analyse(study(Plan(groups=30), seed=2, resamples=40), ())


def test_the_page_prints_both_in_the_summary_and_at_question_3(refused: Analysis) -> None:
    page = render(refused, {})
    summary, _, parts = page.partition('id="q1"')
    measured, why = beyond(refused.answers, 3, "measured")
    assert measured.startswith("Measured from 40k to 5M parameters: G_direct")
    assert why.startswith("Extrapolation to 175B parameters is refused: 4 sizes")
    for part in (summary, parts.partition('id="q3"')[2].partition('id="q4"')[0]):
        assert f"{measured} {why}" in part
    assert page.count(why) == 3, "in the summary, at its question, in the notes of the table"


def test_the_page_prints_an_extrapolation(refused: Analysis) -> None:
    moved = {a.key: a for a in (END, BEYOND)}
    answers = tuple(moved.get(a.key, a) for a in refused.answers)
    page = render(replace(refused, answers=answers), {})
    said = " ".join(beyond(answers, 3, "measured"))
    assert "Extrapolated to 175B parameters, a factor of 4.38" in said
    assert page.count(said) == 2
