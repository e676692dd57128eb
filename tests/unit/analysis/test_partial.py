"""Question 2 through the whole analysis: planted slopes, spread and worst language, with covariates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.distance.rows import measured_rows
from xlgap.analysis.distance.subwords import SubwordRow
from xlgap.analysis.measure import Measured, measure
from xlgap.analysis.rows import ArmInfo
from xlgap.analysis.study import Study, TaskInfo
from xlgap.published.distances import distances_of
from xlgap.records import Score

CODES = ("ar", "de", "el", "es", "fi", "fr", "hi", "ru", "sw", "th", "tr", "vi")
SIZES = (10**5, 10**6, 10**7, 10**8)
NEAR = distances_of("syntax")
ARMS = {
    "direct_en": ArmInfo(regime="direct_en"),
    "inter": ArmInfo(regime="intermediate_en", intermediate=("typing",)),
}
FERTILITY = {c: 1 + NEAR[c] + 0.6 * (i % 3) for i, c in enumerate(CODES)}
"""Goes along with distance."""


def steepness(arm: str, size: int) -> float:
    """Points lost for the whole unit of distance: 40 in the smallest, 6 less for ten times the size."""
    return 40 - 6 * (np.log10(size) - 5) - (10 if arm == "inter" else 0)


def made(*, fertility_effect: float = 8.0, subwords: bool = True, parallel: bool = True) -> Study:
    scores = []
    for size in SIZES:
        for arm, info in ARMS.items():
            for code in ("en", *CODES):
                loss = 0.0
                if code != "en":
                    loss = steepness(arm, size) * NEAR[code] + fertility_effect * (FERTILITY[code] - 1)
                scores.append(
                    Score(
                        source="measured", model=f"m{size}", family="made", params_total=size,
                        params_nonembedding=size, arm=arm, regime=info.regime, train_language="en",
                        task="nli", language=code, seed=0, metric="accuracy", value=90 - loss,
                        chance=33.0, stderr=0.1, n_items=500,
                    )
                )  # fmt: skip
    rows = tuple(
        SubwordRow(
            tokenizer="ladder", models=tuple(f"m{s}" for s in SIZES), task="nli", language=code,
            rows=10, subwords=100, words=50, characters=400, fertility=2.0, relative=FERTILITY[code],
            shared=0.5,
        )
        for code in CODES
    )  # fmt: skip
    same = dict.fromkeys(CODES, 4.0)
    return Study(
        name="made",
        source="release",
        arms=ARMS,
        tasks={"nli": TaskInfo(metric="accuracy", parallel=parallel)},
        scores=tuple(scores),
        subwords=rows if subwords else (),
        pretraining={f"m{s}": same for s in SIZES},
    )


@pytest.fixture(scope="module")
def measured() -> tuple[Study, Measured]:
    found = made()
    return found, measure(found)


def means(measured: Measured, gap: str) -> list[float]:
    points = [e for e in measured.estimates if (e.gap, e.task, e.scale) == (gap, "mean", "raw")]
    return [e.value for e in sorted(points, key=lambda e: e.params_total or 0)]


def test_planted_slopes_come_out_beside_a_confounded_covariate(
    measured: tuple[Study, Measured],
) -> None:
    for gap, planted in (
        ("distance_partial", [steepness("direct_en", s) / 10 for s in SIZES]),
        ("robustness_partial", [-1.0] * 4),
        ("robustness", [-1.0] * 4),  # the covariate's part is the same in both arms
    ):
        assert means(measured[1], gap) == pytest.approx(planted), gap
    assert min(means(measured[1], "distance")) > 2.8  # without it the slope of 2.2 is missed


def test_change_with_size_is_the_planted_one(measured: tuple[Study, Measured]) -> None:
    found = {a.key: a for a in measured_answers(*measured)}
    answer = found["2.distance_partial.slope.params_total"]
    assert answer.supported
    assert answer.estimate == pytest.approx(-0.6)
    assert "Held still in 12 languages: fertility, script (nli)." in answer.reason
    assert "Not held still: pretraining text is the same for all languages (nli)." in answer.reason
    assert "has no covariates" not in answer.reason
    assert "has no covariates" in found["2.distance.slope.params_total"].reason
    first = next(a for a in measured_answers(*measured) if a.question == 2)
    assert first.key == answer.key


def test_spread_and_worst_are_those_of_the_scores(measured: tuple[Study, Measured]) -> None:
    study, found = measured
    for i, size in enumerate(SIZES):
        of = {
            arm: [
                s.value for s in study.scores
                if (s.model, s.arm) == (f"m{size}", arm) and s.language != "en"
            ]
            for arm in ARMS
        }  # fmt: skip
        spread = np.std(of["inter"], ddof=1) - np.std(of["direct_en"], ddof=1)
        assert means(found, "spread")[i] == pytest.approx(spread)
        assert means(found, "worst")[i] == pytest.approx(min(of["inter"]) - min(of["direct_en"]))
        assert means(found, "worst_level")[i] == pytest.approx(min(of["direct_en"]))
        assert means(found, "spread_level")[i] == pytest.approx(np.std(of["direct_en"], ddof=1))
    answers = {a.key: a for a in measured_answers(study, found)}
    assert answers["2.worst.slope.params_total"].n == 4
    assert answers["2.spread.slope.params_total"].estimate is not None


def test_without_sub_words_fertility_is_named_as_not_known() -> None:
    study = made(subwords=False)
    answer = measured_answers(study, measure(study))
    reason = next(a.reason for a in answer if a.key == "2.distance_partial.slope.params_total")
    assert "Not held still: fertility is not known of 12 of 12 languages (nli)." in reason
    assert "Held still in 12 languages: script (nli)." in reason


def test_tests_that_are_no_translations_have_no_slope_with_covariates() -> None:
    study = made(parallel=False)
    found = measure(study)
    assert not {e.gap for e in found.estimates} & {"distance_partial", "spread", "worst"}
    answers = {a.key: a for a in measured_answers(study, found)}
    refused = answers["2.distance_partial.slope.params_total"]
    assert not refused.supported
    assert "at least three more of them than coefficients" in refused.reason


def test_too_few_languages_are_refused_with_the_reason() -> None:
    study = made()
    kept = {"en", *CODES[:6]}
    few = replace(study, scores=tuple(s for s in study.scores if s.language in kept))
    found = measure(few)
    answers = {a.key: a for a in measured_answers(few, found)}
    refused = answers["2.distance_partial.slope.params_total"]
    assert refused.estimate is None
    assert "6 languages for 4 coefficients" in refused.reason
    assert answers["2.distance.slope.params_total"].estimate is not None


def test_an_arm_that_lacks_a_language_is_compared_over_those_of_both() -> None:
    whole = made()
    kept = tuple(s for s in whole.scores if (s.arm, s.language) != ("inter", "vi"))
    bent = tuple(replace(s, value=s.value - 5 * (s.language == "vi")) for s in kept)
    some = measure(replace(whole, scores=bent))
    for gap in ("robustness", "robustness_partial"):
        assert means(some, gap) == pytest.approx([-1.0] * 4), gap
    answers = {a.key: a for a in measured_answers(replace(whole, scores=bent), some)}
    reason = answers["2.robustness_partial.slope.params_total"].reason
    assert "Held still in 11 languages, those that both arms have: fertility, script (nli)." in reason
    assert "Slopes that are compared are over the same languages" in reason


def test_table_has_every_measure_and_the_primary_one_with_covariates() -> None:
    rows = [r for r in measured_rows(made()) if (r.model, r.arm) == ("m100000", "direct_en")]
    measures = {r.measure for r in rows if not r.covariates}
    assert {"syntax", "syntax_observed", "genetic", "geographic", "script", "fertility"} <= measures
    [held] = [r for r in rows if r.covariates]
    assert held.covariates == "fertility, script"
    assert held.slope == pytest.approx(4.0)
    assert held.stderr == pytest.approx(0, abs=1e-6)
    plain = next(r for r in rows if r.measure == "syntax" and not r.covariates)
    assert plain.n_languages == 12
    assert 0.5 < plain.spearman <= 1
    assert plain.pearson is not None
