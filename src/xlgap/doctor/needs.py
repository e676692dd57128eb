"""What a study would need of this machine, by its plan."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

from xlgap.checkout import checkout_root, model_directory
from xlgap.config import HubModel, Params
from xlgap.data.released import data_dir
from xlgap.doctor.finding import Finding, State
from xlgap.doctor.fits import (
    memory_finding,
    retention_findings,
    unknown,
    unknown_advice,
    unknown_models,
    without,
)
from xlgap.errors import ConfigError, DataError, XlgapError
from xlgap.launch.asked import PROCESSES
from xlgap.machine.room import can_be_written, cores, existing, free_disk
from xlgap.models.catalogue import pinned_revision
from xlgap.models.quantised import LIBRARY, require_library
from xlgap.planning.plan import Plan
from xlgap.planning.tables import hours, size
from xlgap.tracking.login import use_login_files
from xlgap.tracking.reach import asked, refuses
from xlgap.tracking.uri import VARIABLE, check_uri, server_uri, shown, sqlite_path, store_uri
from xlgap.training.disk_offload import lacking
from xlgap.training.engine import Accelerators, accelerators

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
    yield memory_finding(directory, params, plan, there)
    yield from retention_findings(plan)
    yield _disk(directory, params, plan)
    yield _time(plan)
    yield from _devices(params, plan, there)
    yield _data(directory, params, hub)
    yield from _checkpoints(params, hub)
    yield from _few_bits(params)
    yield from _disk_offload(params, plan, there)
    yield from _runs(directory)


def _disk(directory: Path, params: Params, plan: Plan) -> Finding:
    needed = plan.totals.disk_bytes + plan.totals.scratch_bytes
    free = free_disk(directory)
    enough, missing = needed < free, unknown_models(plan)
    unkept = " or set train.keep to none," if params.train.keep == "all" else ""
    found = f"{size(needed)} of weights and checkpoints{without(missing)}"
    return _of_study(
        name="disk",
        found=f"{found if needed or not missing else unknown(missing)}; {size(free)} free",
        state="lacking" if not enough else "note" if missing else "ok",
        advice=unknown_advice(missing)
        if enough
        else f"free some,{unkept} or take fewer models, arms or workers.",
    )


def _time(plan: Plan) -> Finding:
    machine, totals, by_plan = plan.hardware, plan.totals, "at least by the plan"
    each = f"{plan.workers} workers, each on " if plan.workers > 1 else ""
    nodes = f" in {machine.nodes} nodes" if machine.nodes > 1 else ""
    where = f"{each}{machine.devices} x {machine.name}{nodes}"
    if totals.unknown == 0:
        return _of_study(name="time", found=f"{hours(totals.wall_hours)} {by_plan}; {where}")
    notes = dict.fromkeys(stage.note for stage in plan.stages if stage.hours is None and stage.note)
    known = f"{hours(totals.wall_hours)} {by_plan}, without" if totals.hours else "unknown for"
    return _of_study(
        name="time",
        found=f"{known} {totals.unknown} of {totals.stages} stages; {where}",
        state="note",
        advice=f"{'; '.join(notes)}." if notes else "",
    )


def _devices(params: Params, plan: Plan, there: Accelerators) -> Iterator[Finding]:
    machine, workers = plan.hardware, plan.workers
    processes, devices = machine.of_node, len(there.devices)
    if machine.kind == "cuda" and devices and processes > devices:
        yield _of_study(
            name="processes",
            found=f"{processes} on a node, {devices} devices",
            state="lacking",
            advice=f"a process needs a device of its own: set {PROCESSES} to {devices}, or less.",
        )
    elif machine.kind == "cuda" and devices and workers > 1:
        yield _of_study(
            name="processes",
            found=f"{workers} workers take the same devices",
            state="note",
            advice="they share memory and speed: see whether '--workers 1' does better.",
        )
    threads = workers * processes * params.train.threads
    if machine.kind == "cpu" and not devices and threads > cores():
        yield _of_study(
            name="processes",
            found=f"{threads} threads of {workers} workers, {cores()} cores",
            state="note",
            advice=f"take fewer workers, a lower {PROCESSES} or train.threads: they wait.",
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


def _disk_offload(params: Params, plan: Plan, there: Accelerators) -> Iterator[Finding]:
    """Whether weights or optimizer can be kept on disk, where a stage does."""
    asked = "nvme" in {params.train.offload_optimizer, params.train.offload_parameters}
    if not asked and not any(stage.memory and stage.memory.nvme for stage in plan.stages):
        return
    lacks = lacking()
    here = plan.hardware.kind == ("cuda" if there.devices else "cpu")
    yield _of_study(
        name="offload to disk",
        found="lacks " + lacks.partition(":")[0] if lacks else "can be compiled",
        state="ok" if not lacks else "lacking" if here else "note",
        advice=f"DeepSpeed compiles what reads and writes it, for which there must be {lacks}."
        if lacks
        else "",
    )


def _is_cached(model: HubModel) -> bool:
    """Whether the hub's client has the checkpoint's configuration."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model.hub, "config.json", revision=model.revision)
    return isinstance(found, str)


def _runs(directory: Path) -> Iterator[Finding]:
    """The local store, and the server that its runs are forwarded to."""
    server = server_uri()
    if server is not None:
        yield _server(server)
    yield _store(store_uri(checkout_root(existing(directory))))


def _server(uri: str) -> Finding:
    """One that does not answer is a note, runs wait for it; one that cannot ever take them lacks."""
    of_server = partial(_of_study, name="MLflow server")
    try:
        check_uri(uri)
        use_login_files()
    except XlgapError as error:
        return of_server(found=shown(uri), state="lacking", advice=str(error))
    said = asked(uri)
    if said is None:
        return of_server(found=f"{shown(uri)} answers ({VARIABLE})")
    state: State = "lacking" if refuses(said) else "note"
    return of_server(
        found=f"{shown(uri)} {said}",
        state=state,
        advice="runs are kept in the checkout; 'xlgap sync' sends them when it answers.",
    )


def _store(uri: str) -> Finding:
    of_store = partial(_of_study, name="MLflow store")
    try:
        check_uri(uri)
    except XlgapError as error:
        return of_store(found=shown(uri), state="lacking", advice=str(error))
    path = sqlite_path(uri)
    if path is None:
        raise AssertionError(f"{uri} passed check_uri and is no SQLite store")
    if path.is_dir():
        wrong = "is a directory"
    elif path.exists() and not os.access(path, os.R_OK | os.W_OK):
        wrong = "may not be read or written by this user"
    elif not can_be_written(path.parent):
        wrong = f"cannot be made or written to in {path.parent}"
    else:
        return of_store(found=f"file {path}")
    return of_store(
        found=f"file {path}: {wrong}",
        state="lacking",
        advice=f"give a file in a directory that can be written to, or unset {VARIABLE}.",
    )
