"""One run of a study at a time: its flow, and what writes or removes the files of its graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from xlgap.errors import ResultError
from xlgap.layout import JOURNAL


@contextmanager
def alone(study: Path) -> Iterator[None]:
    """Keep other runs of the study in the directory ``study`` out of a ``with`` block.

    Raises:
        ResultError: another one is going on.
    """
    path = study / JOURNAL / "grid.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(path).acquire(timeout=0)
    except Timeout:
        raise ResultError(
            f"another run of the study in {study.resolve()} is going on; wait for its end or stop it."
        ) from None
    with held:
        yield
