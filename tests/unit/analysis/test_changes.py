"""What would change an answer follows from its interval and its points."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.changes import models_needed, what_would_change
from xlgap.analysis.method import method
from xlgap.analysis.result import Analysis, analyse
from xlgap.published import load_scores


@pytest.fixture(scope="module")
def steep() -> Analysis:
    plan = Plan(groups=60, slope=-9.0, model_sd=0.1, seed_sd=0.1)
    return analyse(study(plan, seed=1, resamples=60), load_scores())


def test_a_clear_trend_is_carried_by_no_one_model(steep: Analysis) -> None:
    text = " ".join(what_would_change(steep, 1, "measured"))
    assert "No one model carries it: with any of the 4 left out it still falls." in text or (
        "It rests on single models: without made_" in text
    )
    assert "Nothing was measured beyond 5M parameters, nor in languages other than ru, sw" in text


def test_a_single_model_that_carries_a_trend_is_named(steep: Analysis) -> None:
    jump = {"made_40000": 0.0, "made_200000": 0.1, "made_1000000": 1.0, "made_5000000": 2.0}
    moved = [
        replace(e, value=jump[e.model], stderr=0.3)
        if (e.gap, e.task, e.scale) == ("inter", "mean", "raw")
        else e
        for e in steep.estimates
    ]
    slope = next(a for a in steep.answers if a.key == "1.inter.slope.params_total")
    answers = [replace(a, ci_low=0.1, ci_high=2.0, estimate=1.0) if a is slope else a
               for a in steep.answers]  # fmt: skip
    text = " ".join(
        what_would_change(replace(steep, estimates=tuple(moved), answers=tuple(answers)), 1, "measured")
    )
    assert "It rests on single models: without made_" in text


def test_no_trend_says_how_many_models_would_show_it(steep: Analysis) -> None:
    answers = tuple(
        replace(a, estimate=-1.0, ci_low=-3.0, ci_high=1.0)
        if a.key == "1.inter.slope.params_total"
        else a
        for a in steep.answers
    )
    text = " ".join(what_would_change(replace(steep, answers=answers), 1, "measured"))
    assert "would be shown by about 7 models of as widely spread sizes, in place of 4" in text


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
    (refits,) = [s for s in said if s.startswith("Over 9 refits the change goes from −")]
    assert " to −" in refits
    without = [a for a in steep.answers if "seeds" not in a.key and "sensitivity" not in a.key]
    rest = what_would_change(replace(steep, answers=tuple(without)), 1, "measured")
    assert set(said) - set(rest) == {seeds, refits}
