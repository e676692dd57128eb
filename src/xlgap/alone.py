"""One run of a study at a time: its flow, and what writes or removes the files of its graph."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from xlgap.errors import ResultError
from xlgap.layout import JOURNAL


class BusyError(ResultError):
    """Another run of the study is going on."""


@contextmanager
def alone(study: Path, *, patience: float = 0.0) -> Iterator[None]:
    """Keep other runs of the study in the directory ``study`` out of a ``with`` block.

    Args:
        study: its directory.
        patience: seconds to wait for another one to end.

    Raises:
        BusyError: another one is going on.
    """
    path = study / JOURNAL / "grid.lock"
    holder = path.with_suffix(".pid")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(path).acquire(timeout=patience, poll_interval=0.2)
    except Timeout:
        number = holder.read_text() if holder.is_file() else ""
        process = f" (process {number})" if number else ""
        raise BusyError(
            f"another run of the study in {study.resolve()} is going on{process}; wait for its end or "
            "stop it."
        ) from None
    with held:
        holder.write_text(str(os.getpid()))
        try:
            yield
        finally:
            holder.unlink(missing_ok=True)
