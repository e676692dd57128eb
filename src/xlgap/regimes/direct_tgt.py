"""Fine-tune on the target language's own data of the target task."""

from __future__ import annotations

from xlgap.regimes.base import ArmSpec, Phase, Regime, phases_on
from xlgap.tasks.base import Task


class DirectTarget(Regime):
    """Fine-tune on the target language's own data of the target task."""

    name = "direct_tgt"
    needs_language = True

    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """None."""
        return ()

    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """The language's own target data."""
        assert arm.language is not None
        return phases_on(task, arm, language=arm.language)

    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """The arm's own language."""
        return tuple(code for code in languages if code == arm.language)


REGIME = DirectTarget()
