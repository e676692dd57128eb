"""Resumable checkpoints of one phase in ``scratch/<digest>/``.

Each rank copies its part of the engine's state to the host and writes it in the background, see
:mod:`~xlgap.training.writer` and :mod:`~xlgap.training.manifest`. One stays, whatever happens: the one
that a process has gone on from, then the newest that it has completed; the others, damaged ones and
those of steps that are trained again among them, go when the next is due, so that a disk holds two.
Weights that are frozen beside
adapters are not in it: who goes on has read them from where they came from. An engine of other ranks or
another ZeRO stage reads what :mod:`~xlgap.training.universal` makes of it.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from errno import ENOMEM
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from xlgap.errors import DataError, TrainingError
from xlgap.models.adapters import saved_names
from xlgap.models.aliases import State
from xlgap.training.engine import agreed_on, any_says, barrier, gathered, rank, world_size
from xlgap.training.manifest import (
    Beside,
    Topology,
    Written,
    beside,
    damage,
    declare,
    finished,
    folder_of,
    harm,
    steps_in,
)
from xlgap.training.safe_load import tensors_only
from xlgap.training.universal import read_universal, refusal
from xlgap.training.watchdog import POLL, Watchdog
from xlgap.training.writer import Collector, Writer

Tell = Callable[[str, str], None]
"""Told what happened: its name and a sentence."""


@dataclass
class PhaseState:
    """What a phase knows beside the engine's own state.

    Attributes:
        step: optimizer steps done.
        dev: ``[step, score]`` of each evaluation.
        best: weights of the best evaluation, ``None`` before the first.
        best_step: the step they are from.
        losses: training loss of every step; not a number where the step was left out.
    """

    step: int = 0
    dev: list[tuple[int, float]] = field(default_factory=list)
    best: dict[str, Tensor] | None = None
    best_step: int = 0
    losses: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """A checkpoint to go on from: after ``step``, ``written`` by whom, with files ``beside`` it."""

    step: int
    written: Topology
    beside: Beside


class Checkpoints:
    """Those of one phase.

    All ranks call its methods together.
    """

    def __init__(
        self,
        place: Path,
        topology: Topology,
        *,
        skipped: tuple[int, ...] = (),
        tell: Tell,
        watchdog: Watchdog,
    ) -> None:
        """In the folder ``place``, of an engine of ``topology`` that leaves out steps.

        ``watchdog``: told while the disk is waited for, and when that is over, what follows.
        """
        self.place, self.topology, self._skipped, self._tell = place, topology, skipped, tell
        self._writer, self._writing, self._watchdog = Writer(), 0, watchdog
        self._good: int | None = None  # the step of the one that stays

    @property
    def failed(self) -> bool:
        """Whether this rank could not write the last one."""
        return self._writer.failed

    def find(self) -> Found | None:
        """The newest checkpoint whose bytes are those that were written, and whose steps are ours.

        One that no engine of this topology can read comes behind all that it can. One whose files
        beside it are damaged goes on from those that stand in for them, where there is no other.

        Raises:
            TrainingError: there are such, but not the files beside them, nor any that stand in.
        """
        lost: list[tuple[Found, str]] = []
        for step, written in sorted(self._candidates(), key=lambda one: self._refused(one[1])):
            if lost and self._refused(written):
                break
            folder = folder_of(self.place, step)
            shares = range(rank(), written.world, world_size())
            check, what = partial(damage, folder, shares), f"checking the checkpoint of step {step}"
            reason = next(filter(None, gathered(self._watchdog.patiently(check, what))), None)
            if reason is not None:
                self._leave_out(step, reason)
                continue
            kept = agreed_on(beside(folder) if rank() == 0 else Beside())
            reason = self._harm(kept.files, what)
            if reason is None:
                for other, why in lost:
                    self._leave_out(other.step, why)
                self._good = step
                return Found(step, written, kept)
            lost.append((Found(step, written, kept), reason))
        return self._stand_in(lost) if lost else None

    def _refused(self, written: Topology) -> bool:
        return not self.topology.reads(written) and refusal(written, self.topology) is not None

    def _stand_in(self, lost: list[tuple[Found, str]]) -> Found:
        """The first of those whose files are damaged that has others, which are not.

        Raises:
            TrainingError: there is none.
        """
        for found, reason in lost:
            instead = found.beside.instead
            what = f"checking what stands in beside the checkpoint of step {found.step}"
            if not instead or self._harm(instead, what):
                self._leave_out(found.step, reason)
                continue
            self._tell(
                "best_weights_damaged",
                f"{reason}: the checkpoint of step {found.step} goes on from the best weights before "
                f"those, {next(iter(instead))}, and an evaluation counts that is better than theirs.",
            )
            self._good = found.step
            return replace(found, beside=Beside(files=instead))
        raise TrainingError(
            f"{lost[0][1]}, the weights of the best evaluation, which the checkpoint goes on from: put "
            f"the file back, or remove {self.place} to begin the phase again."
        )

    def _harm(self, files: dict[str, Written], what: str) -> str | None:
        """What is wrong with one of the ``files`` beside checkpoints; the first rank reads them."""

        def look() -> str | None:
            harms = (harm(self.place / name, told) for name, told in files.items())
            return next(filter(None, harms), None) if rank() == 0 else None

        return agreed_on(self._watchdog.patiently(look, what))

    def _candidates(self) -> list[tuple[int, Topology]]:
        """Those that are complete, as the first rank sees them; all tell of unreadable manifests."""
        look, what = partial(self._seen, looks=rank() == 0), "looking for checkpoints"
        found, damaged = agreed_on(self._watchdog.patiently(look, what))
        for step, reason in damaged:
            self._leave_out(step, reason)
        return found

    def _seen(self, *, looks: bool) -> tuple[list[tuple[int, Topology]], list[tuple[int, str]]]:
        """Those that are complete, and what is wrong with others; none unless it ``looks``."""
        found: list[tuple[int, Topology]] = []
        damaged: list[tuple[int, str]] = []
        for step in steps_in(self.place) if looks else ():
            try:
                known = finished(folder_of(self.place, step))
            except DataError as error:
                damaged.append((step, str(error)))
                continue
            if known is None:
                continue
            if known[1] == tuple(s for s in self._skipped if s < step):
                found.append((step, known[0]))
            elif other := sorted({*known[1]} - {*self._skipped}):  # not of steps that are trained again
                damaged.append((step, f"it leaves out step {other[0] + 1}, which is trained now."))
        return found, damaged

    def _leave_out(self, step: int, reason: str) -> None:
        self._tell("checkpoint_damaged", f"the checkpoint of step {step} is left out: {reason}")

    def load(self, engine: Any, found: Found) -> PhaseState | None:
        """Put what was found into a new engine; ``None`` where no such engine reads such a one.

        Raises:
            TrainingError: it could not be read now; it stays.
        """
        tag = folder_of(self.place, found.step).name
        self._watchdog.beat(f"reading the checkpoint of step {found.step}")
        if self.topology.reads(found.written):
            quiet = redirect_stdout(io.StringIO())  # its optimizer of stage 1 in bf16 prints
            with quiet, tensors_only():
                path, client = engine.load_checkpoint(
                    str(self.place), tag=tag, custom_load_fn=_load_trained
                )
            if path is None:
                raise TrainingError(f"{self.place / tag}: DeepSpeed loads no checkpoint from it.")
            return PhaseState(**client["phase"])
        reason = refusal(found.written, self.topology)
        if reason is not None:
            self._tell("checkpoint_unreadable", f"the phase begins again: {reason}")
            return None
        client = read_universal(
            engine, self.place, tag, found.written, self.topology, watchdog=self._watchdog
        )
        self._tell(
            "checkpoint_converted",
            f"the checkpoint of step {found.step}, of {found.written}, was converted for "
            f"{self.topology}",
        )
        return PhaseState(**client["phase"])

    def save(self, engine: Any, state: PhaseState, *, beside: Beside) -> None:
        """Copy the state and write it in the background, after what is being written now.

        ``beside``: files beside it, as the first rank knows them, which are whole already.
        """
        self.finish()
        folder = folder_of(self.place, state.step)
        if rank() == 0:
            self._prune()
            shutil.rmtree(folder, ignore_errors=True)
        barrier()
        self._watchdog.beat(f"copying the state of step {state.step}")
        found = _collected(engine, state, folder)
        done = partial(
            declare, folder, rank=rank(), step=state.step, topology=self.topology,
            skipped=tuple(s for s in self._skipped if s < state.step), beside=beside,
        )  # fmt: skip
        self._writing = state.step
        if found.short is not None:
            self._writer.fail(OSError(ENOMEM, os.strerror(ENOMEM)))
            return
        self._writer.start(folder, found.files, lambda written: done(files=written))

    def finish(self) -> bool:
        """Wait until all ranks have written the last one, however long it takes; whether they have."""
        while self._writing and any_says(self._writer.busy(seconds=POLL))[0]:
            self._watchdog.beat(f"writing the checkpoint of step {self._writing}")
        error = self._writer.wait()
        if not self._writing:
            return True
        step, self._writing = self._writing, 0
        reasons = list(filter(None, gathered(None if error is None else str(error))))
        if not reasons:
            self._good = step
            return True
        if rank() == 0:
            shutil.rmtree(folder_of(self.place, step), ignore_errors=True)
        self._tell(
            "checkpoint_failed",
            f"the checkpoint of step {step} could not be written ({reasons[0]}); the one before it "
            "stays, and training goes on. Make room on the disk.",
        )
        return False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """At the end of the block the last one is written, and the one before it goes."""
        try:
            yield
            self.finish()
            if rank() == 0:
                self._prune()
        finally:
            self._writer.wait()

    def _prune(self) -> None:
        """Leave the last that was read or completed, and nothing else."""
        for left in self.place.glob("universal-*"):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        for step in steps_in(self.place):
            if step != self._good:
                shutil.rmtree(folder_of(self.place, step), ignore_errors=True)


def _collected(engine: Any, state: PhaseState, folder: Path) -> Collector:
    """What DeepSpeed would write of this rank, in host memory."""
    phase = {**vars(state), "dev": list(state.dev), "losses": list(state.losses)}
    writes, copies = engine.checkpoint_engine, engine._copy_recovery_script
    collector = Collector(writes, shared=frozenset({"phase"}), names=saved_names(engine.module))
    engine.checkpoint_engine = collector
    engine._copy_recovery_script = lambda path: None  # a program that it puts beside the files
    try:
        engine.save_checkpoint(
            str(folder.parent), tag=folder.name, client_state={"phase": phase}, save_latest=False,
            exclude_frozen_parameters=True,
        )  # fmt: skip
    finally:
        engine.checkpoint_engine, engine._copy_recovery_script = writes, copies
    return collector


def _load_trained(src: State, dst: nn.Module) -> None:
    """Put what a checkpoint holds of a network into one whose frozen weights are there.

    Raises:
        TrainingError: it lacks something that it should hold.
    """
    wanted = saved_names(dst)
    found = dst.load_state_dict(src, strict=wanted is None)
    if lacking := sorted(set(found.missing_keys) & (wanted or set())):
        raise TrainingError(
            f"a checkpoint lacks {len(lacking)} weights that are trained, {lacking[0]} among them; "
            "remove its folder and run the same command again."
        )
