"""What a plan assumes, in sentences that it prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xlgap.config import Params
from xlgap.planning.hardware import DEVICE_SHARE, GIB, HOST_SHARE, Hardware
from xlgap.planning.parts import BASE, FRAGMENTATION
from xlgap.planning.work import FILL


def assumptions(
    params: Params, hardware: Hardware, measured: Mapping[str, tuple[float, int]]
) -> tuple[str, ...]:
    """The sentences of one plan.

    Args:
        params: of the study.
        hardware: of one stage.
        measured: by model, the factor of its hours, and the finished stages that it is from.
    """
    return tuple(_sentences(params, hardware, measured))


def _sentences(
    params: Params, hardware: Hardware, measured: Mapping[str, tuple[float, int]]
) -> Iterator[str]:
    precision, gpu = params.train.precision, hardware.kind == "cuda"
    nodes = f" in {hardware.nodes} nodes" if hardware.nodes > 1 else ""
    yield (
        f"{hardware.devices} x {hardware.name}{nodes}: {hardware.peak_flops[precision]:.3g} FLOP/s "
        f"peak in {precision} ({hardware.source}), {hardware.utilisation:.0%} of it reached (assumed)"
    )
    for model, (factor, count) in measured.items():
        yield f"hours of {model} are the formula's times {factor:.2f}, as in {count} finished stages"
    yield (
        f"{hardware.step_seconds * 1000:.0f} ms a step and {hardware.call_seconds * 1000:.0f} ms a "
        "prediction of one language besides their arithmetic (assumed)"
    )
    if gpu:
        yield (
            f"{hardware.link / 1e9:.0f} GB/s from a device to others, {hardware.node_link / 1e9:.0f} "
            f"from a node, {hardware.host_link / 1e9:.0f} to the host, nothing overlapped (assumed)"
        )
    yield f"{hardware.watts:.0f} W a device (assumed): energy is an estimate"
    yield (
        f"a sequence with its padding fills {FILL:.0%} of its task's max_length (assumed), and a long "
        "context is one sequence: tokens and FLOP are estimates"
    )
    yield (
        "memory is of the longest sequences in the largest micro-batch, "
        f"{BASE[hardware.kind] / GIB:.2g} GiB of it before a model"
        + (f", and {FRAGMENTATION[hardware.kind]:.0%} of what comes and goes is lost (assumed)" * gpu)
    )
    yield (
        f"{1 - DEVICE_SHARE:.0%} of a device's memory are left free"
        + (f", and {1 - HOST_SHARE:.0%} of a node's" * gpu)
        + " (assumed)"
    )
    yield (
        f"preparation{_translation(params)}, the start of stages and what they wait for one another "
        "are left out"
    )


def _translation(params: Params) -> str:
    """That a model translates, whose work is not known, where one does."""
    by_model = any(arm.translations and arm.translations.hub for arm in params.arms.values())
    return ", machine translation" if by_model else ""
