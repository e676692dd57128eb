"""Bytes of what a forward pass keeps for its backward pass, by architecture; in closed form.

Korthikanti et al. 2022 (arXiv 2205.05198), section 4, count 34 bytes a block, sub-word and unit of
width, and 5 bytes a head and pair of sub-words, for a block of GPT in 16 bits with dropout. Here the
same is counted of the blocks as transformers computes them: T sub-words of width d, feed-forward width
f, H heads, P pairs of sub-words that attend to each other (the squares of the sequences' lengths). A
block keeps ``width * Td + forward * Tf + scores * HP`` numbers. The coefficients are those of what
autograd saves of one block (a test counts it again), for which no constant is fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from xlgap.planning.hardware import Precision
from xlgap.planning.shape import Shape

CHECKPOINTED = 1.0  # of the width, a block: its input
_NUMBER: Mapping[Precision, int] = {"fp32": 4, "bf16": 2}


@dataclass(frozen=True)
class Block:
    """What a block keeps, in numbers of the precision.

    Attributes:
        width, forward, scores: see the module; without dropout.
        masks: of dropout, in units of the width, of the feed-forward width and of scores.
        packs: whether attention is inside runs of packed sequences.
        shortens: whether the last block computes what follows attention where a head reads alone.
        upcast: numbers of the width that stand in fp32 when the rest is in bf16: norms.
        upcast_scores: likewise of scores: a softmax in fp32.
        passing: gradients of the feed-forward width that are there at once in its backward pass.
    """

    width: float
    forward: float
    scores: float
    masks: tuple[float, float, float]
    packs: bool = False
    shortens: bool = False
    upcast: float = 0.0
    upcast_scores: float = 0.0
    passing: float = 0.0


_BERT = Block(9, 2, 0, (2, 0, 2), packs=True, shortens=True)
_T5 = Block(10, 7, 1, (2, 1, 2), upcast=7, upcast_scores=1)
_LLAMA = Block(11, 4, 0, (0, 0, 3), packs=True, upcast=2)
BLOCKS: Mapping[str, Block] = {
    "xlm-roberta": _BERT,
    "xlm-roberta-xl": Block(9, 2, 0, (1, 0, 2), packs=True, shortens=True),
    "bert": _BERT,
    "mt5": _T5,
    "umt5": _T5,
    "t5": _T5,
    "bloom": Block(8, 2, 1, (1, 0.25, 2), upcast_scores=2, passing=4),
    "xglm": Block(8, 2, 2, (2, 0, 2)),
    "modernbert": Block(9.8, 4, 0.1, (0, 1, 3), upcast_scores=0),
    "eurobert": Block(11, 4, 0, (0, 0, 2), packs=True, upcast=2),
    "rembert": Block(8, 2, 1, (2, 0, 2)),
    "llama": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": Block(15, 4, 0, (0, 0, 3), packs=True, upcast=4),
    "gemma": Block(11, 4, 0, (0, 0, 3), packs=True, upcast=4),
    "gemma2": Block(14, 4, 2, (0, 0, 2), upcast=8, upcast_scores=2),
    "gemma3": Block(18, 4, 0, (0, 0, 3), upcast=12),
    "gemma3_text": Block(18, 4, 0, (0, 0, 3), upcast=12),
    "deberta-v2": Block(9, 2, 8, (2, 0, 4)),
}
UNLISTED = Block(12, 4, 2, (2, 1, 2))
"""Of an architecture that was not counted: attention with materialised scores, three matrices."""


def block_of(shape: Shape) -> Block:
    """What a block of the model keeps."""
    return BLOCKS.get(shape.model_type, UNLISTED)


def packs(shape: Shape) -> bool:
    """Whether the model computes no padding, see :mod:`xlgap.models.packed`."""
    return block_of(shape).packs


def block_bytes(
    shape: Shape,
    *,
    tokens: int,
    pairs: int,
    precision: Precision,
    dropout: bool,
    cuda: bool,
    read: float = 1.0,
) -> int:
    """Bytes that one block keeps.

    On CUDA a mask of dropout takes a byte and attention that packs keeps none: it is drawn again.

    Args:
        shape: of the model.
        tokens: sub-words computed, padding included where the model does not pack.
        pairs: of sub-words that attend to each other.
        precision: of the pass.
        dropout: whether there is any.
        cuda: whether on a GPU.
        read: share of the sub-words for which what follows attention is computed.
    """
    block, number = block_of(shape), _NUMBER[precision]
    half = precision == "bf16"
    inner = 2 * shape.attention_width + 2 * shape.kv_heads * shape.head_width
    after = (block.width + block.upcast * half - 5) * shape.width
    after += block.forward * shape.feed_forward
    scores = block.scores + block.upcast_scores * half
    kept = number * (tokens * (shape.width + inner + read * after) + scores * shape.heads * pairs)
    if dropout:
        of_width, of_forward, of_scores = block.masks
        each = 1 if cuda else number
        kept += each * tokens * read * (of_width * shape.width + of_forward * shape.feed_forward)
        if block.packs and not cuda:  # attention in one operator: no copy of its output
            kept -= number * tokens * shape.width
        if not (block.packs and cuda):
            kept += each * of_scores * shape.heads * pairs
    return round(kept)


def activation_bytes(
    shape: Shape,
    *,
    tokens: int,
    pairs: int,
    precision: Precision,
    dropout: bool,
    checkpointing: bool,
    cuda: bool,
    read: float = 1.0,
) -> int:
    """Bytes of all blocks, of the embeddings, and of gradients that pass through one block.

    With activation checkpointing each block keeps its input alone; one at a time is computed again.
    ``read``: share of the sub-words whose last states a head reads.
    """
    number = _NUMBER[precision]
    sizes = partial(
        block_bytes, shape, tokens=tokens, pairs=pairs, precision=precision, dropout=dropout, cuda=cuda
    )
    one = sizes()
    unit = number * tokens * shape.width
    passing = 2 * unit + round(block_of(shape).passing * number * tokens * shape.feed_forward)
    shortens = block_of(shape).shortens
    embedded = round((2 + (read if shortens else 1)) * unit)  # and the last states
    if checkpointing:
        return embedded + round(CHECKPOINTED * unit * shape.layers) + one + passing
    last = sizes(read=read) if shortens else one
    return embedded + (shape.layers - 1) * one + last + passing
