"""The mixed model as an answer: what was planted by language and size comes out of the rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulate import Plan, study

from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.answers.mixed import mixed_answers
from xlgap.analysis.answers.series import Series
from xlgap.analysis.measure import measure
from xlgap.analysis.rows import Answer, Estimate
from xlgap.analysis.study import Study
from xlgap.published.distances import MEASURES, distances_of
from xlgap.regimes.base import Budget

CODES = ("en", "de", "sw", "ru", "fi", "ar", "zh", "es", "nl")
NEAR = distances_of(MEASURES[0].name)
SIZES = (40_000, 200_000, 1_000_000, 5_000_000)


def made() -> Study:
    """Losses under direct_en: 2 points a tenth of distance, 0.5 less for ten times the size; noise."""
    base = study(Plan(languages=CODES, sizes=SIZES, groups=10), seed=0, resamples=50)
    middle = np.mean(np.log10(SIZES))
    noise = np.random.default_rng(0).normal(0, 0.02, size=len(base.scores))

    def planted(size: int, language: str, regime: str) -> float:
        if language == "en":
            return 80.0
        slope = 2.0 - 0.5 * (np.log10(size) - middle) + (0.3 if regime == "intermediate_en" else 0)
        return 70.0 - slope * NEAR[language] * 10

    scores = tuple(
        replace(s, value=planted(s.params_total, s.language, s.regime) + float(e))
        for s, e in zip(base.scores, noise, strict=True)
    )
    return replace(base, scores=scores, items={})


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    found = made()
    return {a.key: a for a in measured_answers(found, measure(found))}


def test_the_planted_interaction_comes_back(answers: dict[str, Answer]) -> None:
    found = answers["2.distance.mixed.params_total"]
    assert found.supported
    assert found.estimate == pytest.approx(-0.5, abs=0.01)
    assert found.estimate == pytest.approx(answers["2.distance.slope.params_total"].estimate, abs=0.01)
    assert "4 models of 1 family x 8 languages" in found.method
    assert "a language left out is predicted to" in found.method


def test_a_contrast_of_regimes_that_size_does_not_change_is_zero(
    answers: dict[str, Answer],
) -> None:
    assert answers["2.robustness.mixed.params_total"].estimate == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(("codes", "reason"), [
    ("en de nl es ru", "4 languages beside English"), ("en sw", "1 language beside English"),
])  # fmt: skip
def test_few_languages_are_refused(codes: str, reason: str) -> None:
    found = made()
    few = replace(found, scores=tuple(s for s in found.scores if s.language in codes.split()))
    measured = measure(few)
    answers = {a.key: a for a in measured_answers(few, measured)}
    assert "2.distance.mixed.params_total" not in answers
    assert not answers["2.distance.slope.params_total"].supported
    point = Estimate(
        source="measured", model="made_40000", family="made", params_total=40_000,
        params_nonembedding=None, gap="distance", task="mean", scale="raw", value=1.0,
        arm_a="direct_en", arm_b="direct_en", tasks=("nli", "qa"),
    )  # fmt: skip
    points = tuple(replace(point, model=f"made_{size}", params_total=size) for size in SIZES)
    series = Series(
        question=2, key="2.distance", quantity="Q", unit="points", estimates=points, figure=""
    )
    answer = mixed_answers(few, measured, series)[0]
    assert not answer.supported
    assert reason in answer.reason


def test_arms_of_another_compute_stay_out_of_the_mixed_model(answers: dict[str, Answer]) -> None:
    found = made()
    longer = {
        f"{name}_{kind}": replace(found.arms[name], budget=budget)
        for name in ("direct_en", "inter_en_typing")
        for kind, budget in (("steps", Budget(steps=400)), ("tokens", Budget(tokens=9_000)))
    }
    more = tuple(
        replace(s, arm=name, value=s.value + (20.0 if s.language == "en" else NEAR[s.language] * 30))
        for name in longer
        for s in found.scores
        if name.startswith(f"{s.arm}_")
    )
    both = replace(found, arms={**found.arms, **longer}, scores=(*found.scores, *more))
    again = {a.key: a for a in measured_answers(both, measure(both))}
    for key in ("2.distance.mixed.params_total", "2.robustness.mixed.params_total"):
        assert (again[key].estimate, again[key].method) == (answers[key].estimate, answers[key].method)
