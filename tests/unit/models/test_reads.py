"""What the last block leaves out: the same losses, gradients and predictions, and less work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig

from xlgap.models.collate import collate
from xlgap.models.encode import IGNORE, Example
from xlgap.models.heads import masked_head
from xlgap.models.network import Network, _encoder, _from_config, make_head, make_heads
from xlgap.models.packed import packing
from xlgap.models.reads import LABELLED, PACKED_LABELLED, SHORTENED, labelled
from xlgap.models.recompute import recompute_activations
from xlgap.tasks.base import Choose, Classify, Rank, Span, Tag

KINDS = {
    "classify": Classify(labels=("a", "b", "c")),
    "choose": Choose(choices=2),
    "tag": Tag(tags=("a", "b", "c"), bio=False),
    "span": Span(),
    "rank": Rank(pool=("en",), query_length=8, pair=False),
}
LESS = ("classify", "choose", "rank")  # of which predictions, too, read one sub-word
LENGTHS = (5, 9, 3, 9, 12, 6)


def network_of(model_type: str, what: str) -> Network:
    config = AutoConfig.for_model(
        model_type, vocab_size=120, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, pad_token_id=1, type_vocab_size=2,
    )  # fmt: skip
    torch.manual_seed(0)
    encoder = _encoder(config, _from_config)
    if what == "mlm":
        return Network(encoder, masked_head(encoder, seed=0))
    network = Network(encoder, make_head(KINDS[what], encoder, seed=0))
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network


def batch_of(what: str) -> dict[str, Tensor]:
    random = np.random.default_rng(3)
    rows = [random.integers(5, 100, length).astype(np.int32) for length in LENGTHS]
    if what in {"tag", "mlm"}:
        labels = [np.where(random.random(len(row)) < 0.4, row % 3, IGNORE) for row in rows]
        for of in labels:
            of[1] = 1
        marks = [np.arange(len(row), dtype=np.int32) for row in rows]
        return collate(
            [Example(0, (r,), of, m) for r, of, m in zip(rows, labels, marks, strict=True)], pad=1
        )
    if what in {"choose", "rank"}:
        pairs = zip(rows[::2], rows[1::2], strict=True)
        return collate([Example(0, pair, np.array([1])) for pair in pairs], pad=1)
    label = [1, 2] if what == "span" else [1]
    return collate([Example(0, (row,), np.array(label)) for row in rows], pad=1)


def padded(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: of for name, of in batch.items() if not name.startswith("packed")}


def trained(network: Network, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor | None]]:
    network.zero_grad()
    loss = network(batch, 1.0)
    loss.backward()
    return loss.detach(), {n: p.grad for n, p in network.named_parameters()}


@pytest.mark.parametrize("model_type", sorted(SHORTENED))
@pytest.mark.parametrize("what", [*KINDS, "mlm"])
def test_losses_gradients_and_predictions_are_those_of_all_states(model_type: str, what: str) -> None:
    network, batch = network_of(model_type, what), batch_of(what)
    losses, gradients = zip(*(trained(network, of) for of in (batch, padded(batch))), strict=True)
    torch.testing.assert_close(*losses)
    assert all(of is not None for of in gradients[0].values())
    torch.testing.assert_close(*gradients, atol=1e-4 if what == "rank" else 1e-5, rtol=1e-5)
    if what != "mlm":
        packed, whole = (network.logits(of) for of in (batch, padded(batch)))
        real = slice(None) if packed.dim() == 2 else batch["attention_mask"].bool()
        torch.testing.assert_close(packed[real], whole[real])


def work(network: Network, batch: dict[str, Tensor], *, trains: bool) -> int:
    with FlopCounterMode(display=False) as counter:
        if trains:
            trained(network, batch)
        else:
            network.logits(batch)
    return int(counter.get_total_flops())


@pytest.mark.parametrize("what", [*LESS, "tag", "mlm"])
def test_the_last_block_does_less(what: str) -> None:
    network, batch = network_of("xlm-roberta", what), batch_of(what)
    read = len(batch[LABELLED]) if LABELLED in batch else len(LENGTHS)
    left_out = sum(LENGTHS) - read
    block = 32 * 32 + 2 * 32 * 64  # what follows attention, by sub-word
    everything = work(network, {**batch, PACKED_LABELLED: torch.arange(sum(LENGTHS))}, trains=True)
    if what in LESS:
        network.head.reads = None  # type: ignore[union-attr, assignment]
        everything = work(network, batch, trains=True)
        del network.head.reads  # type: ignore[union-attr]
    assert everything - work(network, batch, trains=True) == 3 * 2 * block * left_out
    if what in LESS:
        assert work(network, batch, trains=False) < work(
            network_of("xlm-roberta", "tag"), batch, trains=False
        )


def test_predicted_tags_need_no_label() -> None:
    network, batch = network_of("bert", "tag"), batch_of("tag")
    found = network.logits(batch)
    none = torch.full_like(batch["labels"], IGNORE)
    torch.testing.assert_close(network.logits({**batch, "labels": none}), found)
    assert len(found[batch["attention_mask"].bool()].unique(dim=0)) > len(batch[LABELLED])


def test_every_layer_has_all_states_also_after_a_loss() -> None:
    network, batch = network_of("xlm-roberta", "classify"), batch_of("classify")
    real = batch["attention_mask"].bool()
    before = network.layers(batch)[-1]
    trained(network, batch)
    torch.testing.assert_close(network.hidden(batch), before)
    assert (before[real] != 0).any(-1).all()


def test_activations_that_are_computed_again_are_the_same() -> None:
    network, batch = network_of("xlm-roberta", "mlm"), batch_of("mlm")
    network.train()
    plain = trained(network, batch)
    recompute_activations(network.encoder)
    torch.testing.assert_close(trained(network, batch), plain)


def test_a_mixture_reads_what_the_head_of_its_step_reads() -> None:
    encoder: Any = network_of("xlm-roberta", "tag").encoder
    kinds = {name: KINDS[name] for name in ("classify", "tag")}
    network = Network(encoder, make_heads(kinds, encoder, seed=0, text=True)).eval()
    for part, what in (("classify", "classify"), ("tag", "tag"), ("mlm", "mlm")):
        batch = batch_of(what)
        torch.testing.assert_close(network(batch, 1.0, part), network(padded(batch), 1.0, part))


def test_places_of_labels_are_those_of_the_packed_sub_words() -> None:
    labels = np.full((3, 4), IGNORE)
    labels[0, 1] = labels[1, 3] = labels[2, 0] = 7
    found = labelled(labels, (2, 4, 3))
    assert found[LABELLED].tolist() == [1, 7, 8]
    kept = packing((2, 4, 3), 4)["packed_kept"]
    assert kept[found[PACKED_LABELLED]].tolist() == [1, 7, 8]
