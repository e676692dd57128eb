"""A checkout without a study, a container's limit, a port that nothing answers at."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xlgap.machine import room


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nothing answers at while the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "XLGAP_DATA", "XLGAP_PROCESSES", "XLGAP_HOSTFILE",
                 "SLURM_JOB_ID", "HF_HUB_OFFLINE"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def huge() -> dict[str, int]:
    """The size of a model that no machine of tests holds."""
    return {"layers": 100, "width": 16384, "heads": 128, "feed_forward": 65536}


@pytest.fixture
def container(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], None]:
    """Limits the memory that is to be had, as a container does."""
    folder = tmp_path_factory.mktemp("cgroup")
    monkeypatch.setattr(room, "CGROUP", folder)
    monkeypatch.setattr(room, "OWN", folder / "own")
    (folder / "memory.current").write_text("0\n")

    def limit(size: int) -> None:
        (folder / "memory.max").write_text(f"{size}\n")

    return limit
