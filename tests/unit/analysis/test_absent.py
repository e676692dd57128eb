"""A question without a supported answer says the first reason that is true of the study."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from made_retention import Planted, made_study

from xlgap.analysis.answers.cautions import of_seeds
from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.measure import measure
from xlgap.analysis.own.study import own_study
from xlgap.analysis.rows import Answer, Estimate
from xlgap.analysis.sentence import headline

LANGUAGES = ("de", "fr", "es", "ru", "zh", "ar", "sw", "tr", "vi", "hi", "th", "bg", "el", "ur")
SIZES = (5e6, 2e7, 1.1e8, 5.5e8)
SINGLE = ("direct_en", "direct_tgt", "intermediate_en", "intermediate_tgt")
ALL = (*SINGLE, "joint", "sequential")
ESTIMATES = [
    Estimate(source="measured", model=f"m{i}", family="f", params_total=10**6, params_nonembedding=None,
             gap="inter", task="mean", scale="raw", value=1.0, stderr=0.5, seeds=1)
    for i in range(2)
]  # fmt: skip
GAINS = {"direct_en": 0, "direct_tgt": 10, "intermediate_en": 2, "intermediate_tgt": 6, "joint": 3,
         "sequential": 1, "best_of": 2}  # fmt: skip


def answers(
    regimes: Sequence[str] = ALL,
    *,
    sizes: Sequence[float] = SIZES,
    languages: Sequence[str] = LANGUAGES,
    at_chance: bool = False,
    of_regime: Mapping[str, Mapping[str, str]] | None = None,
    **columns: str,
) -> list[Answer]:
    """Answers to rows of made scores; ``columns`` are the same in all of them, or in a regime's."""
    rng = random.Random(0)
    rows = []
    for number, size in enumerate(sizes):
        for regime in regimes:
            for code in ("en", *languages):
                if code == "en" and regime.endswith("_tgt"):
                    continue
                base = (75 if code == "en" else 45) + 5 * math.log10(size / 5e6) + GAINS[regime]
                value = rng.gauss(33.3, 0.3) if at_chance else rng.gauss(base, 1.0)
                rows.append(
                    {
                        "model": f"m{number}", "params_total": str(int(size)), "regime": regime,
                        "task": "xnli", "language": code, "metric": "accuracy",
                        "value": f"{value:.2f}", "chance": "33.3", "stderr": "0.7",
                        "intermediate": "squad+mnli" if regime in {"joint", "sequential"} else "",
                        **columns,
                        **(of_regime or {}).get(regime, {}),
                    }
                )  # fmt: skip
    study = own_study(rows, name="rows", columns=list(rows[0]))
    return measured_answers(study, measure(study))


def said(question: int, found: Sequence[Answer]) -> str:
    return headline(found, question, "measured")


def test_scores_at_chance_are_the_reason_of_every_question() -> None:
    found = answers(at_chance=True)
    for question in (1, 2, 3, 5):
        assert said(question, found) == (
            "Not sufficient: at chance in English for every model, where a gap says nothing: xnli."
        )


@pytest.mark.parametrize("known", [{}, {"chance": "", "stderr": ""}])
def test_scores_that_are_all_0_are_at_chance(known: dict[str, str]) -> None:
    found = answers(languages=LANGUAGES[:6], value="0", **known)
    for question in (1, 2, 3, 5):
        assert said(question, found) == (
            "Not sufficient: at chance in English for every model, where a gap says nothing: xnli."
        )
    assert not [a.key for a in found if a.supported]


@pytest.mark.parametrize("models", [1, 2])
def test_too_few_models_are_told_beside_the_arm_that_is_missing(models: int) -> None:
    found = answers(sizes=SIZES[:models])
    for question in (1, 2, 3):
        assert said(question, found).startswith(f"Not sufficient: {models} model")
    assert said(5, found).startswith(
        "Joint intermediate training minus the best single one of its tasks could not be estimated "
        "(the study has no best_of arm); joint intermediate training on several tasks minus none is "
        f"not supported: {models} model"
    )


