from __future__ import annotations

import pytest
import torch
from transformers import BloomConfig, BloomModel

from xlgap.errors import TrainingError
from xlgap.models.heads import MLM, masked_head
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, make_head, make_heads, scratch_encoder
from xlgap.tasks.base import Choose, Classify, Rank, Span, Tag

KINDS = {
    "choose": Choose(choices=3),
    "classify": Classify(labels=("a", "b")),
    "rank": Rank(pool=("en",), query_length=8, pair=False),
    "span": Span(),
    "tag": Tag(tags=("O", "A"), bio=False),
}
BATCH = {
    "input_ids": torch.tensor([[0, 7, 8, 9, 2], [0, 9, 8, 2, 1]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]),
    "labels": torch.tensor([[0], [1]]),
}


@pytest.fixture
def network():
    config = scratch_config(layers=1, width=16, heads=2, feed_forward=32, vocabulary=20, positions=16)
    encoder = scratch_encoder(config | {"hidden_dropout_prob": 0.0}, seed=1)
    return Network(encoder, make_heads(KINDS, encoder, seed=3, text=True))


def test_a_mixture_has_the_heads_that_its_tasks_would_have_alone(network):
    assert set(network.head) == {*KINDS, MLM}
    for name, kind in KINDS.items():
        alone = make_head(kind, network.encoder, seed=3)
        for key, weight in alone.state_dict().items():
            assert torch.equal(weight, network.state_dict()[f"head.{name}.{key}"])


def test_the_loss_is_that_of_the_one_head_and_the_others_have_gradients_of_zero(network):
    network.eval()
    loss = network(BATCH, 0.5, "classify")
    alone = Network(network.encoder, network.head["classify"])(BATCH, 0.5)
    assert loss.item() == alone.item()
    loss.backward()
    for name, parameter in network.head.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.any()) == name.startswith("classify."), name
    embedding = network.encoder.get_input_embeddings().weight
    assert bool(embedding.grad.any())


def test_a_task_is_read_by_its_own_head_on_the_same_weights(network):
    network.eval()
    view = network.reading("tag")
    assert view.head is network.head["tag"]
    assert view.encoder is network.encoder
    assert not view.training
    single = Network(network.encoder, network.head["tag"])
    assert single.reading("tag") is single
    assert torch.equal(view.logits(BATCH), single.eval().logits(BATCH))


def test_a_causal_model_has_no_masked_language_modelling():
    encoder = BloomModel(BloomConfig(vocab_size=20, hidden_size=16, n_layer=1, n_head=2))
    with pytest.raises(TrainingError, match="BloomModel is a causal model, for which there is no"):
        masked_head(encoder, seed=1)
