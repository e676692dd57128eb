"""The closed form of what a block keeps, against what autograd saves of transformers' blocks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoConfig

from xlgap.models.network import Network, _encoder, _from_config
from xlgap.models.packed import packing, packs
from xlgap.models.reads import SHORTENED
from xlgap.planning.activations import BLOCKS, activation_bytes, block_bytes
from xlgap.planning.activations import packs as planned_to_pack
from xlgap.planning.shape import shape_of_fields

ROWS, LENGTH, WIDTH, FORWARD, HEADS = 3, 24, 48, 160, 4
NAMES = {
    "xlm-roberta": {}, "xlm-roberta-xl": {}, "bert": {}, "rembert": {"input_embedding_size": 16},
    "eurobert": {"pad_token_id": 0, "mask_token_id": 3}, "llama": {}, "qwen2": {},
    "qwen3": {"head_dim": WIDTH // HEADS}, "gemma": {"head_dim": WIDTH // HEADS},
}  # fmt: skip
OTHERS = {
    "bloom": {"n_layer": 2, "n_head": HEADS},
    "mt5": {"d_model": WIDTH, "d_ff": FORWARD, "num_layers": 2, "num_heads": HEADS, "d_kv": 12,
            "feed_forward_proj": "gated-gelu"},
    "umt5": {"d_model": WIDTH, "d_ff": FORWARD, "num_layers": 2, "num_heads": HEADS, "d_kv": 12,
             "feed_forward_proj": "gated-gelu"},
    "xglm": {"d_model": WIDTH, "ffn_dim": FORWARD, "num_layers": 2, "attention_heads": HEADS},
}  # fmt: skip
DROPOUTS = (
    "hidden_dropout_prob", "attention_probs_dropout_prob", "dropout_rate", "dropout", "hidden_dropout",
    "attention_dropout",
)  # fmt: skip


def fields(kind: str, layers: int) -> dict:
    common = {
        "hidden_size": WIDTH, "intermediate_size": FORWARD, "num_hidden_layers": layers,
        "num_attention_heads": HEADS, "num_key_value_heads": HEADS,
    }  # fmt: skip
    own = {**common, **NAMES[kind]} if kind in NAMES else OTHERS[kind]
    own = {k: layers if k in {"n_layer", "num_layers"} else v for k, v in own.items()}
    if kind == "bloom":
        own["hidden_size"] = WIDTH
    return {"vocab_size": 300, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, **own}


def saved(kind: str, layers: int, dtype: torch.dtype, dropout: float, head: Any = None) -> int:
    """Bytes that autograd keeps of one pass whose states ``head`` reads, parameters aside."""
    config = AutoConfig.for_model(kind, **fields(kind, layers))
    for name in DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, dropout)
    network = Network(_encoder(config, _from_config).to(dtype).train(), None)
    assert packs(network.encoder) == planned_to_pack(shape(kind))
    ids = torch.randint(5, 300, (ROWS, LENGTH))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    own = {p.untyped_storage().data_ptr() for p in network.parameters()}
    kept: dict[int, tuple[int, torch.Tensor]] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network._last(batch | packing([LENGTH] * ROWS, LENGTH), head, trains=True)
    return sum(size for size, _ in kept.values())


def shape(kind: str):
    return shape_of_fields({**fields(kind, 2), "model_type": kind}, parameters=10**6)


@pytest.mark.parametrize(
    ("kind", "dropout"),
    [*((kind, 0.0) for kind in (*NAMES, *OTHERS)),
     *((kind, 0.1) for kind in ("xlm-roberta", "xlm-roberta-xl", "mt5", "bloom", "xglm", "rembert"))],
)  # fmt: skip
def test_a_block_keeps_what_is_planned_in_fp32(kind, dropout):
    one_block = saved(kind, 3, torch.float32, dropout) - saved(kind, 2, torch.float32, dropout)
    tokens = ROWS * LENGTH
    planned = block_bytes(
        shape(kind), tokens=tokens, pairs=tokens * LENGTH, precision="fp32", dropout=dropout > 0,
        cuda=False,
    )  # fmt: skip
    assert planned == pytest.approx(one_block, rel=0.04)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["xlm-roberta", "xlm-roberta-xl", "bert"])
def test_the_last_block_keeps_less_where_one_state_is_read(kind, dropout):
    assert {k for k, block in BLOCKS.items() if block.shortens} == SHORTENED
    first = SimpleNamespace(reads="whole", causal=False)
    sizes = [saved(kind, 2, torch.float32, dropout, head) for head in (None, first)]
    tokens = ROWS * LENGTH
    planned = [
        activation_bytes(
            shape(kind), tokens=tokens, pairs=tokens * LENGTH, precision="fp32", dropout=dropout > 0,
            checkpointing=False, cuda=False, read=read,
        )
        for read in (1.0, ROWS / tokens)
    ]  # fmt: skip
    assert planned[0] - planned[1] == pytest.approx(sizes[0] - sizes[1], rel=0.04)


@pytest.mark.parametrize("kind", ["xlm-roberta", "mt5", "bloom", "llama", "qwen3", "gemma"])
def test_a_block_keeps_what_is_planned_in_bf16(kind):
    one_block = saved(kind, 3, torch.bfloat16, 0.0) - saved(kind, 2, torch.bfloat16, 0.0)
    tokens = ROWS * LENGTH
    planned = block_bytes(
        shape(kind), tokens=tokens, pairs=tokens * LENGTH, precision="bf16", dropout=False, cuda=False
    )
    assert planned == pytest.approx(one_block, rel=0.04)


def test_checkpointing_keeps_inputs_and_one_block():
    tokens, of = 512, shape("xlm-roberta")
    numbers = {"tokens": tokens, "pairs": tokens * 64, "precision": "bf16", "dropout": True}
    whole, few = (
        activation_bytes(of, **numbers, checkpointing=flag, cuda=True) for flag in (False, True)
    )
    block = block_bytes(of, **numbers, cuda=True)
    assert whole - few == (of.layers - 1) * block - of.layers * 2 * tokens * of.width
    assert {kind for kind in NAMES if planned_to_pack(shape(kind))} == set(NAMES) - {"rembert"}
    assert set(NAMES) | set(OTHERS) <= set(BLOCKS)
