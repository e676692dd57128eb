"""What ``xlgap run`` says at its end: report, store, wall time and what the study cost."""

from __future__ import annotations

from pathlib import Path

from xlgap import layout
from xlgap.formats import read_json
from xlgap.graph import checkout_root
from xlgap.tracking.uri import default_uri


def closing_lines(directory: Path, *, wall: float) -> list[str]:
    """The last lines of a run that took ``wall`` seconds."""
    lines = [
        f"report:       {(directory / layout.REPORT / 'index.html').resolve()}",
        f"MLflow store: {default_uri(checkout_root(directory))}   (make ui)",
        f"wall time:    {wall:.0f} s",
    ]
    pure = pure_seconds(directory)
    if pure > 0:
        lines.append(f"training and evaluation of all its stages: {pure:.0f} s, one process each")
    return lines


def pure_seconds(directory: Path) -> float:
    """Seconds of pure training and evaluation in the study's journal."""
    entries = (directory / layout.JOURNAL).glob("*/seed*.json")
    journals = [read_json(path) for path in entries]
    return float(sum(j["train_seconds"] + j["evaluate_seconds"] for j in journals))
