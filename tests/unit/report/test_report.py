"""The report: complete, self-contained, the same bytes each time, honest about what is missing."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from simulate import Plan, study

from xlgap.analysis.answers.cautions import LAB_SENTENCE
from xlgap.analysis.result import Analysis, analyse, read_analysis, write_analysis
from xlgap.analysis.rows import Collapsed, LearnedNothing
from xlgap.analysis.words import signed
from xlgap.errors import ResultError
from xlgap.published import load_scores
from xlgap.report.figures import MEASURED_CAPTION
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


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    made = study(Plan(groups=40, languages=("en", "de", "sw", "ru", "fi", "ar")), seed=2, resamples=100)
    left_out = (("direct_sw", "tatoeba", "no training data in 'sw'"),)
    return analyse(replace(made, left_out=left_out), load_scores())


@pytest.fixture(scope="module")
def folder(analysis: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    assert write_report(out, analysis) == out / "index.html"
    return out


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf8")


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


def test_page_asks_nothing_of_the_network(page: str) -> None:
    links = re.findall(r'(?:src|href)\s*=\s*"([^"]*)"', page)
    assert [link for link in links if not link.startswith("#")] == []
    assert "@import" not in page
    assert "<script" not in page
    assert page.count("<svg") >= 8


def test_measured_and_published_stand_side_by_side(page: str) -> None:
    sides = re.findall(r"<h3>(\w+)</h3>", page)
    assert sides == ["measured", "published"] * 5


def test_page_says_what_the_lab_is_and_what_is_left_out(page: str) -> None:
    assert LAB_SENTENCE in page
    assert "direct_sw × tatoeba: no training data in &#39;sw&#39;" in page
    assert "No cell of the grid is missing." in page
    assert "82.0 in mt5_readme, 80.8 in mt5_paper_secondary" in page


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


def test_page_says_how_to_read_a_trend(page: str, analysis: Analysis) -> None:
    assert "<th>Trend</th>" in page
    assert "<td>falls</td>" in page
    assert "which does not mean that there is none" in page
    assert "no interval is corrected for how many there are" in page
    assert "Supported" not in page
    twin = render(replace(analysis, controls=("made_40000",)), {})
    assert "4 models, 1 of them untrained," in twin


DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)


def test_what_is_folded_is_not_printed_and_all_of_it_is_a_file(page: str, folder: Path) -> None:
    assert "@media print" in page
    assert "nav, details:not([open]) { display: none; }" in page
    figures = re.findall(r'<figure id="figure-([^"]*)">', page)
    assert len(set(figures)) == len(figures)
    assert {f"{name}.svg" for name in figures} <= {p.name for p in (folder / "figures").iterdir()}
    answers = json.loads((folder / "answers.json").read_text(encoding="utf8"))
    assert {a["figure"] for a in answers if a["figure"]} <= {f"{name}.svg" for name in figures}
    parts = page.split('<section class="page" id="q')[1:]
    for part in parts:
        kept = DETAILS.sub("", part.partition("</section>")[0])
        sides, _, beside = kept.partition("</table>")[0].partition('<div class="pair">')
        for side in sides.split("<h3>")[1:]:
            assert side.count("<figure") <= 2
        assert beside.count("<figure") <= 2
        assert kept.count("<table") <= 1
        assert ("print leaves out what is folded" in kept) == ("<details>" in part)
    assert "More figures</summary>" in parts[2]
    assert "More tables</summary>" in parts[0]
    more = "".join(DETAILS.findall(parts[0]))
    assert "G_inter: target-language minus English intermediate training</caption>" in more
    assert "its range over refits</td>" in " ".join(more.replace("<div", "</td><div").split())


def test_print_has_a_figure_of_each_kind_and_none_that_a_caption_lacks(page: str) -> None:
    kept = DETAILS.sub("", page)
    printed = set(re.findall(r'<figure id="figure-([^"]*)">', kept))
    assert {"inter", "languages_inter", "published_loss_by_language", "regimes"} <= printed
    assert set(re.findall(r'Read as <a href="#figure-([^"]*)">', kept)) <= printed
    named = re.findall(r"the figure “([^”]*)”", kept)
    assert named
    for name in named:
        svg = kept[kept.index(f'aria-label="{name}"') :].partition("</svg>")[0]
        title = " ".join(svg.replace("<!-- ", "").replace(" -->", "").split())
        assert all(word in title for word in name.split())


def test_questions_flow_on_in_print_and_no_head_stands_alone(page: str) -> None:
    style = page.partition("@media print")[2].partition("</style>")[0]
    assert "break-before: page" not in style
    assert "caption, thead { break-after: avoid; }" in style
    assert "h2, h3, figure, tr, thead { break-inside: avoid; }" in style


def test_every_answer_stands_on_the_page_or_below_it_once(page: str, analysis: Analysis) -> None:
    for number, part in enumerate(page.split('<section class="page" id="q')[1:6], 1):
        of_question = part.partition("</section>")[0]
        rows = len(re.findall(r"<tr[^>]*><td>(?:measured|published)</td><td>", of_question))
        there = [a for a in analysis.answers if a.question == number and not a.key.endswith(".none")]
        assert rows == len(there)


def test_a_caption_stands_under_the_first_figure_of_its_kind(page: str) -> None:
    assert (
        page.count("Bars: bootstrap intervals over items and seeds, conditional on each model. Line:")
        <= 2
    )
    kept = DETAILS.sub("", page)
    assert MEASURED_CAPTION in kept
    links = re.findall(r'Read as <a href="#([^"]*)">', page)
    assert links
    for link in links:
        assert f'<figure id="{link}">' in page


def test_where_sources_disagree_is_said_once(page: str) -> None:
    sources = page[page.index('<h2 id="sources">') :]
    notes = re.findall(r"<li>(Sources disagree, .*?)</li>", sources)
    assert notes
    assert page.count("Sources disagree, ") == len(notes) == len(set(notes))
    assert f"Of {len(notes)} numbers behind these answers another source prints another one" in page


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


class Tags(HTMLParser):
    """Opened and closed elements, which must pair."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        if not self.open.count("svg"):
            self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_well_formed_and_its_links_lead_somewhere(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert len(set(tags.ids)) == len(tags.ids)
    links = re.findall(r'href="#([^"]*)"', page[: page.index("<svg")])
    assert {f"q{n}" for n in range(1, 6)} <= set(links) <= set(tags.ids)
    assert page.count('<section class="page"') == 6


def test_each_question_has_answer_figure_table_method_and_what_would_change_it(page: str) -> None:
    parts = page.split('<section class="page" id="q')[1:]
    assert [p[0] for p in parts] == ["1", "2", "3", "4", "5"]
    for part in parts[:3]:
        assert part.count('<p class="answer">') == 2
        kept = DETAILS.sub("", part)
        assert "<table" in kept
        assert "<svg" in kept
        for what in ("<svg", "<table", "<strong>Method.</strong>", "<strong>What would change it."):
            assert what in part
