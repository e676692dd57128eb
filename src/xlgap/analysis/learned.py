"""Runs whose training has learned nothing, by its loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xlgap.analysis.rows import Collapsed, LearnedNothing
from xlgap.records import Score


def learned_nothing(
    scores: Iterable[Score], collapsed: Sequence[Collapsed] = ()
) -> list[LearnedNothing]:
    """The runs that say so, each once, sorted.

    Args:
        scores: measured ones.
        collapsed: runs that are at chance where their like are not.
    """
    fell = {(c.model, c.arm, c.task, c.seed) for c in collapsed}
    said = {
        (s.model, s.arm, s.task, s.seed): s.learned_nothing
        for s in scores
        if s.learned_nothing and s.seed is not None
    }
    return [
        LearnedNothing(model=run[0], arm=run[1], task=run[2], seed=run[3], of=of, collapsed=run in fell)
        for run, of in sorted(said.items())
    ]


def in_words(found: Iterable[LearnedNothing]) -> list[str]:
    """By model, task and arm, with the seeds: ``xs, xnli: direct_en seeds 1 2``."""
    seeds: dict[tuple[str, str, str], dict[str, list[int]]] = {}
    for run in found:
        seeds.setdefault((run.model, run.task, run.of), {}).setdefault(run.arm, []).append(run.seed)
    return [
        f"{model}, {task}{'' if of == task else f' (nothing of {of})'}: "
        + ", ".join(f"{arm} {_seeds(some)}" for arm, some in arms.items())
        for (model, task, of), arms in seeds.items()
    ]


def _seeds(some: Sequence[int]) -> str:
    return f"seed{'s' * (len(some) > 1)} {' '.join(map(str, some))}"
