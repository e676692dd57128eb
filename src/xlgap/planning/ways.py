"""What a step is, what a study asks for, and one way to train: the words of the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xlgap.planning.hardware import Precision
from xlgap.planning.parts import MemoryParts
from xlgap.planning.setting import HeadKind, Offload, ZeroStage

Peak = Literal["training", "predicting"]
Over = Literal["training", "predicting", "network", "host", "disk"]
"""Of a device: training; a batch of predictions, where a smaller one has room; the network, whatever it
predicts. Of a node: its memory, its disks."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the engine meets in a step of one task.

    Attributes:
        task: its name.
        head: kind of its head.
        outputs: classes or tags.
        rows: of a step.
        sequences: of a row.
        length: sub-words computed of a mean sequence.
        longest: sub-words of the longest sequence.
        supervised: share of sub-words that masked language modelling predicts.
        dropout: share; the model's own when ``None``.
        keep_best: whether weights are chosen by their dev score.
        fixed: whether weights depend on the micro-batch, so that it must stay: ranking.
        flops: of the arithmetic of one step, ``None`` where it is not known.
    """

    task: str
    head: HeadKind
    outputs: int
    rows: int
    sequences: int
    length: int
    longest: int
    supervised: float = 0.15
    dropout: float | None = None
    keep_best: bool = False
    fixed: bool = False
    flops: float | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is given, and what ``auto`` leaves to choose; of micro-batches the most.

    Attributes:
        precision: of training.
        zero_stage, offload_optimizer, offload_parameters, activation_checkpointing: or ``auto``.
        micro_tokens: sub-words of a forward pass of a device.
        halve: whether it may be less.
        lora, modules, base_bits: as in :class:`~xlgap.planning.setting.Setting`.
        split: whether no process holds the whole network.
        predicting_tokens: padded sub-words of a batch of predictions; those of training when ``None``.
        predicting_states: whether predictions keep the states of all blocks.
    """

    precision: Precision
    zero_stage: ZeroStage | Literal["auto"] = 0
    offload_optimizer: Offload | Literal["auto"] = "none"
    offload_parameters: Offload | Literal["auto"] = "none"
    activation_checkpointing: bool | Literal["auto"] = False
    micro_tokens: int = 8192
    halve: bool = False
    lora: int | None = None
    modules: tuple[str, ...] | None = None
    base_bits: Literal[4, 8] | None = None
    split: Literal["on", "off", "auto"] = "auto"
    predicting_tokens: int | None = None
    predicting_states: bool = False


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One way to train, with what it takes.

    Attributes:
        zero_stage, offload_optimizer, offload_parameters, activation_checkpointing: see ``Setting``.
        micro_tokens: sub-words of a forward pass of a device, at most, whatever the task.
        accumulation: forward passes of a device in a step.
        memory: of one process, at its peak.
        lora, base_bits: as in :class:`~xlgap.planning.setting.Setting`.
        arithmetic: how many times the seconds of its operations a step's passes take.
        seconds: that a step takes beside them: communication and offload.
        split: whether no process holds the whole network.
        lacking: what does not fit, in words; empty where all does.
        task: of the tasks that are trained together the one whose steps take most memory, which
            ``accumulation`` and ``memory`` are of.
        peak: when that is: in training, or when the network is loaded and predicts.
        over: what takes more than there is, see :data:`Over`.
    """

    zero_stage: ZeroStage
    offload_optimizer: Offload
    offload_parameters: Offload
    activation_checkpointing: bool
    micro_tokens: int
    accumulation: int
    memory: MemoryParts
    arithmetic: float
    seconds: float
    lora: int | None = None
    base_bits: Literal[4, 8] | None = None
    split: bool = False
    lacking: str = ""
    task: str = ""
    peak: Peak = "training"
    over: tuple[Over, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it can run."""
        return not self.lacking
