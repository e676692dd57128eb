"""Sequences one after another without padding, where none attends to another: packed.

All that stands between attentions, nearly the whole work, is done on the real sub-words alone. In a
micro-batch sequences stand longest first, so that those of one length form runs. On a CPU attention is
computed a run at a time on ``[n, H, length, head]``, without a mask; on a GPU of all of them at once,
by torch's kernel for sequences of unlike lengths. States are put back to ``[B, L, D]``, with 0 at the
padding, which no head reads.

Shape letters: B sequences, L sub-words of the longest, T of all together, D width, H heads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nested import nested_tensor_from_jagged

from xlgap.models.aliases import Batch
from xlgap.models.attend import attend

NAME = "xlgap_packed"
"""Of the attention, among those of transformers."""

KEPT, POSITIONS, OFFSETS, RUNS = "packed_kept", "packed_positions", "packed_offsets", "packed_runs"
"""Entries of a batch, see :func:`packing`."""

FIRST_POSITION: Mapping[str, str | int] = {
    "xlm-roberta": "pad_token_id",
    "xlm-roberta-xl": "pad_token_id",
    "bert": 0,
    "eurobert": 0,
    "llama": 0,
    "qwen2": 0,
    "qwen3": 0,
    "gemma": 0,
}
"""Model types whose attention can be replaced, and where their positions begin: after the number of the
padding, or at 0. Others are padded: their attention is their own (BLOOM, XGLM, DeBERTa, RemBERT), adds
a bias by position (T5) or is a window of the sequence (ModernBERT, Gemma 2 and 3)."""


def packing(lengths: Sequence[int], longest: int) -> Batch:
    """Where the sub-words of sequences of these lengths stand when packed.

    Returns:
        ``packed_kept``: places ``[T]`` among ``B * longest``; ``packed_positions``: ``[T]``, in their
        sequences; ``packed_offsets``: ``[B + 1]``, where each sequence begins, and the end of all;
        ``packed_runs``: ``[R, 2]``, of how many sequences and of which length, which stays on the CPU.
    """
    order, ordered = _longest_first(lengths)
    within = np.arange(ordered.sum()) - np.repeat(np.cumsum(ordered) - ordered, ordered)
    changes = np.flatnonzero(np.diff(ordered, prepend=-1, append=-1))
    runs = np.stack([np.diff(changes), ordered[changes[:-1]]], axis=1)
    return {
        KEPT: torch.from_numpy(np.repeat(order * longest, ordered) + within),
        POSITIONS: torch.from_numpy(within),
        OFFSETS: torch.from_numpy(np.concatenate([[0], np.cumsum(ordered)])),
        RUNS: torch.from_numpy(runs),
    }


def begins(lengths: Sequence[int]) -> npt.NDArray[np.int64]:
    """Where each of the sequences begins among the T sub-words, ``[B]``."""
    order, ordered = _longest_first(lengths)
    found = np.empty_like(order)
    found[order] = np.cumsum(ordered) - ordered
    return found


def _longest_first(lengths: Sequence[int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The sequences in the order in which they are packed, and their lengths."""
    size = np.asarray(lengths, np.int64)
    order = np.argsort(-size, kind="stable")
    return order, size[order]


def on_device(batch: Batch, device: torch.device | str) -> Batch:
    """The tensors of a batch on ``device``; what tells how many there are stays on the CPU.

    A GPU copies them while the processor goes on.
    """
    if torch.device(device).type == "cuda":
        batch = {k: v if k == RUNS else v.pin_memory() for k, v in batch.items()}
    return {k: v if k == RUNS else v.to(device, non_blocking=True) for k, v in batch.items()}


def packs(encoder: nn.Module) -> bool:
    """Whether an encoder was made to compute packed sequences, see :func:`make_packable`."""
    config: Any = encoder.config
    return bool(config._attn_implementation == NAME)


def make_packable(encoder: nn.Module) -> None:
    """Give an encoder the attention that packs, where its architecture allows it."""
    config: Any = encoder.config
    if config.model_type in FIRST_POSITION and not getattr(config, "sliding_window", None):
        _register()
        encoder.set_attn_implementation(NAME)  # type: ignore[operator]


def packed_inputs(
    encoder: nn.Module, inputs: Batch, batch: Batch, rows: Tensor | None = None
) -> dict[str, Any]:
    """What the encoder is called with: inputs ``[1, T]``, no mask, and the runs of its attention.

    Args:
        encoder: one that packs.
        inputs: what it would be called with padded, ``[B, L]``.
        batch: with what :func:`packing` tells of them.
        rows: sub-words whose last states are computed, see :mod:`~xlgap.models.reads`; ``None``: all.
    """
    config: Any = encoder.config
    first = FIRST_POSITION[config.model_type]
    begin = getattr(config, first) + 1 if isinstance(first, str) else first
    kept_T = batch[KEPT]
    packed = {k: v.flatten()[kept_T][None] for k, v in inputs.items() if k != "attention_mask"}
    runs = [(int(count), int(length)) for count, length in batch[RUNS].tolist()]
    found = {**packed, "position_ids": batch[POSITIONS][None] + begin, "runs": runs, "rows": rows}
    return found | ({"offsets": batch[OFFSETS]} if kept_T.device.type == "cuda" else {})


