"""The training loop: one phase, one optimizer schedule, any kind of data.

It neither prints nor tracks: it reports to an observer that it is handed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from xlgap.errors import Interrupted, TrainingError
from xlgap.models.network import Network
from xlgap.training import checkpoint
from xlgap.training.batches import Index, Step, schedule
from xlgap.training.checkpoint import PhaseState
from xlgap.training.data import TrainingData
from xlgap.training.engine import (
    device,
    full_state,
    rank,
    seed_draws,
    set_learning_rate,
    start_engine,
    world_size,
)
from xlgap.training.zero import ZeroPlan, linear_schedule


@dataclass(frozen=True, kw_only=True)
class PhaseSettings:
    """Numbers of one phase.

    Attributes:
        steps: optimizer steps.
        warmup_steps: steps until the peak learning rate.
        batch_rows: examples a step.
        token_budget: padded sub-words in a micro-batch, per rank.
        micro_rows: examples in a micro-batch at most, per rank; as many as fit when ``None``.
        evaluations: evaluations on dev, evenly spaced, the last at the end; 0 for none.
        select: keep the weights of the best evaluation, or the last ones.
        seed: of order, masks and dropout.
        zero: the engine's plan.
        checkpoint_seconds: wall time between checkpoints.
    """

    steps: int
    warmup_steps: int
    batch_rows: int
    token_budget: int
    evaluations: int
    select: Literal["dev", "last"]
    seed: int
    zero: ZeroPlan
    checkpoint_seconds: float = 300.0
    micro_rows: int | None = None


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


class Observer(Protocol):
    """Told what happens; see :mod:`xlgap.stages`."""

    def on_start(self, step: int, *, steps: int) -> None:
        """Steps begin, after ``step`` that an earlier process did."""

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None:
        """One optimizer step is done."""

    def on_evaluation(self, step: int, score: float) -> None:
        """A dev score was computed."""

    def stop_requested(self) -> bool:
        """Whether to save and stop."""


def train_phase(
    network: Network,
    data: TrainingData,
    settings: PhaseSettings,
    *,
    evaluate: Callable[[Network], float] | None,
    observer: Observer,
    scratch: Path,
) -> tuple[PhaseResult, dict[str, Tensor]]:
    """Train ``network``; the engine takes it over, so use the returned weights in a new one.

    Returns:
        Facts of the phase, and the selected weights, whole and in fp32 on every rank.

    Raises:
        Interrupted: the observer asked for a stop; a checkpoint was written.
        TrainingError: the loss is not finite.
    """
    plan = schedule(
        data.lengths,
        steps=settings.steps,
        batch_rows=settings.batch_rows,
        token_budget=settings.token_budget,
        world=world_size(),
        seed=settings.seed,
        micro_rows=settings.micro_rows,
    )
    network.to(device())
    engine = start_engine(network, settings.zero)
    folder = checkpoint.place(scratch, settings.zero, world_size())
    state = checkpoint.resume(engine, folder) or PhaseState()
    _loop(engine, data, plan, state, settings, evaluate=evaluate, observer=observer, folder=folder)
    weights = full_state(engine.module) if state.best is None else state.best
    engine.destroy()
    return _result(data, plan, state, settings), weights


def _loop(
    engine: Any,
    data: TrainingData,
    plan: list[Step],
    state: PhaseState,
    settings: PhaseSettings,
    *,
    evaluate: Callable[[Network], float] | None,
    observer: Observer,
    folder: Path,
) -> None:
    """Run the steps that ``state`` has not done yet.

    One that takes more than ``checkpoint_seconds`` is also saved at its end: what follows may fail.
    """
    due = evaluation_steps(settings.steps, settings.evaluations if evaluate else 0)
    began = saved = time.monotonic()
    observer.on_start(state.step, steps=settings.steps)
    while state.step < settings.steps:
        rate = settings.zero.learning_rate * linear_schedule(
            state.step, steps=settings.steps, warmup=settings.warmup_steps
        )
        engine.train()
        set_learning_rate(engine, rate)
        loss = _one_step(engine, data, plan[state.step], state.step, settings.seed)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at step {state.step + 1} of {settings.steps}; "
                "lower the learning rate or use fp32."
            )
        state.step += 1
        state.losses.append(loss)
        observer.on_step(state.step, steps=settings.steps, loss=loss, learning_rate=rate)
        if evaluate is not None and state.step in due:
            _evaluate(engine, state, evaluate, observer, keep=settings.select == "dev")
        stop = observer.stop_requested()
        last = state.step == settings.steps
        overdue = time.monotonic() - (began if last else saved) > settings.checkpoint_seconds
        if _agree(stop) and not last:
            checkpoint.save(engine, state, folder)
            raise Interrupted(
                f"stopped at step {state.step} of {settings.steps}; the state is saved, "
                "run the same command again to go on."
            )
        if _agree(overdue):
            checkpoint.save(engine, state, folder)
            saved = time.monotonic()


def evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """After which steps to evaluate: evenly spaced, the last step among them.

    >>> sorted(evaluation_steps(10, 3))
    [3, 7, 10]
    """
    return {round(steps * (k + 1) / evaluations) for k in range(evaluations)} - {0}


def _one_step(engine: Any, data: TrainingData, step: Step, number: int, seed: int) -> float:
    """Forward and backward over all micro-batches, then the optimizer; the mean loss over ranks."""
    seed_draws(hash((seed, number, rank())) & 0x7FFF_FFFF_FFFF_FFFF)
    total = data.supervised(step.examples)
    summed = torch.zeros((), device=engine.device)
    for index, micro in enumerate(step.micro):
        mine, weight = _share(micro.ranks)
        batch = {k: v.to(engine.device) for k, v in data.batch(mine, step=number).items()}
        engine.set_gradient_accumulation_boundary(index == len(step.micro) - 1)
        # DeepSpeed averages gradients over ranks; the sum over all of them is wanted
        loss = engine(batch, weight * world_size() / total)
        engine.backward(loss)
        summed += loss.detach()
    engine.step()
    if world_size() > 1:
        torch.distributed.all_reduce(summed)
    return float(summed) / world_size()


def _share(ranks: tuple[Index, ...]) -> tuple[Index, float]:
    """This rank's examples and their weight; a rank without any repeats one with weight 0."""
    mine = ranks[rank()]
    return (mine, 1.0) if len(mine) else (ranks[0][:1], 0.0)


