"""What would do where no way to train fits: every change that is named was tried, and then one fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from xlgap.planning.hardware import Hardware
from xlgap.planning.search import fits_somehow, least_devices
from xlgap.planning.shape import Shape
from xlgap.planning.ways import Asked, Choice, Load

_LARGER = {"host": "nodes with more memory", "disk": "nodes with larger disks"}


class _Change(NamedTuple):
    """Of a study: in words, and as it is asked for then."""

    words: str
    fields: dict[str, Any]


def advice(
    shape: Shape,
    loads: Sequence[Load],
    hardware: Hardware,
    asked: Asked,
    *,
    choice: Choice,
    fewest: int | None,
) -> str:
    """What makes a training fit that does not, to follow what it lacks; empty where it fits.

    Changes are tried one by one on the same devices; where none does and more devices do not help
    either, on more devices, and then together.

    Args:
        shape: of the model.
        loads: of the tasks of one phase.
        hardware: that none of its ways fits.
        asked: what is given.
        choice: the way that takes the least memory.
        fewest: the least number of devices on which some way fits, if any does.
    """

    def having(changes: Iterable[_Change]) -> Asked:
        return replace(asked, **{k: v for of in changes for k, v in of.fields.items()})

    if choice.fits:
        return ""
    changes = list(_changes(loads, hardware, asked))
    here = [of.words for of in changes if fits_somehow(shape, loads, hardware, having([of]))]
    if fewest is not None:
        return "; or ".join([f"it would on {fewest} x {hardware.name}", *filter(None, [_listed(here)])])
    if not here:
        here = list(filter(None, [_together(changes, shape, loads, hardware, having)]))
    lacks = "training" in choice.over or "network" in choice.over
    why = f"no stage shards a base of {asked.base_bits} bits: " * bool(asked.base_bits and lacks)
    return f"more devices alone do not help: {why}{_listed([*here, _larger(choice)])}"


def _together(
    changes: list[_Change],
    shape: Shape,
    loads: Sequence[Load],
    hardware: Hardware,
    having: Callable[[Iterable[_Change]], Asked],
) -> str:
    """The fewest of ``changes`` with which a way fits here, or else on more devices; empty: none do."""

    def fits(tried: Iterable[_Change], machine: Hardware) -> bool:
        return fits_somehow(shape, loads, machine, having(tried))

    sets = [changes, *([other for other in changes if other is not of] for of in changes)]
    machine, needed = hardware, next((tried for tried in sets if fits(tried, hardware)), None)
    if needed is None:
        each = ((least_devices(shape, loads, hardware, having(tried)), tried) for tried in sets)
        known = [(most, tried) for most, tried in each if most is not None]
        if not known:
            return ""
        most, needed = min(known, key=lambda of: of[0])
        machine = replace(hardware, devices=most)
    for of in reversed(changes):
        without = [other for other in needed if other is not of]
        if fits(without, machine):
            needed = without
    more = "" if machine is hardware else f" on {machine.devices} x {hardware.name}"
    return " and ".join(of.words for of in needed) + more


def _changes(loads: Sequence[Load], hardware: Hardware, asked: Asked) -> Iterator[_Change]:
    """What a study may ask for otherwise, of what it does not leave open."""
    if asked.base_bits == 8:
        yield _Change("set lora.bits to 4", {"base_bits": 4})
    if asked.base_bits:
        yield _Change("leave lora.bits out", {"base_bits": None})
    if asked.zero_stage != "auto":
        yield _Change("set train.zero_stage to auto", {"zero_stage": "auto", "halve": True})
    places = {
        "offload_optimizer": asked.offload_optimizer,
        "offload_parameters": asked.offload_parameters,
    }
    if closed := [name for name, place in places.items() if place != "auto"]:
        words = " and ".join(f"train.{name}" for name in closed)
        yield _Change(f"set {words} to auto", dict.fromkeys(closed, "auto") | {"halve": True})
    if (
        hardware.kind == "cpu" and hardware.nvme_bytes and asked.offload_optimizer != "nvme"
    ):  # auto leaves it where it is
        yield _Change("set train.offload_optimizer to nvme", {"offload_optimizer": "nvme"})
    if asked.activation_checkpointing is False:
        words = "set train.activation_checkpointing to auto"
        yield _Change(words, {"activation_checkpointing": "auto", "halve": True})
    if asked.split == "off":
        yield _Change("set train.split to auto", {"split": "auto"})
    longest = max(load.sequences * load.longest for load in loads)
    if asked.micro_tokens > longest and (not asked.halve or any(load.fixed for load in loads)):
        yield _Change("lower train.micro_batch_tokens", {"micro_tokens": longest})
    if asked.predicting_tokens is None or asked.predicting_tokens > longest:
        yield _Change("lower evaluation.batch_tokens", {"predicting_tokens": longest})


def _larger(choice: Choice) -> str:
    """What else to train on, by what is too small."""
    found = ["larger devices"] * bool(set(choice.over) - set(_LARGER))
    found += [words for what, words in _LARGER.items() if what in choice.over]
    return f"take {' and '.join(found)}"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + ", or " * bool(words[1:]) + "".join(words[-1:])
