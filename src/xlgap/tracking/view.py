"""Views that the MLflow UI opens: a study's gaps against model size, its current cells, its regimes.

MLflow keeps a shared view as a tag of the experiment, in JSON; the page reads it when its address
names the view. Format: ``useSharedExperimentViewState`` and ``ExperimentPageUIState`` in MLflow 3.17's
``mlflow/server/js/src/experiment-tracking``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import urlencode

TAG_PREFIX = "mlflow.sharedViewState."
CELLS, REGIMES = "-cells", "-regimes"
VIEWS = ("", CELLS, REGIMES)
"""What the names of a study's views end with."""
SIZE = "log10_params_nonembedding"
SECTION = "gap"


def view_key(study: str) -> str:
    """The name of a study's view."""
    return f"xlgap-{study}"


def view_tag(study: str) -> str:
    """The experiment's tag that holds it."""
    return TAG_PREFIX + view_key(study)


def viewed_studies(tags: Iterable[str]) -> list[str]:
    """The studies of whose gaps an experiment with these tags holds a view.

    >>> viewed_studies(["mlflow.sharedViewState.xlgap-lab", "mlflow.sharedViewState.xlgap-lab-cells"])
    ['lab']
    """
    views = {tag.removeprefix(view_tag("")) for tag in tags if tag.startswith(view_tag(""))}
    return sorted(views - {view + other for view in views for other in (CELLS, REGIMES)})


def view_path(experiment_id: str, study: str, *, view: str = "") -> str:
    """What to append to the address of the MLflow UI to open it, in the menu of training runs.

    Args:
        experiment_id: the experiment's number.
        study: the study's name.
        view: one of :data:`VIEWS`.
    """
    return (
        f"/#/experiments/{experiment_id}/runs?workflowType=machine_learning"
        f"&viewStateShareKey={view_key(study + view)}&compareRunsMode=CHART"
    )


def compare_path(experiment_id: str, run_ids: Sequence[str]) -> str:
    """What to append to open the page that compares these runs: params and metrics side by side."""
    asked = {"runs": json.dumps(list(run_ids)), "experiments": json.dumps([experiment_id])}
    return f"/#/compare-runs?{urlencode(asked)}"


def view_state(filter_string: str, figures: Sequence[str]) -> str:
    """A view: the runs that match, and a scatter chart of each figure against the models' size.

    MLflow limits the length of a tag: of more figures than it holds, the first ones have a chart, and
    the section's name says how many.
    """

    def name(shown: int) -> str:
        more = f": the first {shown} of {len(figures)} metrics, add a chart for another one"
        return "Gap against size" + (more if shown < len(figures) else "")

    return _fitting(filter_string, [_scatter(figure) for figure in figures], name)


def cells_state(filter_string: str, means: Sequence[str]) -> str:
    """A view of cells: parallel coordinates of size, regime, task and each mean score."""
    charts = [_parallel(mean) for mean in means]
    return _fitting(filter_string, charts, lambda shown: "Cells by regime, task and size", columns=1)


def regimes_state(filter_string: str, means: Sequence[str]) -> str:
    """A view of regimes: runs grouped by the param ``regime``, and the average of each mean score."""
    by = {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": "regime"}]}
    charts = [_bar(mean) for mean in means]
    return _fitting(filter_string, charts, lambda shown: "Mean score by regime", group_by=by)


def _fitting(
    filter_string: str,
    charts: Sequence[Mapping[str, object]],
    name: Callable[[int], str],
    *,
    group_by: object = None,
    columns: int = 2,
) -> str:
    """The view with as many of the charts as MLflow's longest tag holds.

    Args:
        filter_string: which runs.
        charts: their settings.
        name: of the section, with so many charts.
        group_by: how runs are grouped.
        columns: charts side by side.
    """
    from mlflow.utils.validation import MAX_EXPERIMENT_TAG_VAL_LENGTH as LONGEST

    shown = len(charts)
    while True:
        state = _view(filter_string, charts[:shown], name(shown), group_by, columns)
        if len(state) <= LONGEST or not shown:
            return state
        shown -= 1


def _view(
    filter_string: str,
    charts: Sequence[Mapping[str, object]],
    name: str,
    group_by: object,
    columns: int,
) -> str:
    state = {
        "searchFilter": filter_string,
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "lifecycleFilter": "Active",
        "startTime": "ALL",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [],
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsHiddenMode": "SHOWALL",
        "viewMaximized": False,
        "runListHidden": False,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": group_by,
        "isAccordionReordered": False,
        "autoRefreshEnabled": False,
        "compareRunCharts": list(charts),
        "compareRunSections": [
            {
                "uuid": SECTION,
                "name": name,
                "display": True,
                "isReordered": False,
                "cardHeight": 400,
                "columns": columns,
            }
        ],
    }
    return json.dumps(state, separators=(",", ":"))


def _chart(name: str, kind: str, **settings: object) -> dict[str, object]:
    return {
        "uuid": f"xlgap-{name}",
        "type": kind,
        "runsCountToCompare": 100,
        "metricSectionId": SECTION,
        "deleted": False,
        "isGenerated": False,
        **settings,
    }


def _scatter(figure: str) -> dict[str, object]:
    x, y = {"key": SIZE, "type": "METRIC"}, {"key": figure, "type": "METRIC"}
    return _chart(figure, "SCATTER", xaxis=x, yaxis=y)


def _parallel(mean: str) -> dict[str, object]:
    shown = {"selectedParams": ["regime", "task"], "selectedMetrics": [SIZE, mean]}
    return _chart(f"parallel-{mean}", "PARALLEL", showAllRuns=True, **shown)


def _bar(mean: str) -> dict[str, object]:
    return _chart(f"bar-{mean}", "BAR", metricKey=mean, selectedMetricKeys=[mean])
