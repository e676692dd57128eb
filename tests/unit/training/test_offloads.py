"""What was to be offloaded is, or it is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from families import make

from xlgap.errors import TrainingError
from xlgap.models.network import Network, make_head
from xlgap.tasks.base import Classify
from xlgap.training.engine import end_engine, start_engine
from xlgap.training.zero import ZeroPlan

pytestmark = pytest.mark.usefixtures("one_rank")


def started(**way: Any) -> None:
    encoder = make("XLM-R", 60)
    network = Network(encoder, make_head(Classify(labels=("a", "b")), encoder, seed=0))
    plan = ZeroPlan(learning_rate=1e-3, **way)
    end_engine(start_engine(network, plan), plan)


@pytest.mark.parametrize(
    "way",
    [
        {"stage": 0},
        {"stage": 0, "precision": "bf16"},
        {"stage": 1, "offload_optimizer": True},
        {"stage": 2, "offload_optimizer": True, "precision": "bf16"},
        {"stage": 3, "offload_optimizer": True},
        {"stage": 3, "offload_parameters": True},
        {"stage": 3, "offload_optimizer": True, "offload_parameters": True, "precision": "bf16"},
    ],
    ids=str,
)
def test_what_a_stage_offloads_is_taken(way: dict[str, Any]) -> None:
    started(**way)


@pytest.mark.parametrize(
    ("way", "asked", "there"),
    [
        ({"stage": 0, "offload_optimizer": True, "precision": "bf16"}, "optimizer in the host's", ""),
        ({"stage": 0, "offload_parameters": True}, "weights in the host's memory", "weights on"),
        ({"stage": 1, "offload_parameters": True}, "weights in the host's memory", "weights on"),
        ({"stage": 1, "offload_optimizer": "nvme"}, "optimizer on disk", "optimizer in the host's"),
    ],
    ids=str,
)
def test_what_deepspeed_leaves_out_in_silence_is_an_error(
    way: dict[str, Any], asked: str, there: str, tmp_path: Path
) -> None:
    said = rf"asked for was .*{asked}.* under ZeRO stage {way['stage']} DeepSpeed has .*{there}"
    with pytest.raises(TrainingError, match=said):
        started(**way, nvme_path=str(tmp_path))
