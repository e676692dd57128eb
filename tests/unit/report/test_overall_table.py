"""The report's table of overall scores: both numbers, of how many, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xlgap.analysis.result import Analysis, read_analysis, write_analysis
from xlgap.evaluation.editions import XTREME_R, OfTasks, overall
from xlgap.evaluation.tested import OfTests, Tested
from xlgap.report.overall import overall_tables
from xlgap.report.write import write_report
from xlgap.tasks import get_task

XNLI = get_task("xnli").eval_languages


def rows(*seeds: OfTasks, model: str = "nano", tested: OfTests | None = None):
    return overall(XTREME_R, list(seeds), model=model, arm="direct_en", tested=tested)


def everything(value: float) -> OfTasks:
    """Every task in every language."""
    found = {}
    for task in map(get_task, XTREME_R.tasks):
        found[task.name] = {c: dict.fromkeys(task.metrics, value) for c in XTREME_R.languages(task)}
    return found


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
    assert row[:3] == ("nano", "direct_en", "40.0 / 45.0 (2 of 10)*")
    names = [column.split(" (")[0] for column in table.columns[1:]]
    cells = dict(zip(names, row[2:], strict=True))
    assert cells["xnli"] == "40.0 / 40.0"
    assert cells["udpos"] == "40.0 / 50.0 (1 of 38)"
    assert cells["qa"] == cells["mlqa"] == "–"
    assert "±" not in table.title


def test_notes_name_every_missing_task_and_language() -> None:
    (table,) = overall_tables([*rows(half(40.0)), *rows({"xnli": half(1.0)["xnli"]}, model="micro")])
    star, none, first, second, third = table.notes
    assert star.startswith("* of a task: not scored on all rows")
    assert none == "None of these is a score of the whole of XTREME-R."
    assert first.startswith("Tasks without a score: xcopa, wikiann, xquad")
    assert first.endswith("(nano direct_en).")
    assert "udpos" in second
    assert second.endswith("(micro direct_en).")
    assert third.startswith("udpos has 1 of 38 languages, missing: af, ar,")
    assert third.endswith("zh.")  # of all rows that have the task, so that none is named


def test_the_spread_over_seeds_is_told_as_what_it_is() -> None:
    (table,) = overall_tables(rows(half(40.0), half(42.0)))
    assert table.title.startswith("XTREME-R: official / corrected ± standard deviation over 2 seeds")
    assert table.rows[0][2] == "41.0 / 46.0 ± 1.4 (2 of 10)*"


def test_a_complete_table_claims_no_gap() -> None:
    complete = rows(everything(40.0))
    (table,) = overall_tables(complete)
    assert table.notes == ()
    assert table.title.startswith("XTREME-R: official / corrected")
    assert not any("*" in cell or " of " in cell for cell in table.rows[0][2:])
    (table,) = overall_tables([*complete, *rows(half(40.0), model="micro")])
    told = "Of these only the scores of nano direct_en are of the whole of XTREME-R."
    assert told in table.notes


def test_a_whole_with_all_tasks_but_not_all_languages_is_marked() -> None:
    scores = everything(40.0)
    del scores["xnli"]["sw"]
    (table,) = overall_tables(rows(scores))
    cells = dict(zip(table.columns, table.rows[0][1:], strict=True))
    assert cells["XTREME-R"] == cells["classification"] == "40.0 / 40.0*"
    assert cells["retrieval"] == "40.0 / 40.0"
    assert table.notes[1] == "None of these is a score of the whole of XTREME-R."
    assert table.notes[2] == "xnli has 14 of 15 languages, missing: sw."


def test_a_score_on_part_of_the_rows_or_on_other_files_is_not_called_official() -> None:
    part = Tested(rows=60, released_rows=1190)
    other = Tested(rows=500, released_rows=500, stands_in="dev files")
    tested = {
        "xnli": dict.fromkeys(XNLI, Tested(rows=5010, released_rows=5010)),
        "xquad": dict.fromkeys(get_task("xquad").eval_languages, part),
        "mlqa": dict.fromkeys(("de", "en"), other),
    }
    (table,) = overall_tables(rows(everything(40.0), tested=tested))
    said = "XTREME-R: official metrics on part of the rows and stand-in files / corrected"
    assert table.title.startswith(said)
    cells = dict(zip((c.split(" (")[0] for c in table.columns), table.rows[0][1:], strict=True))
    for name in ("xquad", "mlqa", "qa", "XTREME-R"):
        assert cells[name].endswith("*"), name
    for name in ("xnli", "classification", "tydiqa"):
        assert not cells[name].endswith("*"), name
    assert table.notes[2:] == (
        "xquad is scored on 720 of 14,280 rows.",
        "mlqa is scored on dev files in place of the official test files (de, en).",
    )


def test_the_report_shows_it_and_writes_it_as_csv(tmp_path: Path) -> None:
    analysis = replace(empty(), editions=rows(half(40.0)))
    write_analysis(tmp_path / "analysis", analysis)
    page = write_report(tmp_path / "report", read_analysis(tmp_path / "analysis"))
    text = page.read_text()
    assert '<h2 id="overall">' in text
    assert "40.0 / 45.0 (2 of 10)*" in text
    assert "so that none of them" not in text
    folded = text[text.index("<details><summary>Tables of overall scores") :].partition("</details>")[0]
    assert "40.0 / 45.0 (2 of 10)*" in folded, "too wide for print, which leaves out what is folded"
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
