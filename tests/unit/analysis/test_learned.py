"""Earlier tasks that some runs have learned and others have not: judged seed by seed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_retention import Planted, made_study
from simulate import Plan, study

from xlgap.analysis.answers.floor import floor_notes
from xlgap.analysis.answers.retention import retention_answers
from xlgap.analysis.measure import measure
from xlgap.analysis.retention.learned import Runs, none_learned, share_words
from xlgap.analysis.rows import Answer

SIZES = (40_000, 200_000, 1_000_000)
FALLEN, LEARNED = Runs(1, 1, True, 0.5), Runs(0, 1, False, 9.0)
HALF = Runs(1, 2, True, 8.0)


def planted(*unlearned: tuple[str, str, int], seeds: int = 2, **changes: object) -> Planted:
    return Planted(
        sizes=SIZES, groups=60, seeds=range(seeds), model_sd=0, unlearned=unlearned, **changes
    )


def answers(plan: Planted) -> dict[str, Answer]:
    made = made_study(plan, seed=2)
    return {a.key: a for a in retention_answers(made, measure(made))}


@pytest.mark.parametrize("seeds", [2, 8])
def test_a_run_that_did_not_learn_its_earlier_task_is_told_beside_one_that_did(seeds: int) -> None:
    """With two seeds their mean is not surely above chance, with eight it is."""
    level = answers(planted(("inter_en_typing", "typing", 1), seeds=seeds))["4.retention.level"]
    each = ", ".join(f"made_{size} on typing (1 of {seeds} seeds)" for size in sorted(SIZES, key=str))
    assert f"At chance just after its own phase, and counted: {each}." in level.reason
    assert "for every model" not in level.reason
    assert level.supported


def test_a_task_that_no_run_has_learned_answers_nothing() -> None:
    both = [("inter_en_typing", "typing", seed) for seed in (0, 1)]
    level = answers(planted(*both))["4.retention.level"]
    assert not level.supported
    assert "for every model, so that nothing of it can be lost: typing." in level.reason


def test_each_task_of_a_sequence_is_told_by_itself() -> None:
    arms = ("inter_en_typing", "seq", "joint")
    told = answers(planted(("seq", "order", 0), ("seq", "typing", 1), arms=arms))["4.backward.level"]
    for size in SIZES:
        assert (
            f"made_{size} on order (1 of 2 seeds), made_{size} on typing (1 of 2 seeds)" in told.reason
        )


def test_gaps_name_the_models_and_how_many_of_their_seeds_have_not_learned() -> None:
    some = study(Plan(sizes=SIZES, tasks=("nli",), groups=40, best_single=3.0), seed=3, resamples=20)
    learned = made_study(planted(("inter_en_typing", "typing", 0)), seed=2).retention
    assert learned is not None
    one = replace(some, retention=learned)
    notes = " ".join(floor_notes(one, measure(one))["inter"])
    each = "; ".join(f"made_{size}, 1 of 2 seeds" for size in SIZES)
    assert f"just after their own phase: typing ({each}); the gap then" in notes


@pytest.mark.parametrize(
    ("of_arms", "said"),
    [
        ([FALLEN], ""),
        ([FALLEN, FALLEN], ""),
        ([HALF], "1 of 2 seeds"),
        ([Runs(3, 3, False, 1.9)], "3 of 3 seeds"),
        ([FALLEN, LEARNED, LEARNED], "under 1 of 3 arms"),
        (
            [HALF, Runs(2, 2, True, 1.0), Runs(0, 2, False, 9.0)],
            "3 of 6 runs of 3 arms",
        ),
    ],
)
def test_how_much_was_not_learned(of_arms: list[Runs], said: str) -> None:
    assert share_words(of_arms) == said


def test_luck_in_one_of_many_runs_is_no_learning() -> None:
    lucky = Runs(1, 2, True, 2.2)
    many = [Runs(2, 2, True, 0.5)] * 19
    assert none_learned([*many, lucky])
    assert not none_learned([*many, lucky._replace(highest=8.0)])
    assert not none_learned([*many, lucky._replace(mean=False)])
    assert not none_learned([FALLEN._replace(highest=2.2)])
