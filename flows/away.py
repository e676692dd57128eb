"""Stages on other machines: each as a run of the deployment ``stage/stage``, in a worker's own clone.

Machines share the git remote, DVC's remote and the servers, nothing else. A worker gets the commit and
the lines of ``dvc.lock`` of everything above its stage, pulls these outs, runs the stage, pushes its
outs and its entry of the run-cache. This machine, the coordinator, takes the result from the run-cache
and writes ``dvc.lock`` as ``dvc repro`` does; it runs the other stages itself, and pushes their outs.
See docs/adr/0024-several-machines.md.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.deployments import run_deployment
from prefect.states import Cancelling, Crashed

from plan import TRAINING, Plan, Stage
from slots import TRACKING, slots_of
from stage import TRANSIENT, StageFailedError, Stages
from transfer import entries
from xlgap.checkout import checkout_root
from xlgap.errors import ConfigError

DEPLOYMENT = "stage/stage"
POOL = "xlgap-stages"
TRY_AGAIN = "TryAgain"  # the name of a state: what failed can be healed by another attempt
POLL_SECONDS = 1.0
STOP_SECONDS = 60.0  # that a worker has to stop a stage
BEGIN_SECONDS = (
    900.0  # that a worker has from taking a stage to its first line; no heart beats in these
)
NOBODY_SECONDS = 60.0  # until it is said that no worker takes a stage


@dataclass
class Away:
    """Runs stages that train on other machines, all others in ``here``.

    Attributes:
        here: runs stages on this machine, and pushes their outs.
        plan: the study's, all of it.
        commit: what the workers check out.
    """

    here: Stages
    plan: Plan
    commit: str
    _runs: dict[str, UUID] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: bool = False

    @property
    def directory(self) -> Path:
        """The study's directory."""
        return self.here.directory

    def slots(self, stage: Stage) -> list[str]:
        """A stage elsewhere takes no processor of this machine."""
        slots = slots_of(stage)
        return slots if stage.family not in TRAINING else [s for s in slots if s == TRACKING]

    def run(self, name: str, *, again: bool = False) -> float:
        """Run a stage to its end, here or elsewhere.

        Returns:
            The seconds that it took, with waiting for a worker.

        Raises:
            StageFailedError: it failed, or :meth:`stop` ended it.
        """
        if self.plan.stages[name].family not in TRAINING:
            return self.here.run(name, again=again)
        began = time.monotonic()
        if not self.here.restore(name):  # from a run whose end nobody was there to see
            self._elsewhere(name)
            if not self.here.restore(name):
                said = ("its worker ended well, and its result is not in DVC's remote",)
                raise StageFailedError(name, 1, said, self.here.log(name))
        return time.monotonic() - began

    def stop(self) -> None:
        """Have workers stop their stages, and end those here; start no new one."""
        with self._lock:
            self._stopping = True
            runs = dict(self._runs)
        with get_client(sync_client=True) as client:
            for run in runs.values():
                client.set_flow_run_state(run, Cancelling(message="The study's run was stopped."))
        self.here.stop()

    def _elsewhere(self, name: str) -> None:
        parameters = {
            "commit": self.commit,
            "study": str(self.directory.relative_to(checkout_root(self.directory))),
            "name": name,
            "inputs": entries(self.directory, sorted(self.plan.above(name))),
            "seconds": self.here.limits.get(name),
        }
        with self._lock:
            if self._stopping:
                raise StageFailedError(name, 130, ("stopped before it began",), self.here.log(name))
            made = run_deployment(DEPLOYMENT, parameters=parameters, timeout=0)
            self._runs[name] = made.id
        try:
            state = self._ended(made.id, name)
        finally:
            with self._lock:
                del self._runs[name]
        if not state.is_completed():
            heals = state.is_crashed() or state.name == TRY_AGAIN
            said = (state.message or state.name or "it did not say why",)
            raise StageFailedError(name, TRANSIENT if heals else 1, said, self.here.log(name))

    def _ended(self, run: UUID, name: str) -> State:
        """The last state of a flow run; where this run is stopped, its state after some time.

        One that a worker took and never began is marked as crashed: Prefect looks after those alone
        that have begun.
        """
        end: float | None = None
        seen, since, told = None, time.monotonic(), False
        with get_client(sync_client=True) as client:
            while True:
                state = client.read_flow_run(run).state
                assert state is not None
                if state.is_final():
                    return state
                if state.id != seen:
                    seen, since = state.id, time.monotonic()
                waited = time.monotonic() - since
                if state.is_pending() and waited > BEGIN_SECONDS:
                    lost = f"a worker took it and did not begin within {BEGIN_SECONDS:.0f} seconds"
                    crashed = Crashed(message=f"{lost}; is its machine gone?")
                    client.set_flow_run_state(run, crashed, force=True)
                elif state.is_scheduled() and waited > NOBODY_SECONDS and not told:
                    told = True
                    print(
                        f"{name} has waited for a worker for {waited:.0f} seconds: start one with "
                        f"'python flows/worker.py --pool {POOL}' in a clone on another machine.",
                        file=sys.stderr,
                    )
                if self._stopping:
                    end = end or time.monotonic() + STOP_SECONDS
                    if time.monotonic() > end:
                        return state
                time.sleep(POLL_SECONDS)


def pushed_commit(root: Path) -> str:
    """The commit of a checkout that workers can have: what is here is committed and pushed.

    Raises:
        ConfigError: it is not.
    """
    changed = [
        line[3:]
        for line in _git(root, "status", "--porcelain", "--untracked-files=no")
        if Path(line[3:]).name != "dvc.lock"
    ]
    if changed:
        raise ConfigError(
            f"{root}: {', '.join(changed[:3])} differ from what is committed, and workers on other "
            "machines check out a commit; commit and push them."
        )
    (commit,) = _git(root, "rev-parse", "HEAD")
    if not _git(root, "branch", "--remotes", "--contains", commit):
        raise ConfigError(
            f"{root}: no branch of the git remote has {commit[:12]}, from which workers on other "
            "machines check it out; push it."
        )
    return commit


def require_committed(study: Path, root: Path) -> None:
    """Stop where a study's own files are in no commit.

    Raises:
        ConfigError: some are not.
    """
    wanted = [
        str((study / name).relative_to(root)) for name in ("params.yaml", "graph.yaml", "dvc.yaml")
    ]
    missing = sorted(set(wanted) - set(_git(root, "ls-files", "--", *wanted)))
    if missing:
        raise ConfigError(
            f"{study}: {', '.join(missing)} are not committed, and workers on other machines check "
            "out a commit; add, commit and push them."
        )


def _git(root: Path, *words: str) -> Sequence[str]:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise ConfigError(
            f"{root}: 'spread' has workers on other machines check out a commit, and git does not say "
            f"which one this is ({said.strip().splitlines()[0]}); run it in a clone, with git, or "
            "leave 'spread' out."
        ) from error
    return done.stdout.splitlines()
