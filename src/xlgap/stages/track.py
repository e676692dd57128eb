"""The tracker and the journal of a stage's run.

The journal holds what is not deterministic, one file a training. What the outs hold of a run is
rebuilt from them where MLflow lacks it, see :mod:`xlgap.stages.restore`.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from xlgap import __version__, layout
from xlgap.formats import write_json
from xlgap.planning import get_hardware
from xlgap.planning.hardware import Hardware, Precision, preset_of
from xlgap.stages.study import Study
from xlgap.tracking.base import RESTORED, NullTracker, Tracker
from xlgap.tracking.uri import default_uri
from xlgap.training.engine import cpu_threads, device, device_name, device_peak, rank, world_size


@contextmanager
def open_tracker(
    study: Study,
    *,
    name: str,
    digest: str,
    kind: str,
    tags: Mapping[str, str] | None = None,
    origin: Literal["here", "restored"] | None = "here",
) -> Iterator[Tracker]:
    """The MLflow run with ``digest``, opened again when it exists; ranks other than 0 track nothing.

    The run ends as failed when the block raises. Its tags say that it was produced ``here``, or, where
    what produced it is not known, that it was ``restored``; without an origin they stay as they are.
    """
    if rank() != 0:
        yield NullTracker()
        return
    from xlgap.tracking.mlflow import open_run

    run = open_run(
        uri=default_uri(study.root),
        experiment=study.experiment,
        name=name,
        digest=digest,
        tags={"xlgap.kind": kind, **_origin(study, origin), **(tags or {})},
    )
    try:
        yield run
    except BaseException:
        run.close(failed=True)
        raise
    run.close()


def _origin(study: Study, origin: Literal["here", "restored"] | None) -> dict[str, str]:
    if origin is None:
        return {}
    return lineage(study) if origin == "here" else {RESTORED: "true"}


def lineage(study: Study) -> dict[str, str]:
    """What produced a run: version, commit, whether the checkout was dirty, host, flow run."""
    found = {"xlgap.version": __version__, "xlgap.host": socket.gethostname()}
    with contextlib.suppress(OSError, subprocess.CalledProcessError):  # no git, or no repository
        found["xlgap.git_sha"] = _git(study, "rev-parse", "HEAD")
        found["xlgap.git_dirty"] = str(bool(_git(study, "status", "--porcelain", "-uno"))).lower()
    for variable in ("PREFECT_FLOW_RUN_ID", "XLGAP_FLOW_RUN_ID"):
        if os.environ.get(variable):
            found["xlgap.prefect_flow_run"] = os.environ[variable]
    return found


def _git(study: Study, *words: str) -> str:
    command = ["git", "-C", str(study.root), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Wall seconds of one training.

    Attributes:
        train: steps, with the checkpoints that are saved between them.
        select: evaluations on dev, between them and after the last one.
        evaluate: predictions of the test rows.
        total: all of it, loading and tracking included.
        startup: from the start of the process to its first step; ``None`` where none was taken.
    """

    train: float
    select: float = 0.0
    evaluate: float
    total: float
    startup: float | None = None


def usage(timing: Timing) -> dict[str, float]:
    """Time, memory and energy of a training, as metrics; without energy where a GPU trained."""
    hours = timing.total / 3600 * world_size()
    startup = {} if timing.startup is None else {"startup_seconds": timing.startup}
    held = device_peak()
    memory = {} if held is None else {"device_peak_bytes": held}
    energy = {"energy_kwh": hours * _watts() / 1000} if device() == "cpu" else {}
    return (
        startup
        | memory
        | energy
        | {
            "train_seconds": timing.train,
            "select_seconds": timing.select,
            "evaluate_seconds": timing.evaluate,
            "wall_seconds": timing.total,
            "device_hours": hours,
            "host_rss_peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )


def utilisation(
    model_flops: float, hardware_flops: float, *, timing: Timing, precision: Precision
) -> dict[str, float]:
    """Shares of a peak that the steps reached, and that peak; empty without a step.

    Model FLOPs are those of sub-words, hardware FLOPs those of padding, too (Chowdhery et al. 2022,
    arXiv 2204.02311, appendix B). A GPU has the peak of its data sheet, and none where it has no
    preset; a CPU is assumed to be the core of the preset ``cpu``, see :func:`peak_source`.

    Args:
        model_flops: of the steps that ``timing`` is of.
        hardware_flops: of the same steps.
        timing: of this process.
        precision: of training, by which the peak differs.
    """
    preset = _preset()
    if preset is None or not timing.train:
        return {}
    peak = preset.peak_flops[precision] * (cpu_threads() if device() == "cpu" else 1)
    done = timing.train * world_size() * peak
    return {"mfu": model_flops / done, "hfu": hardware_flops / done, "peak_flops": peak}


def peak_source() -> str | None:
    """Where the peak comes from, and that a CPU's is assumed; None where there is none."""
    preset = _preset()
    if preset is None:
        return None
    return preset.source if device() == "cuda" else f"assumed: {preset.source}"


def _preset() -> Hardware | None:
    name = device_name()
    return get_hardware("cpu") if name is None else preset_of(name)


def _watts() -> float:
    """Assumed draw of one core, as in a study's plan; what a GPU draws is not known."""
    return get_hardware("cpu").watts


def write_journal(
    key: str,
    seed: int,
    *,
    digest: str,
    timing: Timing,
    run_id: str | None,
    figures: Mapping[str, float] | None = None,
) -> None:
    """Write ``journal/<key>/seed<k>.json``.

    ``figures``: what is predicted of the run, and measured beside it.
    """
    entry: dict[str, Any] = {
        "digest": digest,
        "host": socket.gethostname(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "world_size": world_size(),
        "device": device(),
        **({} if device_name() is None else {"device_name": device_name()}),
        "mlflow_run_id": run_id,
        **(figures or {}),
        **usage(timing),
    }
    if "energy_kwh" in entry:
        entry["energy_method"] = f"wall time x processes x {_watts()} W, assumed"
    write_json(layout.journal(key, seed), entry)
