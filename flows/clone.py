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
from xlgap.errors import ConfigError
from xlgap.prefork import launch


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
        ConfigError: the git remote does not have the commit.
    """
    survive_our_reader()
    put_our_programs_first()
    root = Path.cwd()
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


@contextmanager
def at_commit(root: Path, commit: str) -> Iterator[None]:
    """Have a clone at a commit for the time of a block; stages of one commit run side by side.

    What differs from the commit in the clone is lost: nobody works in it.

    Raises:
        ConfigError: the git remote does not have it.
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
    if _git(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode != 0:
        _git(root, "fetch", "--quiet", "--all")
    done = _git(root, "checkout", "--quiet", "--force", "--detach", commit)
    if done.returncode != 0:
        raise ConfigError(
            f"{root}: cannot check out {commit[:12]}: {done.stderr.strip()}; push the commit to the "
            "git remote that this clone fetches from."
        )


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
