"""Arms, cells and the grid: which pairs a study computes, and which it leaves out and why.

A cell is (model, arm, task); all its seeds run in one process. :func:`grid` is the only place that
decides what is computed: the graph, the scores, the analysis and the plan all iterate it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from xlgap.arm_params import ArmParams
from xlgap.arms import check_arm, check_choices, check_translations
from xlgap.config import Params, ScratchModel
from xlgap.consistency import (
    check_blocks,
    check_evaluation,
    check_languages,
    check_retention,
    check_scales,
    check_source,
    check_sweep,
    naming,
)
from xlgap.errors import ConfigError, ResultError, unknown
from xlgap.models.catalogue import longest_sequence
from xlgap.regimes import get_regime
from xlgap.regimes.base import (
    ArmSpec,
    Budget,
    Phase,
    Regime,
    Sampling,
    Translations,
    budgeted,
    trained_on,
)
from xlgap.tasks import get_task
from xlgap.tasks.base import Mine, Rank, Retrieve, Task


@dataclass(frozen=True)
class Arm:
    """A named arm of the study."""

    name: str
    spec: ArmSpec

    @property
    def regime(self) -> Regime:
        """The regime that turns this arm into phases."""
        return get_regime(self.spec.regime)

    @property
    def train_language(self) -> str:
        """The language that names the arm."""
        return self.regime.train_language(self.spec)

    @property
    def warm_phases(self) -> tuple[Phase, ...]:
        """Phases before the target task."""
        return budgeted(self.regime.warm_phases(self.spec), (), self.spec.budget)[0]


@dataclass(frozen=True)
class Cell:
    """One (model, arm, task), computed for every seed."""

    model: str
    arm: Arm
    task: Task

    @property
    def key(self) -> str:
        """``model-arm-task``: the name of its DVC stage."""
        return f"{self.model}-{self.arm.name}-{self.task.name}"

    @property
    def trained_on(self) -> str:
        """The task whose training data it uses: its own or a proxy's."""
        return trained_on(self.task)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Phases on the target task."""
        on_task = self.arm.regime.task_phases(self.arm.spec, self.task)
        return budgeted(self.arm.warm_phases, on_task, self.arm.spec.budget)[1]

    @property
    def chosen(self) -> bool:
        """Whether it has the predictions of another arm's cell, and no training of its own."""
        return self.arm.regime.chooses

    @property
    def preliminary(self) -> tuple[Phase, ...]:
        """Phases on what the task's official recipe trains on first: an English intermediate stage."""
        return tuple(phase for phase in self.phases if set(phase.tasks) & set(self.task.preliminary))

    def eval_languages(self, params: Params) -> tuple[str, ...]:
        """The study's languages that this cell is scored on."""
        have = tuple(c for c in params.languages.evaluation if c in self.task.eval_languages)
        return self.arm.regime.eval_languages(self.arm.spec, have)


@dataclass(frozen=True)
class LeftOut:
    """An (arm, task) pair that is not defined, and the reason."""

    arm: str
    task: str
    reason: str