def test_the_quantity_asked_for_first_is_named_with_what_is_missing() -> None:
    found = answers(("direct_en", "direct_tgt", "joint"))
    assert said(1, found) == "Not run: the study has no intermediate_tgt and no intermediate_en arm."
    assert said(3, found).startswith(
        "G_direct (target-language data minus English intermediate training) could not be estimated "
        "(the study has no intermediate_en arm); G_native (in-language minus zero-shot): "
    )
    assert said(5, found).startswith(
        "Joint intermediate training minus the best single one of its tasks could not be estimated "
        "(the study has no best_of arm); joint intermediate training on several tasks minus none: +"
    )


def test_scores_in_english_alone_are_the_reason_whatever_arms_there_are() -> None:
    found = answers(("direct_en", "intermediate_en", "joint"), languages=())
    for question in (1, 3, 5):
        assert said(question, found).startswith(
            "Not sufficient: scored in English alone; it needs another language"
        ), said(question, found)


def test_few_languages_have_no_slope_over_distance() -> None:
    for count, counted in ((1, "1 language"), (3, "3 languages")):
        text = said(2, answers(languages=LANGUAGES[:count]))
        assert f"({counted} beside English of known distance that all models have: de" in text
        assert "a slope over distance needs at least 5); " in text
        assert "transfer gap (English minus mean" in text
        assert ("is not supported: one language (de)" in text) == (count == 1)
    few = answers(languages=LANGUAGES[:5])
    assert "5 languages for 3 coefficients (intercept, distance, script)" in said(2, few)
    assert ": loss of zero-shot score for 0.1 more of syntactic distance (direct_en): " in said(2, few)
    unknown = answers(languages=("sv", "da", "cs", "sk", "sl", "hr"))
    assert "(0 languages beside English of known distance that all models have; " in said(2, unknown)


def test_test_sets_that_are_no_translations_have_no_slope_over_distance() -> None:
    found = answers(("direct_en", "direct_tgt"), parallel="false")
    assert (
        " could not be estimated (no task of these arms has parallel test sets, translations of each "
        "other); "
    ) in said(2, found)
    assert ": transfer gap relative to the in-language ceiling (" in said(2, found)


def test_one_language_supports_nothing_of_several_tasks_but_in_english() -> None:
    found = answers(languages=("sw",))
    of_question = [a for a in found if a.question == 5 and a.estimate is not None]
    for answer in of_question:
        english = "_english" in answer.key
        assert answer.supported == english
        assert english == ("one language (sw)" not in answer.reason)
    assert any("joint_english" in a.key for a in of_question)
    assert said(5, found).endswith(
        "is not supported: one language (sw); nothing here speaks of others."
    )
    assert any(a.supported for a in answers(languages=("sw", "de")) if a.key == "5.joint.level")


def test_arms_that_differ_in_budget_or_tasks_are_told_what_differs() -> None:
    regimes = ("direct_en", "joint", "best_of")
    steps = {"joint": {"budget": "steps:100"}, "best_of": {"budget": "steps:2000"}}
    found = answers(regimes, languages=LANGUAGES[:3], of_regime=steps)
    reasons = {a.key: a.reason for a in found}
    assert reasons["5.joint_best.level"].startswith(
        "Not measured: the budgets of the joint and best_of arms differ (joint 100 steps; best_of "
        "2,000 steps); only arms of the same budget are compared."
    )
    assert reasons["5.joint.level"].startswith(
        "Not measured: the budgets of the joint and direct_en arms differ (joint 100 steps; direct_en "
        "none); only arms of the same budget are compared."
    )
    other = {"best_of": {"intermediate": "siqa+squad"}}
    reasons = {a.key: a.reason for a in answers(regimes, languages=LANGUAGES[:3], of_regime=other)}
    assert reasons["5.joint_best.level"].startswith(
        "Not measured: the intermediate tasks of the joint and best_of arms differ (joint mnli+squad; "
        "best_of siqa+squad); only arms of the same ones are compared."
    )


def test_arms_that_meet_on_no_task_are_named_with_their_articles() -> None:
    apart = {"intermediate_tgt": {"task": "pawsx"}}
    assert said(1, answers(SINGLE, languages=LANGUAGES[:3], of_regime=apart)) == (
        "Not measured: no model has scores of an intermediate_tgt arm and an intermediate_en arm that "
        "can be compared, on the same task and language."
    )


