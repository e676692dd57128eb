"""The report: its answers and tables, the same bytes each time, honest about what is missing."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from simulate import Plan, study

from xlgap.analysis.result import Analysis, analyse, read_analysis, write_analysis
from xlgap.analysis.rows import Collapsed, LearnedNothing
from xlgap.analysis.words import signed
from xlgap.errors import ResultError
from xlgap.published import load_scores
from xlgap.report.grids import csv_text, english_grid, gap_grid
from xlgap.report.latex import latex
from xlgap.report.pages import level, render
from xlgap.report.plots import gap_against_size
from xlgap.report.register import shown_tables
from xlgap.report.write import write_partial_report, write_report

FIELDS = {
    "question", "quantity", "source", "models", "size_range", "estimate", "ci_low", "ci_high", "n",
    "method", "proxy", "supported", "reason", "figure",
}  # fmt: skip


def test_answers_have_their_fields_and_cover_what_is_asked(folder: Path) -> None:
    answers = json.loads((folder / "answers.json").read_text(encoding="utf8"))
    assert all(set(a) >= FIELDS for a in answers)
    supported = {(a["question"], a["source"], a["proxy"]) for a in answers if a["supported"]}
    assert {(1, "measured", False), (3, "measured", False)} <= supported
    assert {(2, "published", False), (3, "published", True)} <= supported
    assert not {(3, "published", False), (1, "published", False)} & supported
    assert {a["question"] for a in answers} == {1, 2, 3, 4, 5}
    assert all(a["reason"] for a in answers if not a["supported"])


def test_figures_of_answers_exist_and_are_xml(folder: Path) -> None:
    answers = json.loads((folder / "answers.json").read_text(encoding="utf8"))
    names = {a["figure"] for a in answers if a["figure"]}
    assert {"inter.svg", "direct.svg", "published_native.svg", "published_distance.svg"} <= names
    for name in names:
        ElementTree.parse(folder / "figures" / name)


def test_why_a_question_is_not_answered_stands_on_the_page(analysis: Analysis) -> None:
    (first, *_), rest = (
        [a for a in analysis.answers if a.key.startswith("1.inter.slope")],
        analysis.answers,
    )
    unknown = replace(
        first, estimate=None, supported=False, method="none", reason="Too few. It needs x."
    )
    text = render(replace(analysis, answers=tuple(unknown if a == first else a for a in rest)), {})
    assert "It needs x." in text


def test_a_disagreement_is_shown_once(analysis: Analysis) -> None:
    [grid] = [g for g in shown_tables(analysis)["sources"] if g.name == "disagreements"]
    shown = [row[:3] for row in grid.rows]
    assert ("tydiqa (f1)", "mT5-XXL", "zero_shot_english") in shown
    assert len(set(shown)) == len(shown)


def test_the_level_names_models_at_chance(analysis: Analysis) -> None:
    assert "at chance" not in level(analysis, 1)
    task = analysis.english[0].task
    weak = [
        replace(e, at_chance=e.task == task and e.model == analysis.models[0].name)
        for e in analysis.english
    ]
    assert f"; at chance in English: {analysis.models[0].name} on {task}." in level(
        replace(analysis, english=tuple(weak)), 1
    )


def test_same_bytes_again_and_from_the_file(analysis: Analysis, folder: Path, tmp_path: Path) -> None:
    write_analysis(tmp_path / "analysis", analysis)
    again = read_analysis(tmp_path / "analysis")
    assert again == analysis
    write_report(tmp_path / "report", again)
    first = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    second = {
        p.relative_to(tmp_path / "report"): p.read_bytes()
        for p in (tmp_path / "report").rglob("*")
        if p.is_file()
    }
    assert first == second


def test_metrics_are_numbers_by_task_model_and_slope(analysis: Analysis, tmp_path: Path) -> None:
    write_analysis(tmp_path, analysis)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert set(metrics["english"]) == {"nli", "qa"}
    assert len(metrics["gap"]["inter"]) == 4
    assert isinstance(metrics["slope"]["1.inter.slope.params_total"], float)


def test_an_analysis_of_another_version_is_told(analysis: Analysis, tmp_path: Path) -> None:
    write_analysis(tmp_path, analysis)
    path = tmp_path / "analysis.json"
    path.write_text(path.read_text().replace('"chance"', '"former"'))
    with pytest.raises(ResultError, match=r"analysis\.json: not written by this version .*'chance'"):
        read_analysis(tmp_path)


def test_report_before_analysis_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="run the stage 'analyse' first"):
        read_analysis(tmp_path)


def test_partial_report_names_the_missing(analysis: Analysis) -> None:
    text = render(replace(analysis, missing=("nano-direct_en-nli",)), {})
    assert "Partial report." in text
    assert "1 cell has no scores and is missing from every figure below: nano-direct_en-nli." in text


def test_partial_report_takes_the_place_of_a_full_one(analysis: Analysis, tmp_path: Path) -> None:
    write_report(tmp_path / "report", analysis)
    incomplete = replace(analysis, missing=("nano-direct_en-nli",))
    page = write_partial_report(tmp_path / "report", tmp_path / "report" / "partial", incomplete)
    assert "Partial report." in page.read_text(encoding="utf8")
    assert {p.name for p in (tmp_path / "report").iterdir()} == {"partial", "index.html"}
    notice = (tmp_path / "report" / "index.html").read_text(encoding="utf8")
    assert "is not complete and has no full report" in notice
    (link,) = re.findall(r'href="([^"]*)"', notice)
    assert tmp_path / "report" / link == page


def test_collapsed_runs_are_named(analysis: Analysis) -> None:
    run = Collapsed(
        model="nano", arm="direct_en", task="qa", language="en", seed=3, value=26.0, others=70.0,
        chance=25.0,
    )  # fmt: skip
    text = render(replace(analysis, collapsed=(run,)), {})
    assert "nano, direct_en, qa in en, seed 3: 26.0 (chance 25.0, other seeds 70.0)</li>" in text
    assert "learned nothing" not in text
    fell = replace(run, learned_nothing="typing qa")
    row = LearnedNothing(model="nano", arm="direct_en", task="qa", seed=3, of="qa", collapsed=True)
    more = (row, replace(row, arm="joint", collapsed=False))
    text = render(replace(analysis, collapsed=(fell,), learned_nothing=more), {})
    assert "70.0); its training has learned nothing of typing, qa</li>" in text
    assert "1 of these 2 runs are among the collapsed ones" in text
    assert "<li>nano, qa: direct_en seed 3, joint seed 3</li>" in text


def test_tasks_at_chance_are_said_to_be_at_chance(analysis: Analysis) -> None:
    row = replace(analysis.english[0], value=26.0, chance=25.0, stderr=2.0, at_chance=True)
    grid = english_grid([row])
    assert grid.rows[0][1].endswith("; at chance")
    assert "at chance" not in english_grid([analysis.english[0]]).rows[0][1]


def test_gap_table_has_one_scale_and_its_file_every_one(analysis: Analysis) -> None:
    grid = gap_grid(analysis.estimates, "inter")
    raw = r"\+[\d.]+ \[[\d.]+, [\d.]+\]"
    assert re.fullmatch(raw, grid.rows[0][-1])
    assert re.search(rf"& {raw} \\\\", latex(grid).replace("{[}", "[").replace("{]}", "]"))
    heads, first, *_ = csv.reader(io.StringIO(csv_text(grid)))
    cells = dict(zip(heads, first, strict=True))
    assert tuple(first[:4]) == grid.rows[0]
    for task in ("nli", "qa", "mean over nli, qa"):
        assert re.fullmatch(r"\+[\d.]+", cells[f"{task}: corrected"])
        assert re.fullmatch(r"\+\d\.\d\d", cells[f"{task}: log-odds"])
        assert re.fullmatch(r"−\d+", cells[f"{task}: errors, %"])


def test_mean_says_which_tasks_it_is_over(analysis: Analysis) -> None:
    assert gap_grid(analysis.estimates, "inter").columns == ("nli", "qa", "mean over nli, qa")


def test_level_gives_the_gap_of_the_smallest_and_the_largest_model(analysis: Analysis) -> None:
    mean = [e for e in analysis.estimates if (e.gap, e.task, e.scale) == ("inter", "mean", "raw")]
    value = {e.model: re.escape(signed(e.value)) for e in mean}
    small, large = value["made_40000"], value["made_5000000"]
    text = level(analysis, 1)
    assert re.match(rf"G_inter itself: {small} \[.*\] in made_40000, {large} \[.*\] in made_5", text)
    assert text.endswith("(points, mean over nli, qa, conditional on the models).")
    assert level(analysis, 4) == ""


def test_published_intervals_have_the_confidence_of_the_study(analysis: Analysis) -> None:
    made = replace(study(Plan(groups=20), seed=2, resamples=20), confidence=0.5)
    narrow = {a.key: a for a in analyse(made, load_scores()).answers if a.source == "published"}
    wide = {a.key: a for a in analysis.answers if a.source == "published"}
    for key in ("2.distance.xnli.slope.params_total", "3.native.mT5.correlation.params_total"):
        assert wide[key].ci_low < narrow[key].ci_low < narrow[key].ci_high < wide[key].ci_high


def test_slopes_over_distance_say_whether_they_have_covariates(analysis: Analysis) -> None:
    alone = [a for a in analysis.answers if a.key.startswith("2.distance.")]
    assert {a.source for a in alone} == {"measured", "published"}
    assert all("has no covariates" in a.reason for a in alone)
    held = [a for a in analysis.answers if a.key.startswith("2.distance_partial.")]
    assert {a.source for a in held} == {"measured", "published"}
    assert not any("has no covariates" in a.reason for a in held)
    assert all("Held still over" in a.reason for a in held if a.source == "published")


def test_proxies_say_what_else_differs(analysis: Analysis) -> None:
    proxies = [a for a in analysis.answers if a.proxy and a.question == 3]
    assert proxies
    assert all("part of the gap is that of more rows" in a.reason for a in proxies)


def test_each_correlation_has_its_own_p(analysis: Analysis) -> None:
    method = next(a.method for a in analysis.answers if a.key == "1.inter.correlation.params_total")
    p = r"\(exact permutation p = 0\.\d{3}\)"
    assert re.fullmatch(
        rf"Pearson with Fisher's z interval {p}; Spearman −?\d\.\d\d {p}; Kendall −?\d\.\d\d {p}",
        method,
    )


def test_study_without_any_measured_gap_still_reports(analysis: Analysis, tmp_path: Path) -> None:
    bare = replace(analysis, estimates=(), gaps=(), english=(), models=(), published_slopes=())
    assert write_report(tmp_path, bare).is_file()
    assert not (tmp_path / "figures" / "inter.svg").exists()


def test_readme_figure_stands_alone(analysis: Analysis) -> None:
    picture = gap_against_size(analysis.estimates, gap="inter")
    assert picture == gap_against_size(analysis.estimates, gap="inter")
    svg = picture.svg
    assert "<dc:date>" not in svg
    ElementTree.fromstring(svg)
