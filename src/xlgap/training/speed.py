"""How fast this process's device multiplies matrices."""

from __future__ import annotations

import time
from typing import Literal

import torch

from xlgap.training.engine import device

SIZES = {"cpu": 1024, "cuda": 8192}
"""Rows and columns: enough for most of the speed that larger ones have."""
SECONDS = 0.4


def product_speed(precision: Literal["fp32", "bf16"], *, threads: int) -> float:
    """Operations a second, a multiplication and an addition being two, of the fastest of some products.

    Args:
        precision: of the matrices.
        threads: of a CPU.
    """
    kind, before = device(), torch.get_num_threads()
    size = SIZES[kind]
    dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    torch.set_num_threads(threads)
    try:
        a, b = (torch.ones(size, size, device=kind, dtype=dtype) / size for _ in range(2))
        best, end = float("inf"), time.perf_counter() + SECONDS
        _seconds(a, b)  # what the first one prepares
        while best == float("inf") or time.perf_counter() < end:
            best = min(best, _seconds(a, b))
    finally:
        torch.set_num_threads(before)
    return 2 * size**3 / best


def _seconds(a: torch.Tensor, b: torch.Tensor) -> float:
    """Of one product, the device's work done."""
    began = time.perf_counter()
    a @ b
    if a.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began
