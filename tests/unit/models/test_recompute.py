"""Activation checkpointing: the same loss and gradients, dropout included, and less memory kept."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig

from xlgap.errors import TrainingError
from xlgap.models.network import Network, _encoder, _from_config, make_head
from xlgap.models.packed import packing, packs
from xlgap.models.recompute import recompute_activations
from xlgap.tasks.base import Classify

SHAPE = {
    "vocab_size": 120, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 64, "max_position_embeddings": 64,
    "hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.3, "pad_token_id": 1,
    "bos_token_id": 0, "eos_token_id": 2,
}  # fmt: skip
PACKED = ("xlm-roberta", "bert", "eurobert", "llama")
PADDED = ("bloom", "xglm", "deberta-v2", "rembert", "mt5", "modernbert", "gemma3_text")


def network_of(kind: str) -> Network:
    torch.manual_seed(0)
    encoder = _encoder(AutoConfig.for_model(kind, **SHAPE), _from_config)
    return Network(encoder, make_head(Classify(labels=("a", "b", "c")), encoder, seed=0)).train()


def batch_of(lengths: tuple[int, ...] = (5, 9, 3, 9, 12, 5)) -> dict[str, Tensor]:
    longest = max(lengths)
    ids = torch.randint(5, 100, (len(lengths), longest), generator=torch.Generator().manual_seed(1))
    mask = (torch.arange(longest) < torch.tensor(lengths)[:, None]).long()
    return {
        "input_ids": torch.where(mask.bool(), ids, 1),
        "attention_mask": mask,
        "labels": torch.arange(len(lengths))[:, None] % 3,
        **packing(lengths, longest),
    }


def trained(network: Network, seed: int = 4) -> tuple[Tensor, dict[str, Tensor], int]:
    """Loss, gradients and the bytes that forward keeps for backward."""
    kept: dict[int, int] = {}

    def pack(tensor: Any) -> Any:
        kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    torch.manual_seed(seed)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = network(batch_of(), 0.5)
    loss.backward()
    of = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    return loss.detach(), of, sum(kept.values())


@pytest.mark.parametrize("kind", PACKED + PADDED)
def test_loss_and_gradients_are_the_same_to_the_last_bit(kind: str) -> None:
    plain, again = network_of(kind), network_of(kind)
    assert packs(plain.encoder) == (kind in PACKED)
    recompute_activations(again.encoder)
    loss, gradients, kept = trained(plain)
    same, same_gradients, kept_again = trained(again)
    assert torch.equal(loss, same)
    assert gradients.keys() == same_gradients.keys()
    for name, gradient in gradients.items():
        assert torch.equal(gradient, same_gradients[name]), name
    assert kept_again < kept / 2
    assert not torch.equal(loss, trained(plain, seed=5)[0])  # dropout was there


def test_frozen_embeddings_leave_gradients_to_the_blocks() -> None:
    network = network_of("xlm-roberta")
    recompute_activations(network.encoder)
    for parameter in network.encoder.embeddings.parameters():  # type: ignore[union-attr]
        parameter.requires_grad = False
    gradients = trained(network)[1]
    assert sum("layer" in name for name in gradients) == 3 * 16


def test_what_cannot_is_refused() -> None:
    with pytest.raises(TrainingError, match="Linear cannot compute activations again"):
        recompute_activations(nn.Linear(2, 2))
