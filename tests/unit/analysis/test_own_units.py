"""Scores, chance and standard errors of anyone's table are per cents; shares are refused or told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from xlgap.analysis.own.units import check_units
from xlgap.errors import DataError
from xlgap.records import Score

VALUES = (58.0, 39.0, 51.0, 40.5, 46.0, 45.0, 65.5, 71.0)
REFUSED = (
    "but scores are from 0 to 100; multiply them by 100, and chance and stderr where these are shares, "
    "too."
)
TOLD = "at most 1 and were read as per cents, near 0; if they are shares, multiply them by 100."


def rows(values: Sequence[float] = VALUES, **given: Any) -> list[Score]:
    """One score a language of two models; ``given`` stands in all of them."""
    fields: dict[str, Any] = {"task": "xnli", "metric": "accuracy", **given}
    return [
        Score(
            source="measured", model="ab"[i % 2], family="f", params_total=10**6,
            params_nonembedding=None, arm="direct_en", regime="direct_en", train_language="en",
            language=("en", "de", "sw", "zh")[i // 2], seed=0, value=value, **fields,
        )
        for i, value in enumerate(values)
    ]  # fmt: skip


def binomial(scores: Sequence[Score], n: int) -> list[Score]:
    return [replace(s, n_items=n, stderr=math.sqrt(s.value * (100 - s.value) / n)) for s in scores]


def hundredth(scores: Sequence[Score], *fields: str) -> list[Score]:
    return [replace(s, **{name: getattr(s, name) / 100 for name in fields}) for s in scores]


def refused(scores: Sequence[Score]) -> str:
    with pytest.raises(DataError) as error:
        check_units(scores)
    said = str(error.value)
    assert said.count(";") == 1
    return said


def test_per_cents_pass_in_silence() -> None:
    assert check_units(rows()) == ()
    assert check_units(binomial(rows(chance=33.3), 5010)) == ()
    assert check_units(rows(task="mine", metric="f1", chance=0.6, stderr=0.7)) == ()
    assert check_units(rows([0.0] * 8)) == ()
    assert check_units([]) == ()


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        (hundredth(rows(), "value"), "where guessing gives 33.3"),
        (hundredth(rows(task="mine", chance=50.0), "value"), "where guessing gives 50"),
        (hundredth(rows(chance=33.3), "value", "chance"), "where guessing gives 33.3"),
        (
            hundredth(binomial(rows(task="mine"), 5010), "value"),
            "with the standard errors of shares of 5,010 items",
        ),
        (
            hundredth(binomial(rows(task="mine", metric="em"), 5010), "value", "stderr"),
            "with the standard errors of shares of 5,010 items",
        ),
        (
            hundredth(rows([36.67, 53.33, 46.67, 63.33], task="mine", n_items=30), "value"),
            "and multiples of 1/30, the items that there are",
        ),
    ],
)
def test_shares_are_refused_where_something_tells_them(scores: list[Score], why: str) -> None:
    other = rows(task="tydiqa", metric="f1")
    task = scores[0].task
    assert refused([*other, *scores]) == (
        f"column 'value': the scores on {task} in {scores[0].metric} are shares (none above 1, {why}), "
        f"{REFUSED}"
    )


def test_shares_of_one_model_or_arm_are_refused() -> None:
    found = rows()
    mixed = [*hundredth([s for s in found if s.model == "b"], "value"), *found[::2]]
    assert refused(mixed).startswith("column 'value': the scores of b on xnli in accuracy are shares")
    joint = [replace(s, arm="joint", value=s.value / 100) for s in found if s.model == "b"]
    assert "the scores of b, joint on xnli in accuracy are shares" in refused([*found, *joint])


def test_one_score_near_0_is_told() -> None:
    found = rows()
    assert check_units([replace(found[2], value=0.39), *found[:2], *found[3:]]) == (
        f"The scores of a in de (direct_en) on xnli in accuracy are {TOLD}",
    )


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"chance": 0.6, "stderr": 0.2, "n_items": 1190},
        {"chance": 1.4},
    ],
)
def test_the_f1_of_models_that_have_learnt_nothing_is_told_and_not_refused(
    given: dict[str, Any],
) -> None:
    f1 = rows([0.3, 0.9, 0.62, 0.41, 0.8, 0.55, 0.33, 0.7], task="xquad", metric="f1", **given)
    assert check_units([*rows(), *f1]) == (f"The scores on xquad in f1 are {TOLD}",)
    assert check_units([*f1, replace(f1[0], language="ar", value=1.3)]) == (
        f"The scores of b on xquad in f1 are {TOLD}",
    )


@pytest.mark.parametrize("metric", ["em", "accuracy"])
def test_next_to_no_right_answer_is_no_share(metric: str) -> None:
    few = binomial(rows([0.1, 0.3, 0.4, 0.2], task="mine", metric=metric), 1000)
    [said] = check_units(few)
    assert said.endswith(TOLD)
    # means over three seeds
    [said] = check_units(rows([0.033, 0.3, 0.067, 0.233], task="mine", metric=metric, n_items=1000))
    assert said.endswith(TOLD)


def test_chance_in_shares_beside_per_cents() -> None:
    assert refused(rows(chance=0.333)) == (
        "column 'chance': 0.333 on xnli in accuracy is a share, guessing gives 33.3 per cent there; "
        "multiply it by 100."
    )
    found = rows(task="mine", chance=33.0)
    assert refused([replace(found[0], chance=0.33), *found[1:]]) == (
        "column 'chance': 0.33 on mine in accuracy is a share, in other rows of it chance is 33; "
        "multiply it by 100."
    )
    assert check_units(rows(task="mine", chance=0.333)) == (
        "Chance on mine in accuracy is below 1 and was read as per cents; if it is a share, multiply "
        "it by 100.",
    )
    assert check_units(rows(task="tatoeba", chance=0.1)) == (
        "Chance on tatoeba in accuracy is below 1 and was read as per cents; if it is a share, "
        "multiply it by 100.",
    )


def test_standard_errors_in_shares_beside_per_cents() -> None:
    assert refused(hundredth(binomial(rows(), 5010), "stderr")) == (
        "column 'stderr': the standard errors on xnli in accuracy are shares, a hundredth of those of "
        "5,010 items, but scores are in per cents; multiply them by 100."
    )
    assert check_units(rows(metric="f1", task="xquad", stderr=0.007)) == (
        "The standard errors on xquad in f1 are those of more than a million items; if they are "
        "shares, multiply them by 100.",
    )
    assert check_units(rows(metric="f1", task="xquad", stderr=0.3)) == ()
