"""Memory of one process beside training: while a network is loaded, and while it predicts, in fp32.

In one piece it is whole on the device before DeepSpeed shards or rounds it, and again when it predicts;
split, a process has its share, and one tensor as it is read and once more as it is sent or gathered.
"""

from __future__ import annotations

from dataclasses import replace

from xlgap.planning.activations import activation_bytes
from xlgap.planning.linear import held_bytes
from xlgap.planning.parts import BASE, FRAGMENTATION, LOADED, MemoryParts
from xlgap.planning.setting import Setting
from xlgap.planning.shape import Shape

_FP32 = 4  # bytes


def memory_beside_training(
    shape: Shape,
    setting: Setting,
    *,
    tokens: int | None = None,
    states: bool = False,
    on_host: bool = False,
) -> MemoryParts:
    """The most that one process holds before its training and after it.

    Args:
        shape: of the model.
        setting: of its training.
        tokens: padded sub-words of a batch of predictions; those of training when ``None``.
        states: whether those of all blocks are kept: sentences are compared in one of them.
        on_host: whether the shares of a network that is split lie in the host's memory.
    """
    cuda = setting.device == "cuda"
    passing = _passing(shape if states else replace(shape, layers=1), setting, tokens)
    added = shape.adapters(setting.lora, setting.modules) if setting.lora else 0
    if setting.split:
        weights = _FP32 * -(-(shape.parameters + added) // setting.devices)
        buffers, host = 2 * _FP32 * shape.largest, 0
        together = passing + buffers
    else:
        weights = _whole(shape, setting) + _FP32 * added
        kept = _FP32 * (added or shape.parameters)  # what was trained, as it is read
        buffers, host = (0, weights + kept) if cuda else (kept, 0)
        together = max(passing, buffers)
    away = cuda and on_host
    fragmentation = FRAGMENTATION[setting.device] * together + LOADED[setting.device]
    return MemoryParts(
        weights=0 if away else weights,
        gradients=0,
        optimizer=0,
        activations=passing,
        logits=0,
        buffers=buffers,
        fragmentation=round(fragmentation),
        base=BASE[setting.device],
        overlap=passing + buffers - together,
        host=weights if away else host,
    )


def _passing(shape: Shape, setting: Setting, tokens: int | None) -> int:
    """Of a forward pass: the states of its blocks, and one block."""
    if tokens is not None:
        tokens = max(tokens, setting.longest)
        setting = replace(setting, micro_tokens=tokens, rows=None, pairs=None)
    return activation_bytes(
        shape,
        tokens=setting.micro_tokens,
        pairs=setting.attended,
        precision="fp32",
        dropout=False,
        checkpointing=True,
        cuda=setting.device == "cuda",
        read=1.0,
    )


def _whole(shape: Shape, setting: Setting) -> int:
    """The model's own weights: in fp32, those of linear layers in the bits that they are held in."""
    if not setting.base_bits:
        return _FP32 * shape.parameters
    held, taken = held_bytes(shape.linear, setting.base_bits, kind=shape.model_type)
    return _FP32 * (shape.parameters - held) + taken
