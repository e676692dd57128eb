"""The losses of steps, read from the device without making it wait."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

LATE_ON_CPU = False
"""Whether losses are read a step late on a CPU, too, which has no need of it: for tests."""


@dataclass(frozen=True)
class _Reading:
    """A loss on its way; ``event``: the device has copied it."""

    number: int
    rate: float
    loss: Tensor | None
    event: torch.cuda.Event | None


class LossReader:
    """Hands on the loss of each step: at once, or while the device computes the next one.

    To read a number from a GPU waits until all that was asked of it is done, and then it has nothing to
    do until the next step is asked for.
    """

    def __init__(self, use: Callable[[int, float, float], None], device: torch.device) -> None:
        """Hand on to ``use``: number of the step, learning rate, loss, not a number where left out."""
        self._use, self._late = use, LATE_ON_CPU or device.type == "cuda"
        self._waiting: _Reading | None = None

    def put(self, number: int, rate: float, loss: Tensor | None) -> None:
        """Step ``number`` is asked for; ``loss``: of all ranks, ``None`` where it is left out."""
        reading = _Reading(number, rate, *_copied(loss))
        if self._late:
            self.finish()
            self._waiting = reading
        else:
            self._hand_on(reading)

    def finish(self) -> None:
        """Hand on what was not read yet, so that all losses are known."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._hand_on(waiting)

    def _hand_on(self, reading: _Reading) -> None:
        if reading.event is not None:
            reading.event.synchronize()
        loss = math.nan if reading.loss is None else float(reading.loss)
        self._use(reading.number, reading.rate, loss)


def _copied(loss: Tensor | None) -> tuple[Tensor | None, torch.cuda.Event | None]:
    """A loss in memory that a GPU writes by itself, and the event that it has."""
    if loss is None or loss.device.type != "cuda":
        return loss, None
    copy = torch.empty((), dtype=loss.dtype, pin_memory=True)
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copy.copy_(loss, non_blocking=True)
    event.record()
    return copy, event
