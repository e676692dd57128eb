"""``xlgap claims``: the verdicts of the study here, or of published scores alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xlgap.__main__ import main
from xlgap.analysis.claims.verdicts import CLAIMS


def test_without_a_study_published_scores_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["claims", "--json"]) == 0
    out, err = capsys.readouterr()
    found = {c["id"]: c for c in json.loads(out)}
    assert list(found) == [c.id for c in CLAIMS]
    assert "no analysis here" in err
    assert found["native_gap_falls_mt5"]["verdict"] == "supported"
    assert found["native_gap_falls_mt5"]["ci_high"] < 0
    mixture = found["multilingual_mixture_better"]
    assert (mixture["verdict"], len(mixture["models"])) == ("not testable", 3)
    assert "A proxy" in mixture["reason"]
    assert found["robust_with_size_xnli"]["verdict"] == "not testable"
    measured = [c for c in found.values() if c["evidence"] == "measured"]
    assert {c["verdict"] for c in measured} == {"not testable"}


def test_an_analysis_of_another_version_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results" / "analysis").mkdir(parents=True)
    (tmp_path / "results" / "analysis" / "analysis.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert main(["claims"]) != 0
    assert "run the stage 'analyse' again" in capsys.readouterr().err


def test_the_text_says_verdict_sentence_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["claims"]) == 0
    text = capsys.readouterr().out
    assert "supported: native_gap_falls_mt5\n" in text
    assert text.count("  Why: ") == len(CLAIMS)
