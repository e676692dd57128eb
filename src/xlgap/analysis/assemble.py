"""From a study's parameters and results to a :class:`~xlgap.analysis.study.Study`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xlgap.analysis.bootstrap import TaskItems, Value
from xlgap.analysis.retention.matrix import RetentionData
from xlgap.analysis.retention.rows import MLM, mean_loss
from xlgap.analysis.retention.tables import Again
from xlgap.analysis.study import Study, TaskInfo
from xlgap.analysis.tables import Results, left_out
from xlgap.cell import arms, grid
from xlgap.config import Params, ScratchModel
from xlgap.tasks import get_task, task_names


def assemble(
    params: Params,
    results: Results,
    values: Mapping[str, Value],
    corrected: Mapping[str, str] | None = None,
) -> Study:
    """The study that ``params`` describes, with its ``results``.

    Args:
        params: of the study.
        results: from :func:`xlgap.analysis.tables.load`.
        values: for each target task the ``value`` function of its first metric; of each earlier one,
            too, where they were scored again.
        corrected: for tasks whose first metric has a known defect, the metric that mends it.
    """
    mended = corrected or {}
    tasks = {name: get_task(name) for name in params.tasks}
    infos = {
        name: TaskInfo(
            metric=task.metrics[0],
            parallel=task.parallel,
            proxy_train=task.proxy_train,
            corrected=mended.get(name, ""),
        )
        for name, task in tasks.items()
    }
    return Study(
        name=params.study.name,
        source=params.study.source,
        arms={arm.name: arm.spec for arm in arms(params)},
        tasks=infos,
        scores=results.scores,
        items={
            name: TaskItems(
                frame=frame,
                metric=infos[name].metric,
                value=values[name],
                parallel=infos[name].parallel,
            )
            for name, frame in results.items.items()
        },
        confidence=params.analysis.confidence,
        resamples=params.analysis.resamples,
        seed=params.analysis.seed,
        left_out=left_out(grid(params)),
        preliminary=grid(params).preliminary,
        missing=results.missing,
        controls=twins(params),
        retention=_retention(params, results.again, values),
        translated=parallel_tasks(task for arm in arms(params) for task in arm.spec.intermediate),
    )


def parallel_tasks(names: Iterable[str]) -> frozenset[str]:
    """Those of ``names`` that are tasks here whose data mean the same in every language."""
    return frozenset(name for name in names if name in task_names() and get_task(name).parallel)


def _retention(
    params: Params, again: Again | None, values: Mapping[str, Value]
) -> RetentionData | None:
    if again is None or not again.scores:
        return None
    names = {score.task for score in again.scores} - {MLM}
    return RetentionData(
        scores=again.scores,
        items=again.items,
        values={MLM: mean_loss, **{name: values[name] for name in names}},
        parallel=frozenset(name for name in names if get_task(name).parallel),
        confidence=params.analysis.confidence,
        resamples=params.analysis.resamples,
        seed=params.analysis.seed,
    )


def twins(params: Params) -> dict[str, str]:
    """Each untrained from-scratch model and the pretrained one of the same shape."""
    shapes: dict[tuple[int, ...], str] = {}
    for name, model in params.models.items():
        if isinstance(model, ScratchModel) and model.pretrained:
            shapes[_shape(model)] = name
    return {
        name: shapes.get(_shape(model), "")
        for name, model in params.models.items()
        if isinstance(model, ScratchModel) and not model.pretrained
    }


def _shape(model: ScratchModel) -> tuple[int, ...]:
    return (model.layers, model.width, model.heads, model.feed_forward)
