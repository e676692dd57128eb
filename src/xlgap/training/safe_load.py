"""Files of tensors are read as tensors: no pickle of a checkpoint can name code to run.

DeepSpeed writes its checkpoints with torch.save, a pickle in a zip archive, and reads them with
``weights_only=False``. Here torch is told to override that: what is read are tensors, plain Python
values, and the classes of :func:`classes`, which hold numbers. Anything else is an UnpicklingError.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from functools import partial
from pathlib import Path
from typing import Any

import torch

FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
CONVERTER = "deepspeed.checkpoint.ds_to_universal"


def classes() -> list[Any]:
    """What DeepSpeed puts into a checkpoint beside tensors and plain values."""
    from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler, LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    return [DynamicLossScaler, LossScaler, ZeroStageEnum, fragment_address]


@contextmanager
def tensors_only() -> Iterator[None]:
    """Inside, every ``torch.load`` of this process reads tensors only, whatever its caller asks for."""
    before = os.environ.get(FORCE)
    os.environ[FORCE] = "1"
    try:
        with torch.serialization.safe_globals(classes()):
            yield
    finally:
        if before is None:
            del os.environ[FORCE]
        else:
            os.environ[FORCE] = before


def load_tensors(path: Path) -> Any:
    """What ``torch.save`` has written, onto the CPU.

    Raises:
        pickle.UnpicklingError: it names a class that no checkpoint holds.
    """
    with torch.serialization.safe_globals(classes()):
        return torch.load(path, map_location="cpu", weights_only=True)


def is_full(error: OSError) -> bool:
    """Whether a disk has no room left, or none for this user."""
    return error.errno in (ENOSPC, EDQUOT)


def convert() -> int:
    """Run DeepSpeed's converter with the arguments of this process; its exit code.

    It is ``EX_IOERR`` where the disk is full, and ``EX_OSERR`` where a file cannot be read or written.
    """
    from xlgap.training.writer import write_file

    # torch's own says "unexpected pos" when the disk is full
    vars(torch)["save"] = partial(write_file, durable=False)
    sys.argv[0] = CONVERTER
    try:
        with tensors_only():
            runpy.run_module(CONVERTER, run_name="__main__", alter_sys=True)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_IOERR if is_full(error) else os.EX_OSERR
    return 0


if __name__ == "__main__":  # in a process of its own
    sys.exit(convert())
