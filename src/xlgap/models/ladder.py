"""The from-scratch ladder: XLM-RoBERTa's architecture at any size.

Pure arithmetic and configuration fields; nothing here imports torch. The vocabulary layout is XLM-R's:
``<s>`` = 0, ``<pad>`` = 1, ``</s>`` = 2, ``<unk>`` = 3, ``<mask>`` = last.
"""

from __future__ import annotations

from typing import Any

from xlgap.errors import ConfigError

BOS, PAD, EOS, UNK = 0, 1, 2, 3
_SPECIAL = 5  # <s>, <pad>, </s>, <unk>, <mask>


def scratch_config(
    *, layers: int, width: int, heads: int, feed_forward: int, vocabulary: int, positions: int
) -> dict[str, Any]:
    """The keyword arguments of ``XLMRobertaConfig`` for one size.

    Args:
        layers: blocks.
        width: of the hidden states.
        heads: of each block's attention; they share ``width`` evenly.
        feed_forward: width between the two feed-forward matrices.
        vocabulary: sub-words, special ones included.
        positions: longest sequence, in sub-words. The table has two rows more: XLM-R counts positions
            from behind the padding id.

    Raises:
        ConfigError: ``width`` is not a multiple of ``heads``, or a number is too small.
    """
    check_shape(width=width, heads=heads)
    if vocabulary <= _SPECIAL:
        raise ConfigError(
            f"a vocabulary of {vocabulary} has no room beside the {_SPECIAL} special sub-words; "
            f"give more than {_SPECIAL}."
        )
    if positions < 1:
        raise ConfigError(f"a model needs at least 1 position, got {positions}.")
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": feed_forward,
        "max_position_embeddings": positions + PAD + 1,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "initializer_range": width**-0.5,  # 0.02 is too small below a width of 768
        "pad_token_id": PAD,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
    }


def mask_id(vocabulary: int) -> int:
    """The id of ``<mask>``: the last one."""
    return vocabulary - 1


def nonembedding_params(*, layers: int, width: int, heads: int, feed_forward: int) -> int:
    """Parameters of the encoder without token, position and type tables, in closed form.

    With width d and feed-forward f a block has four projections, 4(d^2 + d), two feed-forward
    matrices, 2df + f + d, and two layer norms, 4d; the embedding layer norm adds 2d.

    Raises:
        ConfigError: ``width`` is not a multiple of ``heads``.
    """
    check_shape(width=width, heads=heads)
    d, f = width, feed_forward
    block = 4 * (d * d + d) + (2 * d * f + f + d) + 4 * d
    return layers * block + 2 * d


def embedding_params(*, width: int, vocabulary: int, positions: int) -> int:
    """Parameters of the token, position and type tables."""
    return (vocabulary + positions + PAD + 1 + 1) * width


def check_shape(*, width: int, heads: int) -> None:
    """Stop when ``heads`` do not share ``width`` evenly.

    Raises:
        ConfigError: with the nearest widths that would do.
    """
    if width % heads:
        lower, upper = width - width % heads, width - width % heads + heads
        near = f"{lower} or {upper}" if lower else str(upper)
        raise ConfigError(
            f"width {width} cannot be shared by {heads} heads; "
            f"choose a multiple of {heads}, for example {near}."
        )
