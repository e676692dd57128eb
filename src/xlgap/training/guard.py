"""What is done about a step that fails: its loss is lost, memory runs out, a process is gone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from xlgap.errors import TrainingError
from xlgap.training.batches import Step
from xlgap.training.engine import agreed_on, out_of_memory, rank
from xlgap.training.parts import Course
from xlgap.training.recovery import REWINDS, Adjusted, LossWatch, Trouble, can_skip, smaller

_NO_PEER = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "remote process")


def lost_peer(error: BaseException) -> bool:
    """Whether another process has gone while this one talked to it."""
    return isinstance(error, torch.distributed.DistError) or any(w in str(error) for w in _NO_PEER)


@contextmanager
def memory_for(what: str, advice: str) -> Iterator[None]:
    """Say in a sentence that memory ran out in the block, where no smaller micro-batch helps.

    Raises:
        TrainingError: it did.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise TrainingError(f"memory ran out {what}; {advice}.") from error


def note(adjusted: Adjusted, place: Path) -> None:
    """Keep what a phase does otherwise; the first rank writes it, all call this.

    Raises:
        TrainingError: the disk did not take it, on every rank.
    """
    failure = ""
    if rank() == 0:
        try:
            adjusted.write(place)
        except TrainingError as error:
            failure = str(error)
    failure = agreed_on(failure)
    if failure:
        raise TrainingError(failure)


class Guard:
    """Looks after the steps of a phase."""

    def __init__(
        self,
        course: Course,
        plan: Sequence[Step],
        *,
        adjusted: Adjusted,
        losses: Sequence[float],
        tell: Callable[[str, str], None],
    ) -> None:
        """Of ``course``, cut as in ``plan``.

        Args:
            course: what is trained on.
            plan: its steps.
            adjusted: what is done otherwise.
            losses: of the steps that were done.
            tell: told what happens, its name and a sentence.
        """
        self._tell, self._told = tell, False
        self._course, self._plan, self._adjusted = course, plan, adjusted
        self._watch = LossWatch(course.order, losses)

    def run(self, number: int, step: Callable[[], Tensor]) -> Tensor:
        """What a step gives.

        Raises:
            Trouble: memory ran out.
            TrainingError: there is no smaller micro-batch.
        """
        try:
            return step()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        # outside of the handler, whose error holds on to the memory of the step
        raise self._too_large(self._place(number))

    def judge(self, number: int, loss: float) -> None:
        """Look at the loss of a step, in their order.

        Raises:
            Trouble: it is not a finite number, or the losses have risen.
            TrainingError: that happened too often.
        """
        where = self._place(number)
        spike = self._watch.spike(number, loss)
        if math.isfinite(loss) and spike is None:
            return
        again = self._adjusted.without(spike or [number])
        if again.rewinds > REWINDS or not can_skip(again.skipped, steps=len(self._course)):
            if math.isfinite(loss):
                self._tell_stays(where, loss)
                return
            raise TrainingError(
                f"the loss is {loss} at {where}, after going back {self._adjusted.rewinds} times and "
                f"leaving out {len(self._adjusted.skipped)} steps; lower the learning rate or use fp32."
            )
        new = [str(step + 1) for step in again.skipped if step not in self._adjusted.skipped]
        raise Trouble(
            "loss_spike" if spike else "loss_not_finite",
            f"the loss is {loss:.4g} at {where}: going back, to leave out step {', '.join(new)} (time "
            f"{again.rewinds} of {REWINDS} in a phase; a lower learning rate may avoid it).",
            again,
        )

    def _tell_stays(self, where: str, loss: float) -> None:
        """Once, however long losses stay high."""
        if not self._told:
            self._told = True
            self._tell(
                "loss_spike_kept",
                f"the loss is {loss:.4g} at {where}, far above the ones before: the steps stay, after "
                f"going back {self._adjusted.rewinds} times and leaving out "
                f"{len(self._adjusted.skipped)} (at most {REWINDS} times, a tenth of the steps, never "
                "the last); a lower learning rate may avoid it.",
            )

    def _place(self, number: int) -> str:
        return f"step {number + 1} of {len(self._course)}"

    def _too_large(self, where: str) -> Exception:
        """What to raise when memory has run out: half the micro-batch, in the same batch."""
        parts = self._course.parts
        sizes = [part.sizes for part in parts]
        tokens, rows = smaller(
            self._plan,
            [sizes[of] for of in self._course.order],
            packed=[parts[of].packed for of in self._course.order],
        )
        what = "there is one row in a micro-batch" if rows == 0 else None
        if any(part.compares for part in parts):
            what = "what it learns compares the rows of a micro-batch, which must stay together"
        if what is not None:
            return TrainingError(
                f"memory ran out at {where}, and {what}; turn on activation checkpointing, raise "
                "'train.zero_stage', offload, or shorten the task's 'max_length'."
            )
        again = replace(self._adjusted, token_budget=tokens, micro_rows=rows)
        return Trouble(
            "out_of_memory",
            f"memory ran out at {where}: from now on a micro-batch has at most {tokens} sub-words in "
            f"{rows} row{'s' * (rows > 1)} a device, and a batch what it had.",
            again,
            of_one=True,
        )
