"""Which tasks of an arm are scored again after later phases: what question 4 asks for.

A cell is asked where its arm has an intermediate stage, whose tasks are its *earlier tasks*. What a
target's own recipe trains on first is part of the target. Pairs whose intermediate and target training
data coincide are no cells at all, see :func:`xlgap.cell.undefined`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xlgap.cell import Arm, Cell, Grid, arms
from xlgap.config import Params
from xlgap.data.prepare import row_limit, split_languages
from xlgap.errors import ConfigError
from xlgap.regimes.base import divisible
from xlgap.retention_params import RetentionParams
from xlgap.tasks import get_task
from xlgap.tasks.base import Mine, Rank, Retrieve, Split, Task


@dataclass(frozen=True)
class Retained:
    """A cell whose earlier tasks are scored again.

    Attributes:
        cell: the cell.
        tasks: names of its earlier tasks, in the order in which they are trained.
    """

    cell: Cell
    tasks: tuple[str, ...]


def retained_cells(params: Params, study_grid: Grid) -> tuple[Retained, ...]:
    """The cells that ``evaluation.retention`` asks for; none where it is absent.

    Raises:
        ConfigError: it names an arm whose intermediate phases share a budget, or asks for what an arm
            or its tasks do not have.
    """
    asked = params.evaluation.retention
    if asked is None:
        return ()
    every = arms(params)
    _check_arms(every, asked)
    _check_tasks([arm for arm in every if _is_asked(arm, asked)], asked, params)
    found = []
    for cell in study_grid.trained:
        names = earlier_tasks(cell.arm, asked)
        if names and _is_target(cell.task, asked) and _is_asked(cell.arm, asked):
            _check_phases(cell.arm)
            found.append(Retained(cell, names))
    return tuple(found)


def _check_arms(every: Sequence[Arm], asked: RetentionParams) -> None:
    """Each arm that is named trains on an earlier task."""
    for arm in every:
        if arm.name not in (asked.arms or ()) or earlier_tasks(arm, asked):
            continue
        tasks = dict.fromkeys(name for phase in arm.warm_phases for name in phase.tasks)
        if arm.regime.chooses:
            why = f"trains nothing itself; name some of its choices, {', '.join(arm.spec.choices)}"
        elif not tasks:
            why = "trains on no intermediate task, so that nothing can be retained; take it out"
        elif asked.tasks is not None and not tasks.keys() & {*asked.tasks}:
            why = (
                f"trains on {', '.join(tasks)} and on none of 'evaluation.retention.tasks', "
                f"{', '.join(asked.tasks)}; take it out, or add its tasks"
            )
        else:
            why = f"trains on {', '.join(tasks)}, which rank or match sentences; take it out"
        raise ConfigError(f"key 'evaluation.retention.arms': '{arm.name}' {why}.")


def _check_tasks(chosen: Sequence[Arm], asked: RetentionParams, params: Params) -> None:
    """Each task that is named is one of an arm's, and one of them has as many rows as are given."""
    names = list(dict.fromkeys(name for arm in chosen for name in earlier_tasks(arm, asked)))
    for name in asked.tasks or ():
        if name not in names:
            raise ConfigError(
                f"key 'evaluation.retention.tasks': no arm that retention is asked of "
                f"({', '.join(arm.name for arm in chosen) or 'none'}) has '{name}' as an earlier task "
                "that is scored again; take it out, or name such an arm in 'evaluation.retention.arms'."
            )
    limits = {
        (name, split): row_limit(params.task(name), split)
        for name in names
        for split in scored_splits(name, params).values()
    }
    known = [rows for rows in limits.values() if rows is not None]
    given = "rows" in asked.model_fields_set and limits and len(known) == len(limits)
    if given and max(known) < asked.rows:
        keys = dict.fromkeys(f"'{split}_rows' of {name}" for name, split in limits)
        raise ConfigError(
            f"key 'evaluation.retention.rows': got {asked.rows}, but no earlier task has more than "
            f"{max(known)} by {', '.join(keys)}; lower it, or raise those."
        )


def _check_phases(arm: Arm) -> None:
    if len(arm.warm_phases) > 1 and not divisible(arm.warm_phases):
        raise ConfigError(
            f"key 'evaluation.retention.arms': the intermediate phases of '{arm.name}' share a budget, "
            "so that no weights are kept between them; take it out."
        )


def earlier_tasks(arm: Arm, asked: RetentionParams) -> tuple[str, ...]:
    """The tasks of an arm's intermediate stage that are scored again.

    Not those that rank or match sentences: their score depends on a pool of candidates, not on a head.
    """
    names = dict.fromkeys(name for phase in arm.warm_phases for name in phase.tasks)
    return tuple(
        name
        for name in names
        if (asked.tasks is None or name in asked.tasks)
        and not isinstance(get_task(name).kind, Retrieve | Mine | Rank)
    )


def _is_target(task: Task, asked: RetentionParams) -> bool:
    if asked.targets is not None:
        return task.name in asked.targets
    return task.family == "classification"


def _is_asked(arm: Arm, asked: RetentionParams) -> bool:
    if asked.arms is not None:
        return arm.name in asked.arms
    return arm.spec.language is None and arm.spec.budget is None


def scored_splits(
    name: str, params: Params, *, languages: Sequence[str] | None = None
) -> Mapping[str, Split]:
    """By language, the split of an earlier task that is scored: its test rows, else its dev rows.

    ``languages`` stand in place of those that are asked for.

    Dev rows have chosen the checkpoint of the task's own phase, so that its score just after that phase
    is a little too good on them: what is lost later looks the larger for it.
    """
    asked = params.evaluation.retention
    wanted = languages or (asked.languages if asked else None) or params.languages.evaluation
    splits = split_languages(get_task(name), params)
    order: tuple[Split, ...] = ("test", "dev")
    found = {code: [s for s in order if code in splits.get(s, ())] for code in wanted}
    return {code: have[0] for code, have in found.items() if have}


def held_back(
    name: str, params: Params, *, languages: Sequence[str] | None = None
) -> tuple[tuple[Split, str], ...]:
    """Splits and languages that training must be free of where an earlier task is scored again.

    Those of :func:`scored_splits`; of a parallel task, whose items are the same in all languages, these
    in all of ``languages.evaluation``.
    """
    task = get_task(name)
    have = split_languages(task, params)
    others = params.languages.evaluation if task.parallel else ()
    found = {
        (split, other): None
        for code, split in scored_splits(name, params, languages=languages).items()
        for other in (code, *others)
        if other in have[split]
    }
    return tuple(found)


def scored_sets(params: Params, study_grid: Grid) -> dict[str, dict[Split, list[str]]]:
    """By task and split, the languages of rows that no pretraining text may hold: of all earlier tasks.

    Those of :func:`held_back` in all of ``languages.evaluation``, of every arm: what is asked for, and
    whether anything is, makes no other text, and so no other weights.
    """
    found: dict[str, dict[Split, list[str]]] = {}
    tasks = (task for arm in study_grid.arms for task in earlier_tasks(arm, RetentionParams()))
    for name in dict.fromkeys(tasks):
        for split, code in held_back(name, params, languages=params.languages.evaluation):
            found.setdefault(name, {}).setdefault(split, []).append(code)
    return found
