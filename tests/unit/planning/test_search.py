"""The cheapest way that fits, and what is said where none does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xlgap.models.catalogue import get_checkpoint
from xlgap.planning.hardware import get_hardware
from xlgap.planning.search import choose, least_devices
from xlgap.planning.shape import shape_of_checkpoint
from xlgap.planning.ways import Asked, Load

AUTO = Asked(
    precision="bf16", zero_stage="auto", offload_optimizer="auto", offload_parameters="auto",
    activation_checkpointing="auto", micro_tokens=32_768, halve=True,
)  # fmt: skip
LOAD = Load(task="mnli", head="classify", outputs=3, rows=64, sequences=1, length=64, longest=128)


def shape(repo):
    return shape_of_checkpoint(get_checkpoint(repo))


BASE, XL, XXL, BLOOM = (
    shape(repo)
    for repo in (
        "FacebookAI/xlm-roberta-base", "facebook/xlm-roberta-xl", "facebook/xlm-roberta-xxl",
        "bigscience/bloom",
    )
)  # fmt: skip


def found(of, hardware, asked=AUTO, load=LOAD):
    return choose(of, (load,), get_hardware(hardware), asked)


def test_a_small_model_on_one_device_needs_nothing():
    choice = found(BASE, "h100")
    assert (choice.zero_stage, choice.offload_optimizer, choice.offload_parameters) == (
        0,
        "none",
        "none",
    )
    assert not choice.activation_checkpointing
    assert (choice.micro_tokens, choice.accumulation) == (64 * 128, 1)
    assert choice.fits


def test_what_does_not_fit_one_way_is_trained_in_another():
    one, card = found(XL, "h200"), found(XL, "rtx4090")
    assert one.offload_optimizer == "none"
    assert card.offload_optimizer == "cpu"
    assert card.fits
    assert card.memory.total <= get_hardware("rtx4090").memory_bytes < one.memory.total
    wide = found(BLOOM, "8x8xh100")
    assert (wide.zero_stage, wide.offload_optimizer) == (3, "none")
    assert wide.memory.total <= get_hardware("h100").memory_bytes


def test_the_cheapest_is_not_the_smallest():
    choice = found(XXL, "8xh100")
    thrifty = found(XXL, "8xh100", replace(AUTO, zero_stage=3, activation_checkpointing=True))
    assert choice.fits
    assert choice.memory.total > thrifty.memory.total
    assert choice.arithmetic < thrifty.arithmetic


def test_stage_3_sends_half_as_much_again():
    seconds = [found(XL, "8xh100", Asked(precision="bf16", zero_stage=s)).seconds for s in (1, 3)]
    hardware = get_hardware("8xh100")
    step = 28 * XL.parameters / 8 / hardware.memory_link
    assert (seconds[1] - step) / (seconds[0] - step) == pytest.approx(1.5)


def test_links_between_nodes_are_slower():
    asked = Asked(precision="bf16", zero_stage=1)
    assert found(XL, "2x8xa100-80gb", asked).seconds > found(XL, "16xa100-80gb", asked).seconds * 0.99
    assert get_hardware("2x8xh100").bandwidth < get_hardware("8xh100").bandwidth


def test_what_is_given_stays():
    asked = Asked(precision="bf16", zero_stage=0, micro_tokens=8192)
    choice = found(BLOOM, "8xh100", asked)
    assert (choice.zero_stage, choice.activation_checkpointing) == (0, False)
    assert not choice.fits
    assert "GiB of a device's memory where there are 77.6" in choice.lacking
    halved = found(XL, "a100-80gb", replace(AUTO, zero_stage=2, offload_optimizer="cpu"))
    assert (halved.zero_stage, halved.offload_optimizer) == (2, "cpu")


def test_micro_batches_are_halved_until_they_fit_and_ranking_is_not():
    card, load = get_hardware("rtx4090"), replace(LOAD, rows=256, longest=384, length=192)
    asked = replace(AUTO, zero_stage=0, offload_optimizer="none", offload_parameters="none",
                    activation_checkpointing=False)  # fmt: skip
    large = shape("FacebookAI/xlm-roberta-large")
    choice = choose(large, (load,), card, asked)
    assert choice.fits
    assert choice.micro_tokens < asked.micro_tokens
    assert choice.accumulation == -(-256 * 192 // choice.micro_tokens)
    fixed = choose(large, (replace(load, fixed=True, head="rank"),), card, asked)
    assert fixed.micro_tokens == asked.micro_tokens
    assert not fixed.fits


def test_rows_that_do_not_share_evenly_leave_devices_idle():
    few = found(BASE, "64xh100", load=replace(LOAD, rows=16))
    assert few.arithmetic > 64 / 16
    assert found(BASE, "16xh100", load=replace(LOAD, rows=16)).arithmetic < few.arithmetic


def test_the_least_hardware_is_a_power_of_two_on_which_it_fits():
    asked = replace(AUTO, offload_optimizer="none", offload_parameters="none")
    for model in (BASE, XL, BLOOM):
        least = least_devices(model, (LOAD,), get_hardware("h100"), asked)
        assert found(model, f"{least}xh100", asked).fits
        assert least == 1 or not found(model, f"{least // 2}xh100", asked).fits
    stubborn = Asked(precision="bf16", zero_stage=0)
    assert least_devices(BLOOM, (LOAD,), get_hardware("h100"), stubborn) is None


def test_adapters_fit_where_all_weights_do_not():
    asked = replace(AUTO, offload_optimizer="none", offload_parameters="none")
    assert not found(XXL, "h100", asked).fits
    assert found(XXL, "h100", replace(asked, lora=16)).fits


def test_a_base_of_few_bits_fits_where_it_does_not_whole_and_is_not_shared_out():
    llama, card = shape("meta-llama/Llama-3.1-70B"), "a100-80gb"
    adapted = replace(AUTO, lora=16)
    whole, few = found(llama, card, adapted), found(llama, card, replace(adapted, base_bits=4))
    assert not whole.fits  # wherever it lies in training, it is whole on the device before and after
    assert few.fits
    assert (few.zero_stage < 3, few.offload_parameters, few.base_bits) == (True, "none", 4)
    assert 35e9 < few.memory.weights < 42e9
    many = [found(llama, f"{n}xa100-80gb", replace(adapted, base_bits=8)) for n in (1, 8)]
    assert many[0].memory.weights == many[1].memory.weights
    assert {choice.zero_stage for choice in many} <= {0, 1, 2}
