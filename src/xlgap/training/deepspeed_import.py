"""DeepSpeed, imported without what no training here uses."""

from __future__ import annotations

import sys

import torch


def import_deepspeed() -> None:
    """Import DeepSpeed without MLflow and, on a CPU, without operators that it would compile.

    Its autotuner takes MLflow along where that is installed: 0.9 seconds and 100 MB of a rank, which
    tunes nothing and logs nothing. Operators are compiled at first use; probing which ones there are
    costs 0.15 seconds, once a process and its forks.
    """
    without = "mlflow" not in sys.modules
    if without:
        sys.modules["mlflow"] = None  # type: ignore[assignment]  # as if it were not installed
    try:
        from deepspeed import ops
    finally:
        if without:
            del sys.modules["mlflow"]
    if not torch.cuda.is_available():
        ops.__compatible_ops__["deepspeed_shm_comm"] = False
