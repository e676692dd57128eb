"""Work that several ranks share: as many calls on each, the results in order on all."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from xlgap.evaluation.share import Share


def shared(work: list[int], ranks: int) -> tuple[list[list[int]], list[list[int]]]:
    """What each of some ranks, which are threads, finds and what it was called with."""
    held: list[list[int]] = [[] for _ in range(ranks)]
    found: list[list[int]] = [[] for _ in range(ranks)]
    called: list[list[int]] = [[] for _ in range(ranks)]
    barrier = Barrier(ranks)

    def run(rank: int) -> None:
        def gather(mine: list[int]) -> list[list[int]]:
            held[rank] = mine
            barrier.wait()
            return held

        def square(number: int) -> int:
            called[rank].append(number)
            return number * number

        found[rank] = list(Share(rank=rank, ranks=ranks, gather=gather).over(work, square))

    threads = [Thread(target=run, args=(rank,)) for rank in range(ranks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found, called


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
@pytest.mark.parametrize("pieces", [0, 1, 2, 7])
def test_every_rank_has_all_results_after_as_many_calls(ranks: int, pieces: int) -> None:
    work = list(range(10, 10 + pieces))
    found, called = shared(work, ranks)
    assert found == [[number * number for number in work]] * ranks
    assert {len(of_rank) for of_rank in called} == {-(-pieces // ranks)}
    assert {number for of_rank in called for number in of_rank} == set(work)
