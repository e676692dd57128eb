"""The report's page: complete, self-contained, well-formed, short in print."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from xlgap.analysis.answers.cautions import LAB_SENTENCE
from xlgap.analysis.result import Analysis
from xlgap.report.figures import MEASURED_CAPTION
from xlgap.report.pages import render


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
