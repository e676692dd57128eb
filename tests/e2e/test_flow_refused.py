"""The flow refuses what DVC cannot read, and a place without a study, in one sentence."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from toy import Toy

pytestmark = pytest.mark.e2e


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def refused(toy: Toy, *words: str) -> str:
    """The one sentence that the flow ends with."""
    with toy.start(*words) as process:
        assert process.wait(60) == 2
    said = (toy.folder / "errors").read_text()
    assert re.fullmatch(r"error: .+\.\n", said), said
    return said


@pytest.mark.parametrize("damage", ["{}", "{{{ nope", None])
def test_another_study_that_dvc_cannot_read_is_named(toy: Toy, damage: str | None) -> None:
    other = toy.folder / "studies" / "other"
    other.mkdir(parents=True)
    (other / "dvc.yaml").write_text("vars: [graph.yaml]\nstages: {a: {cmd: 'echo ${graph.root}'}}\n")
    if damage is not None:
        (other / "graph.yaml").write_text(damage)
    said = refused(toy)
    assert said.startswith(f"error: {other}: ")
    assert "run 'make graph STUDY=studies/other.yaml', or remove that study's directory." in said


def test_a_checkout_without_git_is_one_sentence(toy: Toy) -> None:
    shutil.rmtree(toy.folder / ".git")
    assert "DVC works in a git repository only" in refused(toy)


@pytest.mark.parametrize("name", ["nowhere", "source", ".."])
def test_a_directory_without_a_study_is_refused_and_left_alone(toy: Toy, name: str) -> None:
    (toy.folder / "errors").touch()
    before = sorted(p for p in toy.folder.rglob("*") if ".git" not in p.parts)
    said = refused(toy, "--directory", name)
    assert str((toy.folder / name).resolve()) in said
    assert sorted(p for p in toy.folder.rglob("*") if ".git" not in p.parts) == before
    assert not (toy.folder.parent / "journal").exists()
