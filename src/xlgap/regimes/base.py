"""What a regime is: a list of training phases before and on the target task.

The trainer knows no regime by name: it runs phases. A regime is one file in this folder that defines
``REGIME``; the folder is the registry.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from xlgap.tasks.base import Task

SHOT_EPOCHS = 10
"""Passes over the rows of a few-shot phase, in batches of the task's recipe and at its rate; at most a
tenth of its steps is warm-up. Fixed, as is which checkpoint is kept: nothing is left to tune."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One stretch of training with one optimizer schedule.

    Attributes:
        tasks: the name of the task that it trains on: exactly one, so far no regime mixes several.
        language: language of the training rows.
        select_language: language of the dev rows that choose the checkpoint; English unless the arm
            trains on the target language's own data, whose dev set is then part of its supervision.
        select_task: the task that these dev rows are of, where it is not the one that is trained on.
        keeps_head: whether it goes on with the head of the phase before it, and not with a new one.
        shots: so many of the training rows, drawn anew by each seed; all of them when ``None``. Such a
            phase has no dev rows: it keeps its last checkpoint.
    """

    tasks: tuple[str, ...]
    language: str
    select_language: str = "en"
    select_task: str | None = None
    keeps_head: bool = False
    shots: int | None = None

    @property
    def selects(self) -> bool:
        """Whether dev rows may choose its checkpoint; a few-shot phase has none."""
        return self.shots is None

    @property
    def selected_on(self) -> str:
        """The task whose dev rows choose the checkpoint."""
        return self.select_task or self.tasks[0]


@dataclass(frozen=True, kw_only=True)
class ArmSpec:
    """What ``params.yaml`` says about an arm, beyond its name.

    Attributes:
        regime: name of the regime.
        intermediate: ordered intermediate tasks.
        language: training language of a target-language arm; ``None`` for English arms.
        preliminary: whether what a target task's official recipe trains on first is trained on, too.
        shots: training rows of the target task in ``language``, of a few-shot arm.
    """

    regime: str
    intermediate: tuple[str, ...] = ()
    language: str | None = None
    preliminary: bool = True
    shots: int | None = None


class Regime(ABC):
    """A way to get from a pretrained model to one fine-tuned on a target task."""

    name: str
    needs_language: bool = False
    needs_intermediate: bool = False
    may_have_intermediate: bool = False
    takes: ClassVar[tuple[str, ...]] = ()
    """Keys of an arm that arms of this regime may give and others not."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Those of them that its arms must give."""

    @abstractmethod
    def warm_phases(self, arm: ArmSpec) -> tuple[Phase, ...]:
        """Phases before the target task; shared by all target tasks."""

    @abstractmethod
    def task_phases(self, arm: ArmSpec, task: Task) -> tuple[Phase, ...]:
        """Phases on the target task's training data, or on its proxy's."""

    @abstractmethod
    def eval_languages(self, arm: ArmSpec, languages: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the study's ``languages`` this arm is evaluated on."""

    def train_language(self, arm: ArmSpec) -> str:
        """The language that names the arm: its own, or English."""
        return arm.language or "en"


def phases_on(task: Task, arm: ArmSpec, *, language: str) -> tuple[Phase, ...]:
    """Phases on the training data of a target task or of its proxy in ``language``.

    What its official recipe trains on before is English, and comes first. A task with dev rows of its
    own selects an English training on them. A training in another language is selected on that
    language's rows of the proxy: of the task's own dev rows the proxy may hold translations.
    """
    own = task.name if task.own_dev and language == "en" else None
    last = Phase(
        tasks=(trained_on(task),), language=language, select_language=language, select_task=own
    )
    if not (arm.preliminary and task.preliminary):
        return (last,)
    first, *then = (Phase(tasks=(name,), language="en") for name in task.preliminary)
    return (first, *(replace(phase, keeps_head=True) for phase in (*then, last)))


def trained_on(task: Task) -> str:
    """The task whose training data a target task is fine-tuned on: itself or its proxy."""
    return task.proxy_train or task.name
