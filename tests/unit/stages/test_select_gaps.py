"""The rows that ``xlgap gaps`` prints, and what it says where there are none."""

from __future__ import annotations

import pytest

from xlgap.__main__ import main
from xlgap.analysis.rows import GAPS
from xlgap.commands import parser
from xlgap.errors import ResultError, UnknownNameError
from xlgap.stages.analyse import select_gaps


@pytest.mark.parametrize("gap", GAPS)
def test_every_gap_can_be_asked_for(gap: str) -> None:
    assert parser().parse_args(["gaps", "--gap", gap]).gap == gap


def test_models_that_there_are_stand_in_the_error() -> None:
    with pytest.raises(ResultError) as told:
        select_gaps(source="published", gap=None, model="nosuch", task=None)
    start = "no published gap matches --model nosuch; the first twelve models with one: "
    assert str(told.value).startswith(start)
    assert "None" not in str(told.value)
    with pytest.raises(ResultError, match=r"; the first twelve models with --gap native: .*mT5"):
        select_gaps(source="published", gap="native", model="nosuch", task=None)


def test_a_pattern_in_another_case_is_met_with_the_names() -> None:
    with pytest.raises(
        ResultError, match=r"matches --model mt5-\*; case counts, did you mean .*mT5-XL"
    ):
        select_gaps(source="published", gap=None, model="mt5-*", task=None)


def test_a_gap_that_no_model_has_is_said_so() -> None:
    with pytest.raises(ResultError, match="matches --gap few_gain; no model has --gap few_gain"):
        select_gaps(source="published", gap="few_gain", model=None, task=None)


def test_a_gap_that_is_none_is_met_with_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gaps", "--gap", "transfr"]) == 2
    assert capsys.readouterr().err == "error: unknown gap 'transfr'; did you mean 'transfer'?\n"
    with pytest.raises(UnknownNameError, match="unknown gap 'x'; allowed: "):
        select_gaps(source="measured", gap="x", model=None, task=None)