@dataclass(frozen=True)
class Grid:
    """All cells of a study."""

    cells: tuple[Cell, ...]
    left_out: tuple[LeftOut, ...]

    @cached_property
    def _by_key(self) -> dict[str, Cell]:
        return {cell.key: cell for cell in self.cells}

    def cell(self, key: str) -> Cell:
        """The cell with ``key``.

        Raises:
            UnknownNameError: the grid has no such cell.
        """
        if key not in self._by_key:
            raise unknown("cell", key, self._by_key)
        return self._by_key[key]

    def of_task(self, task: str) -> tuple[Cell, ...]:
        """The cells scored on ``task``."""
        return tuple(cell for cell in self.cells if cell.task.name == task)

    def trained_in(self, task: Task) -> tuple[str, ...]:
        """The languages whose train and dev rows of ``task`` some phase reads; English always."""
        phases = [p for cell in self.cells for p in (*cell.arm.warm_phases, *cell.phases)]
        mine = [phase for phase in phases if task.name in phase.tasks]
        used = {"en"} | {p.rows_language for p in mine} | {p.select_language for p in mine}
        return tuple(code for code in task.train_languages if code in used)

    @cached_property
    def preliminary(self) -> tuple[tuple[str, str, str], ...]:
        """(arm, task, tasks in order) of the pairs with an English intermediate stage by recipe."""
        found = {
            (cell.arm.name, cell.task.name): [*cell.preliminary, cell.phases[-1]]
            for cell in self.cells
            if cell.preliminary
        }
        return tuple(
            (arm, task, ", then ".join(name for phase in phases for name in phase.tasks))
            for (arm, task), phases in found.items()
        )

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """The arms that have a cell, in order: not those that are defined for no task."""
        return tuple({cell.arm.name: cell.arm for cell in self.cells}.values())

    @cached_property
    def trained(self) -> tuple[Cell, ...]:
        """The cells with a training or a prediction of their own: all but the chosen ones."""
        return tuple(cell for cell in self.cells if not cell.chosen)

    @cached_property
    def overlaps(self) -> tuple[tuple[str, str, str], ...]:
        """(arm, task, part) where an arm has a task and another one that contains its training data.

        Two intermediate tasks may share data, as ANLI+ and MultiNLI do: both are what is studied, and
        the data are then trained on as both. Only the target task's own data are no intermediate task.
        """
        names = {cell.arm.name: cell.arm.spec.intermediate for cell in self.cells}
        return tuple(
            (arm, task, part)
            for arm, tasks in names.items()
            for task in tasks
            for part in get_task(task).contains
            if part in tasks
        )

    def arms_of(self, model: str) -> tuple[Arm, ...]:
        """The arms that ``model`` has cells of with a training of their own, in order."""
        return tuple({c.arm.name: c.arm for c in self.trained if c.model == model}.values())

    def choices(self, cell: Cell) -> tuple[Cell, ...]:
        """The cells that a best-of cell chooses from, in the order given; none for any other cell."""
        keys = (f"{cell.model}-{name}-{cell.task.name}" for name in cell.arm.spec.choices)
        return tuple(self._by_key[key] for key in keys if key in self._by_key)


def arms(params: Params) -> tuple[Arm, ...]:
    """The arms of a study, checked.

    Raises:
        ConfigError: a regime without the language or intermediate tasks it needs, or with ones it
            cannot use.
        UnknownNameError: an unknown regime, language or task.
    """
    specs = {name: arm_spec(entry) for name, entry in params.arms.items()}
    for name, spec in specs.items():
        check_arm(name, spec, params)
    check_choices(specs)
    check_translations(specs)
    return tuple(Arm(name, spec) for name, spec in specs.items())


def arm_spec(entry: ArmParams) -> ArmSpec:
    """An arm's entry in ``params.yaml`` as the regimes read it."""
    given = {
        "sampling": entry.sampling and Sampling(**entry.sampling.model_dump()),
        "budget": entry.budget and Budget(**entry.budget.model_dump()),
        "translations": entry.translations and Translations(**entry.translations.model_dump()),
    }
    return ArmSpec(**{**dict(entry), **given})


def grid(params: Params) -> Grid:
    """The cells of a study and the pairs left out.

    Raises:
        ConfigError, UnknownNameError: see :func:`arms`; also an unknown task or language.
    """
    check_languages(params)
    check_blocks(params)
    check_scales(params)
    for section, names in (("tasks", params.tasks), ("intermediate", params.intermediate)):
        with naming(section):
            for name in names:
                get_task(name)
    for name in params.intermediate:
        if name in params.tasks:
            raise ConfigError(
                f"key 'intermediate.{name}': it stands under 'tasks', too; remove one of them."
            )
    targets = [get_task(name) for name in params.tasks]
    check_evaluation(targets, params)
    check_sweep(targets, params)
    check_retention(params)
    for name in params.all_tasks:
        check_source(get_task(name), params)
        _check_length(get_task(name), params)
    cells: list[Cell] = []
    left_out: dict[tuple[str, str], LeftOut] = {}
    for arm in arms(params):
        for task in targets:
            reason = undefined(arm, task, params) or no_choice(arm, task, params)
            if reason is not None:
                left_out[arm.name, task.name] = LeftOut(arm.name, task.name, reason)
            else:
                _check_preliminary(arm, task, params)
    for model in params.models:
        for arm in arms(params):
            for task in targets:
                if (arm.name, task.name) not in left_out:
                    cells.append(Cell(model, arm, task))
    if not cells:
        raise ConfigError(
            "the study has no cell: every arm x task pair is undefined ("
            + "; ".join(f"{o.arm} x {o.task}: {o.reason}" for o in left_out.values())
            + ")."
        )
    return Grid(tuple(cells), tuple(left_out.values()))


def unscored(params: Params) -> dict[str, tuple[str, ...]]:
    """By task, the study's evaluation languages that it has no test data in; none where it has all."""
    lacking = {
        name: tuple(c for c in params.languages.evaluation if c not in get_task(name).eval_languages)
        for name in params.tasks
    }
    return {name: codes for name, codes in lacking.items() if codes}


