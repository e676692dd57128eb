"""Whether a phase has learned anything: its loss beside that of one answer for all examples; pure.

A run that has failed gives every example the same answer: it scores what the majority class does, and
its training loss stays at, or returns to, the entropy of the labels (Mosbach et al. 2021, arXiv
2006.04884, sections 3 and 5; cf. Dodge et al. 2020, arXiv 2002.06305). So it is judged by the losses of
its last steps, on all kinds of tasks and without dev rows: it has *learned nothing* where their mean
is not below that entropy by two of its standard errors, as a score is at chance where it is not above
it by two (:mod:`xlgap.analysis.chance`). The last steps are a tenth, and ten at least, up to the
weights that are kept; of fewer nothing is said. They stand in checkpoints: a resume changes nothing.

It is not said of a run that has learned its training rows by heart and is at chance on others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from xlgap.training.batches import Step
from xlgap.training.parts import Course

STANDARD_ERRORS = 2.0
SHARE, LEAST = 0.1, 10  # of the steps of a task; steps


@dataclass(frozen=True, kw_only=True)
class LearnedNothing:
    """A task whose loss is that of one answer for all examples.

    Attributes:
        task: its name; empty where the phase has one and was not told its name.
        loss: mean of its last steps, in nats.
        constant: the least that one answer for all examples can have.
        steps: how many these were.
    """

    task: str
    loss: float
    constant: float
    steps: int

    def __str__(self) -> str:
        return (
            f"training has learned nothing of {self.task or 'its task'}: the loss is {self.loss:.4f} "
            f"in the last {self.steps} steps before the weights that are kept, and one answer for all "
            f"examples has {self.constant:.4f}; another seed, a lower learning rate, a longer warm-up "
            "or more steps may do better."
        )


def learned_nothing(
    course: Course, plan: Sequence[Step], losses: Sequence[float], *, kept: int
) -> tuple[LearnedNothing, ...]:
    """The tasks of a phase that it has learned nothing of.

    Args:
        course: of the phase.
        plan: its steps.
        losses: of all its steps; NaN of one that was left out.
        kept: after how many of them the weights were kept.
    """
    found = []
    for number, part in enumerate(course.parts):
        mine = np.flatnonzero(course.order[:kept] == number).tolist()
        done = [k for k in mine if math.isfinite(losses[k])]
        if len(done) < LEAST:
            continue
        last = done[-max(LEAST, math.ceil(SHARE * len(done))) :]
        some = [losses[k] for k in last]
        passes = [of for k in last for micro in plan[k].micro for of in micro.ranks if len(of)]
        loss, constant = fmean(some), part.data.constant_loss(passes)
        if 0 < constant <= loss + STANDARD_ERRORS * stdev(some) / math.sqrt(len(some)):
            found.append(
                LearnedNothing(task=part.name or "", loss=loss, constant=constant, steps=len(some))
            )
    return tuple(found)
