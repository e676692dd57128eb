"""Figures by language: over the tasks and cells of the mean that they stand beside, and no others."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.result import Analysis, analyse
from xlgap.analysis.study import Study, TaskInfo
from xlgap.report.by_language import language_figures
from xlgap.report.figures import drawings
from xlgap.report.members import at_chance, members, over, primary_rows

LANGUAGES = ("en", "de", "sw", "ru", "fi", "ar", "zh")
PLAN = Plan(groups=20, languages=LANGUAGES, tasks=("far", "nli"), joint=3.0, sequential=1.0)


def mixed(*, parallel: bool = True) -> Study:
    """Tasks ``nli`` and ``far``, which is not parallel and lacks Finnish, and ``dead``, at chance."""
    alive = study(PLAN, seed=3, resamples=20)
    dead = study(replace(PLAN, tasks=("dead",), at_chance=True), seed=4, resamples=20)
    scores = [s for s in (*alive.scores, *dead.scores) if (s.task, s.language) != ("far", "fi")]
    tasks = {task: TaskInfo(metric="accuracy", parallel=parallel) for task in ("dead", "far", "nli")}
    tasks["far"] = replace(tasks["far"], parallel=False)
    return replace(alive, scores=tuple(scores), tasks=tasks, items={})


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analyse(mixed(), ())


@pytest.mark.parametrize(
    ("gap", "tasks", "languages", "lacking"),
    [
        ("inter", ("far", "nli"), {"ru", "sw"}, ()),
        ("direct", ("far", "nli"), {"ru", "sw"}, ()),
        ("joint", ("far", "nli"), {"de", "sw", "ru", "ar", "zh"}, ("fi",)),
        ("sequential", ("far", "nli"), {"de", "sw", "ru", "ar", "zh"}, ("fi",)),
        ("transfer", ("nli",), {"de", "sw", "ru", "fi", "ar", "zh"}, ()),
    ],
)
def test_rows_are_of_the_tasks_of_the_mean_in_languages_that_all_have(
    analysis: Analysis, gap: str, tasks: tuple[str, ...], languages: set[str], lacking: tuple[str, ...]
) -> None:
    shown = members(primary_rows(analysis.gaps, analysis), analysis.estimates, gap=gap)
    assert shown is not None
    assert (shown.tasks, shown.lacking) == (tasks, lacking)
    assert {r.task for r in shown.rows} == set(tasks)
    assert {r.language for r in shown.rows} == languages
    assert set(shown.left_out) == {"dead", "far", "nli"} - set(tasks)


def test_the_mean_over_languages_is_the_estimate_that_answers(analysis: Analysis) -> None:
    shown = members(primary_rows(analysis.gaps, analysis), analysis.estimates, gap="transfer")
    assert shown is not None
    means = [e for e in analysis.estimates if (e.gap, e.task, e.scale) == ("transfer", "mean", "raw")]
    assert len(means) == len(PLAN.sizes)
    for e in means:
        of_model = [r.value for r in shown.rows if r.model == e.model]
        assert statistics.fmean(of_model) == pytest.approx(e.value)


def test_slopes_in_the_legend_are_those_of_the_answer(analysis: Analysis) -> None:
    (drawing,) = [d for d in language_figures(analysis) if d.name == "loss_by_language.svg"]
    slopes = [e for e in analysis.estimates if (e.gap, e.task, e.scale) == ("distance", "mean", "raw")]
    assert slopes
    for e in slopes:
        value = f"{e.value:.1f}".replace("-", "−")
        assert f"<!-- {e.model}: {value} for 0.1 -->" in drawing.svg
    assert "far" not in drawing.alt
    assert "left out of both: dead (at chance), far." in drawing.caption


def test_captions_say_what_is_left_out(analysis: Analysis) -> None:
    drawn = {d.name: d for d in language_figures(analysis)}
    inter = drawn["languages_inter.svg"]
    assert inter.alt == "G_inter by language, mean over far, nli, measured"
    assert "tasks of the answer: far, nli; left out of both: dead (at chance)." in inter.caption
    assert "are not here" not in inter.caption
    assert "are not here: fi." in drawn["languages_joint.svg"].caption
    assert drawn["languages_transfer.svg"].alt == "Transfer gap by language, nli, measured"


def test_there_is_no_figure_where_there_is_no_answer() -> None:
    none = analyse(mixed(parallel=False), ())
    assert not [e for e in none.estimates if (e.gap, e.task) == ("transfer", "mean")]
    assert any(r.gap == "transfer" for r in none.gaps)
    assert {d.name for d in language_figures(none)} & {
        "languages_transfer.svg", "loss_by_language.svg",
    } == set()  # fmt: skip


def test_a_task_at_chance_is_marked_in_the_legend(analysis: Analysis) -> None:
    assert at_chance(analysis) == {"dead"}
    svg = drawings(analysis)["inter.svg"].svg
    assert "<!-- dead, at chance, left out -->" in svg
    assert "<!-- nli -->" in svg
    assert "<!-- G_inter: target-language minus English intermediate -->" in svg


def test_titles_begin_with_a_capital_letter_and_are_the_names_of_figures(analysis: Analysis) -> None:
    for drawing in drawings(analysis).values():
        assert drawing.alt[0].isupper()
        written = " ".join(drawing.svg.replace("<!-- ", "").replace(" -->", "").split())
        assert all(word in written for word in drawing.alt.split())


def test_titles_name_few_tasks() -> None:
    assert over(("udpos",)) == "udpos"
    assert over(("a", "b")) == "mean over a, b"
    assert over(("a", "b", "c", "d")) == "mean over 4 tasks"
