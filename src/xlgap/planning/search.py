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

Tasks that are trained together are trained in one way, which fits all of them; a step takes the mean of
theirs, each counted alike. Of one way the largest micro-batch that fits is the cheapest: memory grows
with it between the sizes at which a step takes one forward pass, two, and more, and is bisected there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from xlgap.planning.activations import packs
from xlgap.planning.beside import memory_beside_training
from xlgap.planning.hardware import DEVICE_SHARE, HOST_SHARE, Hardware
from xlgap.planning.memory import predict_memory
from xlgap.planning.parts import MemoryParts
from xlgap.planning.setting import Offload, Setting, ZeroStage
from xlgap.planning.shape import Shape
from xlgap.planning.split import predicts_from_host, splits
from xlgap.planning.ways import Asked, Choice, Load, Over

ADAM = 28
"""Bytes a parameter that Adam reads and writes: gradient, weight and two moments."""
HOST_ADAM = 20e9
"""Bytes a second of a device's share of the host's memory, which Adam on the host reads and writes."""
MOST_DEVICES = 4096


def choose(shape: Shape, loads: Sequence[Load], hardware: Hardware, asked: Asked) -> Choice:
    """The cheapest way that fits; the one that takes the least memory where none does.

    Args:
        shape: of the model.
        loads: of the tasks of one phase, which are trained together.
        hardware: to train on.
        asked: what is given, and what is left to choose.
    """
    search = _Search(shape, loads, hardware, asked)
    found = list(search.ways())
    assert found, f"no stage does what is asked, which params.yaml is checked for: {asked}"
    fitting = [choice for choice in found if choice.fits]
    if fitting:
        return min(fitting, key=search.step_seconds)
    return min(found, key=lambda choice: (choice.memory.total, len(choice.over)))


def least_devices(shape: Shape, loads: Sequence[Load], hardware: Hardware, asked: Asked) -> int | None:
    """The least number of such devices, a power of 2, on which some way fits; ``None`` beyond 4,096."""
    count = 1
    while count <= MOST_DEVICES:
        if fits_somehow(shape, loads, replace(hardware, devices=count), asked):
            return count
        count *= 2
    return None


def fits_somehow(shape: Shape, loads: Sequence[Load], hardware: Hardware, asked: Asked) -> bool:
    """Whether some way fits; arguments as of :func:`choose`."""
    ways = _Search(shape, loads, hardware, asked).ways(thrifty=True)
    return any(choice.fits for choice in ways)


def splits_as_asked(shape: Shape, hardware: Hardware, asked: Asked) -> bool:
    """Whether the network is split; one of few bits cannot be."""
    return not asked.base_bits and splits(
        shape,
        hardware,
        asked=asked.split,
        zero_stage=asked.zero_stage,
        adapted=asked.lora is not None,
    )


class _Way(NamedTuple):
    """How states are spread, and whether activations are computed again."""

    stage: ZeroStage
    optimizer: Offload
    parameters: Offload
    checkpointing: bool

    @property
    def possible(self) -> bool:
        """Whether DeepSpeed offloads so: the optimizer from stage 1, all else in stage 3."""
        if self.stage == 3:
            return True
        return self.parameters == "none" and self.optimizer in ("none", "cpu" if self.stage else "none")


