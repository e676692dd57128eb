"""Hours of one seed of a stage: training on all devices, predictions on those that predict.

A network in one piece is evaluated on dev rows whole by every process, in the precision of training,
and predicts test rows in the first one alone, in fp32. Where it is split all of them share the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from xlgap.planning.hardware import Hardware, Precision
from xlgap.planning.ways import Choice
from xlgap.planning.work import Work

_NONE = Work()


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Work of one seed.

    Attributes:
        training: of all phases.
        selection: evaluations on dev rows while it trains.
        prediction: of what comes after it.
    """

    training: Work = _NONE
    selection: Work = _NONE
    prediction: Work = _NONE

    @property
    def evaluation(self) -> Work:
        """All forward passes."""
        return self.selection + self.prediction


def stage_hours(
    parts: Parts, choice: Choice | None, hardware: Hardware, precision: Precision, *, split: bool
) -> float | None:
    """Hours of one seed; ``None`` where not all work is known.

    Args:
        parts: what there is to do.
        choice: how it is trained; ``None`` where it is not.
        hardware: of the stage.
        precision: of training.
        split: whether no process holds the whole network.
    """
    training, steps = parts.training.computed, parts.training.steps
    selection, prediction = parts.selection.computed, parts.prediction.computed
    if training is None or steps is None or selection is None or prediction is None:
        return None
    times = 1.0 if choice is None else choice.arithmetic
    beside = hardware.step_seconds + (0.0 if choice is None else choice.seconds)
    alone = 1 if split else hardware.devices
    seconds = times * training / hardware.speed(precision) + steps * beside
    seconds += alone * selection / hardware.speed(precision)
    seconds += alone * prediction / hardware.speed("fp32")
    return (seconds + parts.evaluation.calls * hardware.call_seconds) / 3600
