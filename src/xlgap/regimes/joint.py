"""Several English intermediate tasks at once, then English target-task data."""

from __future__ import annotations

from xlgap.regimes.base import ArmSpec, Phase, Regime, Sampling, phases_on
from xlgap.tasks.base import Task


class Joint(Regime):
    """Several English intermediate tasks at once, then English target-task data."""

    name = "joint"
    needs_intermediate = True
    fewest = 2
    takes = ("sampling",)

    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """One phase on all tasks; their order does not matter."""
        tasks = tuple(sorted(arm.intermediate))
        return (Phase(tasks=tasks, language="en", sampling=arm.sampling or Sampling()),)

    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """English target data."""
        return phases_on(task, arm, language="en")

    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """All of them: zero-shot."""
        return languages


REGIME = Joint()
