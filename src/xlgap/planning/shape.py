"""What of a model its memory depends on, read from its configuration; no weights, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xlgap.models.catalogue import Checkpoint
from xlgap.models.ladder import embedding_params, nonembedding_params, scratch_config
from xlgap.planning.linear import Linear, adapter_parameters, linear_layers


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Figures of what is trained: an encoder, a decoder, or the encoder of an encoder-decoder.

    Attributes:
        model_type: of transformers.
        parameters: all of them, without a head.
        embedding: those of the table of sub-words, mostly the largest tensor.
        layers: blocks.
        width: of the hidden states.
        feed_forward: width between the feed-forward matrices.
        heads, kv_heads: of attention, and how many of them have keys and values of their own.
        head_width: of one head.
        vocabulary: rows of the table of sub-words.
        dropout: share, of the released configuration.
        gated: whether a block has three feed-forward matrices.
        linear: its linear layers.
    """

    model_type: str
    parameters: int
    embedding: int
    layers: int
    width: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_width: int
    vocabulary: int
    dropout: float = 0.0
    gated: bool = False
    linear: tuple[Linear, ...] = ()

    @property
    def attention_width(self) -> int:
        """Of all heads together."""
        return self.heads * self.head_width

    @property
    def largest(self) -> int:
        """Parameters of the largest tensor."""
        return max(self.embedding, self.width * self.feed_forward)

    @property
    def block(self) -> int:
        """Parameters of one block."""
        inner, shared = self.attention_width, self.kv_heads * self.head_width
        attention = self.width * (2 * inner + 2 * shared)
        return attention + (3 if self.gated else 2) * self.width * self.feed_forward

    def adapters(self, rank: int, modules: tuple[str, ...] | None = None) -> int:
        """Parameters of adapters of a rank beside linear layers; beside all when none are named.

        Raises:
            ConfigError: see :func:`~xlgap.planning.linear.adapter_parameters`.
        """
        return adapter_parameters(self.linear, rank=rank, modules=modules)


_GATED = frozenset(
    {"mt5", "umt5", "t5", "modernbert", "eurobert", "llama", "qwen2", "qwen3", "gemma", "gemma2",
     "gemma3", "gemma3_text", "mistral"}
)  # fmt: skip
_DROPOUT = {"xlm-roberta": 0.1, "xlm-roberta-xl": 0.1, "bert": 0.1, "deberta-v2": 0.1, "mt5": 0.1,
            "umt5": 0.1, "xglm": 0.1}  # fmt: skip
"""Of transformers' configuration classes, where it is not 0."""
_DROPOUTS = ("hidden_dropout_prob", "dropout_rate", "hidden_dropout", "dropout", "mlp_dropout")


def shape_of_fields(
    fields: Mapping[str, Any], *, parameters: int, linear: tuple[Linear, ...] | None = None
) -> Shape:
    """The shape that the mapping of a ``config.json`` describes.

    Args:
        fields: with ``model_type``.
        parameters: of what is trained.
        linear: its linear layers, where they were counted.

    Raises:
        KeyError: a figure is not there.
    """
    kind = fields["model_type"]
    width = _first(fields, "hidden_size", "d_model", "n_embd")
    heads = _first(fields, "num_attention_heads", "num_heads", "n_head", "attention_heads")
    vocabulary = fields["vocab_size"]
    forward = _first(fields, "intermediate_size", "d_ff", "ffn_dim", default=4 * width)
    shared = _first(fields, "num_key_value_heads", default=heads)
    head_width = _first(fields, "head_dim", "d_kv", default=width // heads)
    layers = _first(fields, "num_hidden_layers", "num_layers", "n_layer")
    if linear is None:
        linear = linear_layers(
            kind, fields, layers=layers, width=width, forward=forward, inner=heads * head_width,
            shared=shared * head_width,
        )  # fmt: skip
    dropout = next((fields[n] for n in _DROPOUTS if fields.get(n) is not None), _DROPOUT.get(kind, 0.0))
    return Shape(
        model_type=kind,
        parameters=parameters,
        embedding=vocabulary * (fields.get("input_embedding_size") or width),
        layers=layers,
        width=width,
        feed_forward=forward,
        heads=heads,
        kv_heads=shared,
        head_width=head_width,
        vocabulary=vocabulary,
        dropout=float(dropout),
        gated=kind in _GATED,
        linear=linear,
    )


def shape_of_checkpoint(checkpoint: Checkpoint) -> Shape:
    """The shape of what is trained of a checkpoint of the catalogue."""
    fields = {**checkpoint.config, "model_type": checkpoint.model_type}
    return shape_of_fields(fields, parameters=checkpoint.trained_total)


def scratch_shape(
    *,
    layers: int,
    width: int,
    heads: int,
    feed_forward: int,
    vocabulary: int,
    positions: int,
    dropout: float = 0.0,
) -> Shape:
    """The shape of a model of the from-scratch ladder."""
    size = {"layers": layers, "width": width, "heads": heads, "feed_forward": feed_forward}
    fields = scratch_config(**size, vocabulary=vocabulary, positions=positions)
    tables = embedding_params(width=width, vocabulary=vocabulary, positions=positions)
    return shape_of_fields(
        {**fields, "model_type": "xlm-roberta", "hidden_dropout_prob": dropout},
        parameters=nonembedding_params(**size) + tables,
    )


def _first(fields: Mapping[str, Any], *names: str, default: int | None = None) -> int:
    """The first of the fields that is there."""
    found = next((fields[name] for name in names if fields.get(name) is not None), default)
    if found is None:
        raise KeyError(names[0])
    return int(found)
