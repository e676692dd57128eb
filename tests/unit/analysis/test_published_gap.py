"""Which publication a published difference is taken from."""

from __future__ import annotations

import math

import pytest
from made_published import published

from xlgap.analysis.gap import gap_rows, select
from xlgap.analysis.published.gap import coverage_of, printings, zero_shot_tables
from xlgap.records import Score


def native(scores: list[Score]) -> list[tuple[float, str]]:
    return [(r.value, r.note) for r in select(gap_rows(scores), gap="native")]


def test_both_sides_from_one_publication_where_it_has_both() -> None:
    scores = [
        published("in_language", 90.0, "ladder"), published("zero_shot_english", 60.0, "zeta"),
        published("in_language", 80.0, "zeta"), published("in_language", 91.0, "ladder", model="M-big"),
    ]  # fmt: skip
    [(value, note)] = native(scores)
    assert value == 20.0
    assert note == "both from zeta; for in_language, ladder prints 90"


def test_else_each_side_from_the_publication_with_the_longest_ladder() -> None:
    scores = [
        published("in_language", 90.0, "tuned"),
        published("zero_shot_english", 50.0, "ladder"), published("zero_shot_english", 52.0, "alone"),
        published("zero_shot_english", 70.0, "ladder", model="M-big"),
    ]  # fmt: skip
    [(value, note)] = native(scores)
    assert value == 40.0
    assert note == "tuned minus ladder; for zero_shot_english, alone prints 52"


def test_splits_languages_and_metrics_are_never_mixed() -> None:
    base = [published("in_language", 90.0, "a")]
    for change in ({"split": "dev"}, {"language": "sw"}, {"metric": "em"}, {"task": "xnli"}):
        assert native([*base, published("zero_shot_english", 50.0, "a", **change)]) == []


def test_in_language_and_multitask_are_told_apart() -> None:
    scores = [
        published("in_language", 90.0, "a"), published("zero_shot_english", 50.0, "a"),
        published("in_language:multitask", 95.0, "a", regime="direct_tgt"),
    ]  # fmt: skip
    rows = select(gap_rows(scores), gap="native")
    assert {r.arm_a: r.value for r in rows} == {"in_language": 40.0, "in_language:multitask": 45.0}


def test_seeds_of_one_publication_are_averaged_and_doubles_named() -> None:
    seeds = [published("zero_shot_english", v, "a", seed=i) for i, v in enumerate((49.0, 51.0))]
    assert native([*seeds, published("in_language", 90.0, "a")]) == [
        (40.0, "both from a; mean of 2 seeds")
    ]
    twice = [published("zero_shot_english", v, "a") for v in (50.0, 55.0)]
    [(value, note)] = native([*twice, published("in_language", 90.0, "a")])
    assert (value, note) == (40.0, "both from a; the source also prints 55")


def test_prompted_models_are_no_counterpart_of_fine_tuned_ones() -> None:
    prompted = published("english_intermediate:P3+prompting", 90.0, "a", regime="intermediate_en")
    rows = gap_rows([prompted, published("zero_shot_english", 50.0, "a")])
    assert rows == []


def test_numbers_that_are_no_scores_enter_no_difference() -> None:
    rows = [
        published(a, 1.0, "a", metric="bits_per_byte") for a in ("in_language", "zero_shot_english")
    ]
    assert gap_rows(rows) == []


def _xnli(model: str, publication: str, languages: str) -> list[Score]:
    return [
        published("zero_shot_english", 80.0 - i, publication, model=model, task="xnli",
                  metric="accuracy", language=code)
        for i, code in enumerate(languages.split())
    ]  # fmt: skip


def test_models_are_compared_on_one_set_of_languages() -> None:
    scores = [
        *_xnli("A", "p", "en de fr sw"), *_xnli("B", "p", "en de fr sw"), *_xnli("C", "q", "en de"),
    ]  # fmt: skip
    tables = zero_shot_tables(printings(scores), coverage_of(scores), task="xnli", metric="accuracy")
    assert set(tables) == {"A", "B"}
    assert {frozenset(t.by_language) for t in tables.values()} == {frozenset(["en", "de", "fr", "sw"])}


def test_transfer_gap_is_from_one_publication() -> None:
    rows = [r for r in gap_rows(_xnli("A", "p", "en de fr sw")) if r.language == "avg"]
    assert [(r.gap, r.scale, r.value, r.note) for r in rows] == [
        ("transfer", "raw", pytest.approx(2.0), "all from p"),
        ("transfer", "error_reduction", pytest.approx(EXPECTED), "all from p"),
    ]


EXPECTED = math.log(21 * 22 * 23 / 20**3) / 3
"""Mean log ratio of errors: 20% wrong in English; 21%, 22%, 23% in the others."""
