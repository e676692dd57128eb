"""What a plan assumes of the machine: peak speed, the share of it that is reached, memory, power.

Peaks are the dense figures of the vendors' data sheets. Utilisation, the cost of a step besides its
arithmetic, and watts under load are assumptions, and every plan prints them as such. Speed and cost of
a step of ``cpu`` are those of a run of the default study, one stage a core, on a machine with AVX-512
(``benchmarks/plan_accuracy.py``); a core with 256-bit units may need twice the time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from xlgap.errors import ConfigError, suggestion

Precision = Literal["fp32", "bf16"]
GIB = 1024**3


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """A number of equal devices.

    Attributes:
        name: of the preset.
        devices: how many train together.
        memory_bytes: of one device.
        peak_flops: multiply-adds counted as two, a second and device, by precision.
        utilisation: assumed share of the peak that training reaches.
        step_seconds: assumed cost of one optimizer step besides its arithmetic.
        watts: assumed draw of one device under load, its share of the host included.
        source: of the peak.
        device: pattern of the name by which CUDA knows the device, whole.
    """

    name: str
    devices: int = 1
    memory_bytes: int
    peak_flops: Mapping[Precision, float] = field(hash=False)
    utilisation: float
    step_seconds: float
    watts: float
    source: str
    device: str = ""

    def speed(self, precision: Precision) -> float:
        """Assumed floating-point operations a second of all devices together."""
        return self.devices * self.peak_flops[precision] * self.utilisation


def _gpu(
    name: str, *, device: str, gib: int, bf16: float, fp32: float, watts: float, source: str
) -> Hardware:
    return Hardware(
        name=name,
        memory_bytes=gib * GIB,
        peak_flops={"bf16": bf16 * 1e12, "fp32": fp32 * 1e12},
        utilisation=0.4,
        step_seconds=0.03,
        watts=watts,
        source=source,
        device=device,
    )


PRESETS: tuple[Hardware, ...] = (
    Hardware(
        name="cpu",
        memory_bytes=4 * GIB,
        peak_flops={"fp32": 192e9, "bf16": 192e9},
        utilisation=0.35,
        step_seconds=0.007,
        watts=10.0,
        source="one core at 3 GHz, two 512-bit FMA units: 64 operations a cycle; no bf16 units",
    ),
    _gpu(
        "rtx4090", device="NVIDIA GeForce RTX 4090", gib=24,
        bf16=165.2, fp32=82.6, watts=550, source="NVIDIA Ada whitepaper, dense",
    ),
    _gpu(
        "a100-40gb", device="NVIDIA A100.*40GB", gib=40,
        bf16=312, fp32=19.5, watts=500, source="NVIDIA A100 data sheet, dense",
    ),
    _gpu(
        "a100-80gb", device="NVIDIA A100.*80GB.*", gib=80,
        bf16=312, fp32=19.5, watts=500, source="NVIDIA A100 data sheet, dense",
    ),
    _gpu(
        "h100", device="NVIDIA H100 80GB HBM3", gib=80,
        bf16=989, fp32=67, watts=1000, source="NVIDIA H100 SXM data sheet, dense",
    ),
    _gpu(
        "h200", device="NVIDIA H200", gib=141,
        bf16=989, fp32=67, watts=1000, source="NVIDIA H200 SXM data sheet, dense",
    ),
)  # fmt: skip
_BY_NAME = {preset.name: preset for preset in PRESETS}


def get_hardware(text: str) -> Hardware:
    """The preset ``name``, or several of it: ``8xh100``.

    Raises:
        ConfigError: no such preset, or no device.
    """
    match = re.fullmatch(r"(?:(\d+)x)?([a-z0-9-]+)", text)
    name = match[2] if match else text
    if match is None or name not in _BY_NAME:
        raise ConfigError(f"unknown hardware {text!r}; {suggestion(name, _BY_NAME)}")
    devices = int(match[1] or 1)
    if devices < 1:
        raise ConfigError(f"hardware {text!r} has no device; give at least 1x{name}.")
    return replace(_BY_NAME[name], devices=devices)


def preset_of(device: str) -> Hardware | None:
    """The preset of a device that CUDA calls ``device``; None where no preset is of it.

    >>> preset_of("NVIDIA A100-SXM4-80GB").name
    'a100-80gb'
    """
    return next((p for p in PRESETS if p.device and re.fullmatch(p.device, device)), None)
