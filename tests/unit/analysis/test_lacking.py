"""Scores that a model lacks cost a language or the model, whichever keeps more, and are named."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest

from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.contrasts import common_set
from xlgap.analysis.measure import measure
from xlgap.analysis.own.study import own_study
from xlgap.analysis.rows import Answer
from xlgap.analysis.sentence import headline

LANGUAGES = ("de", "fr", "es", "ru", "zh", "sw")
SIZES = {"a": 5e6, "b": 2e7, "c": 1.1e8, "d": 5.5e8}
GAINS = {"direct_en": 0.0, "direct_tgt": 9.0, "intermediate_en": 2.0, "intermediate_tgt": 5.0}
Row = dict[str, str]


def rows(languages: Sequence[str] = LANGUAGES, *, metric: str = "accuracy") -> list[Row]:
    rng = random.Random(0)
    return [
        {
            "model": model, "params_total": str(int(size)), "regime": regime, "task": "xnli",
            "language": code, "metric": metric, "stderr": "0.7", "chance": "33.3",
            "value": f"{rng.gauss(50 + 4 * math.log10(size / 5e6) + gain, 1):.2f}",
        }
        for model, size in SIZES.items()
        for regime, gain in GAINS.items()
        for code in ("en", *languages)
        if code != "en" or not regime.endswith("_tgt")
    ]  # fmt: skip


def answers(table: Sequence[Row]) -> dict[str, Answer]:
    study = own_study(table, name="rows", columns=list(table[0]))
    return {a.key: a for a in measured_answers(study, measure(study))}


def without(gone: Callable[[Row], bool], languages: Sequence[str] = LANGUAGES) -> dict[str, Answer]:
    return answers([row for row in rows(languages) if not gone(row)])


def mean(table: Sequence[Row], models: str, languages: Sequence[str]) -> float:
    """G_inter of ``models`` over ``languages``."""
    of = {(r["model"], r["regime"], r["language"]): float(r["value"]) for r in table}
    gaps = [
        of[m, "intermediate_tgt", code] - of[m, "intermediate_en", code]
        for m in models
        for code in languages
    ]
    return sum(gaps) / len(gaps)


def of_a(row: Row, regime: str, *codes: str) -> bool:
    return (row["model"], row["regime"]) == ("a", regime) and row["language"] in codes


def test_one_missing_cell_costs_its_language_and_is_named() -> None:
    found = without(lambda row: of_a(row, "intermediate_tgt", "sw"))
    level = found["1.inter.level"]
    assert level.models == ("a", "b", "c", "d")
    assert level.estimate == pytest.approx(mean(rows(), "abcd", LANGUAGES[:-1]))
    for key in ("1.inter.level", "1.inter.slope.params_total"):
        assert "Left out for all models: sw on xnli, which a lacks." in found[key].reason
    assert "Left out" not in found["3.direct.level"].reason


def test_a_model_that_lacks_most_is_left_out_and_named_with_what_it_lacks() -> None:
    found = without(lambda row: of_a(row, "intermediate_tgt", *LANGUAGES[1:]))
    level = found["1.inter.level"]
    assert level.models == ("b", "c", "d")
    assert level.estimate == pytest.approx(mean(rows(), "bcd", LANGUAGES))
    told = (
        "Left out: a has no intermediate_tgt_es on xnli and no intermediate_tgt_fr on xnli and no "
        "intermediate_tgt_ru on xnli and 2 more."
    )
    assert told in level.reason
    assert "for all models" not in level.reason
    slope = found["1.inter.slope.params_total"]
    assert slope.reason.startswith("Not sufficient: 3 models of 3 sizes;")
    lacking = told[0].lower() + told[1:-1]
    assert headline(list(found.values()), 1, "measured").endswith(f"of 3 sizes; {lacking}).")


def test_the_parts_of_g_direct_are_over_its_languages() -> None:
    found = without(lambda row: of_a(row, "intermediate_en", "sw"))
    for gap in ("direct", "native", "english_gain"):
        assert found[f"3.{gap}.slope.params_total"].n == 4
    direct, native = found["3.direct.level"].reason, found["3.native.slope.params_total"].reason
    assert "Left out for all models: sw on xnli, which a lacks." in direct
    assert "on all tasks of G_direct" not in native


def test_zero_shot_languages_that_a_model_lacks_are_named() -> None:
    found = without(lambda row: of_a(row, "direct_en", "sw", "zh"))
    reason = found["2.transfer.slope.params_total"].reason
    assert ("Left out for all models: sw on xnli, which a lacks; zh on xnli, which a lacks.") in reason
    assert "; without a there would be 6." in found["2.distance.slope.params_total"].reason


def test_a_model_with_another_metric_is_named_with_it() -> None:
    other = [row for row in rows(metric="em") if row["model"] == "d"]
    found = answers([*(row for row in rows() if row["model"] != "d"), *other])
    for key in ("1.inter.level", "2.transfer.slope.params_total", "3.direct.level"):
        assert found[key].models == ("a", "b", "c")
        assert "Left out: d has no accuracy on xnli." in found[key].reason
    said = headline(list(found.values()), 1, "measured")
    assert said.endswith("; left out: d has no accuracy on xnli).")


@pytest.mark.parametrize(
    ("sets", "chosen"),
    [
        (["abcd", "abcd", "abcd", "abc"], "abc"),
        (["abc", "abc", "abc", "ab"], "abc"),
        (["abcd", "abcd", "abcd", "a"], "abcd"),
        (["abcdefg", "abcdef", "abcdeg", "a"], "abcde"),
        (["ab", "cd"], "ab"),
        ([], ""),
    ],
)
def test_the_common_set_keeps_most_and_models_before_languages(sets: list[str], chosen: str) -> None:
    found = common_set([frozenset(s) for s in sets])
    assert len(found) == len(chosen)
    assert found == frozenset(chosen) or sets == ["ab", "cd"]
