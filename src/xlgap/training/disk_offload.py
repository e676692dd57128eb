"""Offload to disk: DeepSpeed compiles the operator that reads and writes it, at its first use.

What that takes is looked for before, since DeepSpeed says it in a traceback. One process of a node
compiles at a time: a lock that torch's compiler leaves where it is killed would otherwise be waited for
by every later process, without end.
"""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path
from typing import Any

import torch

from xlgap.errors import TrainingError
from xlgap.training.zero import ZeroPlan

COMPILERS = ("c++", "g++", "clang++")
_OPERATORS = ("pin_memory", "async_io")


def lacking() -> str | None:
    """What compiling it takes and this machine has not, in words; ``None`` where nothing lacks."""
    from deepspeed.git_version_info import installed_ops
    from torch.utils.cpp_extension import CUDA_HOME, is_ninja_available

    if installed_ops.get("async_io", False):  # this DeepSpeed was installed with it
        return None
    if not any(map(shutil.which, COMPILERS)):
        return "a C++ compiler: install g++"
    if not is_ninja_available():
        return "ninja: install it"
    if torch.cuda.is_available() and CUDA_HOME is None:
        return "the CUDA toolkit: install it, or set CUDA_HOME to where it is"
    if not _builder().is_compatible(verbose=False):
        return "libaio and its headers: install libaio-dev (libaio-devel)"
    return None


def prepare(plan: ZeroPlan) -> None:
    """Have the operator compiled where ``plan`` offloads to disk.

    Raises:
        TrainingError: it cannot be.
    """
    if "nvme" not in {plan.offload_optimizer, plan.offload_parameters}:
        return
    if lacks := lacking():
        raise TrainingError(
            f"offload to disk ('nvme') lacks {lacks}; or offload to the host ('cpu'), or not at all."
        )
    folders = _folders()
    with (folders[0].parent / "xlgap.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        remove_left(folders)
        try:
            _builder().load(verbose=False)
        except (RuntimeError, OSError, ImportError) as error:
            raise TrainingError(
                f"offload to disk ('nvme'): its operator could not be compiled: {_told(error)}. "
                "Mend that, or offload to the host ('cpu'), or not at all."
            ) from error


def _told(error: Exception) -> str:
    """The line in which a compiler names its first error, or else the first of all."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [repr(error)]
    return next((line for line in lines if "error:" in line), lines[0]).rstrip(".")


def remove_left(folders: list[Path]) -> None:
    """Remove the locks that a compiler has left which was killed; nobody else may compile now."""
    for folder in folders:
        (folder / "lock").unlink(missing_ok=True)


def _folders() -> list[Path]:
    """Where torch compiles the operators."""
    from torch.utils.cpp_extension import _get_build_directory

    return [Path(_get_build_directory(name, verbose=False)) for name in _OPERATORS]


def _builder() -> Any:
    from deepspeed.accelerator import get_accelerator

    return get_accelerator().create_op_builder("AsyncIOBuilder")
