"""Whether a network is split: no process of several holds it whole, at any time.

In one piece every process makes it in fp32 in its host's memory, gathers the last and the best weights
there, and predicts with all of them on its device. Split, a process has its share, and whole at most
one tensor.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from xlgap.planning.hardware import DEVICE_SHARE, HOST_SHARE, Hardware
from xlgap.planning.parts import BASE
from xlgap.planning.setting import Offload, ZeroStage
from xlgap.planning.shape import Shape

COPIES = 3
"""Of whole weights in fp32 in the host's memory: the network, the best ones so far, those gathered."""

NOT_SCORED_AGAIN = (
    "cannot run: one process scores earlier tasks again, and it cannot hold the network in one piece; "
    "take a device that does, set 'train.split: off' to try, or leave 'evaluation.retention' out"
)


def splits(
    shape: Shape,
    hardware: Hardware,
    *,
    asked: Literal["on", "off", "auto"],
    zero_stage: ZeroStage | Literal["auto"],
    adapted: bool,
) -> bool:
    """Whether a model of ``shape`` is split over the devices of ``hardware``.

    Args:
        shape: of the model.
        hardware: that it is trained on.
        asked: what the study says; with ``auto`` it is where it does not fit in one piece.
        zero_stage: of DeepSpeed; others than 3 hold whole weights.
        adapted: whether adapters alone are trained, so that copies are of these.
    """
    if not may_split(hardware.devices, asked=asked, zero_stage=zero_stage):
        return False
    return asked == "on" or not fits_whole(shape, hardware, adapted=adapted)


def may_split(
    devices: int, *, asked: Literal["on", "off", "auto"], zero_stage: ZeroStage | Literal["auto"]
) -> bool:
    """Whether there are processes to share it out to, in a stage that does."""
    return devices > 1 and asked != "off" and zero_stage in (3, "auto")


def fits_alone(
    shape: Shape,
    hardware: Hardware,
    *,
    asked: Literal["on", "off", "auto"],
    zero_stage: ZeroStage | Literal["auto"],
    adapted: bool,
) -> bool:
    """Whether one process holds what others may share: where nothing is split it has to try."""
    alone = replace(hardware, devices=1, node_devices=1)
    shared = may_split(2, asked=asked, zero_stage=zero_stage)
    return not shared or fits_whole(shape, alone, adapted=adapted)


def fits_whole(shape: Shape, hardware: Hardware, *, adapted: bool) -> bool:
    """Whether each process has room for the network in one piece, and for copies of what it trains."""
    whole = 4 * shape.parameters
    held = whole if adapted else COPIES * whole
    if hardware.kind == "cpu":
        return BASE["cpu"] + held <= DEVICE_SHARE * hardware.memory_bytes
    of_host = held * hardware.of_node <= HOST_SHARE * hardware.host_bytes
    return of_host and BASE["cuda"] + whole <= DEVICE_SHARE * hardware.memory_bytes


def predicts_from_host(shape: Shape, hardware: Hardware, asked: Offload | Literal["auto"]) -> bool:
    """Whether shares lie in the host's memory while a network that is split predicts.

    Args:
        shape: of the model.
        hardware: that it predicts on.
        asked: where weights are offloaded to in training; with ``auto`` where a device has no room.
    """
    if asked != "auto":
        return asked == "cpu"
    share = 4 * -(-shape.parameters // hardware.devices)
    held = BASE[hardware.kind] + share + 4 * 4 * shape.largest
    return hardware.kind == "cuda" and held > DEVICE_SHARE * hardware.memory_bytes
