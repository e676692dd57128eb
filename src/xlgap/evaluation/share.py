"""Prediction by several ranks together, each of a share of the batches; pure.

Where every rank has a part of the weights, a forward pass takes all of them: each computes as many
batches as the others, of its own rows, and what a rank has none left for it computes the first batch
again and forgets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Work = TypeVar("Work")
Found = TypeVar("Found")


def _alone(mine: Any) -> list[Any]:
    return [mine]


@dataclass(frozen=True, kw_only=True)
class Share:
    """Who predicts: this rank alone, or it and others.

    Attributes:
        rank: of this process.
        ranks: how many predict together.
        gather: what each of them has, in their order, on all of them.
    """

    rank: int = 0
    ranks: int = 1
    gather: Callable[[Any], list[Any]] = _alone

    def over(self, work: Sequence[Work], compute: Callable[[Work], Found]) -> Iterator[Found]:
        """What ``compute`` gives of each piece of ``work``, in order, on every rank.

        >>> list(Share().over([1, 2, 3], lambda n: 2 * n))
        [2, 4, 6]
        """
        if self.ranks == 1:
            yield from map(compute, work)
            return
        mine = []
        for begin in range(0, len(work), self.ranks):
            own = begin + self.rank
            found = compute(work[own] if own < len(work) else work[0])
            if own < len(work):
                mine.append(found)
        by_rank = self.gather(mine)
        for number in range(len(work)):
            yield by_rank[number % self.ranks][number // self.ranks]


ALONE = Share()
