"""Memory and disks that a process may use."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from xlgap.machine import room
from xlgap.machine.room import can_be_written, existing, free_disk, free_memory, memory_limit

GIB = 1024**3


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty tree of groups, in whose root this process is."""
    (tmp_path / "own").write_text("0::/\n")
    monkeypatch.setattr(room, "CGROUP", tmp_path / "fs")
    monkeypatch.setattr(room, "OWN", tmp_path / "own")
    (tmp_path / "fs").mkdir()
    return tmp_path / "fs"


def limit(folder: Path, most: object, used: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{most}\n")
    (folder / "memory.current").write_text(f"{used}\n")


def test_a_containers_limit_is_the_memory_to_be_had(cgroup: Path) -> None:
    assert free_memory() == pytest.approx(psutil.virtual_memory().available, rel=0.2)
    assert memory_limit() == psutil.virtual_memory().total
    limit(cgroup, "max", 5000)
    assert free_memory() > 5000
    assert memory_limit() == psutil.virtual_memory().total
    limit(cgroup, GIB, 5000)
    assert (free_memory(), memory_limit()) == (GIB - 5000, GIB)
    limit(cgroup, GIB, 2 * GIB)
    assert free_memory() == 0


def test_the_limit_of_a_job_is_of_its_own_group_or_of_one_above(cgroup: Path) -> None:
    (cgroup.parent / "own").write_text("0::/system.slice/job_7/step_0\n")
    limit(cgroup / "system.slice" / "job_7", GIB, 0)
    limit(cgroup / "system.slice" / "job_7" / "step_0", 3 * GIB, 0)
    limit(cgroup / "system.slice" / "job_8", 1000, 0)
    assert memory_limit() == GIB
    (cgroup.parent / "own").write_text("0::/../../elsewhere\n")
    assert memory_limit() == psutil.virtual_memory().total
    (cgroup.parent / "own").unlink()
    assert memory_limit() == psutil.virtual_memory().total


def test_groups_of_version_1_have_limits_too(cgroup: Path) -> None:
    (cgroup.parent / "own").write_text("9:cpu,cpuacct:/other\n4:memory:/slurm/job_7\n0::/\n")
    folder = cgroup / "memory" / "slurm" / "job_7"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text(f"{2 * GIB}\n")
    (folder / "memory.usage_in_bytes").write_text(f"{GIB // 2}\n")
    assert (memory_limit(), free_memory()) == (2 * GIB, 2 * GIB - GIB // 2)


def test_where_a_folder_can_be_made(tmp_path: Path) -> None:
    later = tmp_path / "not" / "there" / "yet"
    assert existing(later) == tmp_path
    assert can_be_written(later)
    assert free_disk(later) > 0
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    assert not can_be_written(tmp_path / "file" / "folder")
    assert not can_be_written(Path("/proc/nothing"))
