"""When two sources disagree, and which one a gap uses."""

from __future__ import annotations

import pytest
from made_published import published

from xlgap.analysis.published.disagreements import disagreements
from xlgap.analysis.published.pairs import METRIC, mixture_rows
from xlgap.records import Score


@pytest.mark.parametrize(("second", "apart"), [(60.5, 0), (60.51, 1), (59.4, 1)])
def test_more_than_half_a_point_is_a_disagreement(second: float, apart: int) -> None:
    scores = [
        published("zero_shot_english", 60.0, "a"), published("zero_shot_english", second, "b"),
    ]  # fmt: skip
    assert len(disagreements(scores)) == apart


@pytest.mark.parametrize(
    "change",
    [{"model": "M-big"}, {"task": "xnli"}, {"language": "sw"}, {"metric": "em"}, {"split": "dev"}],
)
def test_other_numbers_are_no_disagreement(change: dict[str, str]) -> None:
    scores = [published("zero_shot_english", 60.0, "a")]
    assert disagreements([*scores, published("zero_shot_english", 50.0, "b", **change)]) == []


def test_one_source_does_not_disagree_with_itself() -> None:
    scores = [published("zero_shot_english", value, "a") for value in (50.0, 60.0)]
    assert disagreements(scores) == []


def test_the_used_one_is_that_of_the_gap_row() -> None:
    scores = [
        published("in_language", 90.0, "alone"),
        published("zero_shot_english", 50.0, "ladder"), published("zero_shot_english", 52.0, "alone"),
        published("zero_shot_english", 70.0, "ladder", model="M-big"),
    ]  # fmt: skip
    [row] = disagreements(scores)
    assert row.values == (("ladder", 50.0), ("alone", 52.0))
    assert row.used == (("native", "alone"),)
    assert row.why == "the other side of the difference stands in the same publication"


def test_a_number_in_no_gap_is_said_to_be_in_none() -> None:
    scores = [published("zero_shot_english", value, p) for value, p in ((50.0, "a"), (60.0, "b"))]
    [row] = disagreements(scores)
    assert (row.used, row.why) == ((), "no gap uses it")


def mixture(model: str, regime: str, values: dict[str, float]) -> list[Score]:
    return [
        published(f"{regime}+prompting:0-shot:prompts_en", value, "x", model=model, task="xcopa",
                  metric=METRIC, language=code)
        for code, value in values.items()
    ]  # fmt: skip


def test_a_pair_of_mixtures_is_averaged_over_shared_languages_but_english() -> None:
    scores = [
        *mixture(
            "Z", "multilingual_intermediate:xP3 multitask", {"en": 90, "sw": 60, "th": 70, "ta": 50}
        ),
        *mixture("Z-p3", "english_intermediate:P3 multitask", {"en": 50, "sw": 50, "th": 66}),
    ]
    found = {r.language: r.value for r in mixture_rows(scores)}
    assert found == {"sw": 10.0, "th": 4.0, "avg": 7.0}


def test_a_mixture_without_its_sibling_has_no_row() -> None:
    assert mixture_rows(mixture("Z-p3", "english_intermediate:P3 multitask", {"sw": 50})) == []
