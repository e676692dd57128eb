"""Slopes of zero-shot loss over distance."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.contrasts import Key
from xlgap.analysis.distance.contrasts import distance_contrasts, robustness_contrasts, slope_over
from xlgap.analysis.distance.rows import measured_rows
from xlgap.analysis.measure import measure
from xlgap.analysis.rows import ArmInfo

ARMS = {
    "direct_en": ArmInfo(regime="direct_en"),
    "en_typing": ArmInfo(regime="intermediate_en", intermediate=("typing",)),
    "direct_sw": ArmInfo(regime="direct_tgt", language="sw"),
}
DISTANCES = {"de": 0.1, "fr": 0.2, "ru": 0.2, "ar": 0.35, "sw": 0.5}
CODES = ("en", *DISTANCES)


def keys(arm: str, codes: tuple[str, ...] = CODES) -> list[Key]:
    return [Key("nano", arm, "nli", code) for code in codes]


def test_contrast_of_a_straight_loss_is_its_slope_for_a_tenth() -> None:
    [contrast] = distance_contrasts(keys("direct_en"), ARMS, DISTANCES)
    scores = {code: 80.0 - 40.0 * DISTANCES.get(code, 0.0) for code in CODES}
    assert sum(w * scores[key.language] for key, w in contrast.terms) == pytest.approx(4.0)


def test_target_language_arms_and_few_languages_have_no_slope() -> None:
    assert distance_contrasts(keys("direct_sw", ("sw",)), ARMS, DISTANCES) == []
    assert distance_contrasts(keys("direct_en", ("en", "de", "fr", "sw")), ARMS, DISTANCES) == []


def test_robustness_is_the_slope_with_minus_the_slope_without_english_intermediate_training() -> None:
    slopes = distance_contrasts([*keys("direct_en"), *keys("en_typing")], ARMS, DISTANCES)
    [contrast] = robustness_contrasts(slopes, ARMS, slope_over(DISTANCES))
    steep = {"direct_en": 40.0, "en_typing": 25.0}
    total = sum(-w * steep[k.arm] * DISTANCES[k.language] for k, w in contrast.terms)
    assert total == pytest.approx(-1.5)


MORE = DISTANCES | {"hi": 0.4, "tr": 0.6}


def test_slopes_that_are_compared_are_over_the_languages_of_both_arms() -> None:
    some = tuple(code for code in ("en", *MORE) if code != "tr")
    slopes = distance_contrasts(
        [*keys("direct_en", ("en", *MORE)), *keys("en_typing", some)], ARMS, MORE
    )
    [contrast] = robustness_contrasts(slopes, ARMS, slope_over(MORE))
    for arm in ("direct_en", "en_typing"):
        assert {k.language for k, _ in contrast.terms if k.arm == arm} == set(some) - {"en"}
    bent = {code: -100 * near**2 for code, near in MORE.items()}  # the same loss under both arms
    assert sum(w * bent[k.language] for k, w in contrast.terms) == pytest.approx(0)
    assert contrast.note == "6 languages beside English"
    level = next(c for c in slopes if c.arm_a == "direct_en")
    assert len(level.terms) == 7


def test_arms_with_too_few_languages_in_common_are_not_compared() -> None:
    first, second = ("en", "de", "fr", "ru", "ar", "sw"), ("en", "de", "fr", "ar", "hi", "tr")
    slopes = distance_contrasts([*keys("direct_en", first), *keys("en_typing", second)], ARMS, MORE)
    assert len(slopes) == 2
    assert robustness_contrasts(slopes, ARMS, slope_over(MORE)) == []


def test_models_without_a_language_in_common_have_no_row() -> None:
    base = study(Plan(languages=("en", "de", "sw"), sizes=(40_000, 200_000), groups=5), seed=0)
    apart = {"made_40000": "de", "made_200000": "sw"}
    alone = replace(base, scores=tuple(s for s in base.scores if s.language == apart[s.model]))
    assert measured_rows(alone) == []
    assert not [e for e in measure(alone).estimates if e.gap.startswith("distance")]
    assert {r.model for r in measured_rows(base)} == set(apart)
