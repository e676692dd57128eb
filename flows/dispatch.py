"""The Prefect flow: one task for each stage that may have to run, most urgent first.

Prefect has the runs, states, retries and tags; the order is decided here, because a task that waits
for another one would hold a worker: a stage is submitted when everything that it reads is there, the
one with the longest path to the end first, so that large models start early.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run

import interrupt
from display import Bar, Summary, show_summary
from engine import on_a_server
from plan import Plan, read_plan, recorded_outputs, write_seconds
from ready import put_our_programs_first, require_graph, require_study
from stage import StageFailedError, Stages
from xlgap.alone import alone
from xlgap.errors import ResultError
from xlgap.prefork import launch

# What the stages import, imported once for all of them, see xlgap.prefork.
PRELOAD = (
    "dvc.cli.parser",
    "dvc.cachemgr",
    "dvc.commands.repro",
    "dvc.data_cloud",
    "dvc.repo.artifacts",
    "dvc.repo.datasets",
    "dvc.repo.metrics",
    "dvc.repo.open_repo",
    "dvc.repo.params",
    "dvc.repo.plots",
    "dvc.repo.reproduce",
    "dvc.repo.stage",
    "dvc.rwlock",
    "dvc.stage.cache",
    "dvc.stage.run",
    "dvc.utils.strictyaml",
    "dvc_data.hashfile.db.local",
    "configobj",
    "dulwich.worktree",
    "fsspec.implementations.memory",
    "platformdirs.unix",
    "pyparsing.testing",
    "ruamel.yaml",
    "scmrepo.git",
    "torch",
    "transformers",
    "deepspeed",
    "xlgap.tracking.mlflow:warm_up",
    "scipy.stats",
    "pandas",
    "pyarrow.parquet",
    "transformers.models.xlm_roberta.modeling_xlm_roberta",
    "great_expectations",
    "matplotlib.backends.backend_svg",
    "xlgap.checks.validate",
    "xlgap.lab.cldr:supported",
    "xlgap.lab.corpus",
    "xlgap.stages.analyse",
    "xlgap.stages.finetune",
    "xlgap.stages.prepare",
    "xlgap.stages.pretrain",
    "xlgap.stages.retention",
    "xlgap.stages.score",
    "xlgap.stages.warmstart",
    "xlgap.training.engine:no_compiled_ops",
)

FLOW_RUN = "XLGAP_FLOW_RUN_ID"
RETRIES = 5  # of a stage that ends early and has got on
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


@flow(name="grid", flow_run_name="{directory}", validate_parameters=True)
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
    put_our_programs_first()
    if plan is None:
        require_study(study)
    limits = limits or {}
    told = _told(flow_run.id, min(workers, limits.get("train", workers)))
    with alone(study) if plan is None else nullcontext(), told, ExitStack() as stack:
        if plan is None:
            require_graph(study)
        socket = os.environ.get(launch.VARIABLE)
        if socket is None and preload:
            socket = stack.enter_context(server(study, preload))
        plan = plan or read_plan(study)
        stages = Stages(study, socket)
        stack.callback(stages.close)
        run = Run(plan, stages, workers=workers, limits=limits)
        try:
            run.to_the_end()
        finally:
            write_seconds(study, run.summary.done)
        show_summary(run.summary)
        if not run.summary.ok:
            _partial_report(plan, run.summary)
    if not run.summary.ok:
        raise StudyFailedError(run.summary)
    return run.summary


@contextmanager
def _told(flow_run_id: str, trainings: int) -> Iterator[None]:
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


def _heals(_task: object, run: Any, state: Any) -> bool:
    """Whether to try again: once, and as often as ``retries`` allow while training gets on."""
    error = state.result(raise_on_failure=False)
    return (
        isinstance(error, StageFailedError) and error.transient and (run.run_count < 2 or error.moved)
    )


@dataclass
class Run:
    """One pass over the stale stages of a plan."""

    plan: Plan
    stages: Stages
    workers: int
    limits: Mapping[str, int]
    running: dict[str, PrefectFuture[float]] = field(default_factory=dict)
    ended: dict[str, PrefectFuture[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.waiting = set(self.plan.stale)
        self.rewritten: set[str] = set()
        self.summary = Summary(
            self.stages.directory, self.workers, up_to_date=set(self.plan.stages) - self.waiting
        )
        self.events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.outputs = recorded_outputs(self.stages.directory, self.waiting)
        self.bar = Bar(
            {name: self.plan.stages[name].seconds for name in self.waiting}, workers=self.workers
        )
        self.task = _stage_task(self.stages.run)

    def to_the_end(self) -> None:
        """Submit stages as they get ready until none is left; stop them all when interrupted."""
        try:
            with self.bar:
                while self.waiting or self.running:
                    self._submit_ready()
                    self._next_end()
        except BaseException:
            self.stages.stop()
            for future in self.running.values():
                future.wait()
            raise

    def _submit_ready(self) -> None:
        self._leave_out()
        for name in sorted(self.waiting, key=lambda name: -self.plan.remaining[name]):
            if not self._waits(name) and self._has_room(self.plan.stages[name].tag):
                self._submit(name)

    def _leave_out(self) -> None:
        """Take out stages that need no run after all; parents come first, and so before children."""
        for name in self.plan.order:
            stage = self.plan.stages[name]
            if name not in self.waiting or self._waits(name):
                continue
            if not stage.changed and not stage.parents & self.rewritten:
                self.waiting.remove(name)
                self.summary.up_to_date.add(name)
                self.bar.drop(name)

    def _waits(self, name: str) -> bool:
        """Whether something that a stage reads is still to be made."""
        parents = self.plan.stages[name].parents
        return not parents.isdisjoint(self.waiting) or not parents.isdisjoint(self.running)

    def _has_room(self, tag: str) -> bool:
        used = Counter(self.plan.stages[name].tag for name in self.running)
        return len(self.running) < self.workers and used[tag] < self.limits.get(tag, self.workers)

    def _submit(self, name: str) -> None:
        stage = self.plan.stages[name]
        self.waiting.remove(name)
        tags = [stage.tag, stage.family] if on_a_server() else []
        named = self.task.with_options(task_run_name=name, tags=tags)
        parents = [self.ended[parent] for parent in stage.parents if parent in self.ended]
        future = self.running[name] = named.submit(name, wait_for=parents)
        future.add_done_callback(lambda _: self.events.put(name))

    def _next_end(self) -> None:
        """Wait for a stage to end, half a second at most, and book it."""
        self.bar.show(set(self.running))
        try:
            name = self.events.get(timeout=0.5)
        except queue.Empty:
            return
        future = self.ended[name] = self.running.pop(name)
        outcome: Any = future.result(raise_on_failure=False)
        if isinstance(outcome, StageFailedError):
            self._failed(name, outcome)
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            self.summary.done[name] = outcome
            self.bar.drop(name, outcome)
            if self._has_rewritten(name):
                self.rewritten.add(name)

    def _has_rewritten(self, name: str) -> bool:
        """Whether a stage that ended wrote other bytes than before, where that matters to a child."""
        if all(self.plan.stages[child].changed for child in self.plan.children[name]):
            return True
        now = recorded_outputs(self.stages.directory, [name])
        return bool(now[name] != self.outputs[name])

    def _failed(self, name: str, error: StageFailedError) -> None:
        self.summary.failed[name] = error
        self.bar.drop(name)
        front = [name]
        while front:
            for child in self.plan.children[front.pop()] & self.waiting:
                self.waiting.remove(child)
                self.summary.blocked.add(child)
                self.bar.drop(child)
                front.append(child)


def _stage_task(run: Callable[[str], float]) -> Any:
    """The Prefect task that runs a stage; another attempt only where that can heal."""

    @task(
        name="stage",
        retries=RETRIES,
        retry_delay_seconds=1,
        retry_condition_fn=_heals,
        cache_policy=NO_CACHE,
    )
    def stage(name: str) -> float:
        return run(name)

    return stage


def _partial_report(plan: Plan, summary: Summary) -> None:
    """Have the report written from the cells that are complete, where the study has a report."""
    if "report" not in plan.stages:
        return
    done = subprocess.run(
        [sys.executable, "-m", "xlgap", "report", "--partial", *summary.failed, *summary.blocked],
        cwd=summary.directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout, end="", file=sys.stderr)
    if done.returncode != 0:
        print(f"the partial report failed with exit code {done.returncode}", file=sys.stderr)
