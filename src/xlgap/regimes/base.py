"""What a regime is: a list of training phases before and on the target task.

The trainer knows no regime by name: it runs phases. A regime is one file in this folder that defines
``REGIME``; the folder is the registry.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from xlgap.tasks.base import Task

SHOT_EPOCHS = 10
"""Passes over the rows of a few-shot phase, in batches of the task's recipe and at its rate; at most a
tenth of its steps is warm-up. Fixed, as is which checkpoint is kept: nothing is left to tune."""

Rule = Literal["uniform", "proportional", "temperature", "time_dependent"]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a mixture draws the task of each optimizer step.

    With n rows of a task, ``cap`` of them at most, its probability is proportional to ``n ** (1 / T)``.

    Attributes:
        rule: ``uniform`` (whatever the rows), ``proportional`` (T is 1), ``temperature`` (T is
            ``temperature``; Raffel et al. 2020, arXiv 1910.10683, section 3.5.2), ``time_dependent``
            (T moves linearly from ``start_temperature`` at the phase's first step to
            ``end_temperature`` at its last; after the annealed sampling of Stickland and Murray 2019,
            arXiv 1902.02671, whose exponent moves in place of T).
        temperature, start_temperature, end_temperature: of the rules that have them.
        cap: rows that a task counts with at most; all of them when ``None``.
    """

    rule: Rule = "proportional"
    temperature: float | None = None
    start_temperature: float | None = None
    end_temperature: float | None = None
    cap: int | None = None

    @property
    def moves(self) -> bool:
        """Whether probabilities change through a phase."""
        return self.rule == "time_dependent"

    def probabilities(self, rows: Sequence[int], *, progress: float = 0.0) -> tuple[float, ...]:
        """The probability of each task, whose training sets have ``rows``.

        Args:
            rows: of each task.
            progress: how far the phase is, from 0 at its first step to 1 at its last.

        >>> Sampling(rule="temperature", temperature=2.0).probabilities([100, 900])
        (0.25, 0.75)
        """
        counted = [min(count, self.cap or count) for count in rows]
        largest = max(counted)  # by which they are divided: no power of them is too large
        weights = [(count / largest) ** self._exponent(progress) for count in counted]
        return tuple(weight / sum(weights) for weight in weights)

    def _exponent(self, progress: float) -> float:
        """The ``1 / T`` of the rule."""
        if self.rule in {"uniform", "proportional"}:
            return float(self.rule == "proportional")
        first, last = self.start_temperature, self.end_temperature
        if first is None or last is None:
            assert self.temperature is not None
            return 1 / self.temperature
        return 1 / (first + (last - first) * progress)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """An amount of training beyond the target task's own recipe.

    Attributes:
        steps: optimizer steps; or
        tokens: sub-words seen, padding left out; the training ends with the step that reaches them.
        beyond: whether it comes on top of the phase's own recipe; otherwise it takes its place, and the
            phases of one training that have it share it in proportion to their own lengths.
    """

    steps: int | None = None
    tokens: int | None = None
    beyond: bool = False


