"""The dropout of a task is that of every family's network, wherever transformers keeps its share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from families import CONFIGS
from torch import Tensor
from transformers import AutoConfig

from xlgap.models.adapters import own_dropouts
from xlgap.models.network import Network, _encoder, _from_config, make_head
from xlgap.models.packed import packing
from xlgap.tasks.base import Classify

SHARES = (
    "hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "dropout_rate",
    "attention_dropout", "activation_dropout", "hidden_dropout", "mlp_dropout", "embedding_dropout",
)  # fmt: skip
"""In the configurations of all families."""


def network(family: str) -> Network:
    """With dropout everywhere."""
    model_type, fields = CONFIGS[family]
    known = AutoConfig.for_model(model_type)
    shares = {name: 0.3 for name in SHARES if hasattr(known, name)}
    assert shares
    config: Any = AutoConfig.for_model(model_type, vocab_size=60, **{**fields, **shares})
    torch.manual_seed(0)
    encoder = _encoder(config, _from_config)
    return Network(encoder, make_head(Classify(labels=("a", "b")), encoder, seed=0)).train()


def batch() -> dict[str, Tensor]:
    ids = torch.randint(5, 60, (3, 8), generator=torch.Generator().manual_seed(1))
    labels = torch.zeros(3, 1, dtype=torch.long)
    mask = torch.ones_like(ids)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, **packing([8] * 3, 8)}


def losses(of: Network, shares: Sequence[float]) -> set[float]:
    for (module, name, _), share in zip(own_dropouts(of), shares, strict=True):
        setattr(module, name, share)
    with torch.no_grad():
        return {float(of(batch(), 1.0)) for _ in range(4)}


@pytest.mark.parametrize("family", CONFIGS)
def test_a_tasks_dropout_is_that_of_the_whole_network(family: str) -> None:
    made = network(family)
    places = own_dropouts(made)
    head = {id(module) for module in made.head.modules()}  # type: ignore[union-attr]
    assert {own for module, _, own in places if id(module) not in head} == {0.3}
    for share in (0.0, 0.1, 0.0):
        assert len(losses(made, [share] * len(places))) == (4 if share else 1)
    assert len(losses(made, [own for _, _, own in places])) == 4
