"""Leaks that documented exceptions let pass: from the gate's file to the report."""

from __future__ import annotations

from pathlib import Path

import yaml

from xlgap.analysis.excused import SHAPE, Excused, excused
from xlgap.analysis.result import Analysis, read_analysis, write_analysis
from xlgap.checks.leakage import Leak, Place
from xlgap.checks.leakage_gate import Verdict, report
from xlgap.checks.leakage_known import Known
from xlgap.formats import read_json, write_json
from xlgap.report.write import write_report

REASON = "Both took sentences from one page."


def passed() -> Verdict:
    """A verdict with one exception that covers two test items in three pairs."""
    known = Known(
        train="mnli", train_languages=("en",), test="xnli", rows={"de": 1, "en": 2}, reason=REASON
    )
    pairs = [
        Leak(
            train=Place("mnli", "train", "en"), train_id=train, test=Place("xnli", "test", code),
            test_id=test, by="text", similarity=0.9, train_text="a", test_text="a",
        )
        for train, code, test in (("1", "en", "7"), ("2", "en", "7"), ("1", "de", "8"))
    ]  # fmt: skip
    return Verdict(asked={}, leaks=[], excused={known: pairs}, stale=[])


def analysis(found: tuple[Excused, ...]) -> Analysis:
    return Analysis(
        study="toy", source="release", confidence=0.95, models=(), tasks=(), arms=(), seeds=(), gaps=(),
        estimates=(), english=(), collapsed=(), published_gaps=(), published_slopes=(), answers=(),
        excused=found,
    )  # fmt: skip


def test_the_report_shows_what_the_gate_let_pass(tmp_path: Path) -> None:
    write_json(tmp_path / "leakage.json", report(passed()))
    found = excused(read_json(tmp_path / "leakage.json", SHAPE))
    (one,) = found
    assert (one.train, one.test, one.pairs) == ("mnli/train", "xnli", 3)
    assert one.items == (("de", 1), ("en", 1))
    write_analysis(tmp_path / "analysis", analysis(found))
    page = write_report(tmp_path / "report", read_analysis(tmp_path / "analysis")).read_text()
    assert "Leaks that were let pass" in page
    row = f'<td>mnli/train</td><td>xnli</td><td>de 1, en 1</td><td class="n">3</td><td>{REASON}</td>'
    assert row in page
    table = (tmp_path / "report" / "tables" / "excused_leaks.csv").read_text().splitlines()
    assert table[1] == f"mnli/train,xnli,de:1 en:1,3,{REASON}"


def test_without_such_leaks_the_report_has_no_such_table(tmp_path: Path) -> None:
    assert excused(report(Verdict(asked={}, leaks=[], excused={}, stale=[]))) == ()
    assert "let pass" not in write_report(tmp_path, analysis(())).read_text()


def test_the_analysis_is_made_again_when_the_gate_s_verdict_changes() -> None:
    graph = yaml.safe_load((Path(__file__).parents[3] / "dvc.yaml").read_text())
    assert "results/leakage.json" in graph["stages"]["analyse"]["deps"]
