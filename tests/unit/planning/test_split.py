"""Which networks no process can hold whole, and what a process holds of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xlgap.models.catalogue import get_checkpoint
from xlgap.planning.beside import memory_beside_training
from xlgap.planning.hardware import GIB, get_hardware
from xlgap.planning.parts import BASE
from xlgap.planning.search import choose, splits_as_asked
from xlgap.planning.setting import Setting
from xlgap.planning.shape import shape_of_checkpoint
from xlgap.planning.split import (
    COPIES,
    fits_whole,
    predicts_from_host,
)
from xlgap.planning.ways import Asked, Load

AUTO = Asked(
    precision="bf16", zero_stage="auto", offload_optimizer="auto", offload_parameters="auto",
    activation_checkpointing="auto", micro_tokens=32_768, halve=True,
)  # fmt: skip
LOAD = Load(task="mnli", head="classify", outputs=3, rows=64, sequences=1, length=64, longest=128)
SMALL, LARGE, XXL, BLOOM = (
    shape_of_checkpoint(get_checkpoint(repo))
    for repo in (
        "FacebookAI/xlm-roberta-base", "FacebookAI/xlm-roberta-large", "facebook/xlm-roberta-xxl",
        "bigscience/bloom",
    )
)  # fmt: skip


def test_what_fits_a_process_with_its_copies_stays_in_one_piece():
    for hardware, shapes in (("2xcpu", [SMALL]), ("8xh100", [SMALL, LARGE, XXL])):
        for shape in shapes:
            assert not splits_as_asked(shape, get_hardware(hardware), AUTO)
    assert splits_as_asked(LARGE, get_hardware("2xcpu"), AUTO)  # 6.7 GB of 4 GiB
    assert splits_as_asked(XXL, get_hardware("8xa100-40gb"), AUTO)  # 43 GB of a device's 40 GiB
    assert splits_as_asked(BLOOM, get_hardware("8x8xh100"), AUTO)


def test_the_copies_of_all_processes_of_a_node_count():
    machine = get_hardware("8xh100")
    least = round(8 * COPIES * 4 * XXL.parameters / 0.9)
    assert fits_whole(XXL, replace(machine, host_bytes=least + GIB), adapted=False)
    assert not fits_whole(XXL, replace(machine, host_bytes=least - GIB), adapted=False)
    assert fits_whole(XXL, replace(machine, host_bytes=least - GIB), adapted=True)


@pytest.mark.parametrize(
    "asked",
    [
        replace(AUTO, split="off"), replace(AUTO, zero_stage=2), replace(AUTO, base_bits=4, lora=16),
    ],
)  # fmt: skip
def test_it_is_split_neither_against_what_is_given_nor_where_it_cannot_be(asked):
    assert not splits_as_asked(BLOOM, get_hardware("8x8xh100"), asked)


def test_it_can_be_forced_on_several_processes_alone():
    asked = replace(AUTO, split="on")
    assert splits_as_asked(SMALL, get_hardware("2xcpu"), asked)
    assert not splits_as_asked(SMALL, get_hardware("cpu"), asked)
    choice = choose(SMALL, (LOAD,), get_hardware("2xh100"), asked)
    assert (choice.zero_stage, choice.split) == (3, True)


def test_bloom_is_split_over_64_devices_and_fits():
    choice = choose(BLOOM, (LOAD,), get_hardware("8x8xh100"), AUTO)
    assert (choice.split, choice.zero_stage, choice.fits) == (True, 3, True)
    whole = choose(BLOOM, (LOAD,), get_hardware("8x8xh100"), replace(AUTO, split="off"))
    assert not whole.split
    assert choice.memory.total <= whole.memory.total


def test_a_frozen_base_takes_most_when_it_predicts_in_fp32():
    adapted = replace(AUTO, lora=16, offload_parameters="none", offload_optimizer="none")
    few = choose(BLOOM, (LOAD,), get_hardware("8xh100"), adapted)
    assert few.split
    assert not few.fits
    assert few.memory.weights == pytest.approx(4 * BLOOM.parameters / 8, rel=0.01)
    assert (few.memory.gradients, few.memory.optimizer) == (0, 0)
    assert choose(BLOOM, (LOAD,), get_hardware("2x8xh100"), adapted).fits


def test_beside_training_a_process_has_its_share_and_a_tensor():
    setting = Setting(
        zero_stage=3, devices=64, micro_tokens=128, longest=128, split=True, device="cuda"
    )
    memory = memory_beside_training(BLOOM, setting)
    assert memory.weights == -(-BLOOM.parameters // 64) * 4
    assert memory.buffers == 2 * 4 * BLOOM.vocabulary * BLOOM.width
    assert memory.total - BASE["cuda"] < 1.2 * (memory.weights + memory.buffers)
    moved = memory_beside_training(BLOOM, setting, on_host=True)
    assert (moved.weights, moved.host) == (0, memory.weights)


def test_shares_lie_on_the_host_where_a_device_has_no_room_and_the_study_does_not_say():
    few, many = get_hardware("8xh100"), get_hardware("8x8xh100")
    assert predicts_from_host(BLOOM, few, "auto")
    assert not predicts_from_host(BLOOM, many, "auto")
    assert not predicts_from_host(BLOOM, few, "none")
    assert predicts_from_host(BLOOM, many, "cpu")
    choice = choose(BLOOM, (LOAD,), few, AUTO)
    assert choice.fits
    assert choice.memory.host >= 4 * BLOOM.parameters / 8
