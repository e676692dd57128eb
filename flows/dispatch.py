"""The Prefect flow: one task for each stage that may have to run, most urgent first.

Prefect has the runs, states, retries and tags; the order is decided here, because a task that waits
for another one would hold a worker: a stage is submitted when everything that it reads is there, the
one with the longest path to the end first, so that large models start early.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run

import interrupt
from display import Summary, show_summary
from plan import Plan, read_plan, write_seconds
from preload import PRELOAD
from ready import put_our_programs_first, require_graph, require_study
from running import Run, Runner, partial_report
from stage import Stages
from transfer import push_all
from xlgap.alone import alone
from xlgap.checkout import checkout_root
from xlgap.errors import ResultError
from xlgap.prefork import launch

FLOW_RUN = "XLGAP_FLOW_RUN_ID"
WORKERS = "XLGAP_WORKERS"  # as xlgap.launch.asked has it
_PLAN: ContextVar[Plan | None] = ContextVar("plan", default=None)


class StudyFailedError(ResultError):
    """Stages failed; the summary says which."""

    exit_code = 1

    def __init__(self, summary: Summary) -> None:
        self.summary = summary
        names = sorted(summary.failed)
        more = ", ..." if len(names) > 3 else ""
        super().__init__(
            f"failed: {', '.join(names[:3])}{more}; {len(summary.blocked)} more stages could not run "
            "for want of them; see the logs above, then run it again."
        )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of a run.

    Attributes:
        workers: stages that run side by side.
        limits: at most so many stages of a resource (``train``, ``light``) at once.
        wanted: families of stages; None: all.
        above: with the stages that those read from.
        again: families whose stages run even where nothing changed.
        stage_seconds: the most that stages may take, by name.
        seconds: the most that all of it may take.
        patience: seconds to wait for another run of the same study to end.
        spread: have stages that train run on other machines, see :mod:`away`.
    """

    workers: int = 2
    limits: Mapping[str, int] = field(default_factory=dict)
    wanted: frozenset[str] | None = None
    above: bool = True
    again: frozenset[str] = frozenset()
    stage_seconds: Callable[[Plan], Mapping[str, float]] = lambda _: {}
    seconds: float | None = None
    patience: float = 0.0
    spread: bool = False


def _named() -> str:
    """What a run is called: the study's directory, without the way to it."""
    return Path(flow_run.parameters["directory"]).resolve().name


@flow(name="grid", flow_run_name=_named, validate_parameters=True)
def grid_flow(
    directory: str = ".",
    workers: int = 2,
    limits: dict[str, int] | None = None,
    preload: Sequence[str] = PRELOAD,
) -> Summary:
    """Bring a study up to date.

    Args:
        directory: the study's directory, with its ``dvc.yaml``.
        workers: stages that run side by side.
        limits: at most so many stages of a resource tag (``train``, ``light``) at once.
        preload: modules for the pre-fork server to import; none: no server.

    Raises:
        StudyFailedError: a stage failed. Stages that do not need it have run.
        ResultError: another run of the same study is going on.
        ConfigError, DataError: no study is there, or its graph is of other parameters or files.
    """
    study, plan = Path(directory).resolve(), _PLAN.get()
    if plan is not None:  # we are no server's: Prefect's own handler would raise a second time
        signal.signal(signal.SIGTERM, interrupt.interrupt)
    asked = Asked(workers=workers, limits=limits or {})
    summary = carry_out(study, asked, preload=preload, plan=plan)
    if not summary.ok:
        raise StudyFailedError(summary)
    return summary


def carry_out(
    study: Path, asked: Asked, *, preload: Sequence[str] = PRELOAD, plan: Plan | None = None
) -> Summary:
    """Run what is asked of the study in a directory, inside a flow run.

    Args:
        study: its directory.
        asked: what of it, and how.
        preload: see :func:`grid_flow`.
        plan: what there is to run, where the caller has read it and keeps other runs out.

    Returns:
        What came of it; stages may have failed.

    Raises:
        OutOfTimeError: it took longer than it may.
        ResultError, ConfigError, DataError: see :func:`grid_flow`.
    """
    put_our_programs_first()
    if plan is None:
        require_study(study)
    trainings = min(asked.workers, asked.limits.get("train", asked.workers))
    apart = alone(study, patience=asked.patience) if plan is None else nullcontext()
    with apart, told(flow_run.id, trainings), ExitStack() as stack:
        if plan is None:
            require_graph(study)
        plan = (plan or read_plan(study)).chosen(asked.wanted, again=asked.again, above=asked.above)
        socket = os.environ.get(launch.VARIABLE)
        if socket is None and preload and plan.stale:
            socket = stack.enter_context(server(study, preload))
        here = Stages(study, socket, asked.stage_seconds(plan))
        stack.callback(here.close)
        stages = _spread(here, plan) if asked.spread else here
        run = Run(plan, stages, asked.workers, asked.limits, asked.seconds)
        try:
            run.to_the_end()
        finally:
            write_seconds(study, run.summary.done)
        show_summary(run.summary)
        if not run.summary.ok and asked.wanted is None:
            partial_report(plan, run.summary)
    return run.summary


def _spread(here: Stages, plan: Plan) -> Runner:
    """Have stages that train run on other machines, which find in the remote what they read.

    Raises:
        ConfigError: workers cannot check out what is here.
    """
    from away import Away, pushed_commit, require_committed

    root = checkout_root(here.directory)
    require_committed(here.directory, root)
    away = Away(replace(here, options=("--push",)), plan, pushed_commit(root))
    wanted = {name for stage in plan.stale for name in plan.above(stage)}
    push_all(here.directory, sorted(wanted - plan.stale))
    return away


@contextmanager
def told(flow_run_id: str, trainings: int) -> Iterator[None]:
    """Stages find in their environment what the flow alone knows.

    Args:
        flow_run_id: becomes a tag of their MLflow runs.
        trainings: that share this machine; a user who knows of more has set it already.
    """
    said = {FLOW_RUN: flow_run_id}
    if not os.environ.get(WORKERS):
        said[WORKERS] = str(trainings)
    os.environ.update(said)
    try:
        yield
    finally:
        for name in said:
            del os.environ[name]


@contextmanager
def planned(plan: Plan) -> Iterator[None]:
    """Flows that are called in this block have their plan, and their caller keeps other runs out."""
    token = _PLAN.set(plan)
    try:
        yield
    finally:
        _PLAN.reset(token)


@contextmanager
def server(study: Path, preload: Sequence[str]) -> Iterator[str | None]:
    """A pre-fork server that the stages find through their environment."""
    with launch.running(preload, log=study / "journal" / "logs" / "prefork.log") as socket:
        if socket is not None:
            os.environ[launch.VARIABLE] = socket
        try:
            yield socket
        finally:
            os.environ.pop(launch.VARIABLE, None)
