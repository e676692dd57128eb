"""Where models scatter less than their errors allow, the wider interval stands beside and decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulate import Plan, study

from xlgap.analysis.answers.level import level_answer
from xlgap.analysis.answers.series import SIZES, Series, correlation_answer, slope_answer
from xlgap.analysis.answers.trend import beyond_answers, family_answers
from xlgap.analysis.result import Analysis, analyse
from xlgap.analysis.rows import Estimate
from xlgap.analysis.sentence import headline
from xlgap.analysis.words import trend
from xlgap.report.changes import what_would_change
from xlgap.report.pages import questions

SIZE = (1e5, 1e6, 1e7, 1e8)
ON_A_LINE = (1.0, 3.01, 4.99, 7.0)


def series(values: tuple[float, ...], stderr: float | None = None, sd: float = 0.0) -> Series:
    """Estimates of four sizes; with ``sd`` bootstrap draws that spread by it."""
    rng = np.random.default_rng(1)
    points = tuple(
        Estimate(
            source="measured", model=f"m{i}", family=f"f{i % 2}", params_total=int(size),
            params_nonembedding=int(size), gap="inter", task="mean", scale="raw", value=value,
            stderr=stderr, tasks=("xnli",),
        )
        for i, (size, value) in enumerate(zip(SIZE, values, strict=True))
    )  # fmt: skip
    draws = tuple(value + sd * rng.standard_normal(4000) for value in values) if sd else ()
    return Series(question=1, key="1.inter", quantity="G_inter", unit="points", estimates=points,
                  figure="inter.svg", draws=draws)  # fmt: skip


def test_a_slope_narrower_than_its_errors_allow_has_the_wider_interval_and_no_trend() -> None:
    answer = slope_answer(series(ON_A_LINE, stderr=3.0), *SIZES[0])
    assert answer.ci_low > 0, "Knapp-Hartung alone would say that it grows"
    half = 1.959964 * 3.0 / np.sqrt(5.0)
    assert (answer.known_low, answer.known_high) == pytest.approx((1.998 - half, 1.998 + half))
    assert trend(answer) == "not shown"
    assert "[−0.63, 4.63]: a trend is told only where both intervals leave out 0." in answer.reason
    text = headline([answer], 1, "measured")
    assert "(known errors alone: [−0.63, 4.63])" in text
    assert text.endswith("no change with size is shown.")


def test_draws_go_before_errors() -> None:
    answer = slope_answer(series(ON_A_LINE, stderr=0.1, sd=1.0), *SIZES[0])
    assert answer.known_high - answer.known_low == pytest.approx(2 * 1.96 / np.sqrt(5.0), rel=0.05)
    assert trend(answer) == "grows"


def test_scatter_beyond_the_errors_has_one_interval() -> None:
    answer = slope_answer(series((1.0, 5.0, 2.0, 7.0), stderr=0.1), *SIZES[0])
    assert answer.known_low is answer.known_high is None
    assert "known errors" not in answer.reason


def test_a_level_narrower_than_its_errors_allow_is_not_above_0() -> None:
    answer = level_answer(series((1.0, 1.1, 0.9, 1.0), stderr=3.0))
    assert answer.ci_low > 0 > answer.known_low
    assert trend(answer) == "not shown"


@pytest.mark.parametrize("values", [(0.0, 0.0, 0.0, 0.0), (1.0, 3.0, 5.0, 7.0)])
def test_no_interval_of_known_errors_has_no_width(values: tuple[float, ...]) -> None:
    found = series(values, stderr=0.67)
    slope = slope_answer(found, *SIZES[0])
    half = 1.959964 * 0.67 / np.sqrt(5.0)
    assert slope.supported
    assert slope.ci_high - slope.ci_low == pytest.approx(2 * half)
    assert "the interval is that of their known errors alone." in slope.reason
    for answer in (level_answer(found), *beyond_answers(found)[:1], *family_answers(found)):
        if answer.supported:
            assert answer.ci_high - answer.ci_low > 0.1


@pytest.mark.parametrize("values", [(2.0, 2.0, 2.0, 2.0), (1.0, 3.0, 5.0, 7.0)])
def test_models_on_a_line_without_known_errors_support_no_interval(values: tuple[float, ...]) -> None:
    answer = slope_answer(series(values), *SIZES[0])
    assert (answer.supported, answer.ci_low, trend(answer)) == (False, None, "–")
    assert answer.reason.startswith("Not sufficient: these models lie exactly on a line")


def test_a_correlation_grows_only_by_its_exact_p() -> None:
    four = correlation_answer(series((1.0, 3.2, 4.9, 7.0)), *SIZES[0])
    assert four.ci_low > 0
    assert four.p == pytest.approx(2 / 24)
    assert trend(four) == "not shown"
    many = replace(four, p=None)
    assert trend(many) == "grows"
    assert trend(replace(four, p=0.05)) == "grows"


def test_an_exact_line_has_no_interval_of_its_correlation() -> None:
    answer = correlation_answer(series((1.0, 3.0, 5.0, 7.0)), *SIZES[0])
    assert (answer.estimate, answer.ci_low, trend(answer)) == (pytest.approx(1.0), None, "–")


@pytest.fixture(scope="module")
def narrow() -> Analysis:
    """A study whose only answer is a slope with both intervals."""
    found = series(ON_A_LINE, stderr=3.0)
    return replace(
        analyse(study(Plan(groups=20), seed=1, resamples=20), ()),
        answers=(slope_answer(found, *SIZES[0]),),
        estimates=found.estimates,
    )


def test_the_page_has_the_wider_interval_in_its_row_and_no_bullet(narrow: Analysis) -> None:
    made, *_ = questions(narrow, {}, {})
    assert not any("By luck" in reason for reason in made.sides[0].reasons)
    assert "(known errors alone:" in made.sides[0].sentence


def test_what_would_change_it_is_smaller_errors(narrow: Analysis) -> None:
    text = " ".join(what_would_change(narrow, 1, "measured"))
    assert "scatter by luck less than their known errors allow, [−0.63, 4.63]" in text
    assert "would be shown by about" not in text
