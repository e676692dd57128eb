"""Gradients of many micro-batches are added up in fp32, whatever the precision of the passes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Literal

import pytest
import torch
from families import make
from torch import Tensor

from xlgap.models.network import Network, make_head
from xlgap.tasks.base import Classify
from xlgap.training.engine import end_engine, start_engine
from xlgap.training.sums import Sums
from xlgap.training.zero import ZeroPlan

pytestmark = pytest.mark.usefixtures("one_rank")


def batch() -> dict[str, Tensor]:
    ids = torch.arange(5, 13)[None]
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": torch.zeros(1, 1, dtype=torch.long),
    }


def gradient_norm(micro_batches: int, plan: ZeroPlan) -> float:
    """Of a step of equal micro-batches, which share a weight of 1."""
    encoder = make("XLM-R", 60)
    network = Network(encoder, make_head(Classify(labels=("a", "b")), encoder, seed=0))
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    engine = start_engine(network, plan)
    try:
        sums = Sums(engine, plan)
        for number in range(micro_batches):
            last = number == micro_batches - 1
            if last:
                sums.give()
            engine.set_gradient_accumulation_boundary(last)
            engine.backward(engine(batch(), 1 / micro_batches))
            if not last:
                sums.take()
        engine.step()
        return float(engine.get_global_grad_norm())
    finally:
        end_engine(engine, plan)


@pytest.mark.parametrize("offloaded", [False, True])
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_equal_micro_batches_give_the_gradient_of_one(
    stage: Literal[0, 1, 2, 3], offloaded: bool
) -> None:
    """In bf16 the sum would stay at half of it: 256 and 1 make 256."""
    if offloaded and stage == 0:
        pytest.skip("stage 0 offloads nothing")
    plan = ZeroPlan(
        stage=stage, precision="bf16", offload_optimizer=offloaded, learning_rate=0.0, clip=1.0
    )
    tolerance = 2**-8 if stage == 0 else 1e-5  # one rounding to bf16, at the end
    assert gradient_norm(512, plan) == pytest.approx(gradient_norm(1, plan), rel=tolerance)


@pytest.mark.parametrize(("micro_batches", "summed"), [(2, 2), (257, 256), (302, 300), (10_000, 9984)])
def test_the_last_micro_batch_is_one_rounding_more(micro_batches: int, summed: float) -> None:
    """Of 302 alike 301 are 300 in bf16, and so are 300 and 1."""
    layer = torch.nn.Linear(1, 1, bias=False, dtype=torch.bfloat16)
    sums = Sums(
        SimpleNamespace(module=layer), ZeroPlan(stage=0, precision="bf16", learning_rate=0.0, clip=1.0)
    )
    for number in range(micro_batches):
        last = number == micro_batches - 1
        if last:
            sums.give()
        layer(torch.ones(1, 1, dtype=torch.bfloat16)).sum().backward()
        if not last:
            sums.take()
    assert layer.weight.grad is not None
    assert float(layer.weight.grad) == summed
    assert summed == pytest.approx(micro_batches, rel=2 * 2**-8)