def _evaluate(
    engine: Any,
    state: PhaseState,
    evaluate: Callable[[Network], float],
    observer: Observer,
    *,
    keep: bool,
) -> None:
    engine.eval()
    score = evaluate(engine.module)
    if keep and (state.best is None or score > max(value for _, value in state.dev)):
        state.best, state.best_step = full_state(engine.module), state.step
    state.dev.append((state.step, score))
    observer.on_evaluation(state.step, score)


def _agree(flag: bool) -> bool:
    """Whether any rank says so: ranks must not take different ways."""
    if world_size() == 1:
        return flag
    votes = torch.tensor(float(flag), device=device())
    torch.distributed.all_reduce(votes)
    return bool(votes > 0)


def _result(
    data: TrainingData, plan: list[Step], state: PhaseState, settings: PhaseSettings
) -> PhaseResult:
    passes = [r for step in plan for micro in step.micro for r in micro.ranks if len(r)]
    tokens, padded_tokens = seen_and_padded(data.sequences_of, passes, power=1)
    pairs, padded_pairs = seen_and_padded(data.sequences_of, passes, power=2)
    return PhaseResult(
        steps=settings.steps,
        examples=sum(len(step.examples) for step in plan),
        tokens=tokens,
        padded_tokens=padded_tokens,
        pairs=pairs,
        padded_pairs=padded_pairs,
        dev=tuple(state.dev),
        best_step=state.best_step or settings.steps,
        final_loss=state.losses[-1],
    )


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
