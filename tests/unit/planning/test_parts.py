"""Memory by part: which part a setting moves, and where to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xlgap.models.catalogue import get_checkpoint
from xlgap.planning.memory import predict_memory
from xlgap.planning.setting import Setting
from xlgap.planning.shape import scratch_shape, shape_of_checkpoint

XL = shape_of_checkpoint(get_checkpoint("facebook/xlm-roberta-xl"))
BLOOM = shape_of_checkpoint(get_checkpoint("bigscience/bloom"))
GPU = Setting(precision="bf16", micro_tokens=4096, longest=128, device="cuda")
SHARDED = replace(GPU, zero_stage=3, devices=8)


def parts(shape=XL, setting=GPU, **changes):
    return predict_memory(shape, replace(setting, **changes))


def test_the_parts_add_up():
    found = parts()
    summed = (
        found.weights + found.gradients + found.optimizer + found.activations + found.logits
        + found.buffers + found.checkpoint + found.fragmentation + found.base - found.overlap
    )  # fmt: skip
    assert found.total == summed
    assert found.increment == found.total - found.base
    assert (found.host, found.nvme) == (0, 0)


def test_the_parameters_are_those_of_the_catalogue():
    assert BLOOM.parameters == 176_247_271_424
    assert parts(BLOOM, SHARDED, devices=64).weights == 2 * -(-176_247_271_424 // 64)
    mt5 = shape_of_checkpoint(get_checkpoint("google/mt5-xxl"))
    assert mt5.parameters < 12_921_057_280 / 2  # its encoder alone
    assert (mt5.head_width, mt5.attention_width, mt5.gated) == (64, 4096, True)


def test_higher_stages_hold_less():
    stages = [parts(zero_stage=stage, devices=8) for stage in (0, 1, 2, 3)]
    states = [of.weights + of.gradients + of.optimizer for of in stages]
    assert states == sorted(states, reverse=True)
    assert stages[1].optimizer < stages[0].optimizer / 7
    assert stages[2].gradients < stages[1].gradients / 7
    assert stages[3].weights < stages[2].weights / 7
    assert stages[3].buffers > stages[2].buffers  # what is gathered


def test_checkpointing_drops_activations_alone():
    plain, few = parts(), parts(activation_checkpointing=True)
    assert few.activations < plain.activations / 5
    assert (
        few.weights + few.gradients + few.optimizer == plain.weights + plain.gradients + plain.optimizer
    )


@pytest.mark.parametrize("where", ["cpu", "nvme"])
def test_what_is_offloaded_is_elsewhere(where):
    here = parts(setting=SHARDED)
    away = parts(setting=SHARDED, offload_optimizer=where, offload_parameters=where)
    assert (away.weights, away.optimizer, away.gradients) == (0, 0, 0)
    moved = away.host if where == "cpu" else away.nvme
    assert moved >= here.weights + here.optimizer
    assert away.host > 0  # gradients are in the host's memory even where the states are on disk
    assert away.total < here.total


def test_a_cpu_has_nowhere_else():
    here = parts(setting=replace(SHARDED, device="cpu"))
    away = parts(setting=replace(SHARDED, device="cpu"), offload_optimizer="cpu")
    assert away.host == 0
    assert away.total > here.total  # DeepSpeed copies gradients for the optimizer on the host


def test_adapters_have_states_and_weights_below_have_none():
    whole, adapters = parts(), parts(lora=16)
    trained = XL.adapters(16)
    assert trained < XL.parameters / 50
    assert adapters.gradients == 2 * trained
    assert adapters.optimizer == 12 * trained
    assert adapters.weights == 2 * (XL.parameters + trained)
    assert adapters.total < whole.total / 2
    few, linear = parts(lora=16, base_bits=4), sum(of.weights for of in XL.linear)
    rest = XL.parameters - linear  # tables, norms and biases are not held in few bits
    assert few.weights == pytest.approx(0.516 * linear + 2 * (rest + trained), rel=0.001)
    assert 0.9 * adapters.weights > parts(lora=16, base_bits=8).weights > few.weights
    two = parts(lora=16, modules=("query", "value"))
    assert two.gradients == adapters.gradients * 4 // 18  # 4d of 18d, the widths being d and 4d


def test_the_vocabulary_counts_where_text_is_predicted():
    small, large = (
        scratch_shape(layers=2, width=64, heads=4, feed_forward=256, vocabulary=v, positions=128)
        for v in (1_000, 250_000)
    )
    tokens, setting = 1024, replace(GPU, micro_tokens=1024, head="mlm")
    grown = predict_memory(large, setting).logits - predict_memory(small, setting).logits
    assert grown == round(0.15 * tokens) * (3 * 4 + 2) * 249_000
    assert predict_memory(large, replace(setting, head="classify")).logits < grown / 100


def test_passes_before_the_last_leave_their_gradients():
    once, twice = (parts(zero_stage=1, devices=8, micro_tokens=16_384, micro_batches=n) for n in (1, 2))
    assert twice.total > once.total
    assert twice.total - once.total <= 4 * XL.parameters


@pytest.mark.parametrize(
    ("stage", "passes", "each"),
    [(0, 1, 2), (0, 2, 6), (1, 1, 4), (1, 2, 4), (2, 1, 4 / 8), (3, 2, 4 / 8)],
)
def test_gradients_of_passes_in_bf16_are_added_up_in_fp32(stage, passes, each):
    """Bytes a parameter: in place of those of a pass, in stage 0 beside them."""
    found = parts(zero_stage=stage, devices=8, micro_batches=passes)
    assert found.gradients == pytest.approx(each * XL.parameters, rel=1e-6)


def test_longer_sequences_cost_where_scores_are_materialised():
    bloom = shape_of_checkpoint(get_checkpoint("bigscience/bloom-560m"))
    short, long = (predict_memory(bloom, replace(GPU, longest=n)).activations for n in (128, 1024))
    assert long > 2 * short
    packed = [parts(longest=n).activations for n in (128, 1024)]
    assert packed[0] == pytest.approx(packed[1], rel=1e-3)  # its attention keeps no scores on a GPU


def test_the_best_weights_are_in_the_hosts_memory():
    assert parts(keep_best=True).host == 4 * XL.parameters
    on_cpu = [parts(device="cpu", keep_best=flag).increment for flag in (False, True)]
    assert on_cpu[1] - on_cpu[0] >= 4 * XL.parameters


@pytest.mark.parametrize(
    ("stage", "every", "first"), [(0, 0, 2 + 12), (1, 12 / 8, 2), (2, 12 / 8, 2), (3, 12 / 8, 0)]
)
def test_a_checkpoint_is_written_from_a_copy(stage, every, first):
    """Bytes a parameter: of states that are shared out each process has its part."""
    found = [parts(zero_stage=stage, devices=8, saves=flag) for flag in (False, True)]
    assert found[1].total == found[0].total
    assert found[1].host - found[0].host == pytest.approx(every * XL.parameters, rel=1e-6)
    assert found[1].host_first == pytest.approx(first * XL.parameters, rel=1e-6)
    on_cpu = parts(zero_stage=stage, devices=8, saves=True, device="cpu")
    assert on_cpu.checkpoint == pytest.approx((every + first) * XL.parameters, rel=1e-6)
    assert (on_cpu.host, on_cpu.host_first) == (0, 0)


def test_a_copy_has_the_best_weights_of_the_evaluation_before():
    plain, best = (parts(saves=True, keep_best=flag).host for flag in (False, True))
    assert best - plain == 2 * 4 * XL.parameters
    nothing = parts(setting=SHARDED, saves=True, keep_best=True, split=True, offload_optimizer="nvme")
    assert nothing.host == parts(setting=SHARDED, split=True, offload_optimizer="nvme").host
