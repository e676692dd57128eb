"""A checkout with a very small study of its own, for tests that go through DVC and the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from prefect_server import new_home

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
QUIET = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DVC_NO_ANALYTICS": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}

STUDY: dict[str, Any] = {
    "study": {"name": "tiny", "source": "lab", "seeds": [1]},
    "languages": {"evaluation": ["en", "de"], "pretraining": ["en", "de"]},
    "models": {
        "one": {"layers": 1, "width": 16, "heads": 2, "feed_forward": 32},
        "two": {"layers": 1, "width": 32, "heads": 2, "feed_forward": 64},
    },
    "arms": {
        "direct_en": {"regime": "direct_en"},
        "direct_de": {"regime": "direct_tgt", "language": "de"},
        "inter_en": {"regime": "intermediate_en", "intermediate": ["lab_typing"]},
        "inter_de": {
            "regime": "intermediate_tgt",
            "intermediate": ["lab_typing"],
            "language": "de",
        },
    },
    "tasks": {
        "lab_nli": {"train_rows": 96, "dev_rows": 24, "test_rows": 24, "epochs": 1, "max_length": 64},
        "lab_ner": {"train_rows": 96, "dev_rows": 24, "test_rows": 24, "epochs": 1, "max_length": 64},
    },
    "intermediate": {
        "lab_typing": {"train_rows": 60, "dev_rows": 12, "test_rows": 12, "epochs": 1, "max_length": 64}
    },
    "pretrain": {
        "version": 1,
        "corpus_lines": 300,
        "parallel_lines": 0,
        "vocabulary": 450,
        "positions": 64,
        "tokens": 20_000,
        "sequence_length": 64,
        "batch_tokens": 1024,
        "learning_rate": 0.003,
        "warmup_fraction": 0.1,
        "seed": 0,
    },
    "train": {"version": 1, "precision": "fp32", "evaluations": 1, "learning_rate_scale": 1.0},
    "evaluation": {"batch_tokens": 8192},
    "analysis": {"resamples": 100},
}


class Checkout:
    """A git and DVC repository in ``folder`` with the project's files and a study."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def make(cls, folder: Path, study: dict[str, Any]) -> Checkout:
        """Lay the files down and commit them."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("src", "flows"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
        for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
            shutil.copy(ROOT / name, folder / name)
        made = cls(folder)
        made.write_params(study)
        made.git("init", "-q", "-b", "main")
        made.run("dvc", "init", "-q")
        new_home(folder / ".xlgap" / "prefect")
        shutil.copy(ROOT / ".dvc" / "config", folder / ".dvc" / "config")
        made.xlgap("graph")
        made.commit("study")
        return made

    def copy(self, folder: Path) -> Checkout:
        """The same checkout with all its results, elsewhere."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Checkout(folder)

    @property
    def params(self) -> dict[str, Any]:
        """``params.yaml``."""
        return yaml.safe_load((self.folder / "params.yaml").read_text())

    def write_params(self, study: dict[str, Any]) -> None:
        """Replace ``params.yaml``."""
        text = yaml.safe_dump(study, sort_keys=False)
        (self.folder / "params.yaml").write_text(text)

    @property
    def environment(self) -> dict[str, str]:
        """Variables of every command: this checkout's own sources, no store of the user's."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("XLGAP_", "MLFLOW_"))}
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        source = str(self.folder / "src")
        name = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org"}
        commits = {"GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org"}
        return {**kept, **QUIET, **name, **commits, "PATH": path, "PYTHONPATH": source}

    def run(
        self, *command: str, check: bool = True, timeout: float = 540, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, (
            f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
        return done

    def xlgap(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run ``xlgap``."""
        return self.run("xlgap", *words, **options)

    def dvc(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run ``dvc``."""
        return self.run("dvc", *words, **options)

    def git(self, *words: str) -> str:
        """Run ``git``; returns what it printed."""
        return self.run("git", *words).stdout

    def commit(self, message: str) -> None:
        """Commit everything, ``dvc.lock`` too."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def stale(self) -> set[str]:
        """The stages whose own dependencies, parameters or outs have changed."""
        return set(json.loads(self.dvc("status", "--json").stdout))
