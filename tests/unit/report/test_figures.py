"""Figures: the same bytes in both formats, what they show, and what is called extrapolated."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
from made_retention import Planted, made_study
from simulate import Plan, study

from xlgap.analysis.result import Analysis, analyse
from xlgap.analysis.rows import Answer
from xlgap.analysis.scaling import meta_regression
from xlgap.report.canvas import COLOURS, MARKERS, Picture, look
from xlgap.report.comparison import ABOVE, BELOW, Branch, Field, forest, heat_map, shade
from xlgap.report.figures import COMPARED, SHORT, drawings
from xlgap.report.members import primary_rows
from xlgap.report.panels import OFFSETS, Point, code_place, small_multiples, spread_over
from xlgap.report.plots import Beyond, band, gap_against_size
from xlgap.report.retention_figures import retention_figure

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    languages = ("en", "de", "sw", "ru", "fi", "ar", "zh")
    made = study(Plan(groups=20, languages=languages, joint=4.0, sequential=1.0), seed=2, resamples=40)
    return analyse(made, ())


def test_every_kind_of_figure_is_drawn_beside_its_question(analysis: Analysis) -> None:
    found = drawings(analysis)
    assert {"inter.svg", "direct.svg", "joint.svg", "loss_by_language.svg", "regimes.svg"} <= set(found)
    assert {"languages_inter.svg", "languages_transfer.svg"} <= set(found)
    assert found["regimes.svg"].beside == (3, "measured")
    assert found["regimes_combined.svg"].beside == (5, "measured")
    assert found["loss_by_language.svg"].beside == (2, "measured")
    for drawing in found.values():
        check(drawing.picture)
        assert drawing.alt
        assert drawing.caption


def test_a_forest_is_legible(analysis: Analysis) -> None:
    found = {n: d for n, d in drawings(analysis).items() if n.startswith("regimes")}
    drawn = {of for of in COMPARED if of in {e.gap for e in analysis.estimates}}
    texts = " ".join(" ".join(re.findall(r"<!-- (.*?) -->", d.svg)) for d in found.values())
    assert all(line in texts for of in drawn for line in SHORT[of].split("\n"))
    heights = [float(re.search(r'height="([\d.]+)pt"', d.svg)[1]) for d in found.values()]
    assert max(heights) < 600


def check(picture: Picture) -> None:
    ElementTree.fromstring(picture.svg)
    assert picture.png.startswith(PNG)
    assert b"Software" not in picture.png
    assert "<dc:date>" not in picture.svg


def test_the_same_figure_has_the_same_bytes() -> None:
    branches = [Branch(row="joint", series=f"m{i}", value=i, low=i - 1, high=i + 1) for i in range(3)]
    assert forest(branches, title="t") == forest(branches, title="t")
    fields = [Field(row="a", column="m", value=-3.0, stderr=1.0), Field(row="b", column="n", value=2.0)]
    first = heat_map(fields, title="t", unit="points")
    assert first == heat_map(fields, title="t", unit="points")
    check(first)


def test_extrapolation_is_labelled_and_only_drawn_beyond_the_models(analysis: Analysis) -> None:
    def texts(beyond: Beyond | None) -> int:
        made = gap_against_size(analysis.estimates, gap="direct", beyond=beyond)
        return made.svg.count("<!-- extrapolated")

    far = Beyond(size=175e9, value=-1.0, low=-9.0, high=5.0)
    assert texts(None) == 0
    assert texts(replace(far, size=1e6)) == 0
    assert texts(far) >= 2


def test_too_few_models_have_points_and_no_line(analysis: Analysis) -> None:
    def lines(count: int) -> int:
        sizes = sorted({e.params_total for e in analysis.estimates})[:count]
        kept = [e for e in analysis.estimates if e.params_total in sizes]
        return gap_against_size(kept, gap="direct").svg.count("<!-- for ten times the parameters")

    assert lines(4) == 1
    assert lines(3) == 0


def test_an_answer_at_a_size_is_drawn_only_where_it_is_supported(analysis: Analysis) -> None:
    at = Answer(
        question=3, key="3.direct.at.175e9", source="measured",
        quantity="G_direct at 175B parameters, points, extrapolated",
        estimate=-4.0, ci_low=-9.0, ci_high=1.0, supported=True,
    )  # fmt: skip
    caption = drawings(replace(analysis, answers=(*analysis.answers, at)))["direct.svg"].caption
    assert "extrapolated beyond the largest model" in caption
    within = replace(at, quantity="G_direct at 175B parameters, points")
    for other in (replace(at, supported=False), within):
        drawn = drawings(replace(analysis, answers=(*analysis.answers, other)))["direct.svg"]
        assert "extrapolated" not in drawn.caption


def test_a_curve_that_fits_better_is_drawn_in_place_of_the_line(analysis: Analysis) -> None:
    first = next(e for e in analysis.estimates if (e.gap, e.task, e.scale) == ("direct", "mean", "raw"))
    points = [
        replace(first, model=f"m{size:g}", params_total=int(size), value=value, stderr=0.1)
        for size, value in zip(
            (1e8, 3e8, 1e9, 4e9, 1.6e10, 6e10), (32.1, 11.9, 5.1, 2.6, 2.3, 2.0), strict=True
        )
    ]
    bent = gap_against_size(points, gap="direct").svg
    assert "<!-- power law: fits better" in bent
    assert "for ten times the parameters" not in bent


def test_the_band_is_that_of_least_squares() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    x = np.array([4.0, 5.0, 5.5, 7.0, 8.0])
    y = 3 - 2 * x + rng.normal(0, 1, 5)
    fit = meta_regression(y, None, x)
    at = np.array([4.0, 6.0, 8.0])
    height, half = band(fit, list(x), at, confidence=0.95)
    known = sm.OLS(y, sm.add_constant(x)).fit().get_prediction(sm.add_constant(at)).conf_int()
    np.testing.assert_allclose(np.stack([height - half, height + half], axis=1), known)


def test_series_differ_without_colour() -> None:
    looks = [look(i) for i in range(2 * len(MARKERS))]
    grey = {(s["marker"], s["markerfacecolor"] == "white") for s in looks}
    assert len(grey) == len(looks)
    assert len({s["color"] for s in looks[:8]}) == len(COLOURS)


def test_equal_compute_has_a_figure_of_its_own(analysis: Analysis) -> None:
    matched = tuple(replace(e, gap="joint_equal_steps") for e in analysis.estimates if e.gap == "joint")
    found = drawings(replace(analysis, estimates=(*analysis.estimates, *matched)))
    assert found["regimes_combined_equal_steps.svg"].beside == (5, "measured")
    names = re.findall(r"<!-- (.*?) -->", found["regimes_combined_equal_steps.svg"].svg)
    assert "joint − none" in names
    assert "sequential − none" not in names
    assert any("at equal steps" in name for name in names)


def test_a_heat_map_writes_values_signs_and_asterisks() -> None:
    fields = [
        Field(row="typing", column="nano", value=-12.0, stderr=2.0),
        Field(row="typing", column="tiny", value=3.0, stderr=2.0),
        Field(row="order", column="tiny", value=0.5),
    ]
    svg = heat_map(fields, title="t", unit="points").svg
    texts = re.findall(r"<!-- (.*?) -->", svg)
    assert {"−12.0*", "+3.0", "+0.5", "–"} <= set(texts)
    assert shade(-12, 12) == pytest.approx(BELOW)
    assert shade(12, 12) == pytest.approx(ABOVE)
    assert shade(0, 12) == (1.0, 1.0, 1.0)


def test_many_languages_are_thinned_in_even_steps() -> None:
    names = [f"l{i:02}" for i in range(49)]
    shown = spread_over(names, 20)
    assert len(set(shown)) == 20
    assert (shown[0], shown[-1]) == ("l00", "l48")
    check(small_multiples({n: [Point(size=10**6, value=1.0), Point(size=10**8, value=2.0)]
                           for n in names}, title="t", unit="points"))  # fmt: skip


def test_untrained_twins_are_in_no_panel(analysis: Analysis) -> None:
    kept = primary_rows(analysis.gaps, replace(analysis, controls=("made_40000",)))
    assert kept
    assert "made_40000" not in {r.model for r in kept}


def test_the_retention_matrix_shows_what_was_planted() -> None:
    made = analyse(made_study(Planted(lost=30, less=0, model_sd=0), seed=1), ())
    found = drawings(made)["retention_matrix.svg"]
    check(found.picture)
    assert found.beside == (4, "measured")
    texts = re.findall(r"<!-- (.*?) -->", found.svg)
    values = [float(t.strip("*").replace("−", "-")) for t in texts if t.endswith("*")]
    assert values
    assert min(values) == pytest.approx(-30, abs=4)
    assert any(t.endswith("English") for t in texts)
    assert any(t.endswith("other languages (probe)") for t in texts)


def test_a_task_at_chance_has_neither_colour_nor_asterisk() -> None:
    """Kept heads at chance just after their own phase, in all languages by what they are in English."""
    made = analyse(made_study(Planted(lost=30, less=0, model_sd=0), seed=1), ())
    whole = drawings(made)["retention_matrix.svg"]
    assert "at chance" not in whole.caption
    assert "as if they were wholly dependent" in whole.caption
    dead = tuple(replace(r, not_learned=True) if r.head == "kept" else r for r in made.retention)
    found = drawings(replace(made, retention=dead))["retention_matrix.svg"]
    texts = re.findall(r"<!-- (.*?) -->", found.svg)
    assert {"typing, English", "typing, other languages"} <= set(texts)
    assert len([t for t in texts if re.fullmatch(r"\(.\d+\.\d\)", t)]) == 2 * len(Planted().sizes)
    assert "at chance just after its own phase" in found.caption


def test_a_task_that_one_of_two_seeds_has_learned_is_not_at_chance() -> None:
    one, both = (
        analyse(
            made_study(
                Planted(groups=60, unlearned=[("inter_en_typing", "typing", s) for s in seeds]), seed=1
            ),
            (),
        )
        for seeds in ((1,), (0, 1))
    )
    captions = [drawings(made)["retention_matrix.svg"].caption for made in (one, both)]
    assert ["at chance just after its own phase" in caption for caption in captions] == [False, True]
    kept = [r for r in (*one.retention, *both.retention) if (r.task, r.head) == ("typing", "kept")]
    assert not [r for r in kept if r.ratio is not None and r.language == "en"], "the mean has no ratio"
    assert {r.language for r in both.retention if r.not_learned} == {"en", "de", "sw", "avg"}
    assert not [r for r in one.retention if r.not_learned]


def test_errors_of_runs_that_share_items_are_not_divided_by_their_number() -> None:
    made = analyse(made_study(Planted(), seed=1), ())
    row = next(r for r in made.retention if r.final and (r.language, r.head) == ("en", "kept"))
    runs = [replace(row, task="typing", arm=f"a{i}", change=-3.0, stderr=2.0) for i in range(4)]
    texts = re.findall(r"<!-- (.*?) -->", retention_figure(runs)[0].svg)
    assert "−3.0" in texts, "beyond two standard errors only if the runs were independent"


def test_a_code_keeps_off_points_codes_and_if_it_can_lines() -> None:
    at = (0.5, 0.5)
    steep = [(0.5, i / 40) for i in range(40)]
    assert code_place(at, (), (), ()) == OFFSETS[0]
    beside = code_place(at, (), (), steep)
    assert beside is not None
    assert beside[0] != 0
    everywhere = [(i / 40, j / 40) for i in range(40) for j in range(40)]
    assert code_place(at, (), (), everywhere) == OFFSETS[0]
    assert code_place(at, (), everywhere, ()) is None


def test_a_line_that_known_errors_do_not_carry_says_so(analysis: Analysis) -> None:
    points = [e for e in analysis.estimates if (e.gap, e.task, e.scale) == ("direct", "mean", "raw")]

    def said(stderr: float) -> int:
        on_a_line = [
            replace(p, value=float(i) + 0.01 * (i % 2), stderr=stderr) for i, p in enumerate(points)
        ]
        return gap_against_size(on_a_line, gap="direct").svg.count("(known errors allow more)")

    assert said(5.0) == 1
    assert said(1e-6) == 0
