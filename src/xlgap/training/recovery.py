"""What a phase does about a loss that is lost and about memory that runs out; pure.

It begins again from the last checkpoint whose steps were all good, or from its start, and leaves out
the steps that did it, or cuts its steps into smaller micro-batches. What it has decided is kept beside
the checkpoints: a process that is killed goes on with it.

A loss is *high* when it is more than 20 robust standard deviations (1.4826 times the median absolute
deviation) above the median of the last 32 of its task, half again as large as that median, and
more than half way back to where the phase began. One such loss is a hard batch. Two in a row are a
*spike*: the step before them is thought to have done it, and all three are left out. A loss that is not
a number, or infinite, is left out alone. Where the next step fails again, the weights were bad before:
twice as many steps are left out then (cf. Chowdhery et al. 2022, arXiv 2204.02311, section 5.1). All
this is done three times, up to a tenth of the steps, and never with the last one: a step after them
shows that the weights are good.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

from xlgap.errors import DataError, TrainingError
from xlgap.formats import read_json, write_json
from xlgap.training.batches import Index, Step
from xlgap.training.manifest import left_out

_FILE = "adjusted.json"
_SHAPE = {"skipped": [int], "rewinds": int}
_RARE = {"token_budget": int, "micro_rows": int, "untold": str}
REWINDS = 3  # in a phase
WINDOW = 32  # losses of a task
DEVIATIONS, ROBUST = 20.0, 1.4826
RISE = 1.5


@dataclass(frozen=True, kw_only=True)
class Adjusted:
    """What a phase does otherwise than it was told.

    Attributes:
        skipped: steps that are left out, in order, counted from 0.
        rewinds: how often it went back.
        token_budget: of a micro-batch, at most; ``None`` as it was told.
        micro_rows: of a micro-batch, likewise.
        untold: that memory ran out, where the rank that noted it could not tell the others.
    """

    skipped: tuple[int, ...] = ()
    rewinds: int = 0
    token_budget: int | None = None
    micro_rows: int | None = None
    untold: str = ""

    def without(self, steps: Iterable[int]) -> Adjusted:
        """With more steps left out.

        >>> Adjusted().without([7]).skipped
        (7,)
        >>> Adjusted(skipped=(7,)).without([8]).skipped
        (6, 7, 8)
        """
        new = set(steps)
        block = before = min(new)
        while block - 1 in self.skipped:
            block -= 1
        new |= set(range(max(0, 2 * block - before), block))
        return replace(self, skipped=tuple(sorted(new | {*self.skipped})), rewinds=self.rewinds + 1)

    def write(self, place: Path) -> None:
        """Keep it with the checkpoints in ``place``.

        Raises:
            TrainingError: the disk did not take it.
        """
        path = place / _FILE
        try:
            write_json(path, asdict(self), durable=True)
        except OSError as error:
            raise TrainingError(
                f"{path}: what training does otherwise from now on could not be kept ({error}); make "
                "room on the disk, then run the same command again."
            ) from error

    @classmethod
    def read(cls, place: Path) -> Adjusted:
        """What was kept in ``place``; nothing where nothing was.

        Raises:
            DataError: the file is damaged, or of another version.
        """
        path = place / _FILE
        if not path.exists():
            return cls()
        found = read_json(path, _SHAPE, remedy="")
        given = {key for key, value in found.items() if value is not None}
        read_json(path, {key: kind for key, kind in _RARE.items() if key in given}, remedy="")
        if other := sorted(found.keys() - {field.name for field in fields(cls)}):
            raise DataError(f"{path}: '{other[0]}' is not known here: another version has written it.")
        if wrong := _impossible(found):
            raise DataError(f"{path}: {wrong}; the file is damaged.")
        return cls(**{**found, "skipped": tuple(found["skipped"])})


def _impossible(found: Mapping[str, Any]) -> str | None:
    """The first value that no phase has kept, in words; None where there is none."""
    skipped = found["skipped"]
    if skipped != sorted(set(skipped)) or any(step < 0 for step in skipped):
        return f"skipped must be steps from 0, each once and in order, got {skipped}"
    for name, least in (("rewinds", 0), ("token_budget", 1), ("micro_rows", 1)):
        value = found.get(name)
        if value is not None and value < least:
            return f"{name} must be at least {least}, got {value}"
    return None


def noted(place: Path) -> tuple[Adjusted, str]:
    """What was kept in ``place``, and why it is known from the checkpoints alone, where it is.

    They know the steps that they have left out; all else is found out again.
    """
    reason = ""
    try:
        found = Adjusted.read(place)
    except DataError as error:
        found, reason = Adjusted(), str(error).rstrip(".")
    if not reason and (place / _FILE).exists():
        return found, ""
    known = left_out(place)
    if not reason and not known:
        return found, ""
    again = sum(step - 1 not in known for step in known)  # each gap took a time of going back, at least
    return Adjusted(skipped=known, rewinds=again), (
        f"{reason or f'{place / _FILE} is gone'}; what training does otherwise is taken from the "
        f"checkpoints, which leave out {len(known)} steps. Lack of memory is found out again."
    )


class Trouble(Exception):
    """A phase is to be tried again: why, in a word and in a sentence, and what it does otherwise.

    ``of_one``: whether it may have come to this rank alone.
    """

    def __init__(self, name: str, sentence: str, again: Adjusted, *, of_one: bool = False) -> None:
        super().__init__(sentence)
        self.name, self.again, self.of_one = name, again, of_one


def can_skip(skipped: Sequence[int], *, steps: int) -> bool:
    """Whether a phase of ``steps`` may leave these out: a tenth of them, not the last.

    >>> [can_skip(skipped, steps=20) for skipped in ([3], [3, 8], [3, 8, 9], [19])]
    [True, True, False, False]
    """
    return len(skipped) <= steps // 10 and steps - 1 not in skipped


def smaller(plan: Sequence[Step], sizes: Sequence[Index], *, packed: Sequence[bool]) -> tuple[int, int]:
    """Half of the sub-words and of the rows of the largest micro-batch; rows 0 where it has one.

    Args:
        plan: all steps.
        sizes: of each step the sub-words of its data's examples.
        packed: whether those of a step are computed without padding.
    """
    tokens, rows = 1, 1
    for step, size, dense in zip(plan, sizes, packed, strict=True):
        for micro in step.micro:
            for mine in micro.ranks:
                if len(mine):
                    whole = size[mine].sum() if dense else len(mine) * size[mine].max()
                    tokens, rows = max(tokens, int(whole)), max(rows, len(mine))
    return tokens // 2, rows // 2


class LossWatch:
    """Tells spikes in the losses of a phase."""

    def __init__(self, order: Index, losses: Sequence[float]) -> None:
        """Of the steps in ``order``, each of a task; ``losses``: of those that were done."""
        self._order = order
        self._past: dict[int, deque[float]] = {}
        self._began: dict[int, list[float]] = {}
        self._high: int | None = None
        for step, loss in enumerate(losses):
            self.spike(step, loss)

    def spike(self, step: int, loss: float) -> range | None:
        """The steps that are to be left out where this one's loss completes a spike."""
        if not math.isfinite(loss):
            return None
        task = int(self._order[step])
        past = self._past.setdefault(task, deque(maxlen=WINDOW))
        began = self._began.setdefault(task, [])
        if not self._is_high(loss, past, began):
            self._high = None
            past.append(loss)
            if len(began) < WINDOW:
                began.append(loss)
            return None
        first, self._high = self._high, step
        return None if first is None else range(max(0, first - 1), step + 1)

    @staticmethod
    def _is_high(loss: float, past: Sequence[float], began: Sequence[float]) -> bool:
        if len(past) < WINDOW:
            return False
        middle = median(past)
        deviation = ROBUST * median(abs(value - middle) for value in past)
        half_way = (middle + median(began)) / 2
        return loss > max(middle + DEVIATIONS * deviation, RISE * middle, half_way)
