"""Runs, or parts of them, that the store did not take: kept as files, and told to it later.

A training goes on where the store cannot be opened, or takes nothing (a full disk, a damaged file).
What it would have been told is ``journal/untold/NAME.json``; the next stage that
opens a run tells it, and so do ``xlgap run`` at its end and ``xlgap sync``.
"""

from __future__ import annotations

import contextlib
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
TAKEN = ".taken"
OLD = 60.0  # seconds after which a file that was taken belongs to nobody


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
        try:
            run = open_run(uri=uri, **found["run"])
            run.hear(waiting)
            run.close(failed=found["failed"])
        except XlgapError:
            path.rename(path.with_suffix(""))
            raise
        path.unlink()
        number += 1
    return number


def _files() -> Iterator[Path]:
    """Files that no other process tells; each is taken by its new name."""
    for path in sorted(layout.UNTOLD.glob(f"*{TAKEN}")):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > OLD:
                path.rename(path.with_suffix(""))
    for path in sorted(layout.UNTOLD.glob("*.json")):
        taken = path.with_name(path.name + TAKEN)
        with contextlib.suppress(FileNotFoundError):
            path.rename(taken)
            os.utime(taken)
            yield taken