def _check_preliminary(arm: Arm, task: Task, params: Params) -> None:
    names = [name for phase in Cell("", arm, task).preliminary for name in phase.tasks]
    for name in names:
        if name not in params.all_tasks:
            raise ConfigError(
                f"key 'tasks.{task.name}': its official recipe trains on '{name}' first, which has no "
                f"entry; add '{name}: {{}}' under 'intermediate', or 'preliminary: false' to "
                f"'arms.{arm.name}'."
            )


_SHORTEST = 6
"""Sub-words of the shortest sequence: the four special ones of a pair, and one of each text."""


def max_length(task: Task, params: Params) -> int:
    """Sub-words in a sequence of the task: what the study says, or the task's recipe."""
    given = params.task(task.name).max_length
    return task.recipe.max_length if given is None else given


def _check_length(task: Task, params: Params) -> None:
    section = "tasks" if task.name in params.tasks else "intermediate"
    key, length = f"key '{section}.{task.name}.max_length'", max_length(task, params)
    if length < _SHORTEST:
        raise ConfigError(
            f"{key}: {length} sub-words have no room for text beside the special ones; give at least "
            f"{_SHORTEST}."
        )
    positions = params.pretrain.positions
    if length > positions and any(isinstance(m, ScratchModel) for m in params.models.values()):
        raise ConfigError(
            f"{key}: {length} sub-words do not fit the ladder's {positions} positions; lower it or "
            "raise 'pretrain.positions'."
        )
    for name, model in params.models.items():
        most = None if isinstance(model, ScratchModel) else longest_sequence(model.hub)
        if most is not None and length > most:
            raise ConfigError(
                f"{key}: {length} sub-words do not fit the {most} positions of model '{name}'; give at "
                f"most {most}."
            )


def undefined(arm: Arm, task: Task, params: Params) -> str | None:
    """Why ``arm`` x ``task`` is not defined, or ``None`` when it is."""
    if not Cell("", arm, task).eval_languages(params):
        return f"no evaluation data in '{arm.spec.language}'"
    on_task = arm.regime.task_phases(arm.spec, task)
    if not arm.warm_phases and not on_task:
        scored = isinstance(task.kind, Retrieve | Mine | Rank)  # nothing of their heads is drawn
        return None if scored else "an untrained head cannot be scored"
    own = {name for phase in on_task for name in phase.tasks}
    for phase in arm.warm_phases:
        for name in phase.tasks:
            if name in own and name in task.preliminary:
                return (
                    f"'{name}' is what the official recipe of '{task.name}' trains on first; with "
                    "'preliminary: false' it is an intermediate task of the arm"
                )
            if name in own:
                return f"'{name}' is the training data of '{task.name}' itself, no intermediate task"
            same = [other for other in _rows_of(name) if any(other in _rows_of(o) for o in own)]
            if same:
                return (
                    f"the training data of '{same[-1]}' are in those of '{name}' and of '{task.name}', "
                    "so that it is no intermediate task"
                )
    for phase in (*arm.warm_phases, *on_task):
        for name in phase.tasks:
            if phase.rows_language not in get_task(name).train_languages:
                return f"'{name}' has no training data in '{phase.rows_language}'"
            if phase.shots is not None:
                rows = params.task(name).train_rows
                if rows is not None and rows < phase.shots:
                    return (
                        f"'{name}' has {rows} training rows by 'train_rows', too few for {phase.shots}"
                    )
    return None


def no_choice(arm: Arm, task: Task, params: Params) -> str | None:
    """Why a best-of arm has nothing to choose from for ``task``, or ``None`` when it has."""
    if not arm.regime.chooses:
        return None
    by = Cell("", arm, task).phases[-1].selected_on
    if not get_task(by).has_dev(params.study.source):
        return f"'{by}' has no English dev rows to choose by"
    found = (Arm(name, arm_spec(params.arms[name])) for name in arm.spec.choices)
    left = [choice.name for choice in found if undefined(choice, task, params) is None]
    if len(left) > 1:
        return None
    return f"of its choices {f'only {left[0]!r}' if left else 'none'} is defined"


def _rows_of(name: str) -> tuple[str, ...]:
    """The tasks whose training rows are among those of a task: its own and what it contains."""
    return (name, *get_task(name).contains)


def require_complete(missing: list[str]) -> None:
    """Raise a :class:`ResultError` naming the ``missing`` cells, if there are any."""
    if missing:
        raise ResultError(
            f"{len(missing)} cells of the grid have no result: {', '.join(missing[:5])}"
            + (", ..." if len(missing) > 5 else "")
            + "; run 'dvc repro' (or the flow) to compute them."
        )
