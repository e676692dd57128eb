"""Fine-tune on English target-task data, transfer zero-shot."""

from __future__ import annotations

from xlgap.regimes.base import ArmSpec, Phase, Regime, phases_on
from xlgap.tasks.base import Task


class DirectEnglish(Regime):
    """Fine-tune on English target-task data, transfer zero-shot."""

    name = "direct_en"

    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """None."""
        return ()

    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """English target data."""
        return phases_on(task, arm, language="en")

    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """All of them: zero-shot."""
        return languages


REGIME = DirectEnglish()
