"""What is said where a checkpoint cannot be converted, and where the converter finds its modules."""

from __future__ import annotations

import errno
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from xlgap.training import safe_load, universal
from xlgap.training.manifest import Topology

ONE = Topology(stage=2, precision="fp32", world=1)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "Make room on the disk"),
        (errno.EDQUOT, "Make room on the disk"),
        (errno.EACCES, "Mend that and run the same command again"),
        (errno.ENOENT, "Mend that and run the same command again"),
    ],
)
def test_room_is_asked_for_where_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(universal, "_converted", fails)
    found = universal._failure(None, tmp_path, tmp_path, ONE, ONE)
    assert found is not None
    assert said in found
    assert os.strerror(number) in found
    monkeypatch.setattr(runpy, "run_module", fails)
    monkeypatch.setattr(sys, "argv", [""])
    monkeypatch.setattr("torch.save", None)
    full = number in (errno.ENOSPC, errno.EDQUOT)
    assert safe_load.convert() == (os.EX_IOERR if full else os.EX_OSERR)


def test_the_converter_finds_modules_of_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "found_here.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "own")
    subprocess.run(
        [sys.executable, "-c", "import found_here"], cwd="/", env=universal.environment(), check=True
    )
