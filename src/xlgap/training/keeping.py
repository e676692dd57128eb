"""The weights of the best evaluation and of the last step: in memory, or in files.

In memory every rank has them whole, and checkpoints hold the best ones. Of a network that no rank holds
whole the first one writes them into a file beside the checkpoints, one tensor after another, while all
gather that tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from xlgap.errors import DataError, ResultError, TrainingError
from xlgap.formats import file_digest, sync
from xlgap.models.aliases import State
from xlgap.models.checkpoint_files import TensorFile
from xlgap.models.network import load_state
from xlgap.models.shares import gathered, shape_of
from xlgap.models.stored import write_tensors
from xlgap.training.checkpoint import PhaseState
from xlgap.training.engine import agreed, agreed_on, barrier, full_state, kept_tensors, rank
from xlgap.training.manifest import Beside, Written, finished, folder_of, referred
from xlgap.training.watchdog import Watchdog

Weights = State | TensorFile
"""In memory, or in a file."""

_BEST, _LAST = "best{}.safetensors", "last.safetensors"
_UNFINISHED = tuple(
    pattern
    for name in (_BEST.format("*"), _LAST)
    for pattern in (f"{name}.part", f".{name}.part.*")  # not settled yet; not written to its end
)


class Keeping(Protocol):
    """Where weights of a phase are kept. All ranks call its methods together."""

    def found(self, state: PhaseState, beside: Beside) -> None:
        """The phase begins: at a checkpoint, with the files beside it, which were checked, or anew."""

    def best(self, module: nn.Module, state: PhaseState) -> None:
        """These are the best ones so far."""

    def beside(self, state: PhaseState) -> Beside:
        """The files beside the checkpoint to be written next; the first rank knows them."""

    def result(self, module: nn.Module, state: PhaseState) -> Weights:
        """The best ones, or where there are none these."""


class InMemory:
    """Whole on every rank, the best ones in ``state``."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def found(self, state: PhaseState, beside: Beside) -> None:
        """Read the best ones where the checkpoint is of a network that was split.

        Raises:
            TrainingError: they are not there.
        """
        _sweep(self.place)
        _take(state, beside)
        if state.best_step and state.best is None:
            _require(_best(self.place, state), state)
            state.best = load_state(_best(self.place, state))

    def best(self, module: nn.Module, state: PhaseState) -> None:
        """Copy them, when those before are gone."""
        state.best = None
        state.best = full_state(module)

    def beside(self, state: PhaseState) -> Beside:
        """None: it holds them."""
        return Beside()

    def result(self, module: nn.Module, state: PhaseState) -> Weights:
        """The best ones, or a copy of these."""
        return full_state(module) if state.best is None else state.best


