"""Packed sequences: the same states, losses and gradients as padded ones, and none sees another."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import AutoConfig

from xlgap.models.attend import attend
from xlgap.models.dropout import Dropout, kept, use_cheap_dropout
from xlgap.models.network import Network, _encoder, _from_config, make_head
from xlgap.models.packed import (
    FIRST_POSITION,
    KEPT,
    OFFSETS,
    POSITIONS,
    RUNS,
    at_once,
    attention,
    packing,
    packs,
)
from xlgap.tasks.base import Classify, Tag

SMALL = {
    "vocab_size": 120, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 64, "max_position_embeddings": 64,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "pad_token_id": 1,
    "bos_token_id": 0, "eos_token_id": 2,
}  # fmt: skip
LENGTHS = (5, 9, 3, 9, 12, 5)
PADDED = ("bloom", "xglm", "deberta-v2", "rembert", "mt5", "modernbert", "gemma2", "gemma3_text")


def tiny(kind: str) -> nn.Module:
    torch.manual_seed(0)
    return _encoder(AutoConfig.for_model(kind, **SMALL), _from_config)


def batch_of(lengths: tuple[int, ...] = LENGTHS) -> dict[str, Tensor]:
    longest = max(lengths)
    ids = torch.randint(5, 100, (len(lengths), longest), generator=torch.Generator().manual_seed(1))
    mask = (torch.arange(longest) < torch.tensor(lengths)[:, None]).long()
    return {
        "input_ids": torch.where(mask.bool(), ids, 1),
        "attention_mask": mask,
        "labels": torch.arange(len(lengths))[:, None] % 3,
    }


def packed(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    lengths = batch["attention_mask"].sum(1).tolist()
    return {**batch, **packing(lengths, batch["input_ids"].shape[1])}


@pytest.mark.parametrize("kind", FIRST_POSITION)
def test_states_and_gradients_are_those_of_padded_sequences(kind: str) -> None:
    encoder = tiny(kind)
    assert packs(encoder)
    network = Network(encoder, make_head(Classify(labels=("a", "b", "c")), encoder, seed=0))
    network.head.dropout.p = 0.0  # type: ignore[union-attr]
    batch = batch_of()
    real = batch["attention_mask"].bool()
    torch.testing.assert_close(network.hidden(packed(batch))[real], network.hidden(batch)[real])
    assert not network.hidden(packed(batch))[~real].any()
    one, two = (_gradients(network, of) for of in (batch, packed(batch)))
    torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-4)


def _gradients(network: Network, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    network.zero_grad()
    network(batch, 0.5).backward()
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("kind", FIRST_POSITION)
def test_no_sequence_sees_another(kind: str) -> None:
    network = Network(tiny(kind), None).eval()
    batch = packed(batch_of())
    other = {**batch, "input_ids": batch["input_ids"].clone()}
    other["input_ids"][1, :9] = 7
    before, after = network.hidden(batch), network.hidden(other)
    rest = [0, 2, 3, 4, 5]
    assert torch.equal(before[rest], after[rest])
    assert not torch.equal(before[1], after[1])


def test_every_layer_is_put_in_its_place() -> None:
    network = Network(tiny("xlm-roberta"), None).eval()
    batch = batch_of()
    real = batch["attention_mask"].bool()
    for one, two in zip(network.layers(batch), network.layers(packed(batch)), strict=True):
        torch.testing.assert_close(one[real], two[real])


def test_token_types_are_packed() -> None:
    network = Network(tiny("bert"), None).eval()
    batch = batch_of()
    batch["token_type_ids"] = (torch.arange(12) > 2).long().expand(6, -1) * batch["attention_mask"]
    real = batch["attention_mask"].bool()
    torch.testing.assert_close(network.hidden(packed(batch))[real], network.hidden(batch)[real])


@pytest.mark.parametrize("kind", PADDED)
def test_what_cannot_pack_is_padded(kind: str) -> None:
    network = Network(tiny(kind), None).eval()
    assert not packs(network.encoder)
    batch = batch_of()
    assert torch.equal(network.hidden(packed(batch)), network.hidden(batch))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_packing_has_every_sub_word_once_the_longest_sequence_first(lengths: list[int]) -> None:
    made = packing(lengths, 9)
    places = torch.arange(len(lengths) * 9).view(-1, 9)
    real = torch.arange(9) < torch.tensor(lengths)[:, None]
    assert sorted(made[KEPT].tolist()) == places[real].tolist()
    runs = made[RUNS].tolist()
    assert [length for n, length in runs for _ in range(n)] == sorted(lengths, reverse=True)
    assert made[POSITIONS].tolist() == [
        at for n, length in runs for _ in range(n) for at in range(length)
    ]


def _attend(*qkv: Tensor, p: float) -> Any:
    return attend(*qkv, (3, 3, 2), scaling=0.7, dropout=p)


def test_attention_has_the_gradients_of_its_values() -> None:
    torch.manual_seed(0)
    qkv = [torch.randn(2, 8, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]

    def same_mask(*of: Tensor) -> Any:
        torch.manual_seed(3)
        return _attend(*of, p=0.4)

    assert torch.autograd.gradcheck(same_mask, qkv)


def test_attention_without_dropout_is_torchs() -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 8, 4) for _ in range(3))
    found = _attend(q, k, v, p=0.0)
    for begin, end in ((0, 3), (3, 6), (6, 8)):
        of_one = (of[:, begin:end] for of in (q, k, v))
        wanted = nn.functional.scaled_dot_product_attention(*of_one, scale=0.7)
        torch.testing.assert_close(found[begin:end], wanted.transpose(0, 1))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("shared", [1, 2])
def test_attention_at_once_is_that_of_each_sequence(shared: int) -> None:
    torch.manual_seed(0)
    lengths, heads = (5, 3, 3, 2), (4, 4 // shared, 4 // shared)
    qkv = [torch.randn(h, sum(lengths), 8, requires_grad=True) for h in heads]
    made = packing(lengths, max(lengths))
    at_once_THd = at_once(
        *qkv, made[OFFSETS], ends=(2, 5), dropout=0.0, scaling=0.7, causal=False
    )  # of causal ones torch has no such attention on a CPU
    runs = [(int(count), int(length)) for count, length in made[RUNS].tolist()]
    by_run, _ = attention(
        nn.Module(), *(of[None] for of in qkv), None, runs=runs, scaling=0.7, is_causal=False
    )
    torch.testing.assert_close(at_once_THd, by_run[0])
    gradients = [torch.autograd.grad(of.square().sum(), qkv) for of in (at_once_THd, by_run)]
    torch.testing.assert_close(*gradients)


def test_training_with_dropout_drops_the_same_share_packed_and_padded() -> None:
    torch.manual_seed(0)
    encoder = tiny("xlm-roberta")
    for layer in encoder.encoder.layer:  # type: ignore[union-attr]
        layer.attention.self.dropout.p = 0.5
    network, batch = Network(encoder, None).train(), batch_of()
    real = batch["attention_mask"].bool()

    def spread(of: dict[str, Tensor]) -> Tensor:
        drawn = torch.stack([network.hidden(of)[real] for _ in range(400)])
        return torch.stack([drawn.mean(0), drawn.std(0)])

    with torch.no_grad():
        one, two = spread(batch), spread(packed(batch))
    assert one[1].mean() > 0.001
    assert (one - two).abs().mean() < 0.1 * one[1].mean()


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_cheap_dropout_drops_its_share_and_keeps_the_mean(p: float) -> None:
    torch.manual_seed(0)
    mask = kept(torch.Size([1000, 1001]), p, torch.ones(()))
    assert (mask == 0).double().mean() == pytest.approx(p, abs=2e-3)
    assert mask.double().mean() == pytest.approx(1.0, abs=2e-3)
    columns = (mask == 0).double().mean(0)
    assert columns.std() == pytest.approx((p * (1 - p) / 1000) ** 0.5, rel=0.15)


def test_cheap_dropout_stands_where_torchs_stood_and_rests_in_evaluation() -> None:
    encoder = tiny("xlm-roberta")
    use_cheap_dropout(encoder)
    assert {type(m) for m in encoder.modules() if isinstance(m, nn.Dropout)} == {Dropout}
    x = torch.ones(50)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert not torch.equal(Dropout(0.5).train()(x), x)
    assert not Dropout(1.0).train()(x).any()


def test_tags_of_packed_sequences_are_those_of_padded_ones() -> None:
    encoder = tiny("qwen2")  # causal: reads the last sub-word of a word
    network = Network(encoder, make_head(Tag(tags=("a", "b"), bio=False), encoder, seed=0)).eval()
    batch = batch_of()
    inside = torch.arange(12) < torch.tensor(LENGTHS)[:, None] - 1  # the closing token has no tag
    batch["labels"] = torch.where(inside, torch.arange(12) % 2, -100)
    torch.testing.assert_close(network.logits(batch)[inside], network.logits(packed(batch))[inside])


@pytest.mark.parametrize("kind", ["eurobert", "llama"])
def test_dropout_drops_where_queries_share_heads(kind: str) -> None:
    torch.manual_seed(0)
    encoder = tiny(kind)
    network, batch = Network(encoder, None).train(), packed(batch_of())
    still = network.hidden(batch)
    for layer in encoder.layers:  # type: ignore[union-attr]
        layer.self_attn.attention_dropout = 0.2
    assert not torch.allclose(network.hidden(batch), still)
    for layer in encoder.layers:  # type: ignore[union-attr]
        layer.self_attn.attention_dropout = 1e-7  # the way with dropout, which drops nothing
    torch.testing.assert_close(network.hidden(batch), still)
