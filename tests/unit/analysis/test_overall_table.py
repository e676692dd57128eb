"""The report's table of overall scores: both numbers, of how many, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xlgap.analysis.overall import overall_tables
from xlgap.analysis.report import write_report
from xlgap.analysis.result import Analysis, read_analysis, write_analysis
from xlgap.evaluation.editions import XTREME_R, OfTasks, overall
from xlgap.tasks import get_task

XNLI = get_task("xnli").eval_languages


def rows(*seeds: OfTasks, model: str = "nano"):
    return overall(XTREME_R, list(seeds), model=model, arm="direct_en")


def half(value: float) -> OfTasks:
    udpos = {"en": {"f1": value, "token_accuracy": value + 10}}
    return {"xnli": {c: {"accuracy": value} for c in XNLI}, "udpos": udpos}


def empty() -> Analysis:
    return Analysis(
        study="toy", source="release", confidence=0.95, models=(), tasks=(), arms=(), seeds=(), gaps=(),
        estimates=(), english=(), collapsed=(), published_gaps=(), published_slopes=(), answers=(),
    )  # fmt: skip


def test_a_row_has_the_whole_then_groups_then_tasks() -> None:
    (table,) = overall_tables(rows(half(40.0)))
    assert table.columns[:6] == ("Arm", "XTREME-R", "classification", "structured", "qa", "retrieval")
    assert table.columns[6:9] == (
        *("xnli (accuracy)", "xcopa (accuracy)", "udpos (f1, corrected token_accuracy)"),
    )
    (row,) = table.rows
    assert row[:3] == ("nano", "direct_en", "40.0 / 45.0 (2 of 10)")
    names = [column.split(" (")[0] for column in table.columns[1:]]
    cells = dict(zip(names, row[2:], strict=True))
    assert cells["xnli"] == "40.0 / 40.0"
    assert cells["udpos"] == "40.0 / 50.0 (1 of 38)"
    assert cells["qa"] == cells["mlqa"] == "–"
    assert "±" not in table.title


def test_notes_name_every_missing_task_and_language() -> None:
    (table,) = overall_tables([*rows(half(40.0)), *rows({"xnli": half(1.0)["xnli"]}, model="micro")])
    first, second, third = table.notes
    assert first.startswith("Tasks without a score: xcopa, wikiann, xquad")
    assert first.endswith("(nano direct_en).")
    assert "udpos" in second
    assert second.endswith("(micro direct_en).")
    assert third.startswith("udpos has 1 of 38 languages, missing: af, ar,")
    assert third.endswith("zh.")  # of all rows that have the task, so that none is named


def test_the_spread_over_seeds_is_told_as_what_it_is() -> None:
    (table,) = overall_tables(rows(half(40.0), half(42.0)))
    assert table.title.startswith("XTREME-R: official / corrected ± standard deviation over 2 seeds")
    assert table.rows[0][2] == "41.0 / 46.0 ± 1.4 (2 of 10)"


def test_the_report_shows_it_and_writes_it_as_csv(tmp_path: Path) -> None:
    analysis = replace(empty(), editions=rows(half(40.0)))
    write_analysis(tmp_path / "analysis", analysis)
    page = write_report(tmp_path / "report", read_analysis(tmp_path / "analysis"))
    text = page.read_text()
    assert '<h2 id="overall">' in text
    assert "40.0 / 45.0 (2 of 10)" in text
    assert "Tasks without a score: xcopa, wikiann" in text
    lines = (tmp_path / "report" / "tables" / "overall_scores.csv").read_text().splitlines()
    assert lines[0].split(",")[:7] == [
        *("edition", "model", "arm", "level", "name", "official", "corrected")
    ]
    assert len(lines) == 1 + 10 + 4 + 1
    assert lines[-1].startswith("xtreme-r,nano,direct_en,overall,XTREME-R,40.0,45.0,,1,xnli udpos,")


def test_without_tasks_of_the_benchmark_the_report_has_no_such_section(tmp_path: Path) -> None:
    page = write_report(tmp_path, empty())
    assert '<h2 id="overall">' not in page.read_text()
