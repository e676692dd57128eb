"""A stage's inputs and result travel through DVC's remote between two checkouts that share nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy import Toy

from stage import ABSENT, StageFailedError, Stages, tail
from transfer import entries

pytestmark = pytest.mark.e2e

NAME = "finetune@one-x"


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """The coordinator's checkout, with a remote."""
    (tmp_path / "toy").mkdir()
    made = Toy(tmp_path / "toy")
    dvc = [sys.executable, "-m", "dvc", "remote", "add", "-q", "--default", "shared"]
    subprocess.run([*dvc, str(tmp_path / "remote")], cwd=made.folder, check=True)
    return made


@pytest.fixture
def other(toy: Toy, tmp_path: Path) -> Path:
    """A second checkout in which nothing was run."""
    return Path(shutil.copytree(toy.folder, tmp_path / "other"))


@pytest.fixture
def here(toy: Toy) -> Iterator[Stages]:
    stages = Stages(toy.folder, options=("--push",))
    yield stages
    stages.close()


def elsewhere(folder: Path, inputs: dict[str, str], *options: str, name: str = NAME) -> Stages:
    """Run a stage in another checkout as a worker does."""
    file = folder / "inputs.json"
    file.write_text(json.dumps(inputs))
    stages = Stages(folder, options=(f"--inputs={file}", *options))
    try:
        stages.run(name)
    finally:
        stages.close()
    return stages


def test_a_result_is_taken_from_where_it_was_made(toy: Toy, other: Path, here: Stages) -> None:
    assert not here.restore("prepare@x")
    assert not (toy.folder / "x.data").exists()
    here.run("prepare@x")
    assert not here.restore(NAME)
    elsewhere(other, entries(toy.folder, ["prepare@x"]), "--push")
    assert (other / "ran").read_text().split() == ["one-x"]  # what it reads was pulled
    assert toy.ran() == ["x"]

    assert here.restore(NAME)
    assert (toy.folder / "one-x.out").read_text() == "x"
    assert toy.ran() == []
    restored = (toy.folder / "dvc.lock").read_bytes()
    (toy.folder / "dvc.lock").unlink()
    shutil.rmtree(toy.folder / ".dvc" / "cache")
    for file in ("x.data", "one-x.out"):
        (toy.folder / file).unlink()
    here.run("prepare@x")
    here.run(NAME)
    assert toy.ran() == ["x", "one-x"]
    assert (toy.folder / "dvc.lock").read_bytes() == restored  # as where it runs, byte for byte


def test_another_input_is_another_result(toy: Toy, other: Path, here: Stages) -> None:
    here.run("prepare@x")
    elsewhere(other, entries(toy.folder, ["prepare@x"]), "--push")
    (toy.folder / "source" / "x").write_text("z")
    here.run("prepare@x")
    assert not here.restore(NAME)
    elsewhere(other, entries(toy.folder, ["prepare@x"]), "--push")
    assert here.restore(NAME)
    assert (toy.folder / "one-x.out").read_text() == "z"


def test_what_did_not_reach_the_remote_is_told(toy: Toy, other: Path, here: Stages) -> None:
    here.run("prepare@x")
    shutil.rmtree(toy.folder.parent / "remote")
    with pytest.raises(StageFailedError) as caught:
        elsewhere(other, entries(toy.folder, ["prepare@x"]), "--push")
    assert caught.value.transient
    assert "could not be pulled from DVC's remote" in caught.value.reason
    assert not (other / "ran").exists()
    assert here._code(NAME, "--restore") == ABSENT
    assert tail(here.log(NAME)) == []


def test_a_lock_file_with_notes_is_left_alone(toy: Toy, other: Path, here: Stages) -> None:
    here.run("prepare@x")
    (other / "dvc.lock").write_text("# a note\nschema: '2.0'\nstages: {}\n")
    with pytest.raises(StageFailedError) as caught:
        elsewhere(other, entries(toy.folder, ["prepare@x"]))
    assert "bring the file back from git" in caught.value.reason
