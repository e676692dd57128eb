"""What a person sees of a study while it runs and at its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from stage import LOGS, StageFailedError

LAST_LINES = 6  # of a failed stage's log
LINE_SECONDS = 60.0  # between lines where there is no terminal to draw a bar on


@dataclass
class Summary:
    """How a study's run ended.

    Attributes:
        directory: the study's directory.
        up_to_date: stages that needed no run.
        done: seconds of each stage that ran.
        failed: stages that failed, with their errors.
        blocked: stages that did not start because one that they need failed.
        workers: stages that could run side by side.
    """

    directory: Path
    workers: int
    up_to_date: set[str] = field(default_factory=set)
    done: dict[str, float] = field(default_factory=dict)
    failed: dict[str, StageFailedError] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)

    @property
    def ok(self) -> bool:
        """Whether every stage is up to date now."""
        return not self.failed and not self.blocked


class Bar:
    """A progress bar with the time left; without a terminal a line a minute."""

    def __init__(self, seconds: Mapping[str, float], *, workers: int) -> None:
        """Show the run of stages that should take ``seconds`` each."""
        self._expected = dict(seconds)
        self._workers = workers
        self._began = time.monotonic()
        self._spent = self._worked = 0.0
        self._next_line = self._began + LINE_SECONDS
        self._total = len(seconds)
        self._console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task("stages", total=self._total, left="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def drop(self, name: str, took: float | None = None) -> None:
        """A stage is over; ``took`` seconds, or None when it did not run."""
        expected = self._expected.pop(name, 0.0)
        if took is not None:
            self._spent += took
            self._worked += expected

    def show(self, running: set[str]) -> None:
        """Draw the present state."""
        gone = time.monotonic() - self._began
        done = self._total - len(self._expected)
        left = f"{clock(gone)} gone, about {clock(self.left())} left"
        words = ", ".join(sorted(running)[:2]) + (", ..." if len(running) > 2 else "")
        self._progress.update(self._task, completed=done, description=words or "stages", left=left)
        if not self._console.is_terminal and time.monotonic() >= self._next_line:
            self._next_line += LINE_SECONDS
            print(
                f"{done} of {self._total} stages, {left}; running: {words}", file=sys.stderr, flush=True
            )

    def left(self) -> float:
        """Seconds to the end: the work that is left by the speed so far, spread over the workers."""
        speed = self._spent / self._worked if self._worked else 1.0
        longest = max(self._expected.values(), default=0.0)
        return max(sum(self._expected.values()) / self._workers, longest) * speed


def clock(seconds: float) -> str:
    """``75.0`` as ``1:15``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def show_summary(summary: Summary) -> None:
    """Print the table of stages by family, then the failures with their last lines."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    ran = sum(summary.done.values())
    if summary.done or not summary.ok:
        console.print(_table(summary))
    for name, error in summary.failed.items():
        console.print(f"[bold red]failed[/] {name}: ", end="")
        console.print(error.reason, markup=False)
        console.print(f"       log: {error.log}", markup=False)
        for line in error.last[-LAST_LINES:]:
            console.print(f"       | {line}", markup=False, style="dim")
    if summary.blocked:
        names = sorted(summary.blocked)
        more = ", ..." if len(names) > 5 else ""
        console.print(
            f"not run, for want of a failed stage: {', '.join(names[:5])}{more}", markup=False
        )
    words = f"{len(summary.up_to_date)} up to date, {len(summary.done)} run"
    words += f", {len(summary.failed)} failed, {len(summary.blocked)} not run"
    if summary.done:
        words += f"; {clock(ran)} in stages on {summary.workers} workers; logs in {LOGS}"
    console.print(f"{summary.directory}: {words}", markup=False)


def _table(summary: Summary) -> Table:
    table = Table("stages", "run", "failed", "not run", "seconds", "longest")
    groups: dict[str, list[str]] = {}
    for name in (*summary.done, *summary.failed, *sorted(summary.blocked)):
        groups.setdefault(name.rpartition(":")[2].partition("@")[0], []).append(name)
    for family, names in groups.items():
        times = [summary.done[name] for name in names if name in summary.done]
        table.add_row(
            family,
            str(len(times)),
            str(sum(name in summary.failed for name in names)),
            str(sum(name in summary.blocked for name in names)),
            f"{sum(times):.1f}",
            f"{max(times):.1f}" if times else "",
        )
    return table
