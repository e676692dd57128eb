"""The training loop: one phase, one optimizer schedule, any kind of data.

It neither prints nor tracks: it reports to an observer that it is handed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from xlgap.errors import Interrupted, TrainingError
from xlgap.models.adapters import is_lora_dropout
from xlgap.models.network import Network
from xlgap.models.packed import on_device, packs
from xlgap.models.recompute import recompute_activations
from xlgap.training import checkpoint
from xlgap.training.batches import Index, Step
from xlgap.training.checkpoint import PhaseState
from xlgap.training.data import TrainingData
from xlgap.training.engine import (
    clip_gradients,
    device,
    full_state,
    rank,
    seed_draws,
    set_rates,
    start_engine,
    world_size,
)
from xlgap.training.parts import Course, Part
from xlgap.training.zero import ZeroPlan, linear_schedule


@dataclass(frozen=True, kw_only=True)
class PhaseSettings:
    """Numbers of one phase; a :class:`~xlgap.training.parts.Course` has the first four and the rate.

    Attributes:
        steps: optimizer steps.
        warmup_steps: steps until the peak learning rate.
        batch_rows: examples a step.
        micro_rows: examples in a micro-batch at most, per rank; as many as fit when ``None``.
        token_budget: padded sub-words in a micro-batch, per rank.
        evaluations: evaluations on dev, evenly spaced, the last at the end; 0 for none.
        select: keep the weights of the best evaluation, or the last ones.
        seed: of order, masks and dropout.
        zero: the engine's plan.
        checkpoint_seconds: wall time between checkpoints.
    """

    steps: int = 0
    warmup_steps: int = 0
    batch_rows: int = 1
    token_budget: int
    evaluations: int
    select: Literal["dev", "last"]
    seed: int
    zero: ZeroPlan
    checkpoint_seconds: float = 300.0
    micro_rows: int | None = None

    def course(self, data: TrainingData, *, packed: bool) -> Course:
        """A phase on ``data`` alone; ``packed``: without padding."""
        part = Part(
            data=data,
            batch_rows=self.batch_rows,
            learning_rate=self.zero.learning_rate,
            warmup_steps=self.warmup_steps,
            weight_decay=self.zero.weight_decay,
            micro_rows=self.micro_rows,
            seed=self.seed,
            packed=packed,
        )
        return Course((part,), np.zeros(self.steps, np.int64))


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
    data: TrainingData | Course,
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
        TrainingError: the loss is not finite, or the encoder cannot do what ``settings.zero`` asks for.
    """
    course = data if isinstance(data, Course) else settings.course(data, packed=packs(network.encoder))
    plan = course.plan(token_budget=settings.token_budget, world=world_size())
    network.to(device())
    dropouts = _dropouts(network)
    if settings.zero.activation_checkpointing:
        recompute_activations(network.encoder)
    engine = start_engine(network, settings.zero)
    folder = checkpoint.place(scratch, settings.zero, world_size())
    state = checkpoint.resume(engine, folder) or PhaseState()
    run = _Run(engine, course, plan, dropouts, settings, observer, folder)
    _loop(run, state, evaluate=evaluate)
    weights = full_state(engine.module) if state.best is None else state.best
    engine.destroy()
    return _result(course, plan, state), weights


@dataclass(frozen=True)
class _Run:
    """What stays the same through the steps of a phase; ``dropouts``: the layers, their own shares."""

    engine: Any
    course: Course
    plan: list[Step]
    dropouts: list[tuple[nn.Dropout, float]]
    settings: PhaseSettings
    observer: Observer
    folder: Path


def _dropouts(network: Network) -> list[tuple[nn.Dropout, float]]:
    return [
        (module, module.p)
        for name, module in network.named_modules()
        if isinstance(module, nn.Dropout) and not is_lora_dropout(name)
    ]


def _loop(run: _Run, state: PhaseState, *, evaluate: Callable[[Network], float] | None) -> None:
    """Run the steps that ``state`` has not done yet.

    One that takes more than ``checkpoint_seconds`` is also saved at its end: what follows may fail.
    """
    engine, settings, observer, steps = run.engine, run.settings, run.observer, len(run.course)
    due = evaluation_steps(steps, settings.evaluations if evaluate else 0)
    began = saved = time.monotonic()
    observer.on_start(state.step, steps=steps)
    while state.step < steps:
        engine.train()
        rate = _prepare_step(run, state.step)
        loss = _one_step(run, state.step)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at step {state.step + 1} of {steps}; "
                "lower the learning rate or use fp32."
            )
        state.step += 1
        state.losses.append(loss)
        observer.on_step(state.step, steps=steps, loss=loss, learning_rate=rate)
        if evaluate is not None and state.step in due:
            _evaluate(engine, state, evaluate, observer, keep=settings.select == "dev")
        stop = observer.stop_requested()
        last = state.step == steps
        overdue = time.monotonic() - (began if last else saved) > settings.checkpoint_seconds
        if _agree(stop) and not last:
            checkpoint.save(engine, state, run.folder)
            raise Interrupted(
                f"stopped at step {state.step} of {steps}; the state is saved, "
                "run the same command again to go on."
            )
        if _agree(overdue):
            checkpoint.save(engine, state, run.folder)
            saved = time.monotonic()


def _prepare_step(run: _Run, number: int) -> float:
    """Set the optimizer and the dropout to what the step's part has; returns its learning rate.

    Rates of all parts follow one schedule of the phase, each from its own peak and warm-up.
    """
    part = run.course.part(number)
    factor = linear_schedule(number, steps=len(run.course), warmup=part.warmup_steps)
    set_rates(run.engine, part.learning_rate * factor, weight_decay=part.weight_decay)
    for module, own in run.dropouts:
        module.p = own if part.dropout is None else part.dropout
    return part.learning_rate * factor


def evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """After which steps to evaluate: evenly spaced, the last step among them.

    >>> sorted(evaluation_steps(10, 3))
    [3, 7, 10]
    """
    return {round(steps * (k + 1) / evaluations) for k in range(evaluations)} - {0}


def _one_step(run: _Run, number: int) -> float:
    """Forward and backward over all micro-batches, then the optimizer; the mean loss over ranks."""
    engine, step, part = run.engine, run.plan[number], run.course.part(number)
    seed_draws(hash((run.settings.seed, number, rank())) & 0x7FFF_FFFF_FFFF_FFFF)
    total = part.data.supervised(step.examples)
    summed = torch.zeros((), device=engine.device)
    for index, micro in enumerate(step.micro):
        mine, weight = _share(micro.ranks)
        batch = on_device(part.data.batch(mine, step=number), engine.device)
        engine.set_gradient_accumulation_boundary(index == len(step.micro) - 1)
        # DeepSpeed averages gradients over ranks; the sum over all of them is wanted
        loss = engine(batch, weight * world_size() / total, part.name)
        engine.backward(loss)
        summed += loss.detach()
    clip_gradients(engine, run.settings.zero)
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


def _result(course: Course, plan: list[Step], state: PhaseState) -> PhaseResult:
    return PhaseResult(
        steps=len(course),
        dev=tuple(state.dev),
        best_step=state.best_step or len(course),
        final_loss=state.losses[-1],
        **course.facts(plan),
    )
