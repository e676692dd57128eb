"""Every architecture that studies take, in a tiny size, and rows for every kind of task."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AutoConfig

from xlgap.models.network import _encoder, _from_config
from xlgap.tasks.base import Choose, Classify, Kind, Mine, Rank, Retrieve, Row, Span, Tag

WIDTH, BLOCKS, HEADS = 32, 2, 4
LINES = [
    "The cat sat on the mat in 1999 and the dog ran after 25 birds.",
    "Die Katze saß auf der Matte und der Hund lief 13 Vögeln nach.",
    "Кошка сидела на коврике, а собака бежала за птицами 7 дней.",
    "猫坐在垫子上,狗追着鸟跑了三天。",
    "Where did the cat sit and when did the dog run away from home?",
] * 8
"""For tokenizers."""
_IDS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
_BERT = {
    **_IDS, "hidden_size": WIDTH, "num_hidden_layers": BLOCKS, "num_attention_heads": HEADS,
    "intermediate_size": 64, "max_position_embeddings": 130, "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0, "initializer_range": 0.1,
}  # fmt: skip
_LLAMA = {
    **_IDS, "hidden_size": WIDTH, "num_hidden_layers": BLOCKS, "num_attention_heads": HEADS,
    "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 64, "max_position_embeddings": 128,
    "initializer_range": 0.1,
}  # fmt: skip
_GEMMA = {**_LLAMA, "query_pre_attn_scalar": 8, "sliding_window": 6}
_T5 = {
    "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1, "d_model": WIDTH, "d_kv": 8,
    "d_ff": 64, "num_layers": BLOCKS, "num_decoder_layers": 1, "num_heads": HEADS, "dropout_rate": 0.0,
    "feed_forward_proj": "gated-gelu",
}  # fmt: skip

CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "XLM-R": ("xlm-roberta", {**_BERT, "type_vocab_size": 1}),
    "XLM-R XL": ("xlm-roberta-xl", {**_BERT, "type_vocab_size": 1}),
    "mBERT": ("bert", _BERT),
    "mmBERT": (
        "modernbert",
        {
            **_BERT, "num_hidden_layers": 3, "local_attention": 8, "global_attn_every_n_layers": 3,
            "cls_token_id": 0, "sep_token_id": 2, "attention_dropout": 0.0,
        },
    ),
    "mDeBERTa": (
        "deberta-v2",
        {
            **_BERT, "type_vocab_size": 0, "relative_attention": True, "position_buckets": 16,
            "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False, "max_relative_positions": -1,
        },
    ),
    "EuroBERT": ("eurobert", {**_LLAMA, "mask_token_id": 4}),
    "RemBERT": ("rembert", {**_BERT, "input_embedding_size": 16, "output_embedding_size": 48}),
    "mT5": ("mt5", _T5),
    "umT5": ("umt5", _T5),
    "XGLM": (
        "xglm",
        {
            **_IDS, "d_model": WIDTH, "ffn_dim": 64, "num_layers": BLOCKS, "attention_heads": HEADS,
            "max_position_embeddings": 128, "dropout": 0.0, "attention_dropout": 0.0, "init_std": 0.1,
        },
    ),
    "BLOOM": (
        "bloom",
        {**_IDS, "hidden_size": WIDTH, "n_layer": BLOCKS, "n_head": HEADS, "initializer_range": 0.1},
    ),
    "Llama": ("llama", _LLAMA),
    "Qwen2": ("qwen2", _LLAMA),
    "Qwen3": ("qwen3", _LLAMA),
    "Gemma": ("gemma", _LLAMA),
    "Gemma 2": ("gemma2", _GEMMA),
    "Gemma 3": ("gemma3_text", {**_GEMMA, "layer_types": ["sliding_attention", "full_attention"]}),
}  # fmt: skip
"""By family: the model type of transformers, and a configuration of it without dropout."""

ENCODER_DECODERS = ("mT5", "umT5")
CAUSAL = ("XGLM", "BLOOM", "Llama", "Qwen2", "Qwen3", "Gemma", "Gemma 2", "Gemma 3")

KINDS: dict[str, Kind] = {
    "classify": Classify(labels=("a", "b", "c")),
    "choose": Choose(choices=2),
    "tag": Tag(tags=("O", "X", "Y"), bio=False),
    "span": Span(unanswerable=True),
    "rank": Rank(pool=("en",), query_length=32, pair=True),
    "retrieve": Retrieve(),
    "mine": Mine(),
}
"""Of tasks; the last two have no head."""

_TEXTS = (
    "the cat sat on the mat", "a dog ran home", "where did 25 birds run in 1999 and when",
    "the mat", "the dog and the cat ran away from home after 13 birds", "in 1999",
)  # fmt: skip


def rows(kind: Kind) -> list[Row]:
    """A few rows of different lengths."""
    found = []
    for n, text in enumerate(_TEXTS):
        other = _TEXTS[(n + 2) % len(_TEXTS)]
        words = text.split()
        begin = text.index(words[-1])
        found.append(
            {
                "id": str(n), "group": str(n), "text": text, "text_b": other, "label": "abc"[n % 3],
                "choices": [other, text], "tokens": words,
                "tags": [("O", "X", "Y")[len(word) % 3] for word in words],
                "context": text, "question": other, "targets": [str(n)], "candidate": other,
                "english": other, "side": "foreign" if n % 2 else "english", "match": "",
                "answers": {"text": [words[-1]] * (n % 2), "answer_start": [begin] * (n % 2)},
            }
        )  # fmt: skip
        if isinstance(kind, Choose):
            found[-1]["label"] = n % 2
    return found


def make(family: str, vocabulary: int, *, seed: int = 0) -> nn.Module:
    """The encoder of a family, with weights drawn from ``seed``."""
    model_type, fields = CONFIGS[family]
    config = AutoConfig.for_model(model_type, vocab_size=vocabulary, **fields)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _encoder(config, _from_config)
