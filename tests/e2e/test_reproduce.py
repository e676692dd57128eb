"""A run made again on a fresh clone with the DVC remote, and every reason why it cannot be."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkout import Checkout

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
CELL = "two-inter_de-lab_ner"


@dataclass
class Colleague:
    """A fresh clone of a finished study, and the store of who ran it."""

    clone: Checkout
    store: Path

    @property
    def run_id(self) -> str:
        """The run of the cell."""
        with sqlite3.connect(self.store) as base:
            asked = "select run_uuid from runs where name = ? and lifecycle_stage = 'active'"
            return str(base.execute(asked, [f"{CELL} seed 1"]).fetchone()[0])

    def tag(self, name: str, value: str | None) -> None:
        """Change a tag of the run in the store."""
        with sqlite3.connect(self.store) as base:
            base.execute("delete from tags where run_uuid = ? and key = ?", [self.run_id, name])
            if value is not None:
                row = [name, value, self.run_id]
                base.execute("insert into tags (key, value, run_uuid) values (?, ?, ?)", row)

    def artifact(self, name: str) -> Path:
        """A file of the run."""
        return self.store.parent / "mlartifacts" / self.run_id / "artifacts" / name

    def reproduce(self, *more: str, run_id: str | None = None):
        """``xlgap reproduce`` in the clone."""
        words = (run_id or self.run_id, "--from", f"sqlite:///{self.store}", *more)
        return self.clone.xlgap("reproduce", *words, check=False)


@pytest.fixture(scope="module")
def pushed(finished, tmp_path_factory) -> Colleague:
    """The study's results are in a remote; a clone knows it."""
    folder = tmp_path_factory.mktemp("colleague")
    finished.run("git", "clone", "-q", str(finished.folder), str(folder / "clone"))
    remote = folder / "remote"
    shutil.copytree(finished.folder, folder / "origin", symlinks=True)
    origin = Checkout(folder / "origin")
    origin.dvc("remote", "modify", "--local", "local", "url", str(remote))
    origin.dvc("push")
    clone = Checkout(folder / "clone")
    clone.dvc("remote", "modify", "--local", "local", "url", str(remote))
    with sqlite3.connect(origin.folder / "mlflow.db") as base:
        base.execute("pragma wal_checkpoint(truncate)")
    return Colleague(clone, origin.folder / "mlflow.db")


@pytest.fixture
def colleague(pushed, tmp_path) -> Colleague:
    """The same with a store of its own to change."""
    (tmp_path / "store").mkdir()
    shutil.copy(pushed.store, tmp_path / "store" / "mlflow.db")
    artifacts = tmp_path / "store" / "mlartifacts" / pushed.run_id
    shutil.copytree(pushed.store.parent / "mlartifacts" / pushed.run_id, artifacts)
    made = Colleague(pushed.clone, tmp_path / "store" / "mlflow.db")
    with sqlite3.connect(made.store) as base:
        uri = f"file://{artifacts}/artifacts"
        base.execute("update runs set artifact_uri = ? where run_uuid = ?", [uri, made.run_id])
    return made


def test_predictions_are_identical_on_a_fresh_clone(colleague, tmp_path) -> None:
    done = colleague.reproduce("--directory", str(tmp_path / "again"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("identical: ")
    again = tmp_path / "again"
    assert (again / "results" / "predictions" / "lab_ner" / "two-inter_de" / "seed1").is_dir()
    assert not (again / "results" / "predictions" / "lab_nli").exists()  # this cell alone
    assert not list((again / ".dvc" / "cache" / "runs").glob("*"))  # nothing came from a run-cache

    one = colleague.artifact("predictions/de.jsonl")
    lines = one.read_text().splitlines()
    row = json.loads(lines[2])
    row["tags"] = ["B-LOC"] * len(row["tags"])
    one.write_text("\n".join([*lines[:2], json.dumps(row), *lines[3:]]) + "\n")
    done = colleague.reproduce("--directory", str(tmp_path / "once-more"))
    assert done.returncode == 3, done.stderr
    said = done.stderr.splitlines()[-1]
    assert "are not identical, 1 lines differ: de.jsonl, line 3: recorded tags of " in said
    assert "Traceback" not in done.stderr


def refused(colleague: Colleague, folder: Path, **options: str) -> str:
    done = colleague.reproduce("--directory", str(folder / "again"), **options)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_what_cannot_be_made_again_is_one_sentence(colleague, tmp_path) -> None:
    assert "no run 0123 in sqlite:///" in refused(colleague, tmp_path, run_id="0123")
    then = {"xlgap.software": "python 3.11.7, torch 2.12.0"}
    with sqlite3.connect(colleague.store) as base:
        asked = "select value from tags where key = ? and run_uuid = ?"
        for name in ("xlgap.git_sha", "xlgap.git_dirty", "xlgap.kind", "xlgap.software"):
            then.setdefault(name, base.execute(asked, [name, colleague.run_id]).fetchone()[0])
        known = base.execute(asked, ["xlgap.software", colleague.run_id]).fetchone()[0]
    changes = {
        "xlgap.git_dirty": ("true", "code that differed from its commit"),
        "xlgap.git_sha": ("f" * 40, "commit ffffffffffff of run"),
        "xlgap.kind": ("model", "only runs of cells are made again"),
        "xlgap.software": (known.replace("torch 2", "torch 1"), "was made with torch 1."),
        "xlgap.restored": ("true", "it was rebuilt from results"),
    }
    for name, (value, said) in changes.items():
        colleague.tag(name, value)
        assert said in refused(colleague, tmp_path), name
        colleague.tag(name, {**then, "xlgap.software": known}.get(name))
    assert not (tmp_path / "again").exists()
    document = colleague.artifact("lineage.json")
    text = document.read_text()
    document.write_text(text.replace('"directory": "."', '"directory": "../../outside"'))
    assert "leaves its folder" in refused(colleague, tmp_path)
    document.write_text(text.replace("finetune@", "finetune@; touch /tmp/x; "))
    assert "lineage.json of run" in refused(colleague, tmp_path)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    known = json.loads(text)
    option = f"--cprofile-dump={victim}"  # of dvc, and no stage
    makers = {**known["makers"], option: {"outs": [{"path": "data"}]}}
    document.write_text(json.dumps({**known, "makers": makers}))
    assert f"'{option}' is no stage" in refused(colleague, tmp_path)
    assert victim.read_text() == "mine"
    document.write_text(json.dumps({**known, "params": {}}))
    assert "is damaged ('study')" in refused(colleague, tmp_path)
    assert not (tmp_path / "again").exists()
    document.unlink()
    assert "has no lineage.json" in refused(colleague, tmp_path)


def test_inputs_that_are_not_in_the_remote(colleague, tmp_path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    clone = colleague.clone.copy(tmp_path / "other")
    clone.dvc("remote", "modify", "--local", "local", "url", str(empty))
    said = refused(Colleague(clone, colleague.store), tmp_path)
    assert "inputs are not in the DVC remote: " in said
    assert "run 'dvc push' where the study ran" in said
