"""What a stage does while it trains: progress on the terminal, step metrics to the tracker, signals."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import ClassVar

import psutil
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from xlgap.errors import Interrupted
from xlgap.stages.track import Timing, usage
from xlgap.tracking.base import Tracker
from xlgap.training.engine import agreed, rank


class StopSignal:
    """Remembers SIGINT and SIGTERM, so that training saves its state and stops; a second one kills."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Signal handler."""
        if self.requested:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.requested = True

    def check(self, seed: int) -> None:
        """Stop before ``seed`` where a signal came after the last step of the seed before it.

        Raises:
            Interrupted: one came, to the first rank.
        """
        self.check_after(f"before seed {seed}; the weights of the seeds before it are")

    def check_after(self, done: str) -> None:
        """Stop where a signal came, and say where and what is kept: ``before seed 2; its weights are``.

        Raises:
            Interrupted: one came, to the first rank.
        """
        if agreed(self.requested):
            raise Interrupted(f"stopped {done} kept, run the same command again to go on.")

    @contextmanager
    def listening(self) -> Iterator[StopSignal]:
        """Handle both signals inside the block."""
        before = {n: signal.signal(n, self) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def progress_bar(*, losses: bool = True) -> Iterator[Progress]:
    """A progress display; silent where standard error is no terminal, and on ranks other than 0.

    Args:
        losses: whether its tasks have a loss.
    """
    from rich.console import Console

    quiet = rank() != 0 or not sys.stderr.isatty()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        *((TextColumn("loss {task.fields[loss]:.3f}"),) if losses else ()),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as display:
        yield display


def process_age() -> float:
    """Seconds since this process was started.

    On Linux from the same clock for both ends: the boot time that the start is otherwise counted from
    is rounded to a second.
    """
    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf8").rpartition(")")[2].split()
    except FileNotFoundError:
        return time.time() - psutil.Process().create_time()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


@dataclass
class TrainingObserver:
    """Reports a training to a progress display and a tracker.

    Attributes:
        description: what the progress display calls it.
        stop: the signals.
        tracker: where step metrics go.
        display: the progress display.
        offset: steps of earlier phases; the tracker counts steps through all phases.
        steps: how many this process has done.
        step_seconds: wall time of these.
        select_seconds: wall time of the evaluations on dev.
        startup_seconds: from the start of this process to its first step; ``None`` before that, and
            in the trainings that follow.
    """

    description: str
    stop: StopSignal
    tracker: Tracker
    display: Progress
    offset: int = 0
    steps: int = 0
    step_seconds: float = 0.0
    select_seconds: float = 0.0
    startup_seconds: float | None = None
    _stepped: ClassVar[bool] = False
    _bar: TaskID | None = None
    _done: bool = False
    _reached: int = 0
    _events: dict[str, int] = field(default_factory=dict)
    _last: float = field(default_factory=time.monotonic)
    _created: float = field(default_factory=time.monotonic)

    def on_start(self, step: int, *, steps: int) -> None:
        """Show a bar for the phase; say so where an earlier process did some of it."""
        if step and rank() == 0:
            print(f"{self.description}: goes on after step {step} of {steps}", file=sys.stderr)
        self._bar = self.display.add_task(
            self.description, total=steps, completed=step, loss=float("nan")
        )
        if not TrainingObserver._stepped:
            self.startup_seconds = process_age()
        TrainingObserver._stepped = True
        self._last = time.monotonic()

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None:
        """Advance the bar; log loss and learning rate."""
        now = time.monotonic()
        self.steps += 1
        self.step_seconds += now - self._last
        self._last = now
        if self._bar is not None:
            self.display.update(self._bar, completed=step, loss=loss)
        self._reached = self.offset + step
        if not math.isnan(loss):
            values = {"train_loss": loss, "learning_rate": learning_rate}
            self.tracker.metrics(values, step=self._reached)
        self._done = step == steps
        if self._done:
            self.offset += steps

    def on_evaluation(self, step: int, score: float) -> None:
        """Log the dev score."""
        now = time.monotonic()
        self.select_seconds += now - self._last
        self._last = now
        before = 0 if self._done else step  # the last step is in the offset already
        self.tracker.metrics({"dev_score": score}, step=self.offset + before)

    def on_event(self, name: str, sentence: str) -> None:
        """Say it, count it as a figure of the run, and keep its last sentence as a tag."""
        if rank() == 0:
            print(f"{self.description}: {sentence}", file=sys.stderr)
        self._events[name] = self._events.get(name, 0) + 1
        self.tracker.metrics({f"event_{name}": self._events[name]}, step=self._reached)
        self.tracker.tags({f"xlgap.event.{name}": sentence})

    def on_saving(self) -> None:
        """Have the store get what was told: who goes on from here tells nothing of it again."""
        if self.steps:
            self.tracker.metrics(usage(self.timing()))
        self.tracker.write()

    def timing(self, *, evaluate: float = 0.0) -> Timing:
        """Wall seconds until now, of which ``evaluate`` for predictions of the test rows."""
        return Timing(
            train=self.step_seconds,
            select=self.select_seconds,
            evaluate=evaluate,
            total=time.monotonic() - self._created,
            startup=self.startup_seconds,
        )

    def stop_requested(self) -> bool:
        """Whether a signal came."""
        return self.stop.requested
