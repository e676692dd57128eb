"""What a phase trains on, step by step: one task, or several tasks and text mixed."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xlgap.training.batches import SORT_WINDOW, Index, Step, batches, cut
from xlgap.training.data import TrainingData


@dataclass(frozen=True, kw_only=True)
class Part:
    """What some of a phase's steps are of: a task, or masked language modelling.

    Attributes:
        name: of its head among :class:`~xlgap.models.heads.Heads`; ``None`` where the network has one.
        data: its examples.
        batch_rows: examples a step.
        learning_rate: the peak, of its steps.
        warmup_steps: steps of the phase until that rate.
        weight_decay: of the optimizer in its steps.
        micro_rows: examples in a micro-batch at most, per rank; as many as fit when ``None``.
        dropout: in its steps; the network's own when ``None``.
        seed: of the order of its examples.
        packed: whether the network computes its sequences without padding; its steps are then drawn at
            random, whatever the lengths.
        compares: whether its loss compares the examples of a micro-batch with each other.
    """

    name: str | None = None
    data: TrainingData
    batch_rows: int
    learning_rate: float
    warmup_steps: int = 0
    weight_decay: float = 0.0
    micro_rows: int | None = None
    dropout: float | None = None
    seed: int | tuple[int, ...]
    packed: bool = False
    compares: bool = False

    @property
    def sizes(self) -> Index:
        """Sub-words that each example takes: its own, or as many as in the longest sequence of it."""
        return _tokens(self) if self.packed else np.asarray(self.data.lengths, np.int64)

    def batches(self, steps: int) -> list[Index]:
        """The examples of each of its first ``steps`` steps."""
        return batches(
            self.data.lengths, steps=steps, batch_rows=self.batch_rows, seed=self.seed,
            window=1 if self.packed else SORT_WINDOW,
        )  # fmt: skip


@dataclass(frozen=True)
class Course:
    """A phase from its first step to its last.

    Attributes:
        parts: what it mixes; the first one alone, where it mixes nothing.
        order: the number of the part that each step is of; the same on all ranks.
    """

    parts: tuple[Part, ...]
    order: Index

    def __len__(self) -> int:
        return len(self.order)

    def part(self, step: int) -> Part:
        """What a step, counted from 0, is of."""
        return self.parts[int(self.order[step])]

    def steps_of(self) -> list[int]:
        """The number of steps of each part."""
        return [int(n) for n in np.bincount(self.order, minlength=len(self.parts))]

    def plan(self, *, token_budget: int, world: int, rows: int | None = None) -> list[Step]:
        """Every step, cut into micro-batches for ``world`` ranks, of ``rows`` at most on each."""
        found: list[Step | None] = [None] * len(self)
        for number, (part, count) in enumerate(zip(self.parts, self.steps_of(), strict=True)):
            size = part.sizes
            limit = min(part.micro_rows or min(part.batch_rows, len(size)), rows or len(size))
            of_part = np.flatnonzero(self.order == number)
            for step, batch in zip(of_part, part.batches(count), strict=True):
                found[step] = cut(
                    batch, size, token_budget=token_budget, world=world, limit=limit, packed=part.packed
                )
        return [step for step in found if step is not None]

    def tokens(self) -> int:
        """Sub-words that it sees, padding left out; whatever the ranks and micro-batches."""
        return sum(
            int(_tokens(part)[np.concatenate(part.batches(count))].sum())
            for part, count in zip(self.parts, self.steps_of(), strict=True)
            if count
        )

    def facts(self, plan: Sequence[Step], *, skipped: Set[int] = frozenset()) -> dict[str, Any]:
        """Deterministic facts of all its steps, and by part: examples, sub-words, pairs of them."""
        done = [
            (s, of) for k, (s, of) in enumerate(zip(plan, self.order, strict=True)) if k not in skipped
        ]
        by_part = [
            _seen(part, [s for s, of in done if of == number]) for number, part in enumerate(self.parts)
        ]
        summed = {name: sum(facts[name] for facts in by_part) for name in by_part[0] if name != "steps"}
        if self.parts[0].name is None:
            return summed
        return {**summed, "mixed": {str(p.name): f for p, f in zip(self.parts, by_part, strict=True)}}


def _tokens(part: Part) -> npt.NDArray[np.int64]:
    """Sub-words of each example."""
    return np.asarray([sum(lengths) for lengths in part.data.sequences_of], np.int64)


def _seen(part: Part, steps: Sequence[Step]) -> dict[str, int]:
    passes = [r for step in steps for micro in step.micro for r in micro.ranks if len(r)]
    tokens, padded_tokens = seen_and_padded(part.data.sequences_of, passes, power=1)
    pairs, padded_pairs = seen_and_padded(part.data.sequences_of, passes, power=2)
    if part.packed:
        padded_tokens, padded_pairs = tokens, pairs
    return {
        "steps": len(steps),
        "examples": sum(len(step.examples) for step in steps),
        "tokens": tokens,
        "padded_tokens": padded_tokens,
        "pairs": pairs,
        "padded_pairs": padded_pairs,
    }


def seen_and_padded(
    sequences_of: Sequence[Sequence[int]], passes: Sequence[Index], *, power: int
) -> tuple[int, int]:
    """The sum over sequences of their length to a power; and with each as long as its pass makes it.

    Args:
        sequences_of: lengths of the sequences of each example, the same number in all of them.
        passes: the examples of each forward pass.
        power: 1 for sub-words, 2 for pairs of them.
    """
    lengths = np.asarray(sequences_of, np.int64)
    seen = sum(int((lengths[p] ** power).sum()) for p in passes)
    return seen, sum(lengths[p].size * int(lengths[p].max()) ** power for p in passes)
