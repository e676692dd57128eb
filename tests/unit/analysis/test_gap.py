"""Gaps of measured scores: pairing of arms, parts of G_direct, seeds, selection."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from xlgap.analysis.gap import arms_of, gap_rows, measured_rows, primary_metric, select, to_json
from xlgap.analysis.rows import ArmInfo, GapRow
from xlgap.errors import UnknownNameError
from xlgap.records import Score

ARMS = {
    "direct_en": ArmInfo(regime="direct_en"),
    "direct_sw": ArmInfo(regime="direct_tgt", language="sw"),
    "en_typing": ArmInfo(regime="intermediate_en", intermediate=("typing",)),
    "en_order": ArmInfo(regime="intermediate_en", intermediate=("order",)),
    "sw_typing": ArmInfo(regime="intermediate_tgt", intermediate=("typing",), language="sw"),
}


def score(arm: str, language: str, value: float, **changes: object) -> Score:
    made = Score(
        source="measured", model="nano", family="lab", params_total=100, params_nonembedding=80,
        arm=arm, regime=ARMS[arm].regime, train_language=ARMS[arm].language or "en", task="nli",
        language=language, seed=0, metric="accuracy", value=value, chance=25.0, stderr=1.0, n_items=200,
    )  # fmt: skip
    return replace(made, **changes)


SCORES = [
    score("direct_en", "en", 80.0), score("direct_en", "sw", 50.0), score("direct_en", "de", 60.0),
    score("direct_sw", "sw", 75.0),
    score("en_typing", "en", 84.0), score("en_typing", "sw", 54.0), score("en_typing", "de", 62.0),
    score("en_order", "en", 81.0), score("en_order", "sw", 51.0), score("en_order", "de", 61.0),
    score("sw_typing", "sw", 66.0),
]  # fmt: skip


def pick(rows: list[GapRow], gap: str, language: str = "sw") -> dict[tuple[str, str], float]:
    return {
        (r.arm_a, r.arm_b): r.value
        for r in rows
        if (r.gap, r.language, r.scale, r.seed) == (gap, language, "raw", None)
    }


@pytest.fixture
def rows() -> list[GapRow]:
    return measured_rows(SCORES, ARMS)


def test_inter_pairs_the_same_intermediate_tasks_only(rows: list[GapRow]) -> None:
    assert pick(rows, "inter") == {("sw_typing", "en_typing"): 12.0}


def test_direct_is_native_minus_the_gain_of_english_intermediate_training(rows: list[GapRow]) -> None:
    direct, native, gain = pick(rows, "direct"), pick(rows, "native"), pick(rows, "english_gain")
    assert native == {("direct_sw", "direct_en"): 25.0}
    assert direct == {("direct_sw", "en_typing"): 21.0, ("direct_sw", "en_order"): 24.0}
    assert gain == {("en_typing", "direct_en"): 4.0, ("en_order", "direct_en"): 1.0}
    for (target, english), value in direct.items():
        assert value == native[target, "direct_en"] - gain[english, "direct_en"]


def test_transfer_is_english_minus_the_mean_of_the_others(rows: list[GapRow]) -> None:
    assert pick(rows, "transfer", "avg")["direct_en", "direct_en"] == 25.0
    assert pick(rows, "transfer", "de")["direct_en", "direct_en"] == 20.0


def test_transfer_uses_the_languages_that_all_models_have() -> None:
    other = [replace(s, model="micro") for s in SCORES if s.language != "de"]
    rows = measured_rows([*SCORES, *other], ARMS)
    values = [r.value for r in select(rows, gap="transfer") if r.language == "avg"]
    assert values[0] == 30.0
    assert not [r for r in rows if r.gap == "transfer" and r.language == "de"]


def test_scales_beside_raw(rows: list[GapRow]) -> None:
    native = {r.scale: r.value for r in rows if r.gap == "native" and r.seed is None}
    assert native["chance_corrected"] == pytest.approx(25 / 0.75)
    assert native["log_odds"] == pytest.approx(math.log(150.5 / 50.5))


def test_standard_error_adds_both_arms(rows: list[GapRow]) -> None:
    native = next(r for r in select(rows, gap="native") if r.language == "sw")
    assert native.stderr == pytest.approx(2**0.5)


def test_rows_for_each_seed_and_their_mean() -> None:
    second = [replace(s, seed=1, value=s.value + 2 * (s.arm == "direct_sw")) for s in SCORES]
    rows = measured_rows([*SCORES, *second], ARMS)
    by_seed = {r.seed: r.value for r in rows if (r.gap, r.language, r.scale) == ("native", "sw", "raw")}
    assert by_seed == {None: 26.0, 0: 25.0, 1: 27.0}
    assert [r.seed for r in select(rows, gap="native", per_seed=True) if r.language == "sw"] == [0, 1]


def test_measured_and_published_are_never_mixed() -> None:
    published = replace(
        score("direct_en", "sw", 10.0), source="published", publication="p", arm="zero_shot_english"
    )
    rows = gap_rows([*[s for s in SCORES if s.arm == "direct_sw"], published], ARMS)
    assert not [r for r in rows if r.gap == "native"]


def test_average_is_over_the_target_languages() -> None:
    arms = {**ARMS, "direct_de": ArmInfo(regime="direct_tgt", language="de")}
    german = replace(score("direct_sw", "de", 70.0), arm="direct_de", train_language="de")
    rows = measured_rows([*SCORES, german], arms)
    average = next(r for r in select(rows, gap="native") if r.language == "avg")
    assert average.value == (25.0 + 10.0) / 2
    assert average.arm_a == "direct_de+direct_sw"
    assert average.note == "mean over de, sw"


def test_arms_can_be_read_off_the_scores() -> None:
    assert arms_of(SCORES)["direct_sw"] == ARMS["direct_sw"]


def test_select_by_glob_and_order_of_size() -> None:
    larger = [replace(s, model="nano_big", params_total=900) for s in SCORES]
    smaller = [replace(s, model="other", params_total=5) for s in SCORES]
    rows = measured_rows([*larger, *SCORES, *smaller], ARMS)
    found = select(rows, gap="native", model_glob="nano*", task="nli")
    assert [r.model for r in found if r.language == "sw"] == ["nano", "nano_big"]


def test_select_refuses_unknown_names(rows: list[GapRow]) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'native'"):
        select(rows, gap="nativ")
    with pytest.raises(UnknownNameError, match="nli"):
        select(rows, task="nly")


def test_json_rows_have_the_keys_that_people_read(rows: list[GapRow]) -> None:
    row = to_json(select(rows, gap="native"))[0]
    assert {"model", "params_total", "task", "language", "value", "source", "gap"} <= set(row)


def test_primary_metric() -> None:
    assert primary_metric(["em", "f1"]) == "f1"
    assert primary_metric(["token_accuracy", "f1"]) == "f1"
    assert primary_metric(["rouge", "bleu"]) == "bleu"
