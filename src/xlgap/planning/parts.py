"""What the memory of one process consists of, and what is assumed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xlgap.planning.hardware import GIB

BASE: Mapping[str, int] = {"cpu": round(0.45 * GIB), "cuda": round(1.2 * GIB)}
"""Of a process before a model: torch, transformers, DeepSpeed; on a GPU its context and libraries."""
FRAGMENTATION: Mapping[str, float] = {"cpu": 0.1, "cuda": 0.05}
"""Share of what comes and goes (activations, logits, buffers) that the allocator holds beside it."""
HEAP: Mapping[str, float] = {"cpu": 0.1, "cuda": 0.0}
"""Share of the gradients that the C library's heap holds beside them."""
LOADED: Mapping[str, int] = {"cpu": 275_000_000, "cuda": 0}
"""Bytes of what is loaded by the first steps: kernels, modules of torch and DeepSpeed.

Those of a CPU, the last three, are fitted to measured trainings (docs/planning.md); those of a GPU are
assumed.
"""


@dataclass(frozen=True, kw_only=True)
class MemoryParts:
    """Bytes of one process at the moment when it holds most.

    Attributes:
        weights, gradients, optimizer, activations, logits, buffers: on the device, each at its most;
            ``buffers`` are DeepSpeed's, and gathered weights.
        checkpoint: the copy that a checkpoint is written from while training goes on, on a CPU.
        fragmentation: held by the allocator beside them.
        base: of the process before any model.
        overlap: what of the parts is not there at one time: activations go while gradients come.
        host: in the host's memory, of each process; of a CPU it is among the parts.
        host_first: in the host's memory, of the first of all processes beside that.
        nvme: on its disk.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    buffers: int
    fragmentation: int
    base: int
    checkpoint: int = 0
    overlap: int = 0
    host: int = 0
    host_first: int = 0
    nvme: int = 0

    @property
    def increment(self) -> int:
        """Bytes on the device beyond ``base``."""
        parts = self.weights + self.gradients + self.optimizer + self.activations + self.logits
        return parts + self.buffers + self.fragmentation + self.checkpoint - self.overlap

    @property
    def total(self) -> int:
        """Bytes on the device at the most."""
        return self.base + self.increment
