"""A small real DVC repository with the shape of a study, whose stages are shell commands."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FLOWS = Path(__file__).resolve().parents[2] / "flows"
ENVIRONMENT = {
    "DVC_NO_ANALYTICS": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "SHELL": "/bin/sh",
    "GIT_CONFIG_GLOBAL": os.devnull,
}

# prepare@x ---> finetune@one-x ---> score@x ---> summary
#                finetune@two-x --/
PIPELINE: dict[str, Any] = {
    "prepare": {
        "foreach": {"x": {}, "y": {}},
        "do": {
            "cmd": "head -c 1 source/${key} > ${key}.data && echo ${key} >> ran",
            "deps": ["source/${key}"],
            "outs": ["${key}.data"],
        },
    },
    "finetune": {
        "foreach": {
            f"{model}-{task}": {"model": model, "task": task}
            for model in ("one", "two")
            for task in ("x", "y")
        },
        "do": {
            "cmd": "echo ${key} >> ran && . ./cell.sh && cat ${item.task}.data > ${key}.out",
            "deps": ["${item.task}.data"],
            "params": ["models.${item.model}"],
            "outs": ["${key}.out"],
        },
    },
    "score": {
        "foreach": {"x": {}, "y": {}},
        "do": {
            "cmd": "echo score-${key} >> ran && cat one-${key}.out two-${key}.out > ${key}.score",
            "deps": ["one-${key}.out", "two-${key}.out"],
            "outs": ["${key}.score"],
        },
    },
    "summary": {
        "cmd": "echo summary >> ran && cat x.score y.score > all",
        "deps": ["x.score", "y.score"],
        "outs": ["all"],
    },
}
STAGES = {
    *("prepare@x", "prepare@y", "score@x", "score@y", "summary"),
    *(f"finetune@{model}-{task}" for model in ("one", "two") for task in ("x", "y")),
}


class Toy:
    """The repository in ``folder``; ``cell.sh`` is what every finetune stage runs first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "source").mkdir()
        for name in "xy":
            (folder / "source" / name).write_text(name)
        (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": PIPELINE}))
        self.models(one={"layers": 2, "width": 32}, two={"layers": 4, "width": 64})
        self.cell(":")
        shutil.copytree(_repository(), folder, dirs_exist_ok=True)

    def models(self, **models: dict[str, int]) -> None:
        """Write ``params.yaml``."""
        (self.folder / "params.yaml").write_text(yaml.safe_dump({"models": models}))

    def cell(self, script: str) -> None:
        """What finetune stages do."""
        (self.folder / "cell.sh").write_text(script + "\n")

    def ran(self) -> list[str]:
        """The commands that ran since the last call."""
        path = self.folder / "ran"
        lines = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """The flow in a process group of its own; what it says is in the file ``errors``."""
        with (self.folder / "errors").open("w") as errors:
            return subprocess.Popen(
                [sys.executable, str(FLOWS / "grid.py"), *arguments],
                cwd=self.folder,
                env={**os.environ, **ENVIRONMENT, **environment},
                stderr=errors,
                text=True,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # as without nohup
            )


@cache
def _repository() -> Path:
    """An empty repository of git and DVC, made once a process."""
    folder = Path(tempfile.mkdtemp(prefix="toy-"))
    for command in (["git", "init", "-q", "."], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True, env={**os.environ, **ENVIRONMENT})
    return folder


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_dead(pid: int, seconds: float = 30.0) -> None:
    """Fail unless the process ends in time."""
    import time

    end = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"process {pid} was left behind")
        time.sleep(0.05)
