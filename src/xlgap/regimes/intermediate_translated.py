"""Machine-translated intermediate tasks, then English target-task data."""

from __future__ import annotations

from xlgap.regimes.base import ArmSpec, Phase, Regime, phases_on
from xlgap.tasks.base import Task


class IntermediateTranslated(Regime):
    """Machine-translated intermediate tasks, then English target-task data.

    Training rows are translations of the English ones; the checkpoint is chosen on English dev rows, so
    that nothing but these rows differs from ``intermediate_en``.
    """

    name = "intermediate_translated"
    needs_language = True
    needs_intermediate = True
    takes = ("translations",)
    needs = ("translations",)

    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """The intermediate tasks in translation, in the order given."""
        assert arm.language is not None
        return tuple(
            Phase(tasks=(name,), language=arm.language, translated=True) for name in arm.intermediate
        )

    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """English target data."""
        return phases_on(task, arm, language="en")

    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """All of them."""
        return languages


REGIME = IntermediateTranslated()
