"""Runs, or parts of them, that the store did not take: kept as files, and told to it later.

A training goes on where the store cannot be opened, or takes nothing (a full disk, a damaged file).
What it would have been told is ``journal/untold/NAME.json``; the next stage that
opens a run tells it, and so do ``xlgap run`` at its end and ``xlgap sync``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.errors import XlgapError
from xlgap.formats import digest, read_json, write_json
from xlgap.tracking.base import WaitingTracker

SHAPE = {"run": {"experiment": str, "name": str, "digest": str}, "failed": bool, "told": [list]}


def keep(run: dict[str, Any], waiting: WaitingTracker, *, failed: bool) -> None:
    """Keep what a run was told.

    Args:
        run: arguments of :func:`xlgap.tracking.mlflow.open_run`, without the URI.
        waiting: what it was told.
        failed: whether it ended so.
    """
    name = digest([run["experiment"], run["digest"], os.getpid(), time.time_ns()])
    with contextlib.suppress(OSError):  # a full disk: nothing can be kept; the outs have the scores
        write_json(
            layout.UNTOLD / f"{name}.json",
            {"run": run, "failed": failed, "told": [list(one) for one in waiting.told]},
        )
        return
    print(f"what run '{run['name']}' was told could not be kept: no room.", file=sys.stderr)


def tell(uri: str) -> int:
    """Tell the store everything that waits in the study here; how many files that was.

    Raises:
        XlgapError: the store still does not take it; it goes on waiting.
    """
    if not layout.UNTOLD.is_dir():
        return 0
    from xlgap.tracking.mlflow import open_run

    number = 0
    for path in _files():
        found = read_json(path, SHAPE)
        waiting = WaitingTracker([(what, words, at) for what, words, at in found["told"]])
        run = open_run(uri=uri, **found["run"])
        run.hear(waiting)
        run.close(failed=found["failed"])
        if run.waiting.told:
            raise XlgapError(f"MLflow still does not take files of run '{found['run']['name']}'.")
        path.unlink()
        number += 1
    return number


def _files() -> Iterator[Path]:
    """Files that no other process tells; each is locked until the next one is asked for."""
    for path in sorted(layout.UNTOLD.glob("*.json")):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists():  # or another process told it in between
                yield path
