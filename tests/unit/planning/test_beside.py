"""What a process holds beside training, and what a plan makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xlgap.models.catalogue import get_checkpoint
from xlgap.planning.beside import memory_beside_training
from xlgap.planning.hardware import DEVICE_SHARE, GIB, HOST_SHARE, get_hardware
from xlgap.planning.search import choose
from xlgap.planning.setting import Setting
from xlgap.planning.shape import shape_of_checkpoint
from xlgap.planning.ways import Asked, Load

AUTO = Asked(
    precision="bf16", zero_stage="auto", offload_optimizer="auto", offload_parameters="auto",
    activation_checkpointing="auto", micro_tokens=32_768, halve=True, predicting_tokens=16_384,
)  # fmt: skip
LOAD = Load(task="mnli", head="classify", outputs=3, rows=64, sequences=1, length=64, longest=128)
BASE, XL, XXL = (
    shape_of_checkpoint(get_checkpoint(repo))
    for repo in (
        "FacebookAI/xlm-roberta-base", "facebook/xlm-roberta-xl", "facebook/xlm-roberta-xxl",
    )
)  # fmt: skip
GPU = Setting(precision="bf16", micro_tokens=4096, longest=128, device="cuda")


def test_in_one_piece_a_network_is_whole_in_fp32_on_its_device():
    found = memory_beside_training(XL, replace(GPU, zero_stage=3, devices=8))
    assert found.weights == 4 * XL.parameters
    assert found.host == 2 * 4 * XL.parameters  # and what was trained, as it is read
    more = memory_beside_training(XL, GPU, tokens=65_536)
    assert more.activations > found.activations
    assert memory_beside_training(XL, GPU, states=True).activations > 2 * found.activations
    adapted = memory_beside_training(XL, replace(GPU, lora=8))
    assert adapted.host < 1.1 * adapted.weights
    assert memory_beside_training(XL, replace(GPU, lora=8, base_bits=4)).weights < 2 * XL.parameters


def test_the_room_of_prediction_counts_where_training_takes_less():
    """XLM-R XXL in fp32 is 43 GB, however little of it a card holds while it trains."""
    card = choose(XXL, (LOAD,), get_hardware("rtx4090"), AUTO)
    assert not card.fits
    assert "of a device's memory" in card.lacking
    assert card.memory.total > 4 * XXL.parameters
    assert choose(XXL, (LOAD,), get_hardware("8xrtx4090"), AUTO).split


def test_a_device_is_not_planned_to_be_full():
    choice = choose(XL, (LOAD,), get_hardware("h100"), AUTO)
    full = replace(get_hardware("h100"), memory_bytes=choice.memory.total)
    assert choice.fits
    found = choose(XL, (LOAD,), full, AUTO)
    assert found.fits
    assert found.memory.total <= DEVICE_SHARE * full.memory_bytes < choice.memory.total


@pytest.mark.parametrize("split", ["off", "on"])
def test_a_node_has_room_for_best_weights_and_the_copies_of_checkpoints(split):
    """Of a network that is split the best weights are in a file."""
    asked = replace(
        AUTO, split=split, zero_stage=3, offload_optimizer="none", offload_parameters="none"
    )
    wide = replace(get_hardware("8xh100"), host_bytes=10**13)
    last, best = (choose(XXL, (replace(LOAD, keep_best=k),), wide, asked).memory for k in (False, True))
    states, whole = 12 * -(-XXL.parameters // 8), 4 * XXL.parameters
    if split == "on":
        assert best.host == last.host == states
    else:  # now, and those of a checkpoint that is being written
        assert best.host == states + 2 * whole
    for room, enough in ((GIB, True), (-GIB, False)):
        host = round((8 * best.host + best.host_first + room) / HOST_SHARE)
        choice = choose(XXL, (replace(LOAD, keep_best=True),), replace(wide, host_bytes=host), asked)
        assert choice.fits is enough
