"""Verdicts on claims follow what was planted, and flip with it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from simulate import Plan, study

from xlgap.analysis.claims.verdicts import CLAIMS, ClaimVerdict
from xlgap.analysis.result import analyse
from xlgap.analysis.rows import ArmInfo
from xlgap.analysis.study import Study

PLAN = Plan(
    sizes=(40_000, 200_000, 1_000_000, 5_000_000), tasks=("tydiqa", "xnli"),
    languages=("en", "de", "sw"), groups=800,
    group_size=1, cluster_sd=0.0, seed_sd=0.1, model_sd=0.0, english_gain=0.0,
    regimes=("direct_en", "intermediate_en"),
)  # fmt: skip
ARM = "inter_en_typing"


def made(*gains: dict[str, float], source: str = "release", seed: int = 1) -> Study:
    """A study with one intermediate task for each of ``gains``, which are by target task."""
    whole: Study | None = None
    for number, by_target in enumerate(gains):
        name = f"task{number}"
        for target, gain in by_target.items():
            plan = replace(PLAN, tasks=(target,), english_gain=gain)
            one = renamed(study(plan, seed=seed + 10 * number, resamples=200), name)
            whole = one if whole is None else merged(whole, one)
    assert whole is not None
    return replace(whole, source=source)


def renamed(one: Study, name: str, regime: str = "intermediate_en") -> Study:
    """``one`` with another intermediate task, and its arm named after it."""
    arm = f"arm_{name}"
    arms = {
        "direct_en": one.arms["direct_en"],
        arm: ArmInfo(regime=regime, intermediate=(name,)),
    }
    scores = tuple(
        replace(s, arm=arm if s.arm == ARM else s.arm, regime=regime if s.arm == ARM else s.regime)
        for s in one.scores
    )
    items = {
        task: replace(i, frame=i.frame.assign(arm=i.frame["arm"].replace({ARM: arm})))
        for task, i in one.items.items()
    }
    return replace(one, arms=arms, scores=scores, items=items)


def merged(a: Study, b: Study) -> Study:
    """Both studies; of cells that both have, those of ``a``."""
    have = {(s.model, s.arm, s.task) for s in a.scores}
    items = dict(a.items)
    for task, more in b.items.items():
        if task not in items:
            items[task] = more
            continue
        new = more.frame[~more.frame["arm"].isin(set(items[task].frame["arm"]))]
        frame = pd.concat([items[task].frame, new], ignore_index=True)
        items[task] = replace(items[task], frame=frame)
    return replace(
        a,
        arms={**a.arms, **b.arms},
        tasks={**a.tasks, **b.tasks},
        scores=a.scores + tuple(s for s in b.scores if (s.model, s.arm, s.task) not in have),
        items=items,
    )


def judged(found: Study) -> dict[str, ClaimVerdict]:
    return {c.id: c for c in analyse(found, []).claims}


def test_a_planted_gain_supports_that_tydiqa_gains_and_contradicts_that_xnli_does_not() -> None:
    found = judged(made({"tydiqa": 15.0, "xnli": 15.0}, {"tydiqa": 15.0, "xnli": 15.0}))
    assert found["tydiqa_gains_from_many"].verdict == "supported"
    assert "2 of 2 intermediate tasks gain (Holm)" in found["tydiqa_gains_from_many"].reason
    assert found["questions_gain"].verdict == "supported"
    assert found["xnli_does_not_gain"].verdict == "contradicted"
    assert found["xnli_does_not_gain"].about == "this study's models and data"


def test_a_planted_loss_flips_both() -> None:
    found = judged(made({"tydiqa": -8.0, "xnli": -8.0}, {"tydiqa": -8.0, "xnli": -8.0}))
    assert found["tydiqa_gains_from_many"].verdict == "contradicted"
    assert found["questions_gain"].verdict == "contradicted"
    assert found["xnli_does_not_gain"].verdict == "supported"
    verdict = found["xnli_does_not_gain"]
    assert verdict.ci_low < verdict.estimate < verdict.ci_high < 1.0


def test_an_interval_that_holds_both_decides_nothing() -> None:
    plan = replace(PLAN, tasks=("xnli",), groups=40, seed_sd=4.0)
    found = judged(replace(study(plan, seed=3, resamples=200), source="release"))
    verdict = found["xnli_does_not_gain"]
    assert verdict.verdict == "not testable"
    assert verdict.estimate is not None
    assert "the interval holds" in verdict.reason


def test_one_intermediate_task_is_not_many() -> None:
    found = judged(made({"tydiqa": 15.0}))["tydiqa_gains_from_many"]
    assert found.verdict == "not testable"
    assert "it needs at least two" in found.reason


def test_some_targets_gain_more_and_then_less() -> None:
    more = judged(made({"tatoeba": 15.0, "xnli": 0.0}))["retrieval_gains_most"]
    less = judged(made({"tatoeba": 0.0, "xnli": 15.0}))["retrieval_gains_most"]
    assert (more.verdict, less.verdict) == ("supported", "contradicted")
    assert more.estimate == pytest.approx(15.0, abs=4.0)


def test_named_intermediate_tasks_are_compared_with_the_others() -> None:
    def with_squad(squad: float, other: float) -> ClaimVerdict:
        one = renamed(study(replace(PLAN, tasks=("xnli",), english_gain=squad), seed=1), "squad")
        two = renamed(study(replace(PLAN, tasks=("xnli",), english_gain=other), seed=9), "ccg")
        return judged(replace(merged(one, two), source="release"))["squad_best"]

    assert with_squad(15.0, 0.0).verdict == "supported"
    assert with_squad(0.0, 15.0).verdict == "contradicted"


@pytest.mark.parametrize(("gain", "verdict"), [(15.0, "contradicted"), (-8.0, "supported")])
def test_mlm_is_judged_against_english_alone(gain: float, verdict: str) -> None:
    one = study(replace(PLAN, tasks=("xnli",), english_gain=gain), seed=1, resamples=200)
    arms = {
        "direct_en": ArmInfo(regime="intermediate_en", intermediate=("a",)),
        ARM: ArmInfo(regime="intermediate_en_mlm", intermediate=("a",)),
    }
    scores = tuple(replace(s, regime=arms[s.arm].regime) for s in one.scores)
    found = judged(replace(one, arms=arms, scores=scores, source="release"))
    assert found["mlm_not_better"].verdict == verdict
    assert found["translated_not_better"].verdict == "not testable"
    assert "it needs an intermediate_translated arm" in found["translated_not_better"].reason


def test_the_lab_never_speaks_for_a_real_task() -> None:
    found = judged(made({"lab_qa": 15.0, "lab_nli": 15.0}, source="lab"))
    for name in ("tydiqa_gains_from_many", "questions_gain", "xnli_does_not_gain", "squad_best"):
        assert found[name].verdict == "not testable"
        assert found[name].estimate is None
    told = "The lab's own lab_qa, whose made data say nothing of mlqa, tydiqa, xquad: +1"
    assert told in found["questions_gain"].reason
    assert found["mlm_not_better"].about == "the lab's own tasks and models, and no others"


def test_a_task_at_chance_is_not_testable() -> None:
    plan = replace(PLAN, tasks=("xnli",), at_chance=True)
    found = judged(replace(study(plan, seed=3, resamples=100), source="release"))
    assert found["xnli_does_not_gain"].verdict == "not testable"
    assert "at chance in English for every model" in found["xnli_does_not_gain"].reason


def test_two_sizes_carry_no_trend() -> None:
    plan = replace(PLAN, sizes=PLAN.sizes[:2], tasks=("xnli",), english_gain=5.0)
    found = judged(study(plan, seed=3, resamples=100))["small_models_gain_most"]
    assert found.verdict == "not testable"
    assert found.reason.startswith("2 models of 2 sizes")


def test_without_items_nothing_is_decided() -> None:
    found = judged(replace(made({"xnli": 15.0, "tydiqa": 15.0}), items={}))
    assert found["xnli_does_not_gain"].verdict == "not testable"
    assert "without items there is no interval" in found["xnli_does_not_gain"].reason


def test_claims_have_different_names_and_say_where_they_stand() -> None:
    assert len({c.id for c in CLAIMS}) == len(CLAIMS)
    assert all(c.source and c.quantity and c.sentence.endswith((".", ").")) for c in CLAIMS)
