"""What a study would need of this machine, by its plan."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

from xlgap.checkout import checkout_root, model_directory
from xlgap.config import HubModel, Params
from xlgap.data.released import data_dir
from xlgap.doctor.finding import Finding
from xlgap.doctor.machine import existing, free_memory
from xlgap.errors import ConfigError, DataError, XlgapError
from xlgap.models.catalogue import pinned_revision
from xlgap.models.quantised import LIBRARY, require_library
from xlgap.planning.plan import Plan
from xlgap.planning.tables import hours, size
from xlgap.tracking.reach import reach
from xlgap.tracking.uri import VARIABLE, default_uri, shown, sqlite_path
from xlgap.training.engine import Accelerators, accelerators

PROCESSES = "XLGAP_PROCESSES"

_of_study = partial(Finding, part="study")


def study_findings(
    directory: Path, params: Params, plan: Plan, *, hub: tuple[bool, str]
) -> Iterator[Finding]:
    """What the study of ``plan`` needs, against what there is.

    Args:
        directory: of the study, which need not be there yet.
        params: the study.
        plan: of it, on the hardware and with the workers that it is to run on.
        hub: whether the model hub can be asked, and what came back.
    """
    there = accelerators()
    yield _memory(plan, there)
    yield _disk(directory, params, plan)
    yield _of_study(
        name="time",
        found=f"{hours(plan.totals.wall_hours)} at least by the plan, on {plan.workers} x "
        f"{plan.hardware.name}",
    )
    yield from _devices(params, there)
    yield _data(directory, params, hub)
    yield from _checkpoints(params, hub)
    yield from _few_bits(params)
    yield _runs(directory)


def _memory(plan: Plan, there: Accelerators) -> Finding:
    needed = max((s.memory.total for s in plan.stages if s.memory is not None), default=0)
    if there.devices:
        free, what = min(total for _, total in there.devices), "of a device's memory"
    else:
        free, what = free_memory(), "of memory to be had"
    needed *= plan.workers
    enough = needed < free
    return _of_study(
        name="memory",
        found=f"{size(needed)} at the peak of {plan.workers} workers; {size(free)} {what}",
        state="ok" if enough else "lacking",
        advice="" if enough else "take fewer workers, smaller models, or a higher ZeRO stage (train).",
    )


def _disk(directory: Path, params: Params, plan: Plan) -> Finding:
    needed = plan.totals.disk_bytes + plan.totals.scratch_bytes
    free = shutil.disk_usage(existing(directory)).free
    enough = needed < free
    unkept = " or set train.keep to none," if params.train.keep == "all" else ""
    return _of_study(
        name="disk",
        found=f"{size(needed)} of weights and checkpoints; {size(free)} free",
        state="ok" if enough else "lacking",
        advice="" if enough else f"free some,{unkept} or take fewer models, arms or workers.",
    )


def _devices(params: Params, there: Accelerators) -> Iterator[Finding]:
    asked = os.environ.get(PROCESSES, "1")
    if there.devices and asked.isdigit() and int(asked) > len(there.devices):
        yield _of_study(
            name="processes",
            found=f"{PROCESSES}={asked}, {len(there.devices)} devices",
            state="lacking",
            advice=f"a process needs a device of its own: set {PROCESSES} to {len(there.devices)}.",
        )
    if params.train.precision == "bf16" and not there.devices:
        yield _of_study(
            name="precision",
            found="bf16 on a CPU",
            state="note",
            advice="slow without units for it: set train.precision to fp32.",
        )


def _data(directory: Path, params: Params, hub: tuple[bool, str]) -> Finding:
    source = params.study.source
    if source == "hub":
        there, said = hub
        return _of_study(
            name="data",
            found=f"from the hub, which {said}" if there else f"from the hub: {said}",
            state="ok" if there else "note",
            advice="" if there else "what is not in the hub client's cache cannot be had.",
        )
    try:
        root = data_dir(params, checkout_root(existing(directory)))
    except (DataError, XlgapError) as error:
        return _of_study(name="data", found=f"source {source}", state="lacking", advice=str(error))
    return _of_study(name="data", found=f"release files at {root}" if root else "made here (lab)")


def _checkpoints(params: Params, hub: tuple[bool, str]) -> Iterator[Finding]:
    there, said = hub
    for name, model in params.models.items():
        if not isinstance(model, HubModel):
            continue
        folder = model_directory(model.hub)
        if folder is not None:
            yield _of_study(name=f"model {name}", found=f"directory {folder}")
            continue
        try:
            pinned_revision(model.hub, model.revision, key=f"models.{name}.revision")
        except ConfigError as error:
            yield _of_study(name=f"model {name}", found=model.hub, state="lacking", advice=str(error))
            continue
        cached = _is_cached(model)
        yield _of_study(
            name=f"model {name}",
            found=f"{model.hub}: {'in the cache' if cached else f'not in the cache; the hub {said}'}",
            state="ok" if cached or there else "lacking",
            advice=""
            if cached or there
            else f"fetch it where the hub answers, or name a directory in 'models.{name}.hub'.",
        )


def _few_bits(params: Params) -> Iterator[Finding]:
    """Whether the library is there that holds a base in few bits, where a model asks for it."""
    asked = [name for name, model in params.models.items() if model.lora and model.lora.bits]
    if not asked:
        return
    try:
        require_library()
    except ConfigError as error:
        yield _of_study(
            name=LIBRARY, found=f"asked for by {', '.join(asked)}", state="lacking", advice=str(error)
        )
        return
    yield _of_study(name=LIBRARY, found=f"{version(LIBRARY)}, for {', '.join(asked)}")


def _is_cached(model: HubModel) -> bool:
    """Whether the hub's client has the checkpoint's configuration."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model.hub, "config.json", revision=model.revision)
    return isinstance(found, str)


def _runs(directory: Path) -> Finding:
    uri = default_uri(checkout_root(existing(directory)))
    path = sqlite_path(uri)
    if path is not None:
        return _of_study(name="MLflow store", found=f"file {path}")
    try:
        reach(uri, patience=0)
    except XlgapError as error:
        return _of_study(name="MLflow store", found=shown(uri), state="lacking", advice=str(error))
    return _of_study(name="MLflow store", found=f"{shown(uri)} answers ({VARIABLE})")