class _Search:
    """The ways to train one model on one machine."""

    def __init__(self, shape: Shape, loads: Sequence[Load], hardware: Hardware, asked: Asked) -> None:
        self.shape, self.loads, self.hardware, self.asked = shape, tuple(loads), hardware, asked
        self.trained = shape.adapters(asked.lora, asked.modules) if asked.lora else shape.parameters
        self.split = splits_as_asked(shape, hardware, asked)
        self.room = round(DEVICE_SHARE * hardware.memory_bytes)
        self.flops = [self._flops(load) for load in self.loads]
        self._predicting: dict[tuple[Load, int | None], MemoryParts] = {}

    def ways(self, *, thrifty: bool = False) -> Iterator[Choice]:
        """All of them, each with the largest micro-batch that fits; ``thrifty``: with any that does."""
        own: tuple[Offload, ...] = ("none", "cpu", "nvme")
        if self.hardware.kind == "cpu":  # nowhere else to put them unless it is asked to
            own = own[:1]
        asked = self.asked
        optimizers = own if asked.offload_optimizer == "auto" else (asked.offload_optimizer,)
        weights = own if asked.offload_parameters == "auto" else (asked.offload_parameters,)
        again = asked.activation_checkpointing
        flags = (False, True) if again == "auto" else (again,)
        for stage in self._stages():
            for optimizer, parameters in itertools.product(optimizers, weights):
                for flag in flags[-1:] if thrifty else flags:
                    way = _Way(stage, optimizer, parameters, flag)
                    if way.possible:
                        yield self._largest(way, thrifty=thrifty)

    def _stages(self) -> tuple[ZeroStage, ...]:
        """Of them 3 cannot share out a base of few bits, and the others hold whole networks."""
        if self.asked.zero_stage != "auto":
            return (self.asked.zero_stage,)
        if self.split:
            return (3,)
        return (0, 1, 2) if self.asked.base_bits else (0, 1, 2, 3)

    def _rows(self, load: Load) -> int:
        return -(-load.rows // self.hardware.devices)

    def _bounds(self, load: Load) -> tuple[int, int]:
        """Sub-words of a forward pass: at least the longest row, at most all rows of a device."""
        least = load.sequences * load.longest
        return least, max(least, min(self.asked.micro_tokens, self._rows(load) * least))

    def _computed(self, load: Load) -> int:
        """Sub-words of a device in a step."""
        return self._rows(load) * load.sequences * load.length

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Micro-batches from the largest down, in parts in which memory grows with them."""
        bounds = [self._bounds(load) for load in self.loads]
        least, most = max(low for low, _ in bounds), max(high for _, high in bounds)
        passes = {-(-self._computed(load) // n) for load in self.loads for n in (1, 2)}
        begins = sorted({least, *(size for size in passes if least < size <= most)})
        ends = [*(begin - 1 for begin in begins[1:]), most]
        yield from reversed(list(zip(begins, ends, strict=True)))

    def _largest(self, way: _Way, *, thrifty: bool) -> Choice:
        ranges = list(self._ranges())
        if not self.asked.halve or any(load.fixed for load in self.loads):
            return self._choice(way, ranges[0][1])
        tried = []
        for low, high in ranges:
            choice = self._choice(way, low)
            if choice.fits:
                return choice if thrifty else self._grown(way, choice, high)
            tried.append(choice)
        return min(tried, key=lambda of: of.memory.total)

    def _grown(self, way: _Way, fits: Choice, most: int) -> Choice:
        """The largest micro-batch up to ``most`` that fits, from one that does."""
        size, beyond = most, most + 1
        while beyond - fits.micro_tokens > 1:
            choice = self._choice(way, size)
            if choice.fits:
                fits = choice
            else:
                beyond = size
            size = (fits.micro_tokens + beyond) // 2
        return fits

    def _choice(self, way: _Way, size: int) -> Choice:
        """All tasks in one way: memory of the one that takes most, the mean of their time."""
        each = [self._of_load(way, load, size) for load in self.loads]
        most = max(each, key=lambda of: (not of.fits, of.memory.total))
        times = sum(of.arithmetic * flops for of, flops in zip(each, self.flops, strict=True))
        return replace(
            most,
            micro_tokens=size,
            arithmetic=times / sum(self.flops),
            seconds=sum(of.seconds for of in each) / len(each),
            over=tuple(dict.fromkeys(part for of in each for part in of.over)),
        )

    def _of_load(self, way: _Way, load: Load, size: int) -> Choice:
        asked, hardware = self.asked, self.hardware
        least, most = self._bounds(load)
        size = min(most, max(least, size))
        rows, mine = self._rows(load), self._computed(load)
        accumulation = max(1, math.ceil(mine / size))
        setting = Setting(
            zero_stage=way.stage,
            devices=hardware.devices,
            precision=asked.precision,
            offload_optimizer=way.optimizer,
            offload_parameters=way.parameters,
            activation_checkpointing=way.checkpointing,
            micro_tokens=size,
            longest=load.longest,
            rows=max(1, size // load.length) if packs(self.shape) else None,
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
        training = predict_memory(self.shape, setting)
        beside = self._beside(load, setting, asked.predicting_tokens)
        memory = replace(
            max(training, beside, key=lambda of: of.total),
            host=max(training.host, beside.host),
            host_first=training.host_first,
            nvme=training.nvme,
        )
        predicts = beside.total > training.total
        lacks = self._lacks(memory, predicts=predicts)
        waiting = rows * hardware.devices / load.rows
        small = 1 + hardware.half_tokens / min(size, mine)
        return Choice(
            zero_stage=way.stage,
            offload_optimizer=way.optimizer,
            offload_parameters=way.parameters,
            activation_checkpointing=way.checkpointing,
            micro_tokens=size,
            accumulation=accumulation,
            memory=memory,
            arithmetic=(4 / 3 if way.checkpointing else 1) * waiting * small,
            seconds=self._moving(way, accumulation),
            lora=asked.lora,
            base_bits=asked.base_bits,
            split=self.split,
            lacking="; ".join(lacks.values()),
            task=load.task,
            peak="predicting" if predicts else "training",
            over=(
                *self._over(load, setting, training, beside),
                *(part for part in ("host", "disk") if part in lacks),
            ),
        )

    def _beside(self, load: Load, setting: Setting, tokens: int | None) -> MemoryParts:
        """Of what is before and after training; with a number of sub-words the same in every way."""
        known = (load, tokens)
        if tokens is not None and known in self._predicting:
            return self._predicting[known]
        asked = self.asked
        self._predicting[known] = memory_beside_training(
            self.shape,
            setting,
            tokens=tokens,
            states=asked.predicting_states,
            on_host=self.split
            and predicts_from_host(self.shape, self.hardware, asked.offload_parameters),
        )
        return self._predicting[known]

    def _over(
        self, load: Load, setting: Setting, training: MemoryParts, beside: MemoryParts
    ) -> Iterator[Over]:
        if training.total > self.room:
            yield "training"
        if beside.total > self.room:
            shortest = self._beside(load, setting, load.longest)
            yield "predicting" if shortest.total <= self.room else "network"

    def _lacks(self, memory: MemoryParts, *, predicts: bool) -> dict[Over | Literal["device"], str]:
        """Which memory is too small, by how much in words."""
        hardware = self.hardware
        of_node = hardware.of_node
        on_host = memory.host * of_node + memory.host_first
        needs: tuple[tuple[Over | Literal["device"], str, int, int], ...] = (
            ("device", "a device's memory" + " when it predicts" * predicts, memory.total, self.room),
            ("host", "a node's memory", on_host, round(HOST_SHARE * hardware.host_bytes)),
            ("disk", "a node's disks", memory.nvme * of_node, hardware.nvme_bytes),
        )
        return {
            part: f"{needed / 2**30:.1f} GiB of {what} where there are {there / 2**30:.1f}"
            for part, what, needed, there in needs
            if needed > there
        }

    def _moving(self, way: _Way, accumulation: int) -> float:
        """Seconds a step of communication and offload."""
        stage, optimizer, parameters, _ = way
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

    def _flops(self, load: Load) -> float:
        """Of a step of a task; where they are not known, of its weights alone."""
        tokens = load.rows * load.sequences * load.length
        return 6.0 * self.shape.parameters * tokens if load.flops is None else load.flops

    def step_seconds(self, choice: Choice) -> float:
        """Predicted of one step, the mean of all tasks."""
        flops = sum(self.flops) / len(self.flops)
        return choice.arithmetic * flops / self.hardware.speed(self.asked.precision) + choice.seconds
