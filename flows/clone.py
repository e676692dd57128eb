"""The flow ``stage``: one stage of a study, in this machine's own clone; see ``away.py``."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from away import TRY_AGAIN
from dispatch import told
from ready import put_our_programs_first
from stage import StageFailedError, Stages
from unread import survive_our_reader
from xlgap.errors import ConfigError, XlgapError
from xlgap.prefork import launch

FETCH_SECONDS = 600.0


@flow(name="stage", flow_run_name="{study} {name}", validate_parameters=True)
def stage(
    commit: str, study: str, name: str, inputs: dict[str, str], seconds: float | None = None
) -> State[None]:
    """Run a stage here: pull what it reads, run it, push what it wrote.

    Args:
        commit: of the project, with the study's files.
        study: the study's directory, relative to the checkout.
        name: the stage, as DVC addresses it from there.
        inputs: the lines of ``dvc.lock`` of all stages above it, by name.
        seconds: the most that it may take.

    Raises:
        ConfigError: the git remote answers, and does not have the commit.
    """
    survive_our_reader()
    put_our_programs_first()
    root = Path.cwd()
    try:
        fetch(root, commit)
    except FetchError as error:
        return Failed(message=str(error), name=TRY_AGAIN)
    with (
        at_commit(root, commit),
        told(str(flow_run.id), 1),
        tempfile.NamedTemporaryFile("w", suffix=".json") as file,
    ):
        json.dump(inputs, file)
        file.flush()
        stages = Stages(
            root / study,
            os.environ.get(launch.VARIABLE),
            limits={} if seconds is None else {name: seconds},
            options=(f"--inputs={file.name}", "--push"),
        )
        try:
            stages.run(name)
        except StageFailedError as error:
            return Failed(message=error.reason, name=TRY_AGAIN if error.transient else "Failed")
        except BaseException:
            stages.stop()
            raise
        finally:
            stages.close()
    return Completed(message="its result is in DVC's remote")


class FetchError(XlgapError):
    """The git remote did not answer; another attempt may have it."""


def fetch(root: Path, commit: str) -> None:
    """Have a clone fetch a commit that it lacks, while its stages go on.

    Raises:
        FetchError: git could not, or not in :data:`FETCH_SECONDS`.
    """
    file = root / ".xlgap" / "fetch.lock"
    file.parent.mkdir(exist_ok=True)
    try:
        with file.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would fail on each other's references
            if _git(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0:
                return
            done = _git(root, "fetch", "--quiet", "--all", seconds=FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        said = f"no end after {FETCH_SECONDS:.0f} seconds"
    else:
        if done.returncode == 0:
            return
        said = (done.stderr.strip().splitlines() or ["git did not say why"])[-1]
    raise FetchError(f"{root}: the git remote could not be fetched from: {said}.")


@contextmanager
def at_commit(root: Path, commit: str) -> Iterator[None]:
    """Have a clone at a commit for the time of a block; stages of one commit run side by side.

    What differs from the commit in the clone is lost: nobody works in it.

    Raises:
        ConfigError: the clone does not have it.
    """
    file = root / ".xlgap" / "commit.lock"
    file.parent.mkdir(exist_ok=True)
    with file.open("w") as lock:
        while True:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if _git(root, "rev-parse", "HEAD").stdout.strip() == commit:
                break
            _switch(root, commit, lock)
        yield


def _switch(root: Path, commit: str, lock: IO[str]) -> None:
    """Check a commit out when no stage runs."""
    fcntl.flock(lock, fcntl.LOCK_UN)
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = _git(root, "checkout", "--quiet", "--force", "--detach", commit)
    if done.returncode != 0:
        raise ConfigError(
            f"{root}: cannot check out {commit[:12]}: {done.stderr.strip()}; push the commit to the "
            "git remote that this clone fetches from."
        )


def _git(root: Path, *words: str, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *words],
        cwd=root,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},  # nobody is there to answer
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
