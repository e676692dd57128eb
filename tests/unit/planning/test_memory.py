from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xlgap.models.network import save_state
from xlgap.planning.memory import checkpoint_bytes, model_states, weight_bytes
from xlgap.training.engine import full_state

GB = 10**9


@pytest.mark.parametrize(("zero_stage", "gigabytes"), [(0, 120), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_the_figures_of_the_zero_paper(zero_stage, gigabytes):
    """arXiv 1910.02054, figure 1: 7.5B parameters on 64 GPUs, mixed precision Adam (K = 12)."""
    states = model_states(7_500_000_000, precision="bf16", zero_stage=zero_stage, devices=64)
    assert states.device / GB == pytest.approx(gigabytes, abs=0.05)


def test_fp32_keeps_a_second_copy_under_zero_alone():
    assert model_states(10, precision="fp32").device == 160
    assert model_states(10, precision="fp32", zero_stage=1).device == 200
    assert (checkpoint_bytes(10, "fp32"), checkpoint_bytes(10, "bf16")) == (120, 140)


def test_the_best_weights_so_far_are_kept_in_fp32():
    assert checkpoint_bytes(10, "bf16", best_copies=1) == 140 + 40


def test_a_file_of_weights_is_as_large_as_planned(tmp_path):
    network = torch.nn.Linear(300, 400)
    path = tmp_path / "model.safetensors"
    save_state(full_state(network.to(torch.bfloat16)), path)
    assert path.stat().st_size == pytest.approx(weight_bytes(300 * 400 + 400), rel=0.01)


def test_offloaded_states_lie_on_the_host():
    states = model_states(
        100, precision="bf16", zero_stage=3, devices=4, offload_optimizer=True, offload_parameters=True
    )
    assert (states.weights, states.gradients, states.optimizer) == (0, 50, 0)
    assert states.host == 25 * (2 + 12)


@given(
    params=st.integers(1, 10**12),
    devices=st.integers(1, 512),
    precision=st.sampled_from(["fp32", "bf16"]),
)
def test_a_higher_stage_never_needs_more_and_shards_cover_the_model(params, devices, precision):
    by_stage = [
        model_states(params, precision=precision, zero_stage=stage, devices=devices)
        for stage in (0, 1, 2, 3)
    ]
    needed = [states.device for states in by_stage]
    assert needed[1:] == sorted(needed[1:], reverse=True)
    assert needed[0] == 16 * params
    assert devices * by_stage[3].device >= needed[0]
    if devices == 1:
        assert len(set(needed[1:])) == 1
