"""Bytes of model states under ZeRO: weights, gradients, optimizer states.

Source: Rajbhandari et al. 2020 (arXiv 1910.02054), section 3 and figure 1. Activations, buffers and
fragmentation come on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xlgap.planning.hardware import Precision

ZeroStage = Literal[0, 1, 2, 3]
_FP32 = 4  # bytes
_BYTES: dict[Precision, int] = {"fp32": 4, "bf16": 2}  # of a weight, and of its gradient


def _optimizer_bytes(precision: Precision, zero_stage: ZeroStage) -> int:
    """Adam's two moments a parameter, in fp32, and the fp32 copy that it steps.

    Plain fp32 training steps the weights themselves; DeepSpeed's ZeRO keeps the copy even then.
    """
    return 2 * _FP32 if precision == "fp32" and zero_stage == 0 else 3 * _FP32


@dataclass(frozen=True, kw_only=True)
class ModelStates:
    """Bytes of one process.

    Attributes:
        weights, gradients, optimizer: on the device.
        host: offloaded to host memory.
    """

    weights: int
    gradients: int
    optimizer: int
    host: int = 0

    @property
    def device(self) -> int:
        """Bytes on the device."""
        return self.weights + self.gradients + self.optimizer


def model_states(
    params: int,
    *,
    precision: Precision = "fp32",
    zero_stage: ZeroStage = 0,
    devices: int = 1,
    offload_optimizer: bool = False,
    offload_parameters: bool = False,
) -> ModelStates:
    """Model states of ``params`` trained parameters, for each of ``devices`` processes.

    Stage 1 shards the optimizer states, stage 2 the gradients too, stage 3 also the weights; a shard
    is rounded up to whole parameters.

    >>> model_states(7_500_000_000, precision="bf16", zero_stage=3, devices=64).device
    1875000000
    """
    shard = -(-params // devices)
    weights = _BYTES[precision] * (shard if zero_stage >= 3 else params)
    gradients = _BYTES[precision] * (shard if zero_stage >= 2 else params)
    optimizer = _optimizer_bytes(precision, zero_stage) * (shard if zero_stage >= 1 else params)
    return ModelStates(
        weights=0 if offload_parameters else weights,
        gradients=gradients,
        optimizer=0 if offload_optimizer else optimizer,
        host=(weights if offload_parameters else 0) + (optimizer if offload_optimizer else 0),
    )


def weight_bytes(params: int) -> int:
    """Bytes of a file of final weights: fp32, whatever they were trained in."""
    return _FP32 * params


def best_copies(*, on_dev: bool, zero_stage: ZeroStage, devices: int) -> int:
    """How often a checkpoint holds the weights of the best evaluation so far.

    Args:
        on_dev: whether they are selected by their dev score; otherwise the last ones are taken.
        zero_stage: under stage 3 every process keeps them in its part.
        devices: processes.
    """
    return (devices if zero_stage == 3 else 1) if on_dev else 0


def checkpoint_bytes(
    params: int, precision: Precision, zero_stage: ZeroStage = 0, *, best_copies: int = 0
) -> int:
    """Bytes of a checkpoint to resume from: weights and optimizer states of all processes.

    Under stage 3 the copy that the optimizer steps stands for the weights.

    Args:
        params: trained.
        precision: of training.
        zero_stage: of training.
        best_copies: how often the weights of the best evaluation, in fp32, stand beside them.
    """
    weights = 0 if zero_stage == 3 else _BYTES[precision]
    return (weights + _optimizer_bytes(precision, zero_stage) + best_copies * _FP32) * params
