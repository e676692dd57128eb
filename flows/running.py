"""One pass over the stale stages of a plan: what is submitted to Prefect, when, and what came of it."""

from __future__ import annotations

import queue
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.tasks import exponential_backoff

from display import Bar, Summary
from engine import on_a_server
from plan import Plan, Stage, recorded_outputs
from stage import StageFailedError
from xlgap.errors import ResultError

RETRIES = 5  # of a stage that ends early and has got on
BACK_OFF = exponential_backoff(
    backoff_factor=1
)  # seconds before the second attempt, then twice as many
JITTER = 0.5  # of them, drawn: stages that failed together are not tried again together


def _heals(_task: object, run: Any, state: Any) -> bool:
    """Whether to try again: once, and as often as ``retries`` allow while training gets on."""
    error = state.result(raise_on_failure=False)
    return (
        isinstance(error, StageFailedError) and error.transient and (run.run_count < 2 or error.moved)
    )


class OutOfTimeError(ResultError):
    """A run took longer than it may; its stages were stopped."""

    exit_code = 1


class Runner(Protocol):
    """What runs stages: on this machine :class:`~stage.Stages`, on others :class:`~away.Away`."""

    @property
    def directory(self) -> Path:
        """The study's directory."""

    def run(self, name: str, *, again: bool = False) -> float:
        """Run a stage to its end; the seconds that it took."""

    def slots(self, stage: Stage) -> list[str]:
        """What a stage takes of the slots that a Prefect server hands out."""

    def stop(self) -> None:
        """End all running stages; start no new one."""


@dataclass
class Run:
    """One pass over the stale stages of a plan.

    Attributes:
        plan: what there is to run.
        stages: runs one.
        workers: stages side by side.
        limits: at most so many stages of a resource at once.
        seconds: the most that all of it may take; None: as long as it needs.
    """

    plan: Plan
    stages: Runner
    workers: int
    limits: Mapping[str, int]
    seconds: float | None = None
    running: dict[str, PrefectFuture[float]] = field(default_factory=dict)
    ended: dict[str, PrefectFuture[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.waiting = set(self.plan.stale)
        self.rewritten: set[str] = set()
        self.summary = Summary(
            self.stages.directory, self.workers, up_to_date=set(self.plan.stages) - self.waiting
        )
        self.events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.outputs = recorded_outputs(self.stages.directory, self.waiting)
        self.bar = Bar(
            {name: self.plan.stages[name].seconds for name in self.waiting}, workers=self.workers
        )
        self.task = _stage_task(self.stages.run)

    def to_the_end(self) -> None:
        """Submit stages as they get ready until none is left; stop them all when interrupted.

        Raises:
            OutOfTimeError: it took longer than it may.
        """
        end = None if self.seconds is None else time.monotonic() + self.seconds
        try:
            with self.bar:
                while self.waiting or self.running:
                    if end is not None and time.monotonic() > end:
                        raise OutOfTimeError(
                            f"the run was stopped after {self.seconds:.0f} seconds, the most that it "
                            "may take; run it again to go on, or allow it more."
                        )
                    self._submit_ready()
                    self._next_end()
        except BaseException:
            self.stages.stop()
            for future in self.running.values():
                future.wait()
            raise

    def _submit_ready(self) -> None:
        self._leave_out()
        for name in sorted(self.waiting, key=lambda name: -self.plan.remaining[name]):
            if not self._waits(name) and self._has_room(self.plan.stages[name].tag):
                self._submit(name)

    def _leave_out(self) -> None:
        """Take out stages that need no run after all; parents come first, and so before children."""
        for name in self.plan.order:
            stage = self.plan.stages[name]
            if name not in self.waiting or self._waits(name):
                continue
            if not stage.changed and not stage.parents & self.rewritten:
                self.waiting.remove(name)
                self.summary.up_to_date.add(name)
                self.bar.drop(name)

    def _waits(self, name: str) -> bool:
        """Whether something that a stage reads is still to be made."""
        parents = self.plan.stages[name].parents
        return not parents.isdisjoint(self.waiting) or not parents.isdisjoint(self.running)

    def _has_room(self, tag: str) -> bool:
        used = Counter(self.plan.stages[name].tag for name in self.running)
        return len(self.running) < self.workers and used[tag] < self.limits.get(tag, self.workers)

    def _submit(self, name: str) -> None:
        stage = self.plan.stages[name]
        self.waiting.remove(name)
        tags = [stage.tag, stage.family, *self.stages.slots(stage)] if on_a_server() else []
        named = self.task.with_options(task_run_name=name, tags=tags)
        parents = [self.ended[parent] for parent in stage.parents if parent in self.ended]
        future = self.running[name] = named.submit(name, again=stage.again, wait_for=parents)
        future.add_done_callback(lambda _: self.events.put(name))

    def _next_end(self) -> None:
        """Wait for a stage to end, half a second at most, and book it."""
        self.bar.show(set(self.running))
        try:
            name = self.events.get(timeout=0.5)
        except queue.Empty:
            return
        future = self.ended[name] = self.running.pop(name)
        outcome: Any = future.result(raise_on_failure=False)
        if isinstance(outcome, StageFailedError):
            self._failed(name, outcome)
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            self.summary.done[name] = outcome
            self.bar.drop(name, outcome)
            if self._has_rewritten(name):
                self.rewritten.add(name)

    def _has_rewritten(self, name: str) -> bool:
        """Whether a stage that ended wrote other bytes than before, where that matters to a child."""
        if all(self.plan.stages[child].changed for child in self.plan.children[name]):
            return True
        now = recorded_outputs(self.stages.directory, [name])
        return bool(now[name] != self.outputs[name])

    def _failed(self, name: str, error: StageFailedError) -> None:
        self.summary.failed[name] = error
        self.bar.drop(name)
        front = [name]
        while front:
            for child in self.plan.children[front.pop()] & self.waiting:
                self.waiting.remove(child)
                self.summary.blocked.add(child)
                self.bar.drop(child)
                front.append(child)


def _stage_task(run: Callable[..., float]) -> Any:
    """The Prefect task that runs a stage; another attempt only where that can heal."""

    @task(
        name="stage",
        retries=RETRIES,
        retry_delay_seconds=BACK_OFF,
        retry_jitter_factor=JITTER,
        retry_condition_fn=_heals,
        cache_policy=NO_CACHE,
    )
    def stage(name: str, again: bool = False) -> float:
        return run(name, again=again)

    return stage


def partial_report(plan: Plan, summary: Summary) -> None:
    """Have the report written from the cells that are complete, where the study has a report."""
    if "report" not in plan.stages:
        return
    done = subprocess.run(
        [sys.executable, "-m", "xlgap", "report", "--partial", *summary.failed, *summary.blocked],
        cwd=summary.directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout, end="", file=sys.stderr)
    if done.returncode != 0:
        print(f"the partial report failed with exit code {done.returncode}", file=sys.stderr)
