"""Attention with dropout inside each of several sequences, forward and backward in few operators.

torch's own attention with dropout is composed of some sixty small operators, forward and backward; of
short sequences they take longer than the arithmetic. Here a sequence is read and written where it
stands, without a copy.

Shape letters: H heads, T sub-words of all sequences, l of one, d of a head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from xlgap.models.dropout import kept

MASKS = 1 << 17
"""Elements of dropout masks that are drawn at once: few draws of short sequences, and what the
processor's cache holds of long ones."""


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    lengths: Sequence[int],
    *,
    scaling: float,
    dropout: float,
) -> Tensor:
    """Softmax attention ``[H, T, d]`` to ``[T, H, d]``; a sub-word sees its own sequence alone.

    Args:
        query: of all heads.
        key: of all heads.
        value: of all heads.
        lengths: of the sequences, in order.
        scaling: of the products.
        dropout: share of the weights that are dropped.
    """
    found: Tensor = _Attend.apply(query, key, value, list(lengths), scaling, dropout)  # type: ignore[no-untyped-call]
    return found


class _Attend(torch.autograd.Function):
    """See :func:`attend`."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, lengths: list[int], scaling: float, p: float
    ) -> Tensor:
        """See the function; ``p``: the share of weights that are dropped."""
        heads, total, width = q.shape
        out, none = q.new_empty(total, heads, width), q.new_empty(1, 1, 1)
        masks, shares = list(_masks(heads, lengths, p, q)), []
        for (a, b, c, o), mask in zip(_each(lengths, q, k, v, out.transpose(0, 1)), masks, strict=True):
            share = torch.softmax(torch.baddbmm(none, a, b.mT, beta=0, alpha=scaling), -1)
            torch.bmm(share * mask, c, out=o)
            shares.append(share)
        ctx.save_for_backward(q, k, v, *shares, *masks)
        ctx.lengths, ctx.scaling = lengths, scaling
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        """Gradients of queries, keys and values."""
        q, k, v, *saved = ctx.saved_tensors
        lengths, alpha, none = ctx.lengths, ctx.scaling, q.new_empty(1, 1, 1)
        heads, total, width = q.shape
        dq, dk, dv = (q.new_empty(total, heads, width).transpose(0, 1) for _ in range(3))
        parts = _each(lengths, q, k, v, grad.transpose(0, 1), dq, dk, dv)
        shares, masks = saved[: len(lengths)], saved[len(lengths) :]
        for (a, b, c, g, da, db, dc), share, mask in zip(parts, shares, masks, strict=True):
            torch.bmm((share * mask).mT, g, out=dc)
            dshare = torch.bmm(g, c.mT).mul_(mask)
            dscores = torch._softmax_backward_data(dshare, share, -1, share.dtype)
            torch.baddbmm(none, dscores, b, beta=0, alpha=alpha, out=da)
            torch.baddbmm(none, dscores.mT, a, beta=0, alpha=alpha, out=db)
        return dq, dk, dv, None, None, None


def _each(lengths: list[int], *of: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Of each sequence its views ``[H, l, d]`` of tensors ``[H, T, d]``."""
    return zip(*(torch.split(tensor, lengths, 1) for tensor in of), strict=True)


def _masks(heads: int, lengths: list[int], p: float, like: Tensor) -> Iterator[Tensor]:
    """Dropout masks ``[H, l, l]`` of each sequence."""
    begin = 0
    while begin < len(lengths):
        end, elements = begin, 0
        while end < len(lengths) and (not elements or elements + heads * lengths[end] ** 2 <= MASKS):
            elements += heads * lengths[end] ** 2
            end += 1
        drawn, some = kept(torch.Size([elements]), p, like), lengths[begin:end]
        for part, length in zip(torch.split(drawn, [heads * n**2 for n in some]), some, strict=True):
            yield part.view(heads, length, length)
        begin = end
