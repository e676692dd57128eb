"""English intermediate tasks with multilingual MLM mixed in, then English target-task data."""

from __future__ import annotations

from xlgap.regimes.base import ArmSpec, Phase, Regime, phases_on
from xlgap.tasks.base import Task


class IntermediateEnglishMasked(Regime):
    """English intermediate tasks with multilingual MLM mixed in, then English target-task data."""

    name = "intermediate_en_mlm"
    needs_intermediate = True
    takes = ("mlm_rate",)
    needs = ("mlm_rate",)

    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """The intermediate tasks, in the order given, each with masked language modelling mixed in."""
        return tuple(
            Phase(tasks=(name,), language="en", mlm_rate=arm.mlm_rate) for name in arm.intermediate
        )

    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """English target data."""
        return phases_on(task, arm, language="en")

    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """All of them: zero-shot."""
        return languages


REGIME = IntermediateEnglishMasked()
