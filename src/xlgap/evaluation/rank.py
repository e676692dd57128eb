"""Ranking of a pool of candidates by vectors, and how good a ranking is; numpy only.

Shape letters: Q queries, P candidates of the pool, D width, T places of a ranking.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

DEPTH = 20  # candidates of a ranking, and the cut of mAP@20
SIMILARITIES = 1 << 24  # held at once: 64 MiB

Vectors = npt.NDArray[np.float32]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Pool:
    """Candidates that queries are ranked against.

    Attributes:
        ids: of the candidates, each once.
        vectors: ``[P, D]``, of length 1.
    """

    ids: tuple[str, ...]
    vectors: Vectors

    def ranked(self, queries_QD: Vectors, *, at_once: int = SIMILARITIES) -> list[list[str]]:
        """The ids of the nearest candidates of each query, by exact inner product, best first.

        Of candidates that are equally near the earlier one in the pool comes first.

        Args:
            queries_QD: vectors of length 1.
            at_once: how many similarities are held at a time; one query's at least.
        """
        rows = max(1, at_once // len(self.ids))
        return [
            [self.ids[place] for place in places]
            for begin in range(0, len(queries_QD), rows)
            for places in nearest(queries_QD[begin : begin + rows] @ self.vectors.T)
        ]


def nearest(similar_QP: Vectors) -> Iterator[npt.NDArray[np.int64]]:
    """The places of the largest values of each row, the largest first, the earlier one of equals."""
    depth = min(DEPTH, similar_QP.shape[1])
    least_Q = np.partition(similar_QP, -depth, axis=1)[:, -depth]
    for similar_P, least in zip(similar_QP, least_Q, strict=True):
        found = np.flatnonzero(similar_P >= least)
        yield found[np.argsort(-similar_P[found], kind="stable")][:depth]


def own_candidates(rows: Rows) -> list[dict[str, Any]]:
    """The right candidates of the rows themselves, each once: the pool where there is no other.

    A row's text of a candidate is that of its first target.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        texts = {key: row[key] for key in ("candidate", "context") if key in row}
        found.setdefault(row["targets"][0], {"id": row["targets"][0], **texts})
    return list(found.values())


def average_precision(ranked: Sequence[str], targets: Sequence[str]) -> float:
    """Average precision of a ranking cut at :data:`DEPTH`, 0 to 1.

    The mean, over the right candidates, of the precision at the place of each; of one that is not among
    the first :data:`DEPTH` it is 0. More right ones than there are places cannot be found, so that the
    divisor is min(targets, :data:`DEPTH`). Where nothing is cut it is sklearn's
    ``average_precision_score`` over the pool. A repeated id counts where it stands first.
    """
    right = set(targets)
    found, total = 0, 0.0
    for place, name in enumerate(ranked[:DEPTH], 1):
        if name in right:
            right.remove(name)
            found += 1
            total += found / place
    return total / min(len(set(targets)), DEPTH)


def expected_precision(gold: Rows, predictions: Rows) -> float:
    """The mean average precision of rankings that are dealt out to the items at random, 0 to 1.

    Exact: the mean over all pairs of an item and a ranking. Only pairs with something in common are
    looked at. NaN without items.
    """
    if not gold:
        return float("nan")
    wanted_by: dict[str, list[int]] = defaultdict(list)
    for item, row in enumerate(gold):
        for name in set(row["targets"]):
            wanted_by[name].append(item)
    total = 0.0
    for prediction in predictions:
        hits: dict[int, int] = defaultdict(int)
        for place, name in enumerate(_once(prediction["ranked"]), 1):
            for item in wanted_by.get(name or "", ()):
                hits[item] += 1
                total += hits[item] / place / min(len(set(gold[item]["targets"])), DEPTH)
    return total / len(gold) / len(predictions)


def _once(ranked: Sequence[str]) -> list[str | None]:
    """The first :data:`DEPTH` places, those of repeated ids empty."""
    seen: set[str] = set()
    found: list[str | None] = []
    for name in ranked[:DEPTH]:
        found.append(None if name in seen else name)
        seen.add(name)
    return found
