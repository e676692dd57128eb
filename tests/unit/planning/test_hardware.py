from __future__ import annotations

import pytest

from xlgap.errors import ConfigError
from xlgap.planning.hardware import PRESETS, get_hardware, preset_of


def test_several_devices_are_as_many_times_as_fast():
    one, eight = get_hardware("h100"), get_hardware("8xh100")
    assert eight.devices == 8
    assert eight.speed("bf16") == 8 * one.speed("bf16")
    assert eight.memory_bytes == one.memory_bytes


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.name)
def test_presets_are_plausible(preset):
    assert get_hardware(preset.name) == preset
    assert 0 < preset.utilisation < 1
    assert preset.peak_flops["bf16"] >= preset.peak_flops["fp32"] > 0
    assert preset.source


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("h10", "unknown hardware 'h10'; did you mean 'h100'"),
        ("8 h100", "unknown hardware '8 h100'"),
        ("0xh100", "has no device; give at least 1xh100"),
        ("٨xh100", "unknown hardware '٨xh100'"),
        ("²xh100", "unknown hardware '²xh100'"),
        ("100001xh100", "more devices than are planned for; give at most 100000xh100"),
        ("999999999xh100", "more devices than are planned for"),
        ("50000x8xh100", "more devices than are planned for"),
        ("9" * 5000 + "xh100", "more devices than are planned for"),
    ],
)
def test_unknown_hardware_is_told_with_near_ones(text, said):
    with pytest.raises(ConfigError, match=said):
        get_hardware(text)


@pytest.mark.parametrize(
    ("device", "preset"),
    [
        ("NVIDIA A100-SXM4-40GB", "a100-40gb"),
        ("NVIDIA A100 80GB PCIe", "a100-80gb"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H100 PCIe", None),  # a lower peak
        ("NVIDIA H200", "h200"),
        ("NVIDIA L4", "l4"),
        ("NVIDIA L40", None),
        ("NVIDIA A10", "a10"),
        ("NVIDIA A10G", None),  # a lower peak
        ("NVIDIA GeForce RTX 3090", "rtx3090"),
        ("NVIDIA GeForce RTX 3090 Ti", None),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("NVIDIA GeForce RTX 4090 D", None),  # likewise
        ("", None),
    ],
)
def test_a_device_is_known_by_its_whole_name(device, preset):
    found = preset_of(device)
    assert (None if found is None else found.name) == preset


def test_letters_are_small_or_large():
    assert get_hardware("8xH100") == get_hardware("8xh100")
    assert get_hardware("2X8xA100-40GB") == get_hardware("2x8xa100-40gb")
    assert get_hardware("100000xcpu").devices == 100_000


def test_devices_are_in_nodes():
    assert get_hardware("8xh100").nodes == 1
    assert get_hardware("64xh100").nodes == 8
    four = get_hardware("4x8xh100")
    assert (four.devices, four.nodes, four.of_node) == (32, 4, 8)
    assert get_hardware("3x2xrtx4090").nodes == 3
    assert four.bandwidth < get_hardware("8xh100").bandwidth
    assert get_hardware("cpu").kind == "cpu"
    assert {preset.kind for preset in PRESETS} == {"cpu", "cuda"}
    with pytest.raises(ConfigError, match="has no device"):
        get_hardware("0x8xh100")
