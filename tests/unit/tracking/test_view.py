"""Views of the MLflow UI: what a tag has room for."""

from __future__ import annotations

import json

from mlflow.utils.validation import MAX_EXPERIMENT_TAG_VAL_LENGTH

from xlgap.tracking.view import view_state


def test_each_figure_has_a_chart() -> None:
    state = json.loads(view_state("tags.study = 'a'", ["gap_inter", "gap_direct"]))
    assert [chart["yaxis"]["key"] for chart in state["compareRunCharts"]] == ["gap_inter", "gap_direct"]
    assert [section["name"] for section in state["compareRunSections"]] == ["Gap against size"]


def test_of_more_figures_than_a_tag_holds_the_first_have_a_chart_and_the_section_says_so() -> None:
    figures = [f"gap_{number:03}" for number in range(400)]
    text = view_state("tags.study = 'a'", figures)
    assert len(text) <= MAX_EXPERIMENT_TAG_VAL_LENGTH
    state = json.loads(text)
    charts = [chart["yaxis"]["key"] for chart in state["compareRunCharts"]]
    assert charts == figures[: len(charts)]
    assert len(charts) > 50
    (section,) = state["compareRunSections"]
    assert f"the first {len(charts)} of 400 metrics" in section["name"]
