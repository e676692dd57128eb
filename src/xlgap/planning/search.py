"""The cheapest way to train that fits: ZeRO stage, offloads, checkpointing, micro-batch; its cost.

A step takes its arithmetic at the assumed share of the peak, and on top

* a third of it again where activations are checkpointed: one more forward pass;
* ``1 + half/m`` of it where a forward pass has ``m`` sub-words and ``half`` reach half of the share;
* ``ceil(rows/devices) * devices/rows`` of it where rows do not share evenly: devices wait;
* communication, not overlapped: with b bytes of the trained weights a device sends 2b a step in stages
  0 to 2, and 3b a micro-batch in stage 3 (Rajbhandari et al. 2020, section 7: 1.5 times as much);
* the optimizer: what Adam reads and writes of a device's memory, sharded from stage 1;
* offload: gradients and weights over the host's link, and the states that the host's Adam reads and
  writes; from disk, those states once each way; offloaded weights twice a micro-batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from xlgap.planning.activations import packs
from xlgap.planning.beside import memory_beside_training
from xlgap.planning.hardware import DEVICE_SHARE, HOST_SHARE, Hardware, Precision
from xlgap.planning.memory import predict_memory
from xlgap.planning.parts import MemoryParts
from xlgap.planning.setting import HeadKind, Offload, Setting, ZeroStage
from xlgap.planning.shape import Shape
from xlgap.planning.split import predicts_from_host, splits

ADAM = 28
"""Bytes a parameter that Adam reads and writes: gradient, weight and two moments."""
HOST_ADAM = 20e9
"""Bytes a second of a device's share of the host's memory, which Adam on the host reads and writes."""
MOST_DEVICES = 4096


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
        micro_tokens: sub-words of a forward pass of a device, at most.
        accumulation: forward passes of a device in a step.
        memory: of one process.
        lora, base_bits: as in :class:`~xlgap.planning.setting.Setting`.
        arithmetic: how many times the seconds of its operations a step's passes take.
        seconds: that a step takes beside them: communication and offload.
        split: whether no process holds the whole network.
        lacking: what does not fit, in words; empty where all does.
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

    @property
    def fits(self) -> bool:
        """Whether it can run."""
        return not self.lacking


def choose(shape: Shape, load: Load, hardware: Hardware, asked: Asked) -> Choice:
    """The cheapest way that fits; the one that takes the least memory where none does."""
    search = _Search(shape, load, hardware, asked)
    found = list(search.ways())
    fitting = [choice for choice in found if choice.fits]
    if fitting:
        return min(fitting, key=search.step_seconds)
    return min(found, key=lambda choice: choice.memory.total)


def remedies(choice: Choice) -> str:
    """What the study may change where more devices do not help, to follow a sentence."""
    if choice.base_bits:
        fewer = "set lora.bits to 4, " * (choice.base_bits == 8)
        return (
            f"no stage shards a base of {choice.base_bits} bits: {fewer}take larger devices, or "
            "shorten micro-batches"
        )
    raised = "raise train.zero_stage, " * (choice.zero_stage < 3)
    kept = "none" in (choice.offload_optimizer, choice.offload_parameters)
    return f"{raised}{'offload, ' * kept}take larger devices, or shorten micro-batches"


def least_devices(shape: Shape, load: Load, hardware: Hardware, asked: Asked) -> int | None:
    """The least number of such devices, a power of 2, on which some way fits; ``None`` beyond 4,096."""
    count = 1
    while count <= MOST_DEVICES:
        search = _Search(shape, load, replace(hardware, devices=count), asked)
        if any(choice.fits for choice in search.ways(thrifty=True)):
            return count
        count *= 2
    return None


def splits_as_asked(shape: Shape, hardware: Hardware, asked: Asked) -> bool:
    """Whether the network is split; one of few bits cannot be."""
    return not asked.base_bits and splits(
        shape,
        hardware,
        asked=asked.split,
        zero_stage=asked.zero_stage,
        adapted=asked.lora is not None,
    )


class _Search:
    """The ways to train one model on one machine."""

    def __init__(self, shape: Shape, load: Load, hardware: Hardware, asked: Asked) -> None:
        self.shape, self.load, self.hardware, self.asked = shape, load, hardware, asked
        self.trained = shape.adapters(asked.lora, asked.modules) if asked.lora else shape.parameters
        self.rows = -(-load.rows // hardware.devices)
        self.split = splits_as_asked(shape, hardware, asked)

    def ways(self, *, thrifty: bool = False) -> Iterator[Choice]:
        """All of them, each with the largest micro-batch that fits; ``thrifty``: the smallest alone."""
        checkpointing = self.asked.activation_checkpointing
        for stage in self._stages():
            for optimizer, parameters in self._offloads(stage):
                flags = (False, True) if checkpointing == "auto" else (checkpointing,)
                for flag in flags[-1:] if thrifty else flags:
                    yield self._largest(stage, optimizer, parameters, flag, thrifty=thrifty)

    def _stages(self) -> tuple[ZeroStage, ...]:
        """Of them 3 cannot share out a base of few bits, and the others hold whole networks."""
        if self.asked.zero_stage != "auto":
            return (self.asked.zero_stage,)
        if self.split:
            return (3,)
        return (0, 1, 2) if self.asked.base_bits else (0, 1, 2, 3)

    def _offloads(self, stage: ZeroStage) -> Iterator[tuple[Offload, Offload]]:
        """Of optimizer and weights; a CPU has nowhere else to put them unless it is asked to."""
        anywhere: tuple[Offload, ...] = ("none", "cpu", "nvme")
        own = anywhere if self.hardware.kind == "cuda" else anywhere[:1]
        optimizers = own if self.asked.offload_optimizer == "auto" else (self.asked.offload_optimizer,)
        weights = own if self.asked.offload_parameters == "auto" else (self.asked.offload_parameters,)
        for optimizer in optimizers:
            for parameters in weights:
                auto = "auto" in {self.asked.offload_optimizer, self.asked.offload_parameters}
                if auto and (
                    (stage == 0 and optimizer != "none")
                    or (stage < 3 and (parameters != "none" or optimizer == "nvme"))
                ):
                    continue
                yield optimizer, parameters

    def _largest(
        self, stage: ZeroStage, optimizer: Offload, parameters: Offload, flag: bool, *, thrifty: bool
    ) -> Choice:
        least = self.load.sequences * self.load.longest
        most = max(least, min(self.asked.micro_tokens, self.rows * least))
        size = least if thrifty and self._halves else most
        choice = self._choice(stage, optimizer, parameters, flag, size)
        while self._halves and not choice.fits and choice.micro_tokens > least:
            size = max(least, choice.micro_tokens // 2)
            choice = self._choice(stage, optimizer, parameters, flag, size)
        return choice

    @property
    def _halves(self) -> bool:
        return self.asked.halve and not self.load.fixed

    def _choice(
        self, stage: ZeroStage, optimizer: Offload, parameters: Offload, flag: bool, size: int
    ) -> Choice:
        load, asked, hardware = self.load, self.asked, self.hardware
        mine = self.rows * load.sequences * load.length
        accumulation = max(1, math.ceil(mine / size))
        packed = packs(self.shape)
        setting = Setting(
            zero_stage=stage,
            devices=hardware.devices,
            precision=asked.precision,
            offload_optimizer=optimizer,
            offload_parameters=parameters,
            activation_checkpointing=flag,
            micro_tokens=size,
            longest=load.longest,
            rows=max(1, size // load.length) if packed else None,
            micro_batches=accumulation,
            head=load.head,
            outputs=load.outputs,
            supervised=load.supervised,
            dropout=load.dropout,
            lora=asked.lora,
            modules=asked.modules,
            base_bits=asked.base_bits,
            keep_best=load.keep_best,
            saves=True,
            split=self.split,
            device=hardware.kind,
        )
        memory = self._memory(setting)
        idle = self.rows * hardware.devices / load.rows
        small = 1 + hardware.half_tokens / min(size, mine)
        return Choice(
            zero_stage=stage,
            offload_optimizer=optimizer,
            offload_parameters=parameters,
            activation_checkpointing=flag,
            micro_tokens=size,
            accumulation=accumulation,
            memory=memory,
            arithmetic=(4 / 3 if flag else 1) * idle * small,
            seconds=self._moving(stage, optimizer, parameters, accumulation),
            lora=asked.lora,
            base_bits=asked.base_bits,
            split=self.split,
            lacking=self._lacking(memory),
        )

    def _memory(self, setting: Setting) -> MemoryParts:
        """The most of training and what is beside it, of each memory."""
        asked = self.asked
        on_host = self.split and predicts_from_host(self.shape, self.hardware, asked.offload_parameters)
        training = predict_memory(self.shape, setting)
        beside = memory_beside_training(
            self.shape,
            setting,
            tokens=asked.predicting_tokens,
            states=asked.predicting_states,
            on_host=on_host,
        )
        return replace(
            max(training, beside, key=lambda of: of.total),
            host=max(training.host, beside.host),
            host_first=training.host_first,
            nvme=training.nvme,
        )

    def _lacking(self, memory: MemoryParts) -> str:
        """Which memory is too small, by how much."""
        hardware = self.hardware
        of_node = hardware.of_node
        on_host = memory.host * of_node + memory.host_first
        needs = (
            ("of a device's memory", memory.total, round(DEVICE_SHARE * hardware.memory_bytes)),
            ("of a node's memory", on_host, round(HOST_SHARE * hardware.host_bytes)),
            ("of a node's disks", memory.nvme * of_node, hardware.nvme_bytes),
        )
        lacks = [
            f"{needed / 2**30:.1f} GiB {what} where there are {there / 2**30:.1f}"
            for what, needed, there in needs
            if needed > there
        ]
        return "; ".join(lacks)

    def _moving(
        self, stage: ZeroStage, optimizer: Offload, parameters: Offload, accumulation: int
    ) -> float:
        """Seconds a step of communication and offload."""
        hardware, number = self.hardware, 4 if self.asked.precision == "fp32" else 2
        trained, held = number * self.trained, number * self.shape.parameters
        count = hardware.devices
        share = (count - 1) / count
        if stage == 3:
            sent = share * accumulation * (2 * held + trained)
        else:
            sent = share * 2 * trained * (accumulation if stage == 2 else 1)
        seconds = sent / hardware.bandwidth
        mine = self.trained / (count if stage else 1)
        if hardware.memory_link and optimizer == "none":
            seconds += ADAM * mine / hardware.memory_link
        if hardware.kind == "cuda" and optimizer != "none":
            seconds += mine * number * (accumulation + 1) / hardware.host_link + ADAM * mine / HOST_ADAM
        if optimizer == "nvme":
            seconds += 24 * mine * hardware.of_node / hardware.nvme_link
        if parameters != "none" and hardware.kind == "cuda":
            seconds += accumulation * 2 * held / count / hardware.host_link
        if parameters == "nvme":
            seconds += accumulation * 2 * held / count * hardware.of_node / hardware.nvme_link
        return seconds

    def step_seconds(self, choice: Choice) -> float:
        """Predicted of one step; of its arithmetic alone in units where it is not known."""
        flops = self.load.flops
        if flops is None:
            tokens = self.load.rows * self.load.sequences * self.load.length
            flops = 6.0 * self.shape.parameters * tokens
        return choice.arithmetic * flops / self.hardware.speed(self.asked.precision) + choice.seconds
