"""A made-up study with its analysis, its report and the report's page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from simulate import Plan, study

from xlgap.analysis.result import Analysis, analyse
from xlgap.published import load_scores
from xlgap.report.write import write_report


@pytest.fixture(scope="session")
def analysis() -> Analysis:
    made = study(Plan(groups=40, languages=("en", "de", "sw", "ru", "fi", "ar")), seed=2, resamples=100)
    left_out = (("direct_sw", "tatoeba", "no training data in 'sw'"),)
    return analyse(replace(made, left_out=left_out), load_scores())


@pytest.fixture(scope="session")
def folder(analysis: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    assert write_report(out, analysis) == out / "index.html"
    return out


@pytest.fixture(scope="session")
def page(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf8")
