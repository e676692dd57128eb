"""Tables of the report: every field of an analysis is a file, every shown table CSV and LaTeX."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulate import Plan, study

from xlgap.analysis.result import Analysis, analyse
from xlgap.report import register
from xlgap.report.grids import Grid, csv_text
from xlgap.report.latex import escaped, latex
from xlgap.report.pages import render
from xlgap.report.register import LISTINGS, Listing, change, interval, shown_tables
from xlgap.report.write import write_tables

LATEX_MEANS = re.compile(r"(?<!\\)[&%$#_{}~^]")


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analyse(study(Plan(groups=20), seed=2, resamples=50), ())


@dataclass(frozen=True, kw_only=True)
class Kept:
    model: str
    value: float
    ci_low: float | None
    ci_high: float | None


ROWS = (
    Kept(model="nano", value=-4.26, ci_low=-6.0, ci_high=-2.0),
    Kept(model="tiny", value=1.0, ci_low=None, ci_high=None),
)
RETAINED = Listing(
    name="retained",
    kind=Kept,
    rows=lambda _: ROWS,
    title="Score kept on the first task",
    place=4,
    shown={"Model": "model", "Change": change, "Interval": interval},
    notes=("Points.",),
)


def test_every_field_of_rows_is_a_file(analysis: Analysis) -> None:
    listed = [id(listing.rows(analysis)) for listing in LISTINGS]
    of_rows = {
        f.name
        for f in dataclasses.fields(Analysis)
        if isinstance(value := getattr(analysis, f.name), tuple)
        and value
        and dataclasses.is_dataclass(value[0])
        and id(value) not in listed
    }
    assert of_rows == {"models"}, "add these to register.LISTINGS: models alone are a part of the page"


def test_names_of_files_are_not_given_twice(analysis: Analysis) -> None:
    listings = [listing.name for listing in LISTINGS]
    shown = [g.name for grids in shown_tables(analysis).values() for g in grids]
    assert len(set(listings)) == len(listings)
    assert len(set(shown)) == len(shown)


def test_one_entry_adds_a_table_to_page_csv_and_latex(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(register, "LISTINGS", (*LISTINGS, RETAINED))
    grid = shown_tables(analysis)[4][-1]
    assert grid.heads == ("Model", "Change", "Interval")
    assert grid.rows == (("nano", "−4.3", "[−6.0, −2.0]"), ("tiny", "+1.0", "–"))
    page = render(analysis, {})
    part = page[page.index('id="q4"') : page.index('id="q5"')]
    assert "Score kept on the first task" in part
    assert '<td class="n">−4.3</td>' in part
    monkeypatch.setattr("xlgap.report.write.LISTINGS", (*LISTINGS, RETAINED))
    write_tables(tmp_path, analysis)
    assert (tmp_path / "retained.csv").read_text() == (
        "model,value,ci_low,ci_high\nnano,-4.26,-6.0,-2.0\ntiny,1.0,,\n"
    )
    assert r"nano & $-$4.3 & {[}$-$6.0, $-$2.0{]} \\" in (tmp_path / "retained.tex").read_text()


def test_a_table_without_rows_is_left_out(analysis: Analysis) -> None:
    assert dataclasses.replace(RETAINED, rows=lambda _: ()).grid(analysis) is None
    assert dataclasses.replace(RETAINED, only=lambda r: r.value > 0).grid(analysis).rows == (
        ("tiny", "+1.0", "–"),
    )


def test_gaps_stand_on_the_page_of_their_question(analysis: Analysis) -> None:
    shown = {place: [g.name for g in grids] for place, grids in shown_tables(analysis).items()}
    assert "gap_inter" in shown[1]
    assert {"gap_direct", "gap_native", "gap_english_gain"} <= set(shown[3])
    assert register.place_of("joint_equal_steps") == 5
    assert register.place_of("unheard_of") == "study"


def test_latex_of_every_table_is_well_formed(analysis: Analysis) -> None:
    grids = [g for of_place in shown_tables(analysis).values() for g in of_place]
    assert len(grids) >= 6
    for grid in grids:
        well_formed(grid)


@pytest.mark.parametrize("nasty", ["100% {a_b} & $x^2$ ~ #1 \\end", "[x] <y> | “q” − ± × 'a'", "a\nb"])
def test_latex_of_nasty_cells_is_well_formed(nasty: str) -> None:
    grid = Grid(
        name="n_1", title=nasty, head=nasty, columns=("x",), rows=((nasty, "1"),), notes=(nasty,)
    )
    well_formed(grid)


def well_formed(grid: Grid) -> None:
    """Environments close, braces pair, each row has one cell a column, nothing is left unescaped."""
    text = latex(grid)
    assert re.findall(r"\\(begin|end)\{(\w+)\}", text) == [
        ("begin", "table"), ("begin", "tabular"), ("end", "tabular"), ("end", "table"),
    ]  # fmt: skip
    bare = re.sub(r"\\[\\{}&%$#_]", "", text)
    assert bare.count("{") == bare.count("}")
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 1 + len(grid.rows)
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == len(grid.heads) - 1
        assert bare.count("$") % 2 == 0
    specification = re.search(r"\\begin\{tabular\}\{(.*)\}\n", text)
    assert specification is not None
    columns = re.sub(r">\{[^}]*\}p\{[^}]*\}", "p", specification[1])
    assert [c == "r" for c in columns] == list(grid.numeric)
    assert all(ord(c) < 0x2000 for c in text if not c.isalpha())


def test_escaped_text_has_no_character_that_means_something() -> None:
    assert escaped("a_b & 5%") == r"a\_b \& 5\%"
    assert LATEX_MEANS.sub("", escaped("_&%#")) == escaped("_&%#")


def test_csv_of_a_shown_table_reads_back() -> None:
    grid = Grid(name="g", title="", columns=("a, b", 'c"'), rows=(("x", "1,5", "–"),))
    assert list(csv.reader(io.StringIO(csv_text(grid)))) == [["Model", "a, b", 'c"'], ["x", "1,5", "–"]]
    assert grid.numeric == (False, True, False)


def test_numeric_columns() -> None:
    grid = Grid(name="g", title="", columns=("n", "v"), rows=(("a", "1,234", "−1.5"), ("b", "–", "x")))
    assert grid.numeric == (False, True, False)
    assert Grid(name="g", title="", columns=("n",), rows=()).numeric == (False, False)
