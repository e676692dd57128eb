"""Attention with dropout inside runs of equal sequences, forward and backward in few operators.

torch's own attention with dropout is composed of some sixty small operators a run, forward and
backward; of short sequences they take longer than the arithmetic.

Shape letters: H heads, T sub-words, n sequences of a run, l the sub-words of each, d of a head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from xlgap.models.dropout import kept

Runs = Sequence[tuple[int, int]]
"""How many sequences of which length, in order."""


def attend(
    query: Tensor, key: Tensor, value: Tensor, runs: Runs, *, scaling: float, dropout: float
) -> Tensor:
    """Softmax attention ``[H, T, d]`` to ``[T, H, d]``; a sub-word sees its own sequence alone.

    Args:
        query: of all heads.
        key: of all heads.
        value: of all heads.
        runs: the sequences.
        scaling: of the products.
        dropout: share of the weights that are dropped.
    """
    found: Tensor = _Attend.apply(query, key, value, runs, scaling, dropout)  # type: ignore[no-untyped-call]
    return found


class _Attend(torch.autograd.Function):
    """Softmax attention ``[H, T, d]`` to ``[T, H, d]``; a sub-word sees its own sequence alone."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, runs: Runs, scaling: float, p: float
    ) -> Tensor:
        """See the class; ``p``: the share of weights that are dropped."""
        heads, total, width = q.shape
        out = q.new_empty(total, heads, width)
        weights, masks = [], []
        for (begin, end), (n, size) in _spans(runs):
            a, b, c = (_sequences(of, begin, end, n, size) for of in (q, k, v))
            scores = torch.baddbmm(a.new_empty(1, 1, 1), a, b.mT, beta=0, alpha=scaling)
            share = torch.softmax(scores, -1)
            mask = kept(share.shape, p, share)
            out[begin:end] = _together(torch.bmm(share * mask, c), heads, n, size)
            weights.append(share)
            masks.append(mask)
        ctx.save_for_backward(q, k, v, *weights, *masks)
        ctx.runs, ctx.scaling = runs, scaling
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        """Gradients of queries, keys and values."""
        q, k, v, *saved = ctx.saved_tensors
        weights, masks = saved[: len(ctx.runs)], saved[len(ctx.runs) :]
        heads, total, width = q.shape
        dq, dk, dv = (q.new_empty(total, heads, width) for _ in range(3))
        grad = grad.transpose(0, 1)
        for ((begin, end), (n, size)), share, mask in zip(
            _spans(ctx.runs), weights, masks, strict=True
        ):
            a, b, c, g = (_sequences(of, begin, end, n, size) for of in (q, k, v, grad))
            dv[begin:end] = _together(torch.bmm((share * mask).mT, g), heads, n, size)
            dshare = torch.bmm(g, c.mT).mul_(mask)
            dscores = torch._softmax_backward_data(dshare, share, -1, share.dtype).mul_(ctx.scaling)
            dq[begin:end] = _together(torch.bmm(dscores, b), heads, n, size)
            dk[begin:end] = _together(torch.bmm(dscores.mT, a), heads, n, size)
        return *(of.transpose(0, 1) for of in (dq, dk, dv)), None, None, None


def _spans(runs: Runs) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    begin = 0
    for n, size in runs:
        yield (begin, begin + n * size), (n, size)
        begin += n * size


def _sequences(of: Tensor, begin: int, end: int, n: int, size: int) -> Tensor:
    """``[H, T, d]`` of one run as ``[H * n, l, d]``."""
    return of[:, begin:end].reshape(-1, size, of.shape[-1])


def _together(of: Tensor, heads: int, n: int, size: int) -> Tensor:
    """``[H * n, l, d]`` as ``[n * size, H, d]``."""
    return of.view(heads, n * size, -1).transpose(0, 1)
