"""Numbers that JSON does not have: they are absent from results, or refused with their place."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_retention import Planted, made_study

from xlgap.analysis.distance.contrasts import rank_correlation
from xlgap.analysis.measure import measure
from xlgap.analysis.result import Analysis, analyse, read_analysis, rounded, write_analysis
from xlgap.analysis.retention.tables import Again, _with_values
from xlgap.analysis.rows import Estimate
from xlgap.errors import ResultError
from xlgap.formats import read_json

ESTIMATE = Estimate(
    source="measured", model="m", family="f", params_total=1, params_nonembedding=1, gap="inter",
    task="nli", scale="raw", value=1.23456789,
)  # fmt: skip


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analyse(made_study(Planted(), seed=1, resamples=20), ())


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_what_may_be_unknown_is_null_and_what_may_not_is_refused(
    tmp_path: Path, analysis: Analysis, odd: float
) -> None:
    assert rounded(ESTIMATE).value == 1.234568
    unknown = replace(ESTIMATE, stderr=odd, ci_low=odd)
    write_analysis(tmp_path, replace(analysis, estimates=(unknown,)))
    read = read_json(tmp_path / "analysis.json")["estimates"]
    assert [(e["stderr"], e["ci_low"], e["value"]) for e in read] == [(None, None, 1.234568)]
    assert read_analysis(tmp_path).estimates == (replace(rounded(ESTIMATE)),)
    with pytest.raises(ResultError, match=r"analysis\.json: not written: estimates\[0\]\.value is"):
        write_analysis(tmp_path, replace(analysis, estimates=(replace(ESTIMATE, value=odd),)))
    assert read_json(tmp_path / "analysis.json")["estimates"] == read


def test_a_language_in_which_an_earlier_task_has_no_value_is_in_no_estimate() -> None:
    study = made_study(Planted(), seed=1, resamples=20)
    data = study.retention
    assert data is not None
    first = next(s for s in data.scores if (s.task, s.language, s.final) == ("typing", "sw", True))
    scores = tuple(replace(s, value=math.nan) if s is first else s for s in data.scores)
    kept = _with_values(Again(scores, data.items, ()))
    assert {s.language for s in kept.scores if s.task == "typing"} == {"en", "de"}
    assert set(kept.items.loc[kept.items["task"] == "typing", "language"]) == {"en", "de"}
    assert {s.language for s in kept.scores if s.task == "mlm"} == {"en", "de", "sw"}
    some = replace(study, retention=replace(data, scores=kept.scores, items=kept.items))
    assert all(math.isfinite(e.value) for e in measure(some).estimates)


def test_losses_that_are_all_the_same_have_no_rank_correlation() -> None:
    assert rank_correlation(np.arange(5.0), np.ones(5)) is None
    assert rank_correlation(np.arange(5.0), np.arange(5.0)) == pytest.approx(1)
