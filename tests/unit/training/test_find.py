"""Which of several checkpoints a phase goes on from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from xlgap.training.checkpoint import Checkpoints
from xlgap.training.manifest import Beside, Topology, Written, declare, folder_of
from xlgap.training.watchdog import Watchdog

OLD = Topology(stage=0, precision="bf16", world=1)
NEW = Topology(stage=2, precision="bf16", world=1)


def write(place: Path, step: int, topology: Topology) -> None:
    folder = folder_of(place, step)
    folder.mkdir()
    (folder / "weights.pt").write_bytes(b"weights")
    sha = hashlib.sha256(b"weights").hexdigest()
    files = {"weights.pt": Written(bytes=7, sha256=sha)}
    declare(folder, rank=0, step=step, topology=topology, skipped=(), files=files, beside=Beside())


def found(place: Path) -> int | None:
    told = Checkpoints(place, NEW, tell=lambda name, words: None, watchdog=Watchdog(0)).find()
    return None if told is None else told.step


def test_the_newest_that_can_be_read_comes_first(tmp_path: Path) -> None:
    """Else a job that is stopped before its second checkpoint begins again at every start."""
    write(tmp_path, 9, OLD)  # of stage 0 in bf16, which stage 2 cannot read
    assert found(tmp_path) == 9  # whose refusal is told
    write(tmp_path, 4, NEW)
    assert found(tmp_path) == 4
    write(tmp_path, 6, NEW)
    assert found(tmp_path) == 6
