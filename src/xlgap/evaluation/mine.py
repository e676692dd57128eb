"""Mining pairs of translations from two lists of sentence vectors, as XTREME does on BUCC.

The margin of a pair is its cosine over the mean cosine of both sentences to their nearest neighbours on
the other side, "ratio" in Artetxe and Schwenk 2019 (arXiv 1811.01136):

    margin(x, y) = cos(x, y) / ((mean of x's k nearest + mean of y's k nearest) / 2),    k = 4

Each sentence of either side proposes the one among its k nearest that has the best margin; from the
best margin down, a proposed pair is taken when neither sentence is in a pair yet. A sentence that
stands several times in a list takes part once, and its pair is dropped: which of its ids is meant
cannot be known. Which pairs count is a matter of a threshold, tuned where gold pairs are known.

Shapes: F foreign sentences, E English ones, D width, K neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 4
BLOCK = 2**24
"""Cosines that are held at once: 64 MiB."""

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """A mined pair: the ids of its sentences and its margin."""

    foreign: str
    english: str
    score: float


@dataclass(frozen=True)
class Threshold:
    """The margin from which on pairs count, and the F1 (0-100) on the pairs that it was tuned on."""

    value: float
    f1: float


@dataclass(frozen=True)
class Side:
    """The sentences of one side.

    Attributes:
        ids: of the sentences.
        texts: of the same.
        vectors: unit-length, [sentences, D].
    """

    ids: Sequence[str]
    texts: Sequence[str]
    vectors: Vectors

    def distinct(self) -> tuple[Indices, list[bool]]:
        """Index of each distinct text's last sentence, and whether it stands several times.

        The last one is whose vector the official code takes.
        """
        last: dict[str, int] = {}
        again: dict[str, bool] = {}
        for index, text in enumerate(map(str.strip, self.texts)):
            again[text] = text in last
            last[text] = index
        return np.array(list(last.values()), np.int64), list(again.values())


def mine(
    foreign: Side, english: Side, *, neighbours: int = NEIGHBOURS, block: int = BLOCK
) -> list[Pair]:
    """All pairs with a positive margin, the best first; each sentence in one at most.

    Args:
        foreign: one side.
        english: the other one.
        neighbours: k of the margin, or all sentences where a side has fewer.
        block: cosines held at once; changes nothing but memory and, by rounding, last digits.
    """
    (kept_F, again_F), (kept_E, again_E) = foreign.distinct(), english.distinct()
    if not len(kept_F) or not len(kept_E):
        return []
    pairs = _greedy(*_proposals(foreign.vectors[kept_F], english.vectors[kept_E], neighbours, block))
    return [
        Pair(foreign.ids[kept_F[x]], english.ids[kept_E[y]], score)
        for x, y, score in pairs
        if score > 0 and not again_F[x] and not again_E[y]
    ]


def tune(pairs: Sequence[Pair], gold: Mapping[str, str]) -> Threshold:
    """The threshold with the best F1 of ``pairs`` against ``gold``: midway to the next pair's margin.

    Of equal F1 the highest threshold. Where no pair is right the threshold is 0 and every pair counts,
    as in the official code; the F1 of 0 beside it tells that nothing was tuned.

    Args:
        pairs: from :func:`mine`, the best first.
        gold: English ids by foreign id.
    """
    best, right = Threshold(0.0, 0.0), 0
    for index, pair in enumerate(pairs):
        right += gold.get(pair.foreign) == pair.english
        f1 = 200 * right / (index + 1 + len(gold))
        if f1 > best.f1:
            following = pairs[index + 1].score if index + 1 < len(pairs) else pair.score
            best = Threshold((pair.score + following) / 2, f1)
    return best


def nearest(queries: Vectors, index: Vectors, *, k: int, block: int = BLOCK) -> tuple[Floats, Indices]:
    """Cosines and indices of each query's k nearest, [queries, K], the nearest first; exact.

    Equal vectors may differ in the last bit of a product, so that any of them may come first: sentences
    that stand twice have been left out before.
    """
    k = min(k, len(index))
    found = np.empty((len(queries), k), np.float64)
    where = np.empty((len(queries), k), np.int64)
    step = max(1, block // len(index))
    for begin in range(0, len(queries), step):
        cosines = queries[begin : begin + step] @ index.T
        rows = np.arange(len(cosines))
        for rank in range(k):  # k passes: far faster than sorting, and ties are broken in one known way
            best = cosines.argmax(axis=1)
            where[begin : begin + step, rank] = best
            found[begin : begin + step, rank] = cosines[rows, best]
            cosines[rows, best] = -np.inf
    return found, where


def _proposals(x_FD: Vectors, y_ED: Vectors, k: int, block: int) -> tuple[Indices, Indices, Floats]:
    """Foreign index, English index and margin of what each sentence of either side proposes."""
    cos_FK, at_FK = nearest(x_FD, y_ED, k=k, block=block)
    cos_EK, at_EK = nearest(y_ED, x_FD, k=k, block=block)
    mean_F, mean_E = cos_FK.mean(axis=1), cos_EK.mean(axis=1)
    margin_FK = _ratio(cos_FK, (mean_F[:, None] + mean_E[at_FK]) / 2)
    margin_EK = _ratio(cos_EK, (mean_E[:, None] + mean_F[at_EK]) / 2)
    best_F, best_E = margin_FK.argmax(axis=1), margin_EK.argmax(axis=1)
    rows_F, rows_E = np.arange(len(x_FD)), np.arange(len(y_ED))
    return (
        np.concatenate([rows_F, at_EK[rows_E, best_E]]),
        np.concatenate([at_FK[rows_F, best_F], rows_E]),
        np.concatenate([margin_FK[rows_F, best_F], margin_EK[rows_E, best_E]]),
    )


def _ratio(cosines: Floats, means: Floats) -> Floats:
    """Margins; 0 where the neighbours' mean is none to divide by."""
    return np.divide(cosines, means, out=np.zeros_like(cosines), where=means > 0)


def _greedy(x: Indices, y: Indices, scores: Floats) -> list[tuple[int, int, float]]:
    """Pairs from the best score down, each sentence once; of equal scores the earlier proposal."""
    seen_x: set[int] = set()
    seen_y: set[int] = set()
    found = []
    for i in np.argsort(-scores, kind="stable"):
        a, b = int(x[i]), int(y[i])
        if a not in seen_x and b not in seen_y:
            seen_x.add(a)
            seen_y.add(b)
            found.append((a, b, float(scores[i])))
    return found
