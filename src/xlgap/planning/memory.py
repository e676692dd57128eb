"""Bytes of a training by part: model states under ZeRO, activations, logits, buffers.

Sources: Rajbhandari et al. 2020 (arXiv 1910.02054), section 3 and figure 1, for the states;
:mod:`xlgap.planning.activations` for what a pass keeps; DeepSpeed 0.19 for its buffers.
"""

from __future__ import annotations

from dataclasses import dataclass

from xlgap.planning.activations import activation_bytes
from xlgap.planning.hardware import Precision
from xlgap.planning.linear import held_bytes
from xlgap.planning.parts import BASE, FRAGMENTATION, HEAP, LOADED, MemoryParts
from xlgap.planning.setting import (
    LIVE_PARAMETERS,
    PREFETCH,
    REDUCE_BUCKET,
    STEP_GROUP,
    Offload,
    Setting,
    ZeroStage,
)
from xlgap.planning.shape import Shape

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


def best_copies(*, on_dev: bool, zero_stage: ZeroStage, devices: int, split: bool = False) -> int:
    """How often a checkpoint holds the weights of the best evaluation so far.

    Args:
        on_dev: whether they are selected by their dev score; otherwise the last ones are taken.
        zero_stage: under stage 3 every process keeps them in its part.
        devices: processes.
        split: whether no process holds the whole network: the weights are then in a file beside the
            checkpoints.
    """
    if split or not on_dev:
        return 0
    return devices if zero_stage == 3 else 1


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


def predict_memory(shape: Shape, setting: Setting) -> MemoryParts:
    """The memory of one process that trains a model of ``shape`` as ``setting`` says.

    Args:
        shape: of the model.
        setting: of the training.
    """
    return _Memory(shape, setting).parts()


