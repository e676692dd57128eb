"""What is kept of a finished phase beside its weights; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from xlgap.training.batches import Step
from xlgap.training.checkpoint import PhaseState
from xlgap.training.collapse import LearnedNothing, learned_nothing
from xlgap.training.parts import Course
from xlgap.training.recovery import Adjusted


@dataclass(frozen=True, kw_only=True)
class PhaseResult:
    """Deterministic facts of a finished phase.

    Attributes:
        steps, examples: done.
        tokens: sub-words seen, padding left out.
        padded_tokens: sub-words computed, padding included.
        pairs, padded_pairs: pairs of sub-words that attention weighs, likewise: squares of lengths.
        dev: ``(step, score)`` of each evaluation.
        best_step: step of the weights that were kept.
        final_loss: of the last step.
        mixed: of a mixture, steps, examples and sub-words of each of its parts.
        skipped: how many of the steps were left out; ``None`` where none was.
        learned_nothing: its tasks of which that is so; ``None`` where there is none.
    """

    steps: int
    examples: int
    tokens: int
    padded_tokens: int
    pairs: int
    padded_pairs: int
    dev: tuple[tuple[int, float], ...]
    best_step: int
    final_loss: float
    mixed: dict[str, dict[str, int]] | None = None
    skipped: int | None = None
    learned_nothing: tuple[LearnedNothing, ...] | None = None


def phase_facts(
    course: Course, plan: Sequence[Step], state: PhaseState, adjusted: Adjusted
) -> PhaseResult:
    """The facts of ``course``, done as ``plan`` says but for what was ``adjusted``."""
    kept = state.best_step or len(course)
    return PhaseResult(
        steps=len(course),
        dev=tuple(state.dev),
        best_step=kept,
        final_loss=next(loss for loss in reversed(state.losses) if not math.isnan(loss)),
        skipped=len(adjusted.skipped) or None,
        learned_nothing=learned_nothing(course, plan, state.losses, kept=kept) or None,
        **course.facts(plan, skipped=frozenset(adjusted.skipped)),
    )
