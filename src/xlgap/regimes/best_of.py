"""The best of several English intermediate tasks, chosen by the target task's English dev score."""

from __future__ import annotations

from xlgap.regimes.base import ArmSpec, Phase, Regime, phases_on
from xlgap.tasks.base import Task


class BestOf(Regime):
    """The best of several English intermediate tasks, chosen by the target task's English dev score.

    It trains nothing: what its ``choices``, other arms, have trained is compared on the dev rows that
    chose their checkpoints, and the best one's predictions are its own. No test row takes part.
    """

    name = "best_of"
    chooses = True
    takes = ("choices",)
    needs = ("choices",)

    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """None of its own; those of its choices are theirs."""
        return ()

    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """English target data, as each of its choices."""
        return phases_on(task, arm, language="en")

    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """All of them: zero-shot."""
        return languages


REGIME = BestOf()