class _Memory:
    """What the parts of one prediction look up."""

    def __init__(self, shape: Shape, setting: Setting) -> None:
        self.shape, self.setting = shape, setting
        self.number = _BYTES[setting.precision]
        self.cuda = setting.device == "cuda"
        lora = setting.lora
        self.trained = shape.adapters(lora, setting.modules) if lora else shape.parameters

    def parts(self) -> MemoryParts:
        """All parts, those offloaded where they lie."""
        setting = self.setting
        weights, gradients, optimizer = self.weights(), self.gradients(), self.optimizer()
        activations, logits = self.activations(), self.logits()
        passing, stepping = self.pass_buffers(), self.step_buffers()
        copied, of_first = self.checkpoint_copy()
        moved = {"cpu": self.best_weights() + copied if self.cuda else 0, "nvme": 0}
        if self.cuda or setting.offload_parameters == "nvme":
            weights = self._move(weights, setting.offload_parameters, moved)
        if setting.offload_optimizer != "none":
            if self.cuda or setting.offload_optimizer == "nvme":
                optimizer = self._move(optimizer, setting.offload_optimizer, moved)
            if self.cuda:
                moved["cpu"] += self.offload_buffers()
                moved["cpu"] += gradients if setting.zero_stage == 3 else 0
                gradients = self.gradients() if setting.zero_stage == 1 else 0
        held = self._held_gradients() if gradients else 0
        early, late = self._table_gradients()
        in_pass = passing + max(activations + logits + held + early, gradients + late)
        buffers = max(passing + max(early, late), stepping)
        peak = max(in_pass, gradients + stepping)  # a step needs its buffers when activations are gone
        overlap = activations + logits + gradients + buffers - peak
        if not self.cuda:
            buffers += self.best_weights() + self.offload_buffers()
        device = setting.device
        fragmentation = FRAGMENTATION[device] * (activations + logits + buffers)
        fragmentation += HEAP[device] * self.gradients() + LOADED[device]
        return MemoryParts(
            weights=weights,
            gradients=gradients,
            optimizer=optimizer,
            activations=activations,
            logits=logits,
            buffers=buffers,
            fragmentation=round(fragmentation),
            base=BASE[device],
            checkpoint=0 if self.cuda else copied + of_first,
            overlap=overlap,
            host=moved["cpu"],
            host_first=of_first if self.cuda else 0,
            nvme=moved["nvme"],
        )

    @staticmethod
    def _move(size: int, where: Offload, moved: dict[str, int]) -> int:
        """What of ``size`` stays on the device."""
        if where == "none":
            return size
        moved[where] += size
        return 0

    def _shard(self, params: int, *, from_stage: int) -> int:
        return -(-params // self.setting.devices) if self.setting.zero_stage >= from_stage else params

    def weights(self) -> int:
        """Those of the model, and of adapters beside it, which ZeRO-3 shards alike."""
        setting = self.setting
        if not setting.lora:
            return self.number * self._shard(self.shape.parameters, from_stage=3)
        base = self.number * self._shard(self.shape.parameters, from_stage=3)
        if setting.base_bits:  # which no stage shards
            held, taken = held_bytes(self.shape.linear, setting.base_bits, kind=self.shape.model_type)
            base = self.number * (self.shape.parameters - held) + taken
        return base + self.number * self._shard(self.trained, from_stage=3)

    def gradients(self) -> int:
        """Of what is trained, all of them at the end of the backward pass.

        Those of a pass in bf16 are added up in fp32, see :mod:`xlgap.training.sums`: from stage 1 in
        their place, in stage 0 beside them.
        """
        mine = self._shard(self.trained, from_stage=2)
        if self.setting.precision == "fp32" or self.setting.zero_stage > 0:
            return _FP32 * mine
        return (self.number + (_FP32 if self.setting.micro_batches > 1 else 0)) * mine

    def _held_gradients(self) -> int:
        """Those of earlier passes, which are there while activations are."""
        passes, stage = self.setting.micro_batches, self.setting.zero_stage
        if stage == 0 and self.setting.precision == "bf16":  # the sums, or in the last pass their copy
            return {1: 0, 2: self.number}.get(passes, _FP32) * self.trained
        return self.gradients() if passes > 1 or stage == 3 else 0

    def _table_gradients(self) -> tuple[int, int]:
        """Of the table of sub-words, the largest: while all activations are there, and when none is.

        A head that shares the table gives a gradient first, the table's own comes last and is added.
        From stage 2 gradients do not stay: they are copied into a bucket, or, too large for it, alone.
        """
        setting, table = self.setting, self.number * self.shape.embedding
        if setting.lora:
            return 0, 0
        if setting.zero_stage < 2:
            tied = table * (setting.head == "mlm")
            return tied, tied
        copies = 2 if self.shape.embedding > REDUCE_BUCKET else 1
        if setting.zero_stage == 3 and setting.offload_optimizer != "none" and not self.cuda:
            copies += 2  # on their way to the optimizer on the host
        return 0, copies * table

    def optimizer(self) -> int:
        """Two moments, and the copy that is stepped where it is not the weights themselves."""
        setting = self.setting
        own = setting.precision == "fp32" and setting.zero_stage == 0
        each = (2 if own else 3) * _FP32
        return each * self._shard(self.trained, from_stage=1)

    def best_weights(self) -> int:
        """A copy of the weights of the best evaluation, in fp32; in a file where there is no whole."""
        held = self.setting.keep_best and not self.setting.split
        return _FP32 * self.trained if held else 0

    def checkpoint_copy(self) -> tuple[int, int]:
        """On the host while a checkpoint is written: of each process, and of the first one beside that.

        It writes what is not shared out; best weights in it may be those before the best ones now. What
        lies on a disk is copied there.
        """
        setting = self.setting
        if not setting.saves:
            return 0, 0
        states = 0 if setting.offload_optimizer == "nvme" else self.optimizer()
        weights = 0 if setting.zero_stage == 3 else self.number * self.trained
        best = self.best_weights()
        return (best, weights + states) if setting.zero_stage == 0 else (best + states, weights)

    def offload_buffers(self) -> int:
        """In the host's memory where the optimizer is offloaded: its gradients.

        Of ZeRO 1 and 2 also the weights that go back, and two buffers for the largest tensor.
        """
        setting = self.setting
        if setting.offload_optimizer == "none":
            return 0
        mine = self._shard(self.trained, from_stage=1)
        if setting.zero_stage == 3:
            return _FP32 * mine
        return mine * (_FP32 + self.number) + 2 * self.number * self.shape.embedding

    def pass_buffers(self) -> int:
        """Of DeepSpeed during a pass: a bucket of gradients, and what ZeRO-3 gathers.

        Of the bucket a CPU has in memory what is written, no more than there are gradients.
        """
        setting, several = self.setting, self.setting.devices > 1
        if setting.zero_stage == 0:
            return 0
        found = self.number * (REDUCE_BUCKET if self.cuda else min(REDUCE_BUCKET, self.trained))
        away = several or (self.cuda and setting.offload_parameters != "none")
        if setting.zero_stage == 3 and away:
            least = self.shape.largest + PREFETCH  # a matrix at a time
            most = least if setting.split else max(LIVE_PARAMETERS, least)
            found += self.number * min(self.shape.parameters, most)
        return found

    def step_buffers(self) -> int:
        """While the optimizer steps: gradients once more, in one piece and in fp32."""
        setting = self.setting
        if setting.zero_stage == 0:
            if setting.precision == "bf16":
                return _FP32 * self.trained
            return self.number * min(self.trained, 500_000_000) if setting.devices > 1 else 0
        if setting.offload_optimizer != "none":
            return 0
        mine = self._shard(self.trained, from_stage=1)
        if setting.zero_stage == 3:
            return _FP32 * min(mine, STEP_GROUP)
        return _FP32 * mine if setting.zero_stage == 1 else 0

    def activations(self) -> int:
        """What a pass keeps for its backward pass; see :mod:`xlgap.planning.activations`."""
        setting = self.setting
        share = self.shape.dropout if setting.dropout is None else setting.dropout
        kept = activation_bytes(
            self.shape,
            tokens=setting.micro_tokens,
            pairs=setting.attended,
            precision=setting.precision,
            dropout=share > 0,
            checkpointing=setting.activation_checkpointing,
            cuda=self.cuda,
            read=setting.read,
        )
        if setting.base_bits:  # a matrix at a time in full precision
            kept += self.number * self.shape.width * self.shape.feed_forward
        return kept

    def logits(self) -> int:
        """What head and loss hold: of masked language modelling a row of the vocabulary a sub-word."""
        setting, shape = self.setting, self.shape
        places = setting.sequences * setting.longest  # padded: what heads read
        match setting.head:
            case "mlm":
                predicted = round(setting.supervised * setting.micro_tokens)
                each = 3 * _FP32 + (self.number if setting.precision == "bf16" else 0)
                return predicted * (each * shape.vocabulary + 4 * self.number * shape.width)
            case "tag":
                return places * (2 * self.number * shape.width + 4 * _FP32 * setting.outputs)
            case "span":
                return places * (2 * self.number * shape.width + 4 * _FP32 * 2)
            case "rank":
                return setting.sequences**2 * _FP32 + places * self.number * shape.width
            case _:
                return places * self.number * shape.width
