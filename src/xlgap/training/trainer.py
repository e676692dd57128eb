"""The training loop: one phase, one optimizer schedule, any kind of data.

It neither prints nor tracks: it reports to an observer that it is handed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from xlgap.errors import Interrupted, TrainingError, TryAgainError
from xlgap.models.adapters import own_dropouts
from xlgap.models.network import Network
from xlgap.models.packed import on_device, packs
from xlgap.models.recompute import recompute_activations
from xlgap.training.batches import Index, Step
from xlgap.training.checkpoint import Checkpoints, PhaseState
from xlgap.training.data import TrainingData
from xlgap.training.engine import (
    any_says,
    clip_gradients,
    device,
    end_engine,
    gathered,
    rank,
    release_memory,
    seed_draws,
    set_rates,
    start_engine,
    world_size,
)
from xlgap.training.facts import PhaseResult, phase_facts
from xlgap.training.guard import Guard, lost_peer, memory_for
from xlgap.training.keeping import InFiles, InMemory, Keeping, Weights
from xlgap.training.losses import LossReader
from xlgap.training.manifest import Topology
from xlgap.training.parts import Course, Part
from xlgap.training.recovery import Adjusted, Trouble
from xlgap.training.sums import Sums
from xlgap.training.watchdog import Watchdog
from xlgap.training.zero import ZeroPlan, linear_schedule

_FEWER_STATES = (
    "raise 'train.zero_stage' and train in more processes, offload, or train adapters ('lora')"
)


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
        hang_seconds: wall time without a step after which the process ends; 0 for none.
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
    hang_seconds: float = 0.0
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


class Observer(Protocol):
    """Told what happens; see :mod:`xlgap.stages`."""

    def on_start(self, step: int, *, steps: int) -> None:
        """Steps begin, after ``step`` that an earlier process did."""

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None:
        """One optimizer step is done, or left out: then its loss is not a number."""

    def on_evaluation(self, step: int, score: float) -> None:
        """A dev score was computed."""

    def on_event(self, name: str, sentence: str) -> None:
        """Something went otherwise than planned, and training goes on."""

    def on_saving(self) -> None:
        """State is about to be written: who goes on from it is told nothing of before again."""

    def stop_requested(self) -> bool:
        """Whether to save and stop."""


def train_phase(
    network: Network | Callable[[], Network],
    data: TrainingData | Course,
    settings: PhaseSettings,
    *,
    evaluate: Callable[[Network], float] | None,
    observer: Observer,
    scratch: Path,
) -> tuple[PhaseResult, Weights]:
    """Train ``network``; the engine takes it over, so use the returned weights in a new one.

    What goes wrong on the way and can be mended is mended, and the observer is told: see
    :mod:`~xlgap.training.checkpoint` and :mod:`~xlgap.training.recovery`.

    Args:
        network: to train, or what makes it, the same each time: to begin again takes a new one.
        data: what to train on.
        settings: numbers of the phase.
        evaluate: the dev score of a network.
        observer: told what happens.
        scratch: folder of the checkpoints.

    Returns:
        Facts of the phase, and the selected weights, whole and in fp32 on every rank, or, of a network
        that is split, in a file of ``scratch``.

    Raises:
        Interrupted: the observer asked for a stop; a checkpoint was written.
        TrainingError: the loss was lost too often, memory does not suffice for the engine, for one row
            or for an evaluation, ``network`` is one that cannot be made again, or the encoder cannot do
            what ``settings.zero`` asks for.
        TryAgainError: another process is gone, or memory ran out in one of several.
    """
    given = network if isinstance(network, Network) else None
    while True:
        made = network if isinstance(network, Network) else network()
        adjusted = _noted(scratch, observer)
        try:
            return _attempt(made, data, settings, adjusted, evaluate, observer, scratch)
        except Trouble as found:
            trouble = found.with_traceback(None)
            trouble.__context__ = None  # its frames hold a step's memory
        if trouble.of_one and world_size() > 1:  # the others wait for this one, in the step
            replace(trouble.again, untold=str(trouble)).write(scratch)
            raise TryAgainError(f"{trouble} Run the same command again.", adjusted=True)
        if given is not None:
            raise TrainingError(str(trouble))
        del made
        release_memory()
        if rank() == 0:
            trouble.again.write(scratch)
        observer.on_event(trouble.name, str(trouble))


def _noted(scratch: Path, observer: Observer) -> Adjusted:
    """What is done otherwise, by all ranks; ``observer`` is told what one of them has noted."""
    found = gathered(Adjusted.read(scratch))[0]
    if found.untold:
        observer.on_event("out_of_memory", found.untold)
        found = replace(found, untold="")
        if rank() == 0:
            found.write(scratch)
    return found


@dataclass(frozen=True)
class _Run:
    """What stays the same through the steps of a phase; ``dropouts``: see :func:`own_dropouts`."""

    engine: Any
    course: Course
    plan: list[Step]
    dropouts: list[tuple[nn.Module, str, float]]
    settings: PhaseSettings
    adjusted: Adjusted
    observer: Observer
    checkpoints: Checkpoints
    keeping: Keeping
    watchdog: Watchdog


def _attempt(
    network: Network,
    data: TrainingData | Course,
    settings: PhaseSettings,
    adjusted: Adjusted,
    evaluate: Callable[[Network], float] | None,
    observer: Observer,
    scratch: Path,
) -> tuple[PhaseResult, Weights]:
    """Train from the last checkpoint, or from the start, to the end.

    Raises:
        Trouble: it is to be tried again otherwise.
    """
    course = data if isinstance(data, Course) else settings.course(data, packed=packs(network.encoder))
    budget = min(settings.token_budget, adjusted.token_budget or settings.token_budget)
    plan = course.plan(token_budget=budget, world=world_size(), rows=adjusted.micro_rows)
    dropouts = own_dropouts(network)
    zero = settings.zero
    if zero.activation_checkpointing:
        recompute_activations(network.encoder)
    with memory_for("when training was to begin", _FEWER_STATES):
        network.to(device())
        engine = start_engine(network, zero)
    watchdog = Watchdog(settings.hang_seconds)
    checkpoints = Checkpoints(
        scratch,
        Topology(stage=zero.stage, precision=zero.precision, world=world_size()),
        skipped=adjusted.skipped,
        tell=lambda name, sentence: observer.on_event(name, sentence),
        waits=watchdog.beat,
    )
    keeping: Keeping = InFiles(scratch) if zero.split else InMemory(scratch)
    found = checkpoints.find()
    with memory_for("when a checkpoint was read", _FEWER_STATES):
        state = (None if found is None else checkpoints.load(engine, found)) or PhaseState()
        keeping.found(state)
    run = _Run(
        engine, course, plan, dropouts, settings, adjusted, observer, checkpoints, keeping, watchdog
    )
    try:
        with checkpoints.writing(), watchdog.watching():
            _loop(run, state, evaluate=evaluate)
            watchdog.rest()
            weights = keeping.result(engine.module, state)
    except RuntimeError as error:
        if world_size() > 1 and lost_peer(error):
            raise TryAgainError(
                f"another process is gone (step {state.step + 1} of {len(course)}); run the same "
                "command again to go on from the last checkpoint."
            ) from error
        raise
    finally:
        end_engine(engine, zero)
    return phase_facts(course, plan, state, adjusted), weights


def _loop(run: _Run, state: PhaseState, *, evaluate: Callable[[Network], float] | None) -> None:
    """Run the steps that ``state`` has not done yet.

    One that takes more than ``checkpoint_seconds`` is also saved at its end: what follows may fail.
    """
    engine, settings, observer, steps = run.engine, run.settings, run.observer, len(run.course)
    due = evaluation_steps(steps, settings.evaluations if evaluate else 0)
    guard = Guard(run.course, run.plan, adjusted=run.adjusted, losses=state.losses)

    def use(number: int, rate: float, loss: float) -> None:
        if number not in run.adjusted.skipped:
            guard.judge(number, loss)
        state.losses.append(loss)
        observer.on_step(number + 1, steps=steps, loss=loss, learning_rate=rate)

    losses = LossReader(use, engine.device)
    began = saved = time.monotonic()
    observer.on_start(state.step, steps=steps)
    engine.train()
    while state.step < steps:
        run.watchdog.beat(f"step {state.step + 1} of {steps}")
        rate = _prepare_step(run, state.step)
        left_out = state.step in run.adjusted.skipped
        loss = None if left_out else guard.run(state.step, partial(_one_step, run, state.step))
        losses.put(state.step, rate, loss)
        state.step += 1
        if evaluate is not None and state.step in due:
            losses.finish()
            run.watchdog.rest()
            _evaluate(run, state, evaluate)
            engine.train()
            run.watchdog.beat(f"step {state.step} of {steps}, after evaluation")
        last = state.step == steps
        overdue = time.monotonic() - (began if last else saved) > settings.checkpoint_seconds
        stop, overdue, unwritten = any_says(observer.stop_requested(), overdue, run.checkpoints.failed)
        if unwritten:
            run.checkpoints.finish()
        if stop or overdue or last:
            losses.finish()
        if stop and not last:
            _stop(run, state)
        if overdue:
            observer.on_saving()
            run.checkpoints.save(engine, state)
            run.keeping.saved(state)
            saved = time.monotonic()


def _stop(run: _Run, state: PhaseState) -> None:
    """Save the state and stop.

    Raises:
        Interrupted: always.
    """
    run.observer.on_saving()
    run.checkpoints.save(run.engine, state)
    run.keeping.saved(state)
    kept = (
        "the state is saved, run the same command again to go on."
        if run.checkpoints.finish()
        else "its state could not be saved: run the same command again to go on from the checkpoint "
        "before it."
    )
    raise Interrupted(f"stopped at step {state.step} of {len(run.course)}; {kept}")


def better(score: float, *, than: Sequence[tuple[int, float]]) -> bool:
    """Whether a dev score is above those of earlier steps; any number is above one that is none.

    >>> [better(0.0, than=[(1, math.nan)]), better(math.nan, than=[(1, 0.0)])]
    [True, False]
    """
    numbers = [value for _, value in than if not math.isnan(value)]
    return not math.isnan(score) and score > max(numbers, default=-math.inf)


def _prepare_step(run: _Run, number: int) -> float:
    """Set the optimizer and the dropout to what the step's part has; returns its learning rate.

    Rates of all parts follow one schedule of the phase, each from its own peak and warm-up.
    """
    part = run.course.part(number)
    factor = linear_schedule(number, steps=len(run.course), warmup=part.warmup_steps)
    set_rates(run.engine, part.learning_rate * factor, weight_decay=part.weight_decay)
    for module, name, own in run.dropouts:
        setattr(module, name, own if part.dropout is None else part.dropout)
    return part.learning_rate * factor


def evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """After which steps to evaluate: evenly spaced, the last step among them.

    >>> sorted(evaluation_steps(10, 3))
    [3, 7, 10]
    """
    return {round(steps * (k + 1) / evaluations) for k in range(evaluations)} - {0}


def _one_step(run: _Run, number: int) -> Tensor:
    """Forward and backward over all micro-batches, then the optimizer; the loss, on the device."""
    engine, step, part = run.engine, run.plan[number], run.course.part(number)
    seed_draws(hash((run.settings.seed, number, rank())) & 0x7FFF_FFFF_FFFF_FFFF)
    total = part.data.supervised(step.examples)
    summed, gradients = torch.zeros((), device=engine.device), Sums(engine, run.settings.zero)
    for index, micro in enumerate(step.micro):
        last = index == len(step.micro) - 1
        if last:
            gradients.give()
        mine, weight = _share(micro.ranks)
        batch = on_device(part.data.batch(mine, step=number), engine.device)
        engine.set_gradient_accumulation_boundary(last)
        # DeepSpeed averages gradients over ranks; the sum over all of them is wanted
        loss = engine(batch, weight * world_size() / total, part.name)
        engine.backward(loss)
        if not last:
            gradients.take()
        summed += loss.detach()
    clip_gradients(engine, run.settings.zero)
    engine.step()
    if world_size() > 1:
        torch.distributed.all_reduce(summed)
    return summed / world_size()


def _share(ranks: tuple[Index, ...]) -> tuple[Index, float]:
    """This rank's examples and their weight; a rank without any repeats one with weight 0."""
    mine = ranks[rank()]
    return (mine, 1.0) if len(mine) else (ranks[0][:1], 0.0)


def _evaluate(run: _Run, state: PhaseState, evaluate: Callable[[Network], float]) -> None:
    run.engine.eval()
    with memory_for(f"in the evaluation after step {state.step}", "lower 'evaluation.batch_tokens'"):
        score = evaluate(run.engine.module)
    if run.settings.select == "dev" and (not state.best_step or better(score, than=state.dev)):
        run.keeping.best(run.engine.module, state)
        state.best_step = state.step
    state.dev.append((state.step, score))
    run.observer.on_evaluation(state.step, score)