class InFiles:
    """In files of the folder ``place``; those that a checkpoint there refers to stay as long as it."""

    def __init__(self, place: Path, watchdog: Watchdog) -> None:
        self.place, self._watchdog = place, watchdog
        self._written: dict[int, Written] = {}  # by the steps of best ones
        self._good = self._last = Beside()  # the last checkpoint that is complete, and the last of all
        self._last_step = 0

    def found(self, state: PhaseState, beside: Beside) -> None:
        """Check that its best weights are there; write those that it holds, of a network in one piece.

        Raises:
            TrainingError: they are not.
        """
        _sweep(self.place)
        _take(state, beside)
        path = _best(self.place, state)
        if state.best is not None:
            shapes = {name: tuple(tensor.shape) for name, tensor in state.best.items()}
            tensors, state.best = sorted(state.best.items()), None
            self._keep(state.best_step, path, shapes, iter(tensors))
        elif state.best_step:
            _require(path, state)
            known = beside.files.get(path.name)
            if known is None:  # a checkpoint from before there were checksums: it is taken as it is

                def look() -> Written | None:
                    return _written(path, file_digest(path, 64)) if rank() == 0 else None

                known = agreed_on(self._watchdog.patiently(look, "reading the best weights"))
            assert known is not None
            self._written[state.best_step] = known
            self._good = self._last = Beside(files={path.name: known}, instead=beside.instead)

    def best(self, module: nn.Module, state: PhaseState) -> None:
        """Write them, when the files of evaluations that no checkpoint knows are gone.

        Raises:
            ResultError: the disk did not take them.
        """
        path = self.place / _BEST.format(state.step)
        if rank() == 0:
            self._tidy()
        named = sorted(kept_tensors(module))
        self._keep(state.step, path, {n: shape_of(t) for n, t in named}, _whole(named))

    def beside(self, state: PhaseState) -> Beside:
        """The file of the best ones; those of the last complete checkpoint with others stand in."""
        if rank() == 0 and self._last_step and _is_complete(folder_of(self.place, self._last_step)):
            self._good = self._last
        known, before = self._written.get(state.best_step), self._good
        files = {_best(self.place, state).name: known} if known else {}
        instead = before.instead if files.keys() == before.files.keys() else before.files
        self._last, self._last_step = Beside(files=files, instead=instead), state.step
        return self._last

    def _tidy(self) -> None:
        """Remove best weights that no checkpoint goes on from."""
        kept = self._last.names | referred(self.place)
        for other in self.place.glob(_BEST.format("*")):
            if other.name not in kept:
                other.unlink(missing_ok=True)

    def result(self, module: nn.Module, state: PhaseState) -> Weights:
        """The file of the best ones, or of these."""
        path = _best(self.place, state)
        if not state.best_step:
            path = self.place / _LAST
            named = sorted(kept_tensors(module))
            self._write(path, {n: shape_of(t) for n, t in named}, _whole(named))
        barrier()
        return TensorFile(path)

    def _keep(
        self,
        step: int,
        path: Path,
        shapes: dict[str, tuple[int, ...]],
        tensors: Iterator[tuple[str, Tensor]],
    ) -> None:
        sha = self._write(path, shapes, tensors)
        if rank() == 0:
            self._written[step] = _written(path, sha)

    def _write(
        self,
        path: Path,
        shapes: dict[str, tuple[int, ...]],
        tensors: Iterator[tuple[str, Tensor]],
    ) -> str:
        """By the first rank; the others gather with it, to the last tensor even if the disk is full.

        Returns:
            SHA-256 of the file, on the first rank.

        Raises:
            ResultError: the disk did not take it, on every rank.
        """
        failure, sha, part = "", "", path.with_name(f"{path.name}.part")
        watched = self._watched(tensors, f"writing {path.name}")
        if rank() == 0:
            try:
                sha = write_tensors(part, shapes, watched, durable=False)
            except ResultError as error:
                failure = str(error)
        for _ in watched:
            pass
        settle = partial(_settle, part, path)
        settled = self._watchdog.patiently(settle if sha else lambda: "", f"writing {path.name}")
        failure = agreed_on(failure or settled)
        if failure:
            raise ResultError(failure)
        return sha

    def _watched(
        self, tensors: Iterator[tuple[str, Tensor]], what: str
    ) -> Iterator[tuple[str, Tensor]]:
        for named in tensors:
            self._watchdog.beat(what)
            yield named


def _settle(part: Path, path: Path) -> str:
    """Wait until the disk has ``part``, and name it ``path``; why that failed, if it did."""
    try:
        sync(part)
        part.replace(path)
        sync(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        return f"{path}: {error}; make room on the disk, then run this again."
    return ""


def _best(place: Path, state: PhaseState) -> Path:
    return place / _BEST.format(state.best_step)


def _written(path: Path, sha: str) -> Written:
    return Written(bytes=path.stat().st_size, sha256=sha)


def _is_complete(folder: Path) -> bool:
    with suppress(DataError):
        return finished(folder) is not None
    return False


def _sweep(place: Path) -> None:
    """Remove what a killed writer has left: as large as the network, and nobody goes on with it."""
    if rank() == 0:
        for left in [path for pattern in _UNFINISHED for path in place.glob(pattern)]:
            left.unlink(missing_ok=True)


def _take(state: PhaseState, beside: Beside) -> None:
    """Go on from the best weights beside a checkpoint: those before the best, where they stand in."""
    for name in beside.files if state.best_step else ():
        state.best_step = int(Path(name).stem.removeprefix("best"))


def _require(path: Path, state: PhaseState) -> None:
    if not agreed(path.is_file()):
        raise TrainingError(
            f"{path}: the weights of the best evaluation are not there, which the checkpoint of step "
            f"{state.step} goes on from; remove {path.parent} to begin the phase again."
        )


def _whole(named: list[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in named:
        with gathered(tensor):
            yield name, tensor
