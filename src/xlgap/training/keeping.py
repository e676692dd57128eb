"""The weights of the best evaluation and of the last step: in memory, or in files.

In memory every rank has them whole, and checkpoints hold the best ones. Of a network that no rank holds
whole the first one writes them into a file beside the checkpoints, one tensor after another, while all
gather that tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from xlgap.errors import ResultError, TrainingError
from xlgap.models.aliases import State
from xlgap.models.checkpoint_files import TensorFile
from xlgap.models.network import load_state
from xlgap.models.shares import gathered, shape_of
from xlgap.models.stored import write_tensors
from xlgap.training.checkpoint import PhaseState
from xlgap.training.engine import agreed, agreed_on, barrier, full_state, kept_tensors, rank

Weights = State | TensorFile
"""In memory, or in a file."""

_BEST, _LAST = "best{}.safetensors", "last.safetensors"
_REFERRED = 3  # checkpoints whose best weights stay: two on disk, one that is being written


class Keeping(Protocol):
    """Where weights of a phase are kept. All ranks call its methods together."""

    def found(self, state: PhaseState) -> None:
        """A checkpoint was read."""

    def best(self, module: nn.Module, state: PhaseState) -> None:
        """These are the best ones so far."""

    def saved(self, state: PhaseState) -> None:
        """A checkpoint is being written."""

    def result(self, module: nn.Module, state: PhaseState) -> Weights:
        """The best ones, or where there are none these."""


class InMemory:
    """Whole on every rank, the best ones in ``state``."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def found(self, state: PhaseState) -> None:
        """Read the best ones where the checkpoint is of a network that was split."""
        if state.best_step and state.best is None:
            state.best = load_state(self.place / _BEST.format(state.best_step))

    def best(self, module: nn.Module, state: PhaseState) -> None:
        """Copy them, when those before are gone."""
        state.best = None
        state.best = full_state(module)

    def saved(self, state: PhaseState) -> None:
        """The checkpoint has them."""

    def result(self, module: nn.Module, state: PhaseState) -> Weights:
        """The best ones, or a copy of these."""
        return full_state(module) if state.best is None else state.best


class InFiles:
    """In files of the folder ``place``; those that a checkpoint refers to stay as long as it may."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._referred = [int(path.stem.removeprefix("best")) for path in place.glob(_BEST.format("*"))]

    def found(self, state: PhaseState) -> None:
        """Check that its best weights are there; write those that it holds, of a network in one piece.

        Raises:
            TrainingError: they are not.
        """
        if state.best is not None:
            if rank() == 0:
                shapes = {name: tuple(tensor.shape) for name, tensor in state.best.items()}
                write_tensors(self._best(state), shapes, sorted(state.best.items()))
            state.best = None
        if agreed(bool(state.best_step) and not self._best(state).is_file()):
            raise TrainingError(
                f"{self._best(state)}: the weights of the best evaluation are not there, which the "
                f"checkpoint of step {state.step} goes on from; remove {self.place} to begin the phase "
                "again."
            )

    def best(self, module: nn.Module, state: PhaseState) -> None:
        """Write them; the file of an evaluation that no checkpoint knows goes.

        Raises:
            ResultError: the disk did not take them.
        """
        path = self.place / _BEST.format(state.step)
        _write(module, path)
        if rank() == 0:
            kept = {self.place / _BEST.format(step) for step in self._referred} | {path}
            for other in self.place.glob(_BEST.format("*")):
                if other not in kept:
                    other.unlink(missing_ok=True)

    def saved(self, state: PhaseState) -> None:
        """Remember which weights it refers to."""
        self._referred = [*self._referred, state.best_step][-_REFERRED:]

    def result(self, module: nn.Module, state: PhaseState) -> Weights:
        """The file of the best ones, or of these."""
        path = self._best(state)
        if not state.best_step:
            path = self.place / _LAST
            _write(module, path)
        barrier()
        return TensorFile(path)

    def _best(self, state: PhaseState) -> Path:
        return self.place / _BEST.format(state.best_step)


def _write(module: nn.Module, path: Path) -> None:
    """By the first rank; the others gather with it, to the last tensor even if the disk is full.

    Raises:
        ResultError: the disk did not take it, on every rank.
    """
    named = sorted(kept_tensors(module))
    whole, failure = _whole(named), ""
    if rank() == 0:
        try:
            write_tensors(path, {name: shape_of(tensor) for name, tensor in named}, whole)
        except ResultError as error:
            failure = str(error)
    for _ in whole:
        pass
    failure = agreed_on(failure)
    if failure:
        raise ResultError(failure)


def _whole(named: list[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in named:
        with gathered(tensor):
            yield name, tensor
