"""Whether a study's memory is there: by its plan, and by what this machine has now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from xlgap.config import Params
from xlgap.doctor.finding import Finding
from xlgap.machine.room import free_disk, free_memory
from xlgap.planning.model_table import model_rows
from xlgap.planning.plan import Plan, StagePlan
from xlgap.planning.split import NOT_SCORED_AGAIN
from xlgap.planning.tables import size
from xlgap.training.engine import Accelerators

_of_study = partial(Finding, part="study")


def memory_finding(directory: Path, params: Params, plan: Plan, there: Accelerators) -> Finding:
    """Memory of the processes of all workers: lacking where the plan or this machine says so.

    Args:
        directory: of the study.
        params: of it.
        plan: of it.
        there: what this machine trains on.
    """
    missing, peaks = unknown_models(plan), _peaks(plan)
    if not peaks:
        return _of_study(
            name="memory",
            found=unknown(missing) if missing else "nothing is trained",
            state="note" if missing else "ok",
            advice=unknown_advice(missing),
        )
    misfits = [row for row in model_rows(plan) if not row.choice.fits]
    would = "".join(f"{row.stage.model}: {row.stage.advice}; " for row in misfits)
    lacks = [f"{row.stage.model} takes {row.choice.lacking}" for row in misfits]
    kind = "cuda" if there.devices else "cpu"
    has: list[str] = []
    if kind == plan.hardware.kind:
        for needed, free, what in _compared(directory / params.train.nvme_path, plan, peaks, there):
            has.append(f"{size(free)} {what}")
            if needed >= free:
                lacks.append(f"{size(needed)} {what} where there are {size(free)}")
    else:
        has.append(f"planned for {plan.hardware.name}, which this machine is not")
    return _of_study(
        name="memory",
        found="; ".join([f"{_peak(plan, peaks)}{without(missing)}", *has, *lacks]),
        state="lacking" if lacks else "note" if missing else "ok",
        advice=f"{would}take fewer workers or smaller models; 'xlgap plan' says more."
        if lacks
        else unknown_advice(missing),
    )


def _peaks(plan: Plan) -> list[StagePlan]:
    return [stage for stage in plan.stages if stage.memory is not None]


def _most(stages: list[StagePlan], part: str) -> int:
    return max(int(getattr(stage.memory, part)) for stage in stages)


def _peak(plan: Plan, stages: list[StagePlan]) -> str:
    """What all workers take at the most: of a CPU all processes share its memory."""
    machine, one = plan.hardware, _most(stages, "total")
    workers = f"{plan.workers} worker{'s' * (plan.workers > 1)}"
    if machine.kind == "cuda":
        return f"{size(plan.workers * one)} of a device at the peak of {workers}"
    many = f" of {machine.of_node} processes each" if machine.of_node > 1 else ""
    return f"{size(plan.workers * machine.of_node * one)} at the peak of {workers}{many}"


def _compared(
    nvme: Path, plan: Plan, stages: list[StagePlan], there: Accelerators
) -> Iterator[tuple[int, int, str]]:
    """What is needed, what there is, and of what; workers take the same devices."""
    workers, here = plan.workers, plan.workers * plan.hardware.of_node
    total, host, disk = (_most(stages, part) for part in ("total", "host", "nvme"))
    if there.devices:
        yield workers * total, min(of for _, of in there.devices), "of a device's memory"
        if host:
            yield here * host, free_memory(), "of memory to be had"
    else:
        yield here * total, free_memory(), "of memory to be had"
    if disk:
        yield here * disk, free_disk(nvme), f"of disk free for {nvme}"


def retention_findings(plan: Plan) -> Iterator[Finding]:
    """Where earlier tasks cannot be scored again by one process.

    Args:
        plan: of the study.
    """
    models = dict.fromkeys(s.model for s in plan.stages if s.note == NOT_SCORED_AGAIN)
    if models:
        yield _of_study(
            name="retention",
            found=f"of {', '.join(models)}",
            state="lacking",
            advice=f"it {NOT_SCORED_AGAIN}.",
        )


def unknown_models(plan: Plan) -> dict[str, str]:
    """By model whose size is not known, why."""
    return {stage.model: stage.note for stage in plan.stages if stage.params_total is None}


def unknown(missing: Mapping[str, str]) -> str:
    """That a figure is not known, of which models."""
    return f"unknown for {', '.join(missing)}"


def without(missing: Mapping[str, str]) -> str:
    """Of which models a figure is not."""
    return f", without {', '.join(missing)} (unknown)" if missing else ""


def unknown_advice(missing: Mapping[str, str]) -> str:
    """Why that is, and what to do; empty where all is known."""
    if not missing:
        return ""
    keys = " and ".join(f"'models.{name}.hub'" for name in missing)
    reasons = "; ".join(dict.fromkeys(missing.values()))
    return f"{reasons}; fetch it, name its directory in {keys}, and run this again."
