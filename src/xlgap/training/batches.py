"""Which examples go into which micro-batch of which step, on which rank; pure numpy.

A step takes a fixed number of examples. They are cut into micro-batches by a budget of sub-words, so
that long examples come in small batches and short ones in large. Where the model cannot pack (see
:mod:`xlgap.models.packed`) padding counts, and within a window of several steps examples are sorted by
length, so that little is padded; packed steps are drawn at random. Every rank computes the same
schedule, hence all ranks take the same number of micro-batches: ZeRO-3 cannot hang on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]

SORT_WINDOW = 8  # steps whose examples are sorted by length together where they are padded


@dataclass(frozen=True)
class MicroBatch:
    """Examples of one forward pass, per rank.

    Attributes:
        ranks: per rank the indices of its examples; a rank may have none in the last one, it then
            repeats an example with weight 0.
    """

    ranks: tuple[Index, ...]


@dataclass(frozen=True)
class Step:
    """One optimizer step."""

    micro: tuple[MicroBatch, ...]

    @property
    def examples(self) -> Index:
        """All its examples."""
        return np.concatenate([r for m in self.micro for r in m.ranks])


def schedule(
    lengths: Sequence[int],
    *,
    steps: int,
    batch_rows: int,
    token_budget: int,
    world: int,
    seed: int,
    micro_rows: int | None = None,
) -> list[Step]:
    """``steps`` steps over examples of ``lengths``, reshuffled every epoch.

    The content of a step depends on none of ``world``, ``token_budget`` and ``micro_rows``.

    Args:
        lengths: padded sub-words of each example.
        steps: of the optimizer.
        batch_rows: examples in a step, over all ranks.
        token_budget: padded sub-words in a micro-batch, per rank.
        world: ranks.
        seed: of the order.
        micro_rows: examples in a micro-batch at most, per rank; as many as fit when ``None``.
    """
    size = np.asarray(lengths, np.int64)
    limit = micro_rows or min(batch_rows, len(size))
    return [
        cut(batch, size, token_budget=token_budget, world=world, limit=limit)
        for batch in batches(lengths, steps=steps, batch_rows=batch_rows, seed=seed)
    ]


def batches(
    lengths: Sequence[int],
    *,
    steps: int,
    batch_rows: int,
    seed: int | tuple[int, ...],
    window: int = SORT_WINDOW,
) -> list[Index]:
    """The examples of each of ``steps`` steps; the first ones do not depend on how many there are.

    Examples of ``window`` steps are sorted by length together; 1 leaves them as they are drawn.
    """
    size = np.asarray(lengths, np.int64)
    random = np.random.default_rng(seed)
    rows = min(batch_rows, len(size))
    found: list[Index] = []
    while len(found) < steps:
        found += _epoch(size, rows, random, rows * window)
    return found[:steps]


def _epoch(size: Index, rows: int, random: np.random.Generator, window: int) -> list[Index]:
    """Full batches in random order; the rest, other examples in every epoch, is left out."""
    order = random.permutation(len(size))[: len(size) // rows * rows]
    batches: list[Index] = []
    for begin in range(0, len(order), window):
        part = order[begin : begin + window]
        part = part[np.argsort(size[part], kind="stable")]
        batches += [part[i : i + rows] for i in range(0, len(part), rows)]
    return [batches[i] for i in random.permutation(len(batches))]


def cut(
    batch: Index, size: Index, *, token_budget: int, world: int, limit: int, packed: bool = False
) -> Step:
    """Cut one batch, longest first, so that its sub-words stay within the budget on each rank.

    They are rows x longest, or, ``packed``, the sum of those of the rows. No rank has more than
    ``limit`` rows.
    """
    order = batch[np.argsort(-size[batch], kind="stable")]
    micro, begin = [], 0
    while begin < len(order):
        if packed:  # the first rank has the longest of each round
            fit = int(np.searchsorted(np.cumsum(size[order[begin::world]]), token_budget, "right"))
        else:
            fit = token_budget // int(size[order[begin]])
        rows = min(limit, max(1, fit)) * world
        part = order[begin : begin + rows]
        micro.append(MicroBatch(tuple(part[rank::world] for rank in range(world))))
        begin += rows
    return Step(tuple(micro))
