"""What offload to disk takes is said before DeepSpeed compiles, and a lock that was left is no hang."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from torch.utils.cpp_extension import is_ninja_available, load
from torch.utils.file_baton import FileBaton

from xlgap.errors import TrainingError
from xlgap.training import disk_offload
from xlgap.training.disk_offload import _folders, lacking, prepare, remove_left
from xlgap.training.zero import ZeroPlan


def test_without_a_compiler_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert lacking() == "a C++ compiler: install g++"
    plan = ZeroPlan(stage=3, learning_rate=1e-3, offload_optimizer="nvme")
    with pytest.raises(TrainingError, match=r"offload to disk \('nvme'\) lacks a C\+\+ compiler"):
        prepare(plan)
    prepare(ZeroPlan(stage=3, learning_rate=1e-3, offload_optimizer=True))  # which needs none


def test_what_the_compiler_refuses_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By torch's own way of compiling, as DeepSpeed goes it, of something that does not compile."""
    if not (shutil.which("c++") and is_ninja_available()):
        pytest.skip("this machine has no c++ or no ninja")
    source = tmp_path / "wrong.cpp"
    source.write_text("#error it is refused\n")

    class Builder:
        def load(self, *, verbose: bool) -> None:
            load("wrong", [str(source)], build_directory=str(tmp_path), verbose=verbose)

    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / "made"))
    monkeypatch.setattr(disk_offload, "lacking", lambda: None)
    monkeypatch.setattr(disk_offload, "_builder", Builder)
    plan = ZeroPlan(stage=3, learning_rate=1e-3, offload_optimizer="nvme")
    with pytest.raises(TrainingError, match=r"compiled: .*it is refused\. Mend that, or") as told:
        prepare(plan)
    assert "\n" not in str(told.value)


def test_what_lacks_is_looked_for_as_deepspeed_does() -> None:
    from deepspeed.ops.op_builder import AsyncIOBuilder

    if shutil.which("g++") and not AsyncIOBuilder().has_function("io_submit", ("aio",)):
        assert "libaio" in str(lacking())
    else:
        assert "libaio" not in str(lacking())


def test_a_lock_that_a_killed_compiler_left_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    folders = _folders()
    assert all(tmp_path in folder.parents for folder in folders)
    killed = [FileBaton(str(folder / "lock")) for folder in folders]
    assert all(baton.try_acquire() for baton in killed)
    mine = [FileBaton(str(folder / "lock")) for folder in folders]
    assert not any(baton.try_acquire() for baton in mine)
    remove_left(folders)
    assert all(baton.try_acquire() for baton in mine)