def unpacked(states_1TD: Tensor, batch: Batch, rows: Tensor | None = None) -> Tensor:
    """Packed states back in their places, ``[B, L, D]``, 0 at the padding and where there is none."""
    sequences, longest = batch["input_ids"].shape
    kept = batch[KEPT] if rows is None else batch[KEPT][rows]
    places = states_1TD.new_zeros(sequences * longest, states_1TD.shape[-1])
    return places.index_copy(0, kept, states_1TD[0]).view(sequences, longest, -1)


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, _mask)


def _mask(*arguments: Any, attention_mask: Tensor | None = None, **others: Any) -> Tensor | None:
    """None for packed sequences, which have no mask; else that of torch's attention."""
    from transformers.masking_utils import sdpa_mask

    if attention_mask is None:
        return None
    found: Tensor | None = sdpa_mask(*arguments, attention_mask=attention_mask, **others)
    return found


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    runs: Sequence[tuple[int, int]] | None = None,
    offsets: Tensor | None = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention inside each sequence of ``runs``; without them, torch's over a padded batch.

    Args:
        module: whose attention it is.
        query: ``[1, H, T, head]``.
        key: the same, with fewer heads where queries share them.
        value: as ``key``.
        attention_mask: of a padded batch.
        runs: how many sequences of which length, in order.
        offsets: where each begins, and the end of all, on the device: all are attended to at once.
        dropout: share of weights.
        scaling: of the products; 1 over the root of ``head`` when ``None``.
        is_causal: whether a sub-word sees those to its left alone; as the module says when ``None``.
        others: unused.

    Returns:
        ``[1, T, H, head]``, and no weights.
    """
    if runs is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        padded: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask,
            dropout=dropout, scaling=scaling, is_causal=is_causal, **others,
        )  # fmt: skip
        return padded
    causal = bool(getattr(module, "is_causal", False)) if is_causal is None else is_causal
    if offsets is not None:
        ends = runs[-1][1], runs[0][1]
        found = at_once(
            query[0],
            key[0],
            value[0],
            offsets,
            ends=ends,
            dropout=dropout,
            scaling=scaling,
            causal=causal,
        )
        return found[None], None
    if dropout and not causal and query.device.type == "cpu":
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        lengths = [length for count, length in runs for _ in range(count)]
        q, k, v = query[0], *_for_all_heads(query[0], key[0], value[0])
        return attend(q, k, v, lengths, scaling=scale, dropout=dropout)[None], None
    sizes = [count * length for count, length in runs]
    parts = (torch.split(of[0], sizes, dim=1) for of in (query, key, value))
    by_run = [
        _run(q, k, v, count, dropout=dropout, scaling=scaling, causal=causal)
        for (count, _), q, k, v in zip(runs, *parts, strict=True)
    ]
    return torch.cat(by_run)[None], None


def at_once(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    offsets: Tensor,
    *,
    ends: tuple[int, int],
    dropout: float,
    scaling: float | None,
    causal: bool,
) -> Tensor:
    """Attention inside sequences of unlike lengths, ``[H, T, head]`` to ``[T, H, head]``.

    Args:
        query: of all heads.
        key: the same, with fewer heads where queries share them.
        value: as ``key``.
        offsets: where each sequence begins, and the end of all: ``[B + 1]``.
        ends: the shortest length and the longest; they would be asked of the device.
        dropout: share of weights.
        scaling: of the products; 1 over the root of ``head`` when ``None``.
        causal: whether a sub-word sees those to its left alone; on a CPU torch has no such attention.
    """
    key, value = _for_all_heads(query, key, value)  # kernels of unlike lengths share none
    q, k, v = (
        nested_tensor_from_jagged(
            of.transpose(0, 1).contiguous(), offsets, min_seqlen=ends[0], max_seqlen=ends[1]
        ).transpose(1, 2)
        for of in (query, key, value)
    )
    out = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=causal, scale=scaling)
    values: Tensor = out.transpose(1, 2).values()
    return values


def _for_all_heads(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values ``[H, T, head]``, those that queries share again for each of these."""
    shared = len(query) // len(key)
    if shared == 1:
        return key, value
    return key.repeat_interleave(shared, 0), value.repeat_interleave(shared, 0)


def _run(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    count: int,
    *,
    dropout: float,
    scaling: float | None,
    causal: bool,
) -> Tensor:
    """Attention in ``count`` sequences of one length: ``[H, T, head]`` to ``[T, H, head]``."""
    q, k, v = (of.reshape(of.shape[0], count, -1, of.shape[-1]) for of in (query, key, value))
    out = F.scaled_dot_product_attention(
        q.transpose(0, 1),
        k.transpose(0, 1),
        v.transpose(0, 1),
        dropout_p=dropout,
        is_causal=causal,
        scale=scaling,
        enable_gqa=len(query) != len(key),
    )
    return out.transpose(1, 2).flatten(0, 1)
