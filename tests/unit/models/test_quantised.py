"""Base weights of 8 and 4 bits: what is held so, how near it is, and what training leaves as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from families import CONFIGS, KINDS, make, rows
from torch import nn

from xlgap.adapter_params import LoraParams
from xlgap.errors import ConfigError
from xlgap.models import quantised
from xlgap.models.adapters import add_adapters, kept_state, saved_names, trained_names
from xlgap.models.causal import is_causal
from xlgap.models.collate import collate
from xlgap.models.encode import Window, encode
from xlgap.models.meta import encoder_fields
from xlgap.models.network import Network, hub_encoder, make_head, save_encoder
from xlgap.models.size import size_of
from xlgap.planning.linear import held_bytes
from xlgap.planning.shape import shape_of_fields

FAMILIES = ("XLM-R", "mT5", "Qwen3", "BLOOM")  # encoders, encoder-decoders, gated decoders, others
BITS = (8, 4)
NEAR = {8: 0.03, 4: 0.6}  # of states of two blocks with weights drawn at random, relative


def test_without_the_library_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantised, "LIBRARY", "no_such_library")
    with pytest.raises(ConfigError, match=r"need no_such_library.*'pip install xlgap\[quantised\]'"):
        quantised.quantisation(8, "fp32")


@pytest.fixture
def bnb() -> Any:
    return pytest.importorskip(
        "bitsandbytes", reason="weights of few bits need the extra 'quantised' (bitsandbytes)"
    )


def states(encoder: nn.Module) -> torch.Tensor:
    ids = torch.arange(4, 24)[None]
    with torch.no_grad():
        return encoder.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state


def held(encoder: nn.Module) -> int:
    """Bytes of parameters and of what unpacks them."""
    tensors: dict[int, torch.Tensor] = {}
    for tensor in encoder.state_dict().values():
        tensors[tensor.data_ptr()] = tensor
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def saved(family: str, folder: Path) -> Any:
    encoder = make(family, 300)
    save_encoder(encoder, folder, {})
    return encoder


@pytest.mark.parametrize("family", ["XLM-R", "Qwen3", "BLOOM"])
@pytest.mark.parametrize("bits", BITS)
def test_linear_layers_are_held_in_few_bits_near_what_they_were(
    bnb: Any, family: str, bits: Any, tmp_path: Path
) -> None:
    plain = saved(family, tmp_path / "base")
    few = hub_encoder(str(tmp_path / "base"), None, bits=bits)
    linear = [module for module in few.modules() if isinstance(module, nn.Linear)]
    kind = bnb.nn.Linear8bitLt if bits == 8 else bnb.nn.Linear4bit
    assert linear
    assert all(isinstance(module, kind) for module in linear)
    assert size_of(few).total == size_of(plain).total
    assert size_of(few).nonembedding == size_of(plain).nonembedding
    distance = (states(few) - states(plain)).norm() / states(plain).norm()
    assert 0 < distance < NEAR[bits]
    assert is_causal(few) == is_causal(plain)


@pytest.mark.parametrize("bits", BITS)
def test_the_bytes_are_those_that_are_planned(bnb: Any, bits: Any, tmp_path: Path) -> None:
    from xlgap.models.ladder import scratch_config
    from xlgap.models.network import scratch_encoder

    size = {"layers": 2, "width": 256, "heads": 4, "feed_forward": 512}
    plain = scratch_encoder(scratch_config(**size, vocabulary=500, positions=64), seed=0)
    save_encoder(plain, tmp_path / "base", {})
    few = hub_encoder(str(tmp_path / "base"), None, bits=bits)
    total = size_of(plain).total
    shape = shape_of_fields(encoder_fields(plain), parameters=total)
    weights, taken = held_bytes(shape.linear, bits, kind=shape.model_type)
    assert held(plain) == 4 * total
    assert held(few) == pytest.approx(4 * (total - weights) + taken, rel=0.02)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("bits", BITS)
def test_training_after_evaluation_moves_adapters_and_head_alone(
    bnb: Any, family: str, bits: Any, tmp_path: Path, tokenizer: Any
) -> None:
    from transformers import AutoConfig, AutoModel

    kind, fields = CONFIGS[family]
    torch.manual_seed(0)
    whole = AutoModel.from_config(AutoConfig.for_model(kind, vocab_size=tokenizer.size, **fields))
    whole.save_pretrained(tmp_path / "base")
    encoder = hub_encoder(str(tmp_path / "base"), None, bits=bits)
    add_adapters(encoder, LoraParams(rank=4, bits=bits), seed=3)
    head = make_head(KINDS["tag"], encoder, seed=1)
    network = Network(encoder, head)
    batch = collate(
        encode(KINDS["tag"], rows(KINDS["tag"]), tokenizer, Window(max_length=40)), pad=tokenizer.pad
    )
    with torch.no_grad():
        network.eval().logits(batch)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=0.01)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = network.train()(batch, 0.05)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    moved = {n for n, t in network.state_dict().items() if not torch.equal(t, before[n])}
    assert moved == trained_names(network) == set(kept_state(network))
    assert {name.rpartition(".")[0] for name in moved if ".lora_B." in name}
    assert saved_names(network) >= moved
    assert not any("SCB" in name or "absmax" in name for name in saved_names(network))
