"""What ``xlgap run`` says at its end: report, wall time, what the study cost, where its runs are."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from xlgap import layout
from xlgap.alone import BusyError, alone
from xlgap.errors import XlgapError
from xlgap.formats import read_json
from xlgap.planning.journal import pure_time
from xlgap.stages.forward import send
from xlgap.stages.overall import closing_lines as score_lines
from xlgap.stages.restore import restore
from xlgap.stages.study import Study
from xlgap.tracking.uri import server_uri, shown, store_uri


def closing_lines(directory: Path, *, wall: float, workers: int, since: float) -> list[str]:
    """Report and times of a run of ``wall`` seconds on ``workers`` that began at ``since`` (epoch)."""
    lines = [
        f"report:       {(directory / layout.REPORT / 'index.html').resolve()}",
        f"wall time:    {wall:.0f} s on {workers} workers",
    ]
    pure = pure_seconds(directory, since=since)
    if pure > 0:
        overhead = 100 * (wall * workers / pure - 1)
        lines.append(
            f"pure training and evaluation: {pure:.0f} s; workers' time beyond it: {overhead:.0f}%"
        )
    with contextlib.chdir(directory):
        lines += score_lines(Study.here())
    return lines


def store_lines(directory: Path) -> list[str]:
    """Where the runs of the finished study in ``directory`` are; first, those it lacks are made.

    Where the next run of the study has begun, which waited for the end of this one, it makes them.

    Raises:
        ConfigError, XlgapError: the store does not take them.
    """
    with contextlib.chdir(directory):
        study = Study.here()
        try:
            with alone(Path()):
                rebuilt = restore(study)
        except BusyError as error:
            print(
                f"note: {error} It brings all runs of the study to MLflow at its end.", file=sys.stderr
            )
            rebuilt = 0
    lines = [f"MLflow store: {shown(store_uri(study.root))}   (make ui)"]
    if rebuilt:
        lines.append(f"              {rebuilt} runs it lacked rebuilt from results")
    server = server_uri()
    return lines if server is None else [*lines, f"MLflow server: {_sent(study, server)}"]


def _sent(study: Study, server: str) -> str:
    """What became of the runs that the server lacked: a server that is away fails no study."""
    try:
        return send(store_uri(study.root), server, patience=0)
    except XlgapError as error:
        return f"not all runs are there yet: {error}"


def pure_seconds(directory: Path, *, since: float) -> float:
    """Seconds of pure training and evaluation that the journal got after ``since``."""
    entries = (directory / layout.JOURNAL).glob("*/seed*.json")
    journals = [read_json(path) for path in entries if path.stat().st_mtime >= since]
    return sum(pure_time(entry) for entry in journals)
