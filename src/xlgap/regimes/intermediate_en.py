"""An English intermediate task, or several in order, then English target-task data.

To compare several tasks at once with the same ones in order, use ``joint`` and ``sequential``, whose
arms are paired. Several tasks here are trained on just as in ``sequential``, and paired with nothing.
"""

from __future__ import annotations

from xlgap.regimes.base import ArmSpec, Phase, Regime, phases_on
from xlgap.tasks.base import Task


class IntermediateEnglish(Regime):
    """An English intermediate task, or several in order, then English target-task data."""

    name = "intermediate_en"
    needs_intermediate = True

    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """The intermediate tasks, in the order given."""
        return tuple(Phase(tasks=(name,), language="en") for name in arm.intermediate)

    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """English target data."""
        return phases_on(task, arm, language="en")

    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """All of them: zero-shot."""
        return languages


REGIME = IntermediateEnglish()
