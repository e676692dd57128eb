"""The flows that ``prefect.yaml`` deploys: a study by hand, the nightly refresh, the audit, the report.

All of them run DVC's graph through :func:`dispatch.carry_out`; they differ in what is made first, which
stages are wanted and which run though nothing changed. What is asked for is checked before any stage
starts: one sentence is then the message of the flow run.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from artifacts import show_audit, show_cells, show_report
from dispatch import Asked, StudyFailedError, carry_out
from display import Summary
from notify import tell
from preload import PRELOAD
from time_limits import by_plan
from unread import survive_our_reader
from xlgap.derived import Choice, study_directory
from xlgap.errors import ConfigError, ResultError
from xlgap.leftovers import remove_leftovers
from xlgap.tracking.uri import server_uri

GATES = frozenset({"validate", "leakage"})
PATIENCE = 12 * 3600.0  # seconds that a scheduled run waits for another one of its study

Names = Annotated[list[str], Field(min_length=1)] | None
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None
Workers = Annotated[int, Field(ge=1)]
Limits = dict[str, Annotated[int, Field(ge=1)]] | None
Hours = Annotated[float, Field(gt=0)] | None


def _named() -> str:
    """What a flow run is called: the study, and what was chosen of it."""
    told: dict[str, Any] = flow_run.parameters
    chosen = [
        str(told[key]) for key in ("models", "regimes", "arms", "tasks", "seeds") if told.get(key)
    ]
    return " ".join([told.get("study", "params.yaml"), *chosen])


def _operated(name: str) -> Callable[..., Any]:
    """A flow of this file: its runs are named, its parameters checked, its failures told."""
    return flow(
        name=name,
        flow_run_name=_named,
        validate_parameters=True,
        on_failure=[tell],
        on_crashed=[tell],
    )


@_operated("study")
def study(
    study: str = "params.yaml",
    models: Names = None,
    regimes: Names = None,
    arms: Names = None,
    tasks: Names = None,
    seeds: Seeds = None,
    workers: Workers = 2,
    limits: Limits = None,
    stage_hours: Hours = None,
    hours: Hours = None,
    spread: bool = False,
) -> None:
    """Bring a study up to date, or what is chosen of it, which becomes a study of its own.

    Args:
        study: params.yaml, studies/NAME.yaml, or the directory of either.
        models: of the study's models, these alone.
        regimes: of its arms, those of these regimes alone.
        arms: of its arms, these alone.
        tasks: of its tasks, these alone.
        seeds: in place of its seeds.
        workers: stages that run side by side.
        limits: at most so many stages of train or light at once.
        stage_hours: the most that a stage may take; absent: five times what the plan predicts, at
            least two hours.
        hours: the most that the whole run may take.
        spread: stages that train run on the workers of the pool xlgap-stages, each in its own clone.

    Raises:
        ConfigError, UnknownNameError, DataError: what is asked for is wrong; nothing was started.
        StudyFailedError: a stage failed. Stages that do not need it have run.
    """
    choice = Choice(
        models=_chosen(models),
        regimes=_chosen(regimes),
        arms=_chosen(arms),
        tasks=_chosen(tasks),
        seeds=None if seeds is None else tuple(seeds),
    )
    directory = study_directory(study, choice, start=Path(), patience=PATIENCE)
    asked = _asked(
        directory, workers=workers, limits=limits, stage_hours=stage_hours, hours=hours, spread=spread
    )
    _carried_out(directory, asked, show_cells, lambda found, _: show_report(found), trains=True)


@_operated("refresh")
def refresh(
    study: str = "params.yaml",
    workers: Workers = 2,
    limits: Limits = None,
    stage_hours: Hours = None,
    hours: Hours = None,
) -> None:
    """Run what is stale of a study, validate its data in any case, and make its report anew.

    Args:
        study: params.yaml, studies/NAME.yaml, or the directory of either.
        workers: stages that run side by side.
        limits: at most so many stages of train or light at once.
        stage_hours: the most that a stage may take; absent: by the plan.
        hours: the most that the whole run may take.
    """
    directory = study_directory(study, Choice(), start=Path(), patience=PATIENCE)
    again = frozenset({"validate", "report"})
    asked = _asked(
        directory, workers=workers, limits=limits, stage_hours=stage_hours, hours=hours, again=again
    )
    _carried_out(
        directory, asked, show_cells, show_audit, lambda found, _: show_report(found), trains=True
    )


@_operated("audit")
def audit(
    study: str = "params.yaml",
    workers: Workers = 2,
    stage_hours: Hours = None,
    hours: Hours = None,
) -> None:
    """Run all expectation suites and the leakage gate on a study's data, changed or not.

    Args:
        study: params.yaml, studies/NAME.yaml, or the directory of either.
        workers: stages that run side by side.
        stage_hours: the most that a stage may take; absent: by the plan.
        hours: the most that the whole run may take.
    """
    directory = study_directory(study, Choice(), start=Path(), patience=PATIENCE)
    # What is there is audited, not what preparing it again would give.
    only = _only(GATES)
    asked = _asked(directory, workers=workers, stage_hours=stage_hours, hours=hours, **only)
    _carried_out(directory, asked, show_audit)


@_operated("report")
def report(study: str = "params.yaml", stage_hours: Hours = None) -> None:
    """Make a study's report anew from the analysis that is there; nothing else runs.

    Args:
        study: params.yaml, studies/NAME.yaml, or the directory of either.
        stage_hours: the most that it may take; absent: by the plan.
    """
    directory = study_directory(study, Choice(), start=Path(), patience=PATIENCE)
    asked = _asked(directory, workers=1, stage_hours=stage_hours, **_only(frozenset({"report"})))
    _carried_out(directory, asked, lambda found, _: show_report(found))


def _chosen(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _only(stages: frozenset[str]) -> dict[str, Any]:
    """These stages alone run, changed or not; those that they read from do not."""
    return {"wanted": stages, "above": False, "again": stages}


def _asked(
    directory: Path,
    *,
    workers: int,
    stage_hours: float | None,
    limits: dict[str, int] | None = None,
    hours: float | None = None,
    **what: Any,
) -> Asked:
    """What is asked of a run that nobody watches: with limits of time, waiting for its turn."""
    for name in limits or {}:
        if name not in {"train", "light"}:
            raise ConfigError(f"limits: got {name!r}; allowed: train, light.")
    return Asked(
        workers=workers,
        limits=limits or {},
        stage_seconds=by_plan(directory, stage_hours),
        seconds=None if hours is None else hours * 3600,
        patience=PATIENCE,
        **what,
    )


def _carried_out(
    directory: Path, asked: Asked, *shown: Callable[[Path, Summary], None], trains: bool = False
) -> None:
    """Run it, show what came of it whether or not stages failed.

    Args:
        directory: the study's.
        asked: what of it, and how.
        shown: make the run's artifacts.
        trains: its runs are brought to MLflow before, so that artifacts can lead to them.

    Raises:
        StudyFailedError: stages failed.
        ResultError: MLflow's store does not take the runs.
    """
    survive_our_reader()
    remove_leftovers(directory, patience=PATIENCE)
    summary = carry_out(directory, asked, preload=PRELOAD)
    unkept = _keep_runs(directory, complete=summary.ok) if trains else None
    for show in shown:
        show(directory, summary)
    if not summary.ok:
        raise StudyFailedError(summary)
    if unkept is not None:
        raise ResultError(f"the study is complete, but its runs are not all in MLflow: {unkept}")


def _keep_runs(directory: Path, *, complete: bool) -> str | None:
    """Have MLflow get the runs that it lacks of a study, where DVC restored stages from its cache.

    Of a study that is not complete those that the checkout has go to the shared server, if any.

    Returns:
        Why that was not possible; a server that is away is a line in the log, not an error.
    """
    command = [sys.executable, "-m", "xlgap", "sync"]
    if complete:
        code = (
            "import sys; from pathlib import Path; from xlgap.stages.summary import store_lines; "
            "print(*store_lines(Path(sys.argv[1])), sep='\\n')"
        )
        command = [sys.executable, "-c", code, str(directory.resolve())]
    elif server_uri() is None:
        return None
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr, sep="", end="", file=sys.stderr)
    return None if done.returncode == 0 else done.stderr.strip().rpartition("\n")[2]
