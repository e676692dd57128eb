"""Several English intermediate tasks one after another, then English target-task data."""

from __future__ import annotations

from xlgap.regimes.base import ArmSpec, Phase, Regime, phases_on
from xlgap.tasks.base import Task


class Sequential(Regime):
    """Several English intermediate tasks one after another, then English target-task data."""

    name = "sequential"
    needs_intermediate = True
    fewest = 2

    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """The intermediate tasks, in the order given: two orders are two arms."""
        return tuple(Phase(tasks=(name,), language="en") for name in arm.intermediate)

    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """English target data."""
        return phases_on(task, arm, language="en")

    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """All of them: zero-shot."""
        return languages


REGIME = Sequential()
