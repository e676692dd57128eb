"""How a training is spread over devices and their memory: what its memory and time depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xlgap.planning.hardware import Precision

ZeroStage = Literal[0, 1, 2, 3]
Offload = Literal["none", "cpu", "nvme"]
HeadKind = Literal["classify", "tag", "span", "rank", "mlm", "choose"]

REDUCE_BUCKET = 50_000_000
"""Gradients that ZeRO 1-3 reduces at a time, as in :func:`xlgap.training.zero.deepspeed_config`."""
LIVE_PARAMETERS = 1_000_000_000
"""Parameters that ZeRO-3 leaves gathered, DeepSpeed's ``stage3_max_live_parameters``."""
STEP_GROUP = 1_000_000_000
"""Parameters that ZeRO-3 steps at a time, DeepSpeed's ``sub_group_size``."""
PREFETCH = 10_000_000
"""Parameters that ZeRO-3 gathers ahead, as in :func:`xlgap.training.zero.deepspeed_config`."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One way to train a model.

    Attributes:
        zero_stage: of DeepSpeed.
        devices: that train together.
        precision: of forward and backward passes.
        offload_optimizer, offload_parameters: where those states lie, if not on the device.
        activation_checkpointing: blocks keep their inputs alone and are computed again.
        micro_tokens: sub-words of one forward pass of a device; real ones where the model packs,
            padding included where it does not.
        longest: sub-words of the longest sequence among them.
        rows: sequences among them; as many as fit when ``None``.
        pairs: of sub-words that attend to each other; all sequences are as long as the longest when
            ``None``.
        micro_batches: forward passes of a device in a step.
        head: kind of the task's head.
        outputs: classes or tags of the head.
        supervised: share of sub-words that masked language modelling predicts.
        dropout: share; the model's own when ``None``.
        lora: rank of adapters; ``None`` trains all weights.
        modules: names of the linear layers that have adapters; all when ``None``.
        base_bits: of a weight of a linear layer below adapters; that of the precision when ``None``.
        keep_best: whether the weights of the best evaluation so far are kept, in host memory.
        saves: whether checkpoints are written.
        split: whether no process holds the whole network, in stage 3.
        device: what trains.
    """

    zero_stage: ZeroStage = 0
    devices: int = 1
    precision: Precision = "fp32"
    offload_optimizer: Offload = "none"
    offload_parameters: Offload = "none"
    activation_checkpointing: bool = False
    micro_tokens: int
    longest: int
    rows: int | None = None
    pairs: int | None = None
    micro_batches: int = 1
    head: HeadKind = "classify"
    outputs: int = 3
    supervised: float = 0.15
    dropout: float | None = None
    lora: int | None = None
    modules: tuple[str, ...] | None = None
    base_bits: Literal[4, 8] | None = None
    keep_best: bool = False
    saves: bool = False
    split: bool = False
    device: Literal["cpu", "cuda"] = "cpu"

    @property
    def sequences(self) -> int:
        """Sequences of a forward pass."""
        return self.rows or max(1, self.micro_tokens // self.longest)

    @property
    def read(self) -> float:
        """Share of the sub-words whose last states the head reads in training; of tags at most."""
        if self.head in {"classify", "choose", "rank"}:
            return min(1.0, self.sequences / self.micro_tokens)
        return self.supervised if self.head == "mlm" else 1.0

    @property
    def attended(self) -> int:
        """Pairs of sub-words that attend to each other."""
        return self.pairs or self.micro_tokens * self.longest
