"""Scores at chance, and collapsed runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.chance import at_chance, collapsed, english_scores, hopeless
from xlgap.analysis.measure import measure
from xlgap.analysis.rows import ArmInfo
from xlgap.records import Score
from xlgap.report.grids import english_grid

ARMS = {"direct_en": ArmInfo(regime="direct_en"), "sw": ArmInfo(regime="direct_tgt", language="sw")}
PRIMARY = {"nli": "accuracy"}


def score(value: float, **changes: object) -> Score:
    made = Score(
        source="measured", model="nano", family="lab", params_total=100, params_nonembedding=80,
        arm="direct_en", regime="direct_en", train_language="en", task="nli", language="en", seed=0,
        metric="accuracy", value=value, chance=33.0, stderr=2.0, n_items=500,
    )  # fmt: skip
    return replace(made, **changes)


@pytest.mark.parametrize(("value", "expected"), [(36.9, True), (37.1, False), (20.0, True)])
def test_at_chance_is_within_two_standard_errors(value: float, expected: bool) -> None:
    assert at_chance([score(value)]) is expected


def test_at_chance_cannot_be_told_without_chance_or_error() -> None:
    assert at_chance([score(50.0, chance=None)]) is None
    assert at_chance([score(50.0, stderr=None)]) is None
    found = english_scores([score(50.0, stderr=None)], ARMS, PRIMARY)
    assert [(row.stderr, row.at_chance) for row in found] == [(None, None)]
    assert english_grid(found).rows[0][1].endswith("; not known to be above chance")
    assert hopeless(found) == frozenset()


def test_seeds_add_their_spread_and_share_their_items() -> None:
    [row] = english_scores([score(50.0), score(54.0, seed=1)], ARMS, PRIMARY)
    assert row.stderr == pytest.approx((4 + 4) ** 0.5)


def test_english_scores_are_of_direct_en_in_the_primary_metric() -> None:
    scores = [
        score(50.0), score(52.0, seed=1), score(90.0, metric="em"), score(40.0, language="sw"),
        score(80.0, arm="sw", language="sw"),
    ]  # fmt: skip
    [row] = english_scores(scores, ARMS, PRIMARY)
    assert (row.value, row.seeds, row.at_chance) == (51.0, 2, False)
    assert row.chance_corrected == pytest.approx(100 * 18 / 67)


def test_the_most_frequent_answer_stands_beside_a_score() -> None:
    found = english_scores(
        [score(50.0, majority=34.0), score(52.0, majority=34.0, seed=1)], ARMS, PRIMARY
    )
    assert [row.majority for row in found] == [34.0]
    assert english_grid(found).rows == (("nano", "51.0 ± 2.2; chance 33.0; most frequent answer 34.0"),)


def test_collapsed_run_is_named_with_what_the_others_reach() -> None:
    [found] = collapsed([score(33.5), score(70.0, seed=1), score(72.0, seed=2)], ARMS, PRIMARY)
    assert (found.seed, found.others) == (0, 71.0)


def test_target_language_arms_are_judged_in_their_language() -> None:
    runs = [score(v, arm="sw", language="sw", seed=i) for i, v in enumerate((33.0, 80.0))]
    assert [c.arm for c in collapsed(runs, ARMS, PRIMARY)] == ["sw"]


def test_no_collapse_where_all_seeds_are_weak_or_there_is_one() -> None:
    assert collapsed([score(33.0), score(40.0, seed=1)], ARMS, PRIMARY) == []
    assert collapsed([score(33.0)], ARMS, PRIMARY) == []


def test_hopeless_tasks_are_at_chance_for_every_model() -> None:
    scores = [
        score(33.0), score(34.0, model="micro"),
        score(33.0, task="qa"), score(60.0, task="qa", model="micro"),
    ]  # fmt: skip
    english = english_scores(scores, ARMS, {"nli": "accuracy", "qa": "accuracy"})
    assert hopeless(english) == {"nli"}


def test_task_without_english_test_data_is_judged_by_its_mean_over_languages() -> None:
    scores = [
        score(v, language=c, seed=s, chance=1.0)
        for s, values in enumerate(((10.0, 20.0), (12.0, 22.0)))
        for c, v in zip(("de", "sw"), values, strict=True)
    ]
    [row] = english_scores(scores, ARMS, PRIMARY)
    assert (row.language, row.value, row.seeds, row.at_chance) == ("avg", 16.0, 2, False)
    assert row.stderr == pytest.approx((2.0**2 + 1.0) ** 0.5)


def test_a_cell_whose_seeds_all_collapse_is_named_beside_an_arm_that_did_not() -> None:
    fallen = runs("sw", 33.0, 34.0)
    above = runs("steps_sw", 70.0, 72.0)
    found = collapsed([*fallen, *above], TRAINED, PRIMARY)
    assert [(c.arm, c.seed, c.others, c.beside) for c in found] == [
        ("sw", 0, 71.0, "steps_sw"), ("sw", 1, 71.0, "steps_sw"),
    ]  # fmt: skip
    assert collapsed([*fallen, *(replace(s, value=40.0) for s in above)], TRAINED, PRIMARY) == []


TRAINED = {
    "inter_en": ArmInfo(regime="intermediate_en"),
    "inter_sw": ArmInfo(regime="intermediate_tgt", language="sw"),
    "few_sw": ArmInfo(regime="few_shot", language="sw"),
    "steps_sw": ArmInfo(regime="direct_tgt", language="sw"),
    "pretrained": ArmInfo(regime="pretrained"),
    **ARMS,
}


def runs(arm: str, *values: float, language: str = "sw") -> list[Score]:
    return [score(v, arm=arm, language=language, seed=i) for i, v in enumerate(values)]


def test_a_run_at_zero_shot_level_is_no_collapse_beside_training_in_the_language() -> None:
    native = runs("sw", 70.0, 72.0)
    for arm in ("inter_sw", "few_sw", "inter_en", "direct_en"):
        assert collapsed([*native, *runs(arm, 33.0, 34.0)], TRAINED, PRIMARY) == []
    zero_shot = runs("direct_en", 70.0, 72.0)
    for arm, english in (("inter_sw", False), ("few_sw", False), ("inter_en", True)):
        found = collapsed([*zero_shot, *runs(arm, 33.0, 34.0), *native], TRAINED, PRIMARY)
        assert [(c.arm, c.seed, c.beside) for c in found] == [
            (arm, 0, "direct_en"), (arm, 1, "direct_en"),
        ]  # fmt: skip
        assert {(c.language, c.zero_shot) for c in found} == {("sw", english)}


def test_a_model_without_training_shows_nothing_of_a_run() -> None:
    assert collapsed([*runs("pretrained", 70.0), *runs("sw", 33.0)], TRAINED, PRIMARY) == []


def test_seeds_differ_in_zero_shot_transfer_without_a_collapse() -> None:
    zero_shot = runs("direct_en", 35.0, 45.0)
    for arm in ("inter_en", "inter_sw", "few_sw"):
        seeds = runs(arm, 33.0, 60.0)
        assert collapsed([*zero_shot, *seeds, *runs("sw", 80.0)], TRAINED, PRIMARY) == []
    assert [c.seed for c in collapsed(runs("inter_sw", 33.0, 60.0), TRAINED, PRIMARY)] == [0]


def test_each_seed_is_judged_by_itself() -> None:
    fallen = runs("inter_sw", 33.0, 38.0)
    found = collapsed([*runs("direct_en", 70.0, 72.0), *fallen], TRAINED, PRIMARY)
    assert [(c.arm, c.seed) for c in found] == [("inter_sw", 0)]
    assert at_chance(fallen), "the cell as a whole is at chance"


def test_a_run_whose_error_reaches_its_like_did_not_collapse() -> None:
    alive, low = runs("direct_en", 50.0, 52.0), runs("inter_sw", 33.0)
    assert [c.arm for c in collapsed([*alive, *low], TRAINED, PRIMARY)] == ["inter_sw"]
    unsure = [replace(s, stderr=9.5) for s in low]
    assert collapsed([*alive, *unsure], TRAINED, PRIMARY) == []


def test_a_run_that_fell_in_english_is_named_once() -> None:
    low = [*runs("inter_en", 33.0), *runs("inter_en", 33.0, language="en")]
    high = [*runs("direct_en", 70.0), *runs("direct_en", 75.0, language="en"), *runs("sw", 80.0)]
    [found] = collapsed([*low, *high], TRAINED, PRIMARY)
    assert (found.arm, found.language, found.zero_shot) == ("inter_en", "en", False)


@pytest.mark.parametrize("arm", ["inter_en", "inter_sw", "few_sw"])
def test_a_run_above_chance_in_its_language_of_training_has_not_collapsed(arm: str) -> None:
    """Its zero-shot language at chance is one of the languages at chance."""
    beside = [*runs("direct_en", 70.0, 72.0), *runs("sw", 80.0)]
    fell = runs(arm, 33.0, 34.0)
    english = runs(arm, 37.1, 60.0, language="en")
    assert collapsed([*beside, *fell, *english], TRAINED, PRIMARY) == []
    of_one = collapsed([*beside, *fell, english[1]], TRAINED, PRIMARY)
    assert [(c.seed, c.language) for c in of_one] == [(0, "sw")], "the other seed's says nothing of it"
    unknown = [replace(s, stderr=None) for s in english]
    at_chance_too = [replace(s, value=36.9) for s in english]
    for known in ([], unknown, at_chance_too):
        found = collapsed([*beside, *fell, *known], TRAINED, PRIMARY)
        assert [(c.seed, c.language) for c in found] == [(0, "sw"), (1, "sw")]


def test_a_run_that_is_judged_in_its_language_of_training_needs_no_other() -> None:
    fell = [*runs("sw", 33.0, 80.0), *runs("sw", 70.0, 70.0, language="en")]
    assert [c.seed for c in collapsed(fell, TRAINED, PRIMARY)] == [0]


def test_without_a_baseline_arm_a_task_at_chance_under_every_arm_answers_nothing() -> None:
    plan = Plan(groups=40, at_chance=True, regimes=("intermediate_en", "intermediate_tgt"))
    for some, dead in ((plan, {"nli", "qa"}), (replace(plan, at_chance=False), set())):
        made = study(some, seed=4, resamples=50)
        measured = measure(made)
        assert measured.hopeless == dead
        answers = {a.key: a for a in measured_answers(made, measured)}
        answer = answers["1.inter.slope.params_total"]
        assert answer.supported == (not dead)
        said = "under all arms that are compared, and left out: nli, qa." in answer.reason
        assert said == bool(dead)