def test_intermediate_tasks_in_another_order_are_told() -> None:
    several = {"intermediate_en": {"intermediate": "squad+mnli"}}
    other = {**several, "intermediate_tgt": {"intermediate": "mnli+squad"}}
    assert said(1, answers(SINGLE, of_regime=other)) == (
        "Not measured: the order of the intermediate tasks of the intermediate_tgt and intermediate_en "
        "arms differs (intermediate_tgt mnli+squad; intermediate_en squad+mnli); only arms of the same "
        "order are compared."
    )
    same = {**several, "intermediate_tgt": several["intermediate_en"]}
    assert said(1, answers(SINGLE, of_regime=same)).startswith("G_inter ")


def test_arms_that_differ_in_budget_have_no_slopes_to_compare() -> None:
    steps = {"intermediate_en": {"budget": "steps:100"}}
    found = answers(("direct_en", "intermediate_en"), languages=LANGUAGES[:6], of_regime=steps)
    reasons = {a.key: a.reason for a in found}
    assert reasons["2.robustness.slope.params_total"].startswith(
        "Not measured: the budgets of the intermediate_en and direct_en arms differ"
    )
    assert next(a for a in found if a.key == "2.distance_partial.slope.params_total").supported


def test_a_size_that_no_model_gives_is_what_is_missing() -> None:
    by_key = {a.key: a for a in answers()}
    reason = by_key["1.inter.slope.params_nonembedding"].reason
    assert reason.startswith("Not sufficient: the non-embedding parameters of no model are known.")


def test_nothing_says_that_no_model_has_what_every_model_has() -> None:
    for found in (answers(at_chance=True), answers(languages=("sw",)), answers(sizes=SIZES[:2])):
        assert not [a.key for a in found if "no model has" in a.reason]


def test_of_rows_nothing_is_said_that_cannot_be_known() -> None:
    found = answers()
    for answer in found:
        assert "pretrained once" not in answer.reason
        assert "chance_corrected" not in answer.key or "are not known" not in answer.method
    slope = next(a for a in found if a.key == "1.inter.slope.params_total")
    assert "The variance of pretraining is in no error of a single model; a slope" in slope.reason
    assert not [a.key for a in found if "bootstrap" in f"{a.method} {a.reason}"]
    corrected = next(a for a in found if a.key == "1.inter.chance_corrected.slope.params_total")
    assert corrected.estimate == pytest.approx(slope.estimate / 0.667)
    assert corrected.ci_low == pytest.approx(slope.ci_low / 0.667)


def test_an_earlier_task_at_chance_is_the_reason_of_question_4() -> None:
    dead = made_study(replace(Planted(), before=25.0, lost=0.0, groups=60), seed=1, resamples=50)
    assert said(4, measured_answers(dead, measure(dead))).startswith(
        "Retention in English: intermediate task after training on the target minus before could not "
        "be estimated (at chance just after its own phase for every model, so that nothing of it can "
        "be lost: typing); rise of the masked loss"
    )


def test_what_may_be_shares_is_told_in_every_answer() -> None:
    told = "The standard errors on xquad in f1 are those of more than a million items; if they are"
    found = answers(SINGLE, languages=LANGUAGES[:2], task="xquad", metric="f1", stderr="0.007")
    assert {told in a.reason for a in found if a.question in {1, 2, 3}} == {True}
    found = answers(SINGLE, languages=LANGUAGES[:2], task="xquad", metric="f1")
    assert not [a for a in found if told in a.reason]


def test_one_seed_is_in_the_sentence_and_several_are_not() -> None:
    once = answers(SINGLE, languages=LANGUAGES[:2])
    assert "(4 models, one seed each, 5M to 550M, ×110); no " in said(1, once)
    two = [replace(e, seeds=2) for e in ESTIMATES]
    assert of_seeds(two) == []
    assert of_seeds([two[0], ESTIMATES[1]]) == [
        "One seed of m1: the variance of training is in no error of a single model."
    ]
    told = "One seed: the variance of training is in no error of a single model."
    assert of_seeds(ESTIMATES) == [told]
    slope = next(a for a in once if a.key == "1.inter.slope.params_total")
    assert told in slope.reason
    several = replace(slope, reason=slope.reason.replace(told, ""))
    assert "(4 models, 5M to 550M, ×110); no " in said(1, [several])
