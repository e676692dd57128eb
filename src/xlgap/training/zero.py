"""From a plan of one training phase to a DeepSpeed configuration; pure.

Source for the memory arithmetic: Rajbhandari et al. 2020, "ZeRO: Memory Optimizations Toward Training
Trillion Parameter Models" (arXiv 1910.02054).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Place = bool | Literal["nvme"]
"""Whether states are offloaded: to host memory, or to disk."""


@dataclass(frozen=True, kw_only=True)
class ZeroPlan:
    """What decides the engine's configuration.

    Attributes:
        stage: ZeRO stage: 0 none, 1 optimizer states, 2 and gradients, 3 and parameters.
        precision: of forward and backward; the optimizer always steps in fp32, and gradients of
            micro-batches are added up in fp32, from stage 1 by DeepSpeed, in stage 0 (but for the
            last) by :class:`~xlgap.training.sums.Sums`.
        offload_optimizer, offload_parameters: keep those states in host memory, from stage 1 and in
            stage 3, or, in stage 3, on disk; ``params.yaml`` is checked for it when it is read.
        nvme_path: directory of the disk.
        largest_tensor: its parameters; buffers of what is read from disk have room for it.
        activation_checkpointing: keep of every block of the encoder its input alone and compute the
            rest again in backward; nothing of DeepSpeed's configuration.
        split: no process holds the whole network at any time; in stage 3.
        learning_rate, weight_decay, beta2, clip: of AdamW.
    """

    stage: Literal[0, 1, 2, 3] = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    offload_optimizer: Place = False
    offload_parameters: Place = False
    nvme_path: str = "scratch/nvme"
    largest_tensor: int = 100_000_000
    activation_checkpointing: bool = False
    split: bool = False
    learning_rate: float
    weight_decay: float = 0.0
    beta2: float = 0.999
    clip: float = 1.0

    @property
    def plain(self) -> bool:
        """Whether DeepSpeed steps torch's optimizer as it is: no ZeRO, no other precision."""
        return self.stage == 0 and self.precision == "fp32"


def deepspeed_config(plan: ZeroPlan) -> dict[str, Any]:
    """The configuration for ``deepspeed.initialize``.

    One micro-batch a call; accumulation boundaries are set by the trainer, since micro-batches hold a
    budget of tokens, not a fixed number of rows.
    """
    zero: dict[str, Any] = {"stage": plan.stage}
    if plan.stage > 0:
        zero |= {"contiguous_gradients": True, "overlap_comm": False, "reduce_bucket_size": 50_000_000}
    if plan.stage == 3:
        zero |= {
            "stage3_param_persistence_threshold": 0,
            "stage3_prefetch_bucket_size": 10_000_000,
            "stage3_gather_16bit_weights_on_model_save": True,
        }
    if plan.split:  # what is gathered goes when the module that needs it is done
        zero |= {"stage3_max_live_parameters": 0, "stage3_max_reuse_distance": 0}
    if plan.offload_optimizer:
        zero["offload_optimizer"] = _offload(plan, plan.offload_optimizer)
    if plan.offload_parameters:
        zero["offload_param"] = _offload(plan, plan.offload_parameters)
        if plan.offload_parameters == "nvme":
            zero["offload_param"]["buffer_size"] = plan.largest_tensor
    in_halves = plan.precision == "bf16" and plan.stage > 0
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        # without a wrapped optimizer the trainer clips, see engine.clip_gradients
        "gradient_clipping": 0.0 if plan.plain else plan.clip,
        "steps_per_print": 1_000_000_000,
        "zero_force_ds_cpu_optimizer": False,
        "zero_allow_untested_optimizer": True,
        "bf16": {"enabled": plan.precision == "bf16"},
        **({"data_types": {"grad_accum_dtype": "fp32"}} if in_halves else {}),
        "optimizer": {
            "type": "AdamW",
            "params": {
                "lr": plan.learning_rate,
                "betas": [0.9, plan.beta2],
                "eps": 1e-8,
                "weight_decay": plan.weight_decay,
                # torch's own AdamW, few kernels for all tensors: DeepSpeed's needs a compiler
                "torch_adam": True,
                "fused": True,
            },
        },
        "zero_optimization": zero,
    }


def _offload(plan: ZeroPlan, place: Place) -> dict[str, Any]:
    return {"device": "nvme", "nvme_path": plan.nvme_path} if place == "nvme" else {"device": "cpu"}


def linear_schedule(step: int, *, steps: int, warmup: int) -> float:
    """The factor of the peak learning rate at ``step``, counted from 0: up linearly, then down to 0.

    >>> [linear_schedule(s, steps=4, warmup=2) for s in range(4)]
    [0.5, 1.0, 1.0, 0.5]
    """
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (steps - step) / max(1, steps - warmup))
