"""English target-task data, then a few examples of the target language."""

from __future__ import annotations

from xlgap.regimes.base import ArmSpec, Phase, Regime, phases_on, trained_on
from xlgap.tasks.base import Task


class FewShot(Regime):
    """English target-task data, then a few examples of the target language.

    Which examples: :func:`xlgap.data.shots.shots`; how many steps: ``SHOT_EPOCHS`` of
    :mod:`xlgap.regimes.base`. The head is that of the English training, and no dev rows of the target
    language choose a checkpoint: with them the shots would not be few.
    """

    name = "few_shot"
    needs_language = True
    may_have_intermediate = True
    takes = ("shots",)
    needs = ("shots",)

    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """The English intermediate tasks, if any, in the order given."""
        return tuple(Phase(tasks=(name,), language="en") for name in arm.intermediate)

    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """English target data, then the shots."""
        assert arm.language is not None
        assert arm.shots is not None
        few = Phase(tasks=(trained_on(task),), language=arm.language, keeps_head=True, shots=arm.shots)
        return (*phases_on(task, arm, language="en"), few)

    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """The arm's own language."""
        return tuple(code for code in languages if code == arm.language)


REGIME = FewShot()
