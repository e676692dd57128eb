"""No fine-tuning at all: retrieval and ranking with the pretrained encoder."""

from __future__ import annotations

from xlgap.regimes.base import ArmSpec, Phase, Regime
from xlgap.tasks.base import Task


class Pretrained(Regime):
    """No fine-tuning at all: retrieval and ranking with the pretrained encoder."""

    name = "pretrained"
    trains = False

    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """None."""
        return ()

    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """None."""
        return ()

    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """All of them: zero-shot."""
        return languages


REGIME = Pretrained()
