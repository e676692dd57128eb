"""Low-rank adapters on every family: what they train, what is kept, and what it is when loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from families import CONFIGS, KINDS, make, rows
from torch import nn

from xlgap.adapter_params import LoraParams
from xlgap.errors import ConfigError, DataError
from xlgap.evaluation.predict import Predictor, predict
from xlgap.models.adapters import (
    ADAPTERS,
    adapter_parameters,
    add_adapters,
    is_adapted,
    kept_state,
    load_adapters,
    load_kept,
    own_dropouts,
    save_adapters,
    trained_names,
)
from xlgap.models.collate import collate
from xlgap.models.encode import Window, encode
from xlgap.models.network import Network, make_head
from xlgap.models.size import size_of

LORA = LoraParams(rank=4, alpha=8)
WINDOW = Window(max_length=40, stride=12)
KIND = KINDS["span"]
KINDS_OF_MODELS = ("XLM-R", "mT5", "Qwen3")  # an encoder, an encoder-decoder's, a decoder


def adapted(family: str, tokenizer: Any, lora: LoraParams = LORA) -> Network:
    encoder = make(family, tokenizer.size)
    add_adapters(encoder, lora, seed=3)
    return Network(encoder, make_head(KIND, encoder, seed=1))


def train(network: Network, tokenizer: Any, *, steps: int = 2) -> None:
    moved = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(moved, lr=0.02)
    batch = collate(encode(KIND, rows(KIND), tokenizer, WINDOW), pad=tokenizer.pad)
    for _ in range(steps):
        optimizer.zero_grad()
        network.train()(batch, 0.2).backward()
        optimizer.step()


def predicted(network: Network, tokenizer: Any) -> list[Any]:
    how = Predictor(tokenizer=tokenizer, window=WINDOW, token_budget=400)
    return predict(network, KIND, rows(KIND), how)


def logits(network: Network, tokenizer: Any) -> torch.Tensor:
    batch = collate(encode(KIND, rows(KIND), tokenizer, WINDOW), pad=tokenizer.pad)
    with torch.inference_mode():
        return network.eval().logits(batch)


@pytest.mark.parametrize("family", CONFIGS)
def test_adapters_and_head_are_trained_and_nothing_else(family: str, tokenizer: Any) -> None:
    plain = Network(make(family, tokenizer.size), None)
    plain.head = make_head(KIND, plain.encoder, seed=1)
    network = adapted(family, tokenizer)
    torch.testing.assert_close(logits(network, tokenizer), logits(plain, tokenizer))  # B is 0 at first
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    train(network, tokenizer)
    moved = {n for n, t in network.state_dict().items() if not torch.equal(t, before[n])}
    assert (
        moved == {n for n in before if ".lora_" in n or n.startswith("head.")} == trained_names(network)
    )
    inside = sum(p.numel() for n, p in network.encoder.named_parameters() if ".lora_" in n)
    assert adapter_parameters(network) == inside > 0
    assert size_of(network).trainable == inside + sum(p.numel() for p in network.head.parameters())


@pytest.mark.parametrize("family", KINDS_OF_MODELS)
def test_what_is_kept_predicts_the_same_beside_the_same_base(family: str, tokenizer: Any) -> None:
    network = adapted(family, tokenizer)
    train(network, tokenizer)
    kept = kept_state(network)
    assert set(kept) == trained_names(network)
    again = adapted(family, tokenizer)
    assert not torch.equal(logits(again, tokenizer), logits(network, tokenizer))
    load_kept(again, kept, "there")
    assert torch.equal(logits(again, tokenizer), logits(network, tokenizer))
    assert predicted(again, tokenizer) == predicted(network, tokenizer)


@pytest.mark.parametrize("family", KINDS_OF_MODELS)
def test_saved_adapters_are_small_and_go_on(family: str, tokenizer: Any, tmp_path: Path) -> None:
    network = adapted(family, tokenizer)
    train(network, tokenizer)
    save_adapters(network.encoder, tmp_path / "warm", {"digest": "x"}, lora=LORA)
    small = (tmp_path / "warm" / ADAPTERS).stat().st_size
    assert 4 * adapter_parameters(network) < small < 4 * adapter_parameters(network) + 8192
    encoder = load_adapters(make(family, tokenizer.size), tmp_path / "warm")
    assert is_adapted(encoder)
    assert torch.equal(logits(Network(encoder, network.head), tokenizer), logits(network, tokenizer))
    train(Network(encoder, network.head), tokenizer)
    assert encoder.state_dict().keys() == network.encoder.state_dict().keys()


def test_adapters_of_another_model_or_rank_are_refused(tokenizer: Any, tmp_path: Path) -> None:
    network = adapted("XLM-R", tokenizer)
    save_adapters(network.encoder, tmp_path / "warm", {}, lora=LORA)
    with pytest.raises(DataError, match="are not those of this model's adapters"):
        load_adapters(make("Qwen3", tokenizer.size), tmp_path / "warm")
    file = tmp_path / "warm" / ADAPTERS
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match="damaged"):
        load_adapters(make("XLM-R", tokenizer.size), tmp_path / "warm")


def test_named_layers_alone_are_adapted_and_others_are_refused(tokenizer: Any) -> None:
    network = adapted("Qwen3", tokenizer, LoraParams(modules=["q_proj", "v_proj"]))
    layers = {n.split(".lora_")[0].rpartition(".")[2] for n in kept_state(network) if ".lora_" in n}
    assert layers == {"q_proj", "v_proj"}
    with pytest.raises(ConfigError, match=r"no linear layer 'query_proj'; did you mean .*'q_proj'"):
        adapted("Qwen3", tokenizer, LoraParams(modules=["query_proj"]))


def test_the_seed_draws_the_adapters_and_nothing_beside_them(tokenizer: Any) -> None:
    before = torch.get_rng_state()
    one, two, other = (make("XLM-R", tokenizer.size) for _ in range(3))
    for encoder, seed in ((one, 1), (two, 1), (other, 2)):
        add_adapters(encoder, LORA, seed=seed)
    assert torch.equal(before, torch.get_rng_state())
    drawn = [{n: t for n, t in e.state_dict().items() if ".lora_A." in n} for e in (one, two, other)]
    assert all(torch.equal(drawn[0][name], drawn[1][name]) for name in drawn[0])
    assert not any(torch.equal(drawn[0][name], drawn[2][name]) for name in drawn[0])


def test_dropout_of_a_task_leaves_that_of_adapters(tokenizer: Any) -> None:
    network = adapted("XLM-R", tokenizer, LoraParams(rank=2, dropout=0.25))
    own = [m for n, m in network.named_modules() if ".lora_dropout." in n and isinstance(m, nn.Dropout)]
    assert len(own) == 12
    assert {m.p for m in own} == {0.25}
    assert not {id(module) for module, _, _ in own_dropouts(network)} & {id(m) for m in own}


def test_without_adapters_all_weights_are_kept(tokenizer: Any) -> None:
    network = Network(make("XLM-R", tokenizer.size), None)
    assert trained_names(network) is None
    assert not is_adapted(network)
    assert kept_state(network).keys() == network.state_dict().keys()
