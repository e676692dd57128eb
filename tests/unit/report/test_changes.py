"""What would change an answer follows from its interval and its points."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.result import Analysis, analyse
from xlgap.analysis.words import BENT
from xlgap.published import load_scores
from xlgap.report.changes import models_needed, what_would_change
from xlgap.report.method import method


@pytest.fixture(scope="module")
def steep() -> Analysis:
    plan = Plan(groups=60, slope=-9.0, model_sd=0.1, seed_sd=0.1)
    return analyse(study(plan, seed=1, resamples=60), load_scores())


@pytest.mark.parametrize(("values", "said"), [
    ((-9.0, -15.0, -21.1, -27.0, -33.0), "with any of the 5 left out it still falls."),
    ((0.0, 0.1, 0.0, 0.1, -4.0), "It rests on single models: without made_"),
    ((-9.0, -15.0, -21.1, -27.0), ""),
])  # fmt: skip
def test_a_trend_is_tried_without_each_model_where_enough_are_left(
    steep: Analysis, values: tuple[float, ...], said: str
) -> None:
    sizes = (40_000, 200_000, 1_000_000, 5_000_000, 25_000_000)
    first = next(e for e in steep.estimates if (e.gap, e.task, e.scale) == ("inter", "mean", "raw"))
    points = tuple(
        replace(first, model=f"made_{size}", params_total=size, value=value, stderr=0.3)
        for size, value in zip(sizes, values, strict=False)
    )
    slope = next(a for a in steep.answers if a.key == "1.inter.slope.params_total")
    answers = tuple(
        replace(a, ci_low=-9.0, ci_high=-0.1, estimate=-4.0) if a is slope else a for a in steep.answers
    )
    text = " ".join(what_would_change(replace(steep, estimates=points, answers=answers), 1, "measured"))
    assert said in text
    assert ("left out it still" in text or "rests on single" in text) == bool(said)
    assert "Nothing was measured beyond 5M parameters, nor in languages other than ru, sw" in text


def test_no_trend_says_how_many_models_would_show_it(steep: Analysis) -> None:
    answers = tuple(
        replace(a, estimate=-1.0, ci_low=-3.0, ci_high=1.0)
        if a.key == "1.inter.slope.params_total"
        else a
        for a in steep.answers
    )
    text = " ".join(what_would_change(replace(steep, answers=answers), 1, "measured"))
    assert "would be shown by about 7 models of as widely spread sizes, in place of 4" in text


def test_a_level_that_is_not_shown_says_how_many_models_would_show_it() -> None:
    plan = Plan(
        groups=20,
        joint=4.0,
        best_single=3.0,
        seed_sd=0.5,
        sizes=(40_000, 200_000, 1_000_000, 5_000_000),
    )
    made = analyse(study(plan, seed=1, resamples=40), ())
    answers = tuple(
        replace(a, estimate=-1.0, ci_low=-3.0, ci_high=1.0, known_low=None, known_high=None)
        if a.key == "5.joint_best.level"
        else a
        for a in made.answers
    )
    text = " ".join(what_would_change(replace(made, answers=answers), 5, "measured"))
    assert "a mean as large as the estimate would be told from 0 by about 7 models, in pl" in text
    assert re.search(r"Over \d+ refits the mean goes from \S+ \(without .*; the interval ", text)
    assert re.search(r"Over \d+ refits the change goes from ", text)


def test_models_needed_shrinks_with_the_estimate_and_ends() -> None:
    assert models_needed(5.0, 4.9, 4) == 4
    few, many = models_needed(2.0, 3.0, 6), models_needed(1.0, 3.0, 6)
    assert few is not None
    assert many is not None
    assert 6 < few < many
    assert models_needed(0.01, 3.0, 6) is None
    assert models_needed(0.0, 3.0, 6) is None


def test_too_few_models_ask_for_more(steep: Analysis) -> None:
    small = analyse(study(Plan(groups=20, sizes=(40_000, 200_000)), seed=1, resamples=20), ())
    (text,) = what_would_change(small, 1, "measured")
    assert text == "2 more models with both arms, of at least 3 sizes in all, would give a trend."
    assert what_would_change(small, 4, "measured") == ()


def test_published_answers_have_theirs(steep: Analysis) -> None:
    for question in (2, 3):
        assert what_would_change(steep, question, "published")
    assert what_would_change(steep, 4, "published") == ()


def test_the_method_names_the_statistics_of_both_sources(steep: Analysis) -> None:
    text = method([a for a in steep.answers if a.question == 3], 3)
    assert text.startswith("G_direct is the score")
    assert "Measured: random-effects meta-regression" in text
    assert "Published of a proxy: least squares" in text


def test_seeds_and_refits_are_told_in_one_sentence_each(steep: Analysis) -> None:
    said = what_would_change(steep, 1, "measured")
    (seeds,) = [s for s in said if s.startswith("By its seeds one model alone would show a gap from ")]
    assert "points on (80% power); the mean gap seen, " in seeds
    (refits,) = [s for s in said if s.startswith("Over 5 refits the change goes from −")]
    assert " to −" in refits
    without = [a for a in steep.answers if "seeds" not in a.key and "sensitivity" not in a.key]
    rest = what_would_change(replace(steep, answers=tuple(without)), 1, "measured")
    assert set(said) - set(rest) == {seeds, refits}


def test_the_scatter_of_published_slopes_is_not_laid_to_items(steep: Analysis) -> None:
    said = " ".join(what_would_change(steep, 2, "published"))
    assert "about the line" not in said
    assert "eeds" not in said


def test_every_answer_counts_its_models_and_has_what_supports_it(steep: Analysis) -> None:
    printed = {"1.english_gain.xstilts", "5.sequential.exams"}
    for answer in steep.answers:
        assert answer.n == len(answer.models), answer.key
        assert answer.method, answer.key
        assert not answer.supported or None not in (answer.ci_low, answer.ci_high), answer.key
        if answer.estimate is not None:
            # no figure is drawn of a single number
            assert (answer.figure is None) == (answer.key in printed), answer.key
    within = {a.key: a for a in steep.answers}["2.distance.xnli.within_families.params_total"]
    assert within.n < len(
        {a.key: a for a in steep.answers}["2.distance.xnli.slope.params_total"].models
    )


def test_of_a_change_that_is_not_along_a_line_the_curve_tells_the_scatter(steep: Analysis) -> None:
    first = next(e for e in steep.estimates if (e.gap, e.task, e.scale) == ("inter", "mean", "raw"))
    ladder = zip((1e8, 3e8, 1e9, 4e9, 1.6e10, 6e10), (32.1, 11.9, 5.1, 2.6, 2.3, 2.0), strict=True)
    points = tuple(
        replace(first, model=f"m{size:g}", params_total=int(size), value=value, stderr=0.3)
        for size, value in ladder
    )
    answers = tuple(
        replace(a, reason=f"{BENT}a power law fits better.")
        if a.key == "1.inter.slope.params_total"
        else a
        for a in steep.answers
    )
    text = " ".join(what_would_change(replace(steep, estimates=points, answers=answers), 1, "measured"))
    assert text.startswith("The change is not along a straight line: other sizes")
    assert "Items and seeds explain most of the scatter about the curve" in text
    assert "as large as the estimate" not in text
