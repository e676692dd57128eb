"""The tracker and the journal of a stage's run.

The journal holds what is not deterministic, one file a training. What the outs hold of a run is
rebuilt from them where MLflow lacks it, see :mod:`xlgap.stages.restore`.
"""

from __future__ import annotations

import resource
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from xlgap import layout
from xlgap.errors import ConfigError, XlgapError
from xlgap.formats import write_json
from xlgap.planning import get_hardware
from xlgap.planning.hardware import Hardware, Precision, preset_of
from xlgap.stages import untold
from xlgap.stages.lineage import lineage
from xlgap.stages.study import Study
from xlgap.tracking.base import RESTORED, NullTracker, Tracker, WaitingTracker
from xlgap.tracking.forward import ensure_forwarder
from xlgap.tracking.uri import store_uri
from xlgap.training.engine import cpu_threads, device, device_name, device_peak, rank, world_size

if TYPE_CHECKING:
    from xlgap.tracking.mlflow import MlflowTracker


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

    A store that cannot be opened, or takes nothing, fails no stage: what it was to be told is kept, see
    :mod:`xlgap.stages.untold`. The run ends as failed when the block raises. Its tags say that it was
    produced ``here``, or, where what produced it is not known, that it was ``restored``; without an
    origin they stay as they are.
    """
    if rank() != 0:
        yield NullTracker()
        return
    named: dict[str, Any] = {"experiment": study.experiment, "name": name, "digest": digest}
    named["tags"] = {"xlgap.kind": kind, **_origin(study, origin), **(tags or {})}
    store = store_uri(study.root)
    run = _opened(store, named)
    ensure_forwarder(store)
    try:
        yield run
    except BaseException:
        _close(run, named, failed=True)
        raise
    _close(run, named, failed=False)
    ensure_forwarder(store)


def _opened(store: str, named: dict[str, Any]) -> MlflowTracker | WaitingTracker:
    """The run in the store; one that waits for the store where it cannot be opened."""
    from xlgap.tracking.mlflow import open_run

    try:
        untold.tell(store)
        return open_run(uri=store, **named)
    except ConfigError:
        raise
    except XlgapError as error:
        print(f"{error} Until then figures wait in {layout.UNTOLD}.", file=sys.stderr)
        return WaitingTracker()


def _close(run: MlflowTracker | WaitingTracker, named: dict[str, Any], *, failed: bool) -> None:
    """End the run; what the store has not taken is kept for later, and no training fails for it."""
    waiting, open_still = run, isinstance(run, WaitingTracker)
    try:
        run.close(failed=failed)
    except XlgapError as error:
        open_still = True
        print(f"{error} Until then they wait in {layout.UNTOLD}.", file=sys.stderr)
    if not isinstance(waiting, WaitingTracker):
        waiting = waiting.waiting
    if waiting.told or open_still:
        untold.keep(named, waiting, failed=failed)


def _origin(study: Study, origin: Literal["here", "restored"] | None) -> dict[str, str]:
    if origin is None:
        return {}
    return lineage(study) if origin == "here" else {RESTORED: "true"}


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
