"""Views that the MLflow UI opens: charts of a study's gaps against model size, and its current cells.

MLflow keeps a shared view as a tag of the experiment, in JSON; the page reads it when its address
names the view. Format: ``useSharedExperimentViewState`` and ``ExperimentPageUIState`` in MLflow 3.17's
``mlflow/server/js/src/experiment-tracking``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

TAG_PREFIX = "mlflow.sharedViewState."
CELLS = "-cells"
SIZE = "log10_params_nonembedding"


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
    return sorted(views - {view + CELLS for view in views})


def view_path(experiment_id: str, study: str) -> str:
    """What to append to the address of the MLflow UI to open it, in the menu of training runs."""
    return (
        f"/#/experiments/{experiment_id}/runs?workflowType=machine_learning"
        f"&viewStateShareKey={view_key(study)}&compareRunsMode=CHART"
    )


def view_state(filter_string: str, figures: Sequence[str]) -> str:
    """A view: the runs that match, and a scatter chart of each figure against the models' size.

    MLflow limits the length of a tag: of more figures than it holds, the first ones have a chart, and
    the section's name says how many.
    """
    from mlflow.utils.validation import MAX_EXPERIMENT_TAG_VAL_LENGTH

    shown = len(figures)
    while len(state := _view(filter_string, figures, shown)) > MAX_EXPERIMENT_TAG_VAL_LENGTH and shown:
        shown -= 1
    return state


def _view(filter_string: str, figures: Sequence[str], shown: int) -> str:
    """The view with charts of the first ``shown`` figures."""
    name = "Gap against size"
    if shown < len(figures):
        name += f": the first {shown} of {len(figures)} metrics, add a chart for another one"
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
        "groupBy": None,
        "isAccordionReordered": False,
        "autoRefreshEnabled": False,
        "compareRunCharts": [_scatter(figure) for figure in figures[:shown]],
        "compareRunSections": [
            {
                "uuid": "gap",
                "name": name,
                "display": True,
                "isReordered": False,
                "cardHeight": 400,
                "columns": 2,
            }
        ],
    }
    return json.dumps(state, separators=(",", ":"))


def _scatter(figure: str) -> dict[str, object]:
    return {
        "uuid": f"xlgap-{figure}",
        "type": "SCATTER",
        "runsCountToCompare": 100,
        "metricSectionId": "gap",
        "deleted": False,
        "isGenerated": False,
        "xaxis": {"key": SIZE, "type": "METRIC"},
        "yaxis": {"key": figure, "type": "METRIC"},
    }
