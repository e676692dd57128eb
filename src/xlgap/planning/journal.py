"""What a study's finished stages took, by its journal: a factor for what is planned of each model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from xlgap import layout
from xlgap.formats import read_json
from xlgap.planning.hardware import Hardware
from xlgap.planning.plan import StagePlan

FOLDERS = {"pretrain": "pretrain-{key}", "warmstart": "warm-{key}", "finetune": "{key}"}
"""By kind of stage, its folder of the journal."""
_SHAPE = {"train_seconds": float, "select_seconds": float, "evaluate_seconds": float, "world_size": int}


def measured_seconds(stage: StagePlan, directory: Path, hardware: Hardware) -> float | None:
    """Wall seconds of training and evaluation of all seeds of a stage.

    ``None`` where a seed is not done or ran on devices other than ``hardware``, or where not the stage
    that is planned to train trained, but one that shares its weights.

    Args:
        stage: of a plan.
        directory: of the study.
        hardware: that the plan is for.

    Raises:
        DataError: an entry of the journal is damaged.
    """
    if stage.kind not in FOLDERS:
        return None
    key = stage.stage.partition("@")[2]
    folder = directory / layout.JOURNAL / FOLDERS[stage.kind].format(key=key)
    entries = [read_json(path, _SHAPE) for path in sorted(folder.glob("seed*.json"))]
    if len(entries) < stage.seeds or not all(_alike(entry, hardware) for entry in entries):
        return None
    trains = bool(stage.training.steps)
    if any(bool(entry["train_seconds"]) != trains for entry in entries):
        return None
    return float(sum(map(pure_time, entries)))


def _alike(entry: Mapping[str, Any], hardware: Hardware) -> bool:
    """Whether an entry is of as many devices of the same kind; one without a device is of a CPU.

    A GPU is of the same kind where its name is; of one without a name that is not known.
    """
    if entry["world_size"] != hardware.devices or entry.get("device", "cpu") != hardware.kind:
        return False
    return hardware.kind == "cpu" or hardware.is_called(str(entry.get("device_name") or ""))


def pure_time(entry: Mapping[str, Any]) -> float:
    """Seconds of steps, of evaluations on dev and of predictions in a journal's entry."""
    return float(entry["train_seconds"] + entry["select_seconds"] + entry["evaluate_seconds"])


def factors(
    stages: Iterable[StagePlan], directory: Path, hardware: Hardware
) -> dict[str, tuple[float, int]]:
    """By model, the median of measured over planned seconds of finished stages, and their number."""
    ratios: dict[str, list[float]] = {}
    for stage in stages:
        measured = measured_seconds(stage, directory, hardware)
        if measured and stage.hours:
            ratios.setdefault(stage.model, []).append(measured / (3600 * stage.hours))
    return {model: (median(found), len(found)) for model, found in ratios.items()}
