"""Numbers and answers in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xlgap.analysis.rows import Answer
from xlgap.analysis.sentence import headline
from xlgap.analysis.words import interval_words, number, sentences, short_number, signed, sizes, trend


@pytest.mark.parametrize(
    ("value", "text"), [(1.25, "+1.2"), (-1.26, "−1.3"), (-0.01, "0.0"), (0.04, "0.0"), (None, "–")]
)
def test_signed(value: float | None, text: str) -> None:
    assert signed(value) == text


def test_numbers_and_intervals() -> None:
    assert number(-3.0, 0) == "−3"
    assert interval_words(-1.0, 2.5) == "[−1.0, 2.5]"
    assert interval_words(None, 2.5) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (277_453_056, "277M"),
        (12_921_057_280, "12.9B"),
        (34_000, "34k"),
        (7, "7"),
        (999_900, "1M"),
        (10**12, "1T"),
        (10**15, "1,000T"),
    ],
)
def test_short_number(value: int, text: str) -> None:
    assert short_number(value) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (5_000_000, 550_000_000, "5M to 550M, ×110"),
        (100_000_000, 100_300_000, "about 100M"),
        (99_900_000, 100_000_000, "about 99.9M"),
        (7_000_000, 7_000_000, "7M"),
        (1, 1, "1 parameter"),
        (1, 500, "1 to 500 parameters, ×500"),
        (1_000, 10**15, "1k to 1,000T, ×1,000,000,000,000"),
    ],
)
def test_sizes_that_three_digits_do_not_tell_apart_are_one(low: int, high: int, text: str) -> None:
    assert sizes(answer(size_range=(low, high))) == text


def test_sentences_are_kept_once() -> None:
    assert sentences(["A gap. One seed.", "One seed. At p = 0.5 nothing ends."]) == [
        "A gap.", "One seed.", "At p = 0.5 nothing ends.",
    ]  # fmt: skip


def answer(**changes: object) -> Answer:
    fields: dict[str, object] = {
        "question": 1, "source": "measured", "key": "1.inter.slope.params_total", "n": 4,
        "quantity": "change of G_inter, points for ten times the total parameters",
        "size_range": (40_000, 5_000_000), "estimate": -5.0, "ci_low": -8.0, "ci_high": -2.0,
        "supported": True,
    }  # fmt: skip
    return Answer(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(-8.0, -2.0, "it falls with size"), (1.0, 2.0, "it grows with size"),
     (-1.0, 1.0, "no change with size is shown")],
)  # fmt: skip
def test_headline_says_the_trend_only_where_the_interval_does(
    low: float, high: float, says: str
) -> None:
    text = headline([answer(ci_low=low, ci_high=high)], 1, "measured")
    assert text.startswith("G_inter: −5.00 points [")
    assert text.endswith(f"for ten times the total parameters (4 models, 40k to 5M, ×125); {says}.")


@pytest.mark.parametrize(
    ("over_all", "inside", "says"),
    [
        ((-1.0, 2.0), (-3.0, -1.0), "−2.00 [−3.00, −1.00]: it falls with size"),
        ((1.0, 2.0), (-3.0, -1.0), "−2.00 [−3.00, −1.00]: it falls with size"),
        ((1.0, 2.0), (-3.0, 1.0), "−1.00 [−3.00, 1.00]: no change with size is shown"),
        ((-3.0, -1.0), (-3.0, -1.0), ""),
        ((-3.0, -1.0), (-3.0, 1.0), ""),
        ((-1.0, 2.0), (-3.0, 1.0), ""),
    ],
)
def test_a_slope_within_families_that_says_something_else_stands_beside(
    over_all: tuple[float, float], inside: tuple[float, float], says: str
) -> None:
    def of(key: str, limits: tuple[float, float]) -> Answer:
        low, high = limits
        return answer(key=f"1.inter.{key}", ci_low=low, ci_high=high, estimate=(low + high) / 2)

    slopes = [of("slope.params_total", over_all), of("within_families.params_total", inside)]
    text = headline(slopes, 1, "measured")
    assert text.endswith(f"; within model families, which share data and design, {says}.") == bool(says)
    assert ("within model families" in text) == bool(says)
    unsupported = replace(slopes[1], supported=False)
    assert "within model families" not in headline([slopes[0], unsupported], 1, "measured")


@pytest.mark.parametrize(
    ("changes", "word"),
    [({}, "falls"), ({"ci_low": 1.0, "ci_high": 2.0}, "grows"), ({"ci_high": 0.0}, "not shown"),
     ({"supported": False}, "–"), ({"ci_low": None, "ci_high": None}, "–")],
)  # fmt: skip
def test_trend_is_what_the_interval_says(changes: dict[str, object], word: str) -> None:
    assert trend(answer(**changes)) == word


def test_headline_of_a_proxy_says_so() -> None:
    assert headline([answer(proxy=True)], 1, "measured").startswith("By proxy, G_inter")


def test_headline_of_another_quantity_says_so() -> None:
    first = answer(
        key="1.other.slope.params_total", supported=False, estimate=None,
        reason="Not run: no arm. More.",
        quantity="change of G_other, points for ten times the total parameters",
    )  # fmt: skip
    text = headline([first, answer()], 1, "measured")
    assert text.startswith("G_other could not be estimated (no arm); G_inter: −5.00 points")


def test_headline_without_support_is_the_reason() -> None:
    unsupported = answer(supported=False, reason="Not sufficient: 2 models. More.")
    assert headline([unsupported], 1, "measured") == "Not sufficient: 2 models."


@pytest.mark.parametrize(
    ("key", "word"),
    [("5.joint.level", "below 0"), ("3.direct.at.175e9", "below 0"), ("1.inter.seeds", "–")],
)
def test_what_is_no_change_with_size_does_not_grow(key: str, word: str) -> None:
    assert trend(answer(key=key)) == word


def test_one_model_is_one_model() -> None:
    assert "(1 model, 40k, " not in headline([answer()], 1, "measured")
    assert "(1 model, 40k)" in headline([answer(n=1, size_range=(40_000, 40_000))], 1, "measured")


def of_robustness(low: float, high: float, gap: str = "distance", **changes: object) -> Answer:
    fields: dict[str, object] = {
        "question": 2, "key": f"2.{gap}.slope.params_total", "ci_low": low, "ci_high": high,
        "quantity": f"change of {gap}, covariates held still, points for ten times the parameters",
    }  # fmt: skip
    return answer(**{**fields, **changes})


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(-8.0, -2.0, "Zero-shot transfer becomes more robust with size: distance"),
     (1.0, 2.0, "Zero-shot transfer becomes less robust with size: distance"),
     (-1.0, 1.0, "That zero-shot transfer becomes more or less robust with size is not shown: dist")],
)  # fmt: skip
def test_question_2_says_what_a_loss_means_for_robustness(low: float, high: float, says: str) -> None:
    assert headline([of_robustness(low, high)], 2, "measured").startswith(says)


def test_question_2_ends_with_what_english_intermediate_training_changes() -> None:
    loss = of_robustness(1.0, 2.0, "distance_partial")
    start = (
        "it grows with size; what English intermediate training adds to the loss (intermediate_en "
        "minus direct_en) "
    )
    steeper = of_robustness(-1.0, 1.0, "robustness_partial", estimate=0.25)
    alike = of_robustness(-2.0, 2.0, "robustness_partial_equal_tokens")
    other = of_robustness(-2.0, -1.0, "robustness_partial_equal_steps", estimate=-1.5)
    text = headline([loss, steeper, alike, other], 2, "measured")
    assert text.endswith(
        f"{start}changes by +0.25 [−1.00, 1.00] for ten times the parameters, no change with size is "
        "shown; at equal steps −1.50 [−2.00, −1.00], it falls with size."
    )
    absent = of_robustness(0, 0, "robustness_partial", supported=False, reason="Not run: no arm. More.")
    assert headline([loss, absent], 2, "measured").endswith(f"{start}could not be estimated (no arm).")
    published = [of_robustness(1.0, 2.0, gap, source="published")
                 for gap in ("distance_partial", "robustness_partial")]  # fmt: skip
    assert headline(published, 2, "published").endswith("; it grows with size.")


def test_question_2_tells_of_a_transfer_gap_that_moves_otherwise() -> None:
    loss = of_robustness(-1.0, 1.0, "distance_partial")
    gap = of_robustness(2.0, 50.0, "transfer", estimate=28.0)
    told = (
        "; the transfer gap (English minus the mean of the others) changes by +28.00 [2.00, 50.00] for "
        "ten times the parameters, it grows with size."
    )
    assert headline([loss, gap], 2, "measured").endswith(f"no change with size is shown{told}")
    still = of_robustness(-2.0, 2.0, "transfer")
    refused = replace(gap, supported=False)
    for other in (still, refused):
        assert "transfer gap (" not in headline([loss, other], 2, "measured")
    assert "transfer gap (" not in headline([gap, loss], 2, "measured")


def test_a_change_is_followed_by_what_changes() -> None:
    level = answer(key="1.inter.level", estimate=16.05, ci_low=9.27, ci_high=22.82)
    told = "it falls with size; +16.05 [9.27, 22.82] on the mean of 4 models, above 0."
    assert headline([answer(), level], 1, "measured").endswith(told)
    unclear = answer(key="1.inter.level", estimate=-0.5, ci_low=-7.0, ci_high=6.0)
    assert headline([answer(), unclear], 1, "measured").endswith("neither above nor below 0 is shown.")
    refused = answer(key="1.inter.level", supported=False)
    other = answer(key="1.inter.log_odds.level")
    assert headline([answer(), refused, other], 1, "measured").endswith("it falls with size.")


def test_a_family_is_told_with_the_others_that_have_the_same_quantity() -> None:
    def of(family: str, low: float, high: float, **changes: object) -> Answer:
        return answer(
            source="published", ci_low=low, ci_high=high,
            **{"key": f"3.native.{family}.slope.params_total", "question": 3,
               "quantity": f"change of G_native of {family}, wikiann, points for ten times the size",
               **changes},
        )  # fmt: skip

    text = headline(
        [of("mT5", -8, -2), of("ByT5", -8, 2), of("mBERT", 0, 0, supported=False)], 3, "published"
    )
    assert text.endswith(
        "it falls with size; of ByT5, wikiann: −5.00 [−8.00, 2.00], no change with size is shown."
    )
