"""What ``xlgap run`` says at its end: report, store, wall time and what the study cost."""

from __future__ import annotations

from pathlib import Path

from xlgap import layout
from xlgap.formats import read_json
from xlgap.graph import checkout_root
from xlgap.tracking.uri import default_uri


def closing_lines(directory: Path, *, wall: float, workers: int, since: float) -> list[str]:
    """The last lines of a run of ``wall`` seconds on ``workers`` that began at ``since`` (epoch)."""
    lines = [
        f"report:       {(directory / layout.REPORT / 'index.html').resolve()}",
        f"MLflow store: {default_uri(checkout_root(directory))}   (make ui)",
        f"wall time:    {wall:.0f} s on {workers} workers",
    ]
    pure = pure_seconds(directory, since=since)
    if pure > 0:
        overhead = 100 * (wall * workers / pure - 1)
        lines.append(
            f"pure training and evaluation: {pure:.0f} s; workers' time beyond it: {overhead:.0f}%"
        )
    return lines


def pure_seconds(directory: Path, *, since: float) -> float:
    """Seconds of pure training and evaluation that the journal got after ``since``."""
    entries = (directory / layout.JOURNAL).glob("*/seed*.json")
    journals = [read_json(path) for path in entries if path.stat().st_mtime >= since]
    return float(sum(j["train_seconds"] + j["evaluate_seconds"] for j in journals))
