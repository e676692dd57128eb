"""Intermediate tasks in the target language, then English target-task data."""

from __future__ import annotations

from xlgap.regimes.base import ArmSpec, Phase, Regime, phases_on
from xlgap.tasks.base import Task


class IntermediateTarget(Regime):
    """Intermediate tasks in the target language, then English target-task data."""

    name = "intermediate_tgt"
    needs_language = True
    needs_intermediate = True

    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """The intermediate tasks in the arm's language."""
        assert arm.language is not None
        return tuple(
            Phase(tasks=(name,), language=arm.language, select_language=arm.language)
            for name in arm.intermediate
        )

    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """English target data."""
        return phases_on(task, arm, language="en")

    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """The arm's own language."""
        return tuple(code for code in languages if code == arm.language)


REGIME = IntermediateTarget()
