"""What a plan assumes of the machine: peak speed, the share of it that is reached, memory, power.

Peaks are the dense figures of the vendors' data sheets. Utilisation, the cost of a step besides its
arithmetic, and watts under load are assumptions, and every plan prints them as such. Speed, cost of a
step and of a prediction of ``cpu`` are fitted to runs of the default study and ``xtreme_r_small``, one
stage a core, on a machine with AVX-512 (``benchmarks/plan_accuracy.py``); a core with 256-bit units may
need twice the time. Links are 0.8 of data sheets: memory, NVLink in one direction, eight 400 or 200
Gb/s ports a node, PCIe of 16 lanes. Of the 24 GB of ``a10`` and ``l4`` their error correction leaves 22
GiB.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from xlgap.errors import ConfigError, suggestion

Precision = Literal["fp32", "bf16"]
GIB = 1024**3
HOST_SHARE = 0.9
"""Of a node's memory that states may take."""
DEVICE_SHARE = 0.97
"""Of a device's memory that is planned with: drivers take some, and what is predicted is not exact."""


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """A number of equal devices.

    Attributes:
        name: of the preset.
        devices: how many train together.
        node_devices: of one node, at most.
        memory_bytes: of one device.
        peak_flops: multiply-adds counted as two, a second and device, by precision.
        utilisation: assumed share of the peak that training reaches.
        step_seconds: assumed cost of one optimizer step besides its arithmetic.
        call_seconds: assumed cost of predicting one split in one language besides its arithmetic.
        watts: assumed draw of one device under load, its share of the host included.
        source: of the peak.
        device: pattern of the name by which CUDA knows the device, whole; empty of a CPU.
        host_bytes: memory of a node beside its devices; of a CPU it is that of the device.
        nvme_bytes: of a node's disks; 0 where there is none to offload to.
        link, node_link: bytes a second that one device, and one node, sends to others of its kind.
        host_link: bytes a second between one device and its host.
        nvme_link: bytes a second that a node reads from its disks, or writes.
        memory_link: bytes a second of a device's own memory; 0 where ``step_seconds`` has it all.
        half_tokens: sub-words of a forward pass with which half of the utilisation is reached.
    """

    name: str
    devices: int = 1
    node_devices: int = 1
    memory_bytes: int
    peak_flops: Mapping[Precision, float] = field(hash=False)
    utilisation: float
    step_seconds: float
    call_seconds: float
    watts: float
    source: str
    device: str = ""
    host_bytes: int = 0
    nvme_bytes: int = 0
    link: float = 1e9
    node_link: float = 1e9
    host_link: float = 1e10
    nvme_link: float = 2e9
    memory_link: float = 0.0
    half_tokens: int = 0

    @property
    def nodes(self) -> int:
        """How many nodes the devices are in."""
        return -(-self.devices // self.node_devices)

    @property
    def kind(self) -> Literal["cpu", "cuda"]:
        """What trains."""
        return "cuda" if self.device else "cpu"

    def is_called(self, name: str) -> bool:
        """Whether CUDA calls such a device ``name``."""
        return bool(self.device and re.fullmatch(self.device, name))

    @property
    def of_node(self) -> int:
        """Devices of one node."""
        return min(self.devices, self.node_devices)

    @property
    def bandwidth(self) -> float:
        """Bytes a second that each device sends when all of them reduce or gather together."""
        return self.link if self.nodes == 1 else min(self.link, self.node_link / self.of_node)

    def speed(self, precision: Precision) -> float:
        """Assumed floating-point operations a second of all devices together."""
        return self.devices * self.peak_flops[precision] * self.utilisation


@dataclass(frozen=True, kw_only=True)
class _Node:
    """What eight devices are in: links in GB a second, memory and disks in GiB; as of Hardware."""

    link: float
    node_link: float
    host_link: float
    host_gib: int
    nvme_gib: int


_PCIE = _Node(link=20, node_link=3, host_link=20, host_gib=256, nvme_gib=2048)
_HGX_A100 = _Node(link=240, node_link=160, host_link=20, host_gib=2048, nvme_gib=16384)
_HGX_H100 = _Node(link=360, node_link=320, host_link=45, host_gib=2048, nvme_gib=24576)


def _gpu(
    name: str,
    *,
    device: str,
    gib: int,
    bf16: float,
    fp32: float,
    watts: float,
    source: str,
    memory_link: float,
    node: _Node,
) -> Hardware:
    return Hardware(
        name=name,
        memory_bytes=gib * GIB,
        peak_flops={"bf16": bf16 * 1e12, "fp32": fp32 * 1e12},
        utilisation=0.4,
        step_seconds=0.03,
        call_seconds=0.1,
        watts=watts,
        source=source,
        device=device,
        node_devices=8,
        host_bytes=node.host_gib * GIB,
        nvme_bytes=node.nvme_gib * GIB,
        link=node.link * 1e9,
        node_link=node.node_link * 1e9,
        host_link=node.host_link * 1e9,
        nvme_link=5e9,
        memory_link=memory_link * 1e12,
        half_tokens=256,
    )


PRESETS: tuple[Hardware, ...] = (
    Hardware(
        name="cpu",
        memory_bytes=4 * GIB,
        peak_flops={"fp32": 192e9, "bf16": 192e9},
        utilisation=0.26,
        step_seconds=0.0055,
        call_seconds=0.055,
        watts=10.0,
        host_bytes=4 * GIB,
        source="one core at 3 GHz, two 512-bit FMA units: 64 operations a cycle; no bf16 units",
    ),
    _gpu(
        "rtx4090", device="NVIDIA GeForce RTX 4090", gib=24,
        bf16=165.2, fp32=82.6, watts=550, source="NVIDIA Ada whitepaper, dense",
        memory_link=0.8, node=_PCIE,
    ),
    _gpu(
        "rtx3090", device="NVIDIA GeForce RTX 3090", gib=24,
        bf16=71, fp32=35.6, watts=450, source="NVIDIA GA102 whitepaper, dense",
        memory_link=0.75, node=_PCIE,
    ),
    _gpu(
        "a10", device="NVIDIA A10", gib=22,
        bf16=125, fp32=31.2, watts=250, source="NVIDIA A10 data sheet, dense",
        memory_link=0.48, node=_PCIE,
    ),
    _gpu(
        "l4", device="NVIDIA L4", gib=22,
        bf16=121, fp32=30.3, watts=170, source="NVIDIA L4 data sheet, dense",
        memory_link=0.24, node=_PCIE,
    ),
    _gpu(
        "a100-40gb", device="NVIDIA A100.*40GB", gib=40,
        bf16=312, fp32=19.5, watts=500, source="NVIDIA A100 data sheet, dense",
        memory_link=1.2, node=replace(_HGX_A100, host_gib=1024, nvme_gib=8192),
    ),
    _gpu(
        "a100-80gb", device="NVIDIA A100.*80GB.*", gib=80,
        bf16=312, fp32=19.5, watts=500, source="NVIDIA A100 data sheet, dense",
        memory_link=1.6, node=_HGX_A100,
    ),
    _gpu(
        "h100", device="NVIDIA H100 80GB HBM3", gib=80,
        bf16=989, fp32=67, watts=1000, source="NVIDIA H100 SXM data sheet, dense",
        memory_link=2.7, node=_HGX_H100,
    ),
    _gpu(
        "h200", device="NVIDIA H200", gib=139,
        bf16=989, fp32=67, watts=1000, source="NVIDIA H200 SXM data sheet, dense",
        memory_link=3.8, node=_HGX_H100,
    ),
)  # fmt: skip
_BY_NAME = {preset.name: preset for preset in PRESETS}
MOST_PLANNED = 100_000
"""More than any machine that trains one network has."""


def get_hardware(text: str) -> Hardware:
    """The preset ``name``, several of it, ``8xh100``, or nodes of several, ``4x8xh100``.

    Raises:
        ConfigError: no such preset, no device, or more than :data:`MOST_PLANNED`.
    """
    match = re.fullmatch(r"(?:([0-9]+)x)?(?:([0-9]+)x)?([a-z0-9-]+)", text.lower())
    name = match[3] if match else text
    if match is None or name not in _BY_NAME:
        raise ConfigError(f"unknown hardware {text!r}; {suggestion(name, _BY_NAME)}")
    preset = _BY_NAME[name]
    first, second = (_number(digits) for digits in match.groups()[:2])
    devices = first * second
    if devices < 1:
        raise ConfigError(f"hardware {text!r} has no device; give at least 1x{name}.")
    if devices > MOST_PLANNED:
        raise ConfigError(
            f"hardware {text!r} has more devices than are planned for; give at most "
            f"{MOST_PLANNED}x{name}."
        )
    if match[2] is None:
        return replace(preset, devices=devices)
    return replace(preset, devices=devices, node_devices=second)


def _number(digits: str | None) -> int:
    """Of a group that may be absent; of very many digits more than is allowed."""
    found = (digits or "1").lstrip("0")
    return int(found or "0") if len(found) < 10 else 10**10


def preset_of(device: str) -> Hardware | None:
    """The preset of a device that CUDA calls ``device``; None where no preset is of it.

    >>> preset_of("NVIDIA A100-SXM4-80GB").name
    'a100-80gb'
    """
    return next((preset for preset in PRESETS if preset.is_called(device)), None)
