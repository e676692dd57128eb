"""The weights of a run after each of its phases: what is scored again for question 4.

Weights are found under the digest of the phases that made them; those that are not there any more are
trained again, as by the stages that need them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xlgap.cell import Cell
from xlgap.models.aliases import Encoder, Head
from xlgap.regimes.base import Phase
from xlgap.stages.fit import fit
from xlgap.stages.start import arm_start, pretrained_start
from xlgap.stages.study import Study
from xlgap.training.trainer import Observer

PRETRAINING = "pretraining"


@dataclass(frozen=True)
class Point:
    """A run after one of its phases.

    Attributes:
        number: of the phase, from 1; 0: pretraining.
        after: the phase, ``lab_typing[en]``.
        final: whether it is the last one.
        encoder: as it is then.
        heads: those that the phase has trained, by task.
    """

    number: int
    after: str
    final: bool
    encoder: Encoder
    heads: Mapping[str, Head]


def points(study: Study, cell: Cell, *, seed: int, observer: Observer) -> Iterator[Point]:
    """The run of one seed after pretraining and after each phase, in order."""
    pretrained = pretrained_start(study.params, cell.model)
    warm, own = cell.arm.warm_phases, cell.phases
    yield Point(0, PRETRAINING, False, pretrained.encoder(), {})
    after_warm = arm_start(study.params, cell.model, cell.arm, seed=seed)
    parts = [(pretrained, warm[: i + 1]) for i in range(len(warm))]
    parts += [(after_warm, own[: i + 1]) for i in range(len(own))]
    for number, (start, phases) in enumerate(parts, 1):
        fitted = fit(study, cell.model, start, phases, seed=seed, observer=observer)
        last = phases[-1]
        heads = {name: fitted.network.reading(name).head for name in last.tasks}
        trained = {name: head for name, head in heads.items() if head is not None}
        point = Point(number, phase_name(last), number == len(parts), fitted.network.encoder, trained)
        del fitted, heads, trained  # whoever reads the point drops it before the next training
        yield point
        del point


def phase_name(phase: Phase) -> str:
    """``lab_typing[en]``."""
    return f"{'+'.join(phase.tasks)}[{phase.language}]"