@dataclass(frozen=True, kw_only=True)
class Translations:
    """Where translations of English training rows come from: one of three.

    Attributes:
        file: path from the checkout, with ``{task}`` and ``{language}`` filled in.
        hub, revision: a translation model of the hub and its commit; or a directory of that layout.
        lab: the lab's phrase book, see :mod:`xlgap.lab.phrasebook`.
    """

    file: str | None = None
    hub: str | None = None
    revision: str | None = None
    lab: bool = False


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One stretch of training with one optimizer schedule.

    Attributes:
        tasks: the names of the tasks that it trains on; several are a mixture, and each optimizer step
            is of one of them.
        language: language of the training rows.
        select_language: language of the dev rows that choose the checkpoint; English unless the arm
            trains on the target language's own data, whose dev set is then part of its supervision.
        select_task: the task that these dev rows are of, where it is not the one that is trained on.
        keeps_head: whether it goes on with the head of the phase before it, and not with a new one.
        sampling: of a mixture: which task a step is of.
        mlm_rate: the share of its steps that are masked language modelling of the study's pretraining
            text, in all its languages; ``None`` for none.
        budget: how much training it is, where that is not what the recipes of its tasks say.
        translated: whether its training rows are translations of the English ones into ``language``.
        shots: so many of the training rows, drawn anew by each seed; all of them when ``None``. Such a
            phase has no dev rows: it keeps its last checkpoint.
    """

    tasks: tuple[str, ...]
    language: str
    select_language: str = "en"
    select_task: str | None = None
    keeps_head: bool = False
    sampling: Sampling | None = None
    mlm_rate: float | None = None
    budget: Budget | None = None
    shots: int | None = None
    translated: bool = False

    @property
    def rows_language(self) -> str:
        """The language of the prepared rows that it trains on, or on translations of."""
        return "en" if self.translated else self.language

    @property
    def mixes(self) -> bool:
        """Whether its steps are of several heads: of tasks, or of masked language modelling, too."""
        return len(self.tasks) > 1 or self.mlm_rate is not None

    @property
    def selects(self) -> bool:
        """Whether dev rows may choose its checkpoint; a few-shot phase has none."""
        return self.shots is None

    @property
    def selected_on(self) -> str:
        """The task whose dev rows choose the checkpoint; of a mixture see :meth:`dev_of`."""
        return self.select_task or self.tasks[0]

    def dev_of(self, task: str) -> str:
        """The task whose dev rows stand for ``task``, one of its own, when a checkpoint is chosen."""
        return self.select_task or task


@dataclass(frozen=True, kw_only=True)
class ArmSpec:
    """What ``params.yaml`` says about an arm, beyond its name.

    Attributes:
        regime: name of the regime.
        intermediate: ordered intermediate tasks.
        language: training language of a target-language arm; ``None`` for English arms.
        preliminary: whether what a target task's official recipe trains on first is trained on, too.
        sampling: which task a step of a mixture is of.
        mlm_rate: the share of the warm phases' steps that are masked language modelling.
        budget: see :func:`budgeted`.
        shots: training rows of the target task in ``language``, of a few-shot arm.
        choices: names of the arms that a best-of arm chooses from.
        translations: where the translated rows of an arm with translated intermediate tasks come from.
    """

    regime: str
    intermediate: tuple[str, ...] = ()
    language: str | None = None
    preliminary: bool = True
    sampling: Sampling | None = None
    mlm_rate: float | None = None
    budget: Budget | None = None
    shots: int | None = None
    choices: tuple[str, ...] = ()
    translations: Translations | None = None


class Regime(ABC):
    """A way to get from a pretrained model to one fine-tuned on a target task.

    Attributes:
        name: of its file.
        needs_language, needs_intermediate: what its arms must give.
        fewest: intermediate tasks that its arms must give, where they give any.
        takes: keys of an arm that its arms may give and others not.
        needs: those of them that its arms must give.
        trains: whether there is any fine-tuning.
        chooses: whether its cells train nothing, and have the predictions of another arm's cell.
    """

    name: str
    needs_language: bool = False
    needs_intermediate: bool = False
    may_have_intermediate: bool = False
    fewest: ClassVar[int] = 1
    takes: ClassVar[tuple[str, ...]] = ()
    chooses: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = ()
    trains: ClassVar[bool] = True

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


def divisible(phases: Sequence[Phase]) -> bool:
    """Whether the phases before the last one are what they are without it: none shares a budget."""
    shared = any(phase.budget is not None and not phase.budget.beyond for phase in phases)
    return len(phases) > 1 and not shared


def budgeted(
    warm: Sequence[Phase], on_task: Sequence[Phase], budget: Budget | None
) -> tuple[tuple[Phase, ...], tuple[Phase, ...]]:
    """The warm phases and those on the target task of an arm with a budget.

    Warm phases share the budget, whatever their recipes say. Where there is none, the last phase on the
    target task's whole training data goes on for as much longer, so that two arms with one budget have
    the same compute.
    """
    if budget is None:
        return tuple(warm), tuple(on_task)
    if warm:
        return tuple(replace(phase, budget=budget) for phase in warm), tuple(on_task)
    whole = [number for number, phase in enumerate(on_task) if phase.shots is None]
    longer = replace(budget, beyond=True)
    return (), tuple(
        replace(phase, budget=longer) if number in whole[-1:] else phase
        for number, phase in enumerate(on_task)
    )


def trained_on(task: Task) -> str:
    """The task whose training data a target task is fine-tuned on: itself or its proxy."""
    return task.proxy_train or task.name
