"""The commit of a stage's clone on another machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "flows"))
    import clone

    return clone


def git(folder: Path, *words: str) -> str:
    asked = ["git", "-c", "user.name=x", "-c", "user.email=x@y", "-C", str(folder), *words]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def committed(folder: Path, text: str) -> str:
    (folder / "file").write_text(text)
    git(folder, "add", "file")
    git(folder, "commit", "-qm", text)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q")
    committed(folder, "one")
    git(tmp_path, "clone", "-q", str(folder), str(tmp_path / "here"))
    return folder


def test_it_is_fetched_and_checked_out(clone: ModuleType, origin: Path) -> None:
    here = origin.with_name("here")
    commit = committed(origin, "two")
    clone.fetch(here, commit)
    with clone.at_commit(here, commit):
        assert (here / "file").read_text() == "two"


def test_a_remote_that_is_away_can_be_tried_again(clone: ModuleType, origin: Path) -> None:
    here = origin.with_name("here")
    first, commit = git(origin, "rev-parse", "HEAD"), committed(origin, "two")
    away = origin.rename(origin.with_name("away"))
    with pytest.raises(clone.FetchError, match=r"could not be fetched from: .+\."):
        clone.fetch(here, commit)
    clone.fetch(here, first)  # it is there: nobody is asked
    away.rename(origin)
    clone.fetch(here, commit)


def test_a_remote_without_it_is_told(clone: ModuleType, origin: Path) -> None:
    here, commit = origin.with_name("here"), "f" * 40
    clone.fetch(here, commit)
    with (
        pytest.raises(clone.ConfigError, match="push the commit to the git remote"),
        clone.at_commit(here, commit),
    ):
        pass


def test_a_fetch_without_an_end_is_given_up(
    clone: ModuleType, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = origin.with_name("here")
    monkeypatch.setattr(clone, "FETCH_SECONDS", 1.0)
    git(here, "config", "remote.origin.uploadpack", "sleep 20; git-upload-pack")
    with pytest.raises(clone.FetchError, match="no end after 1 seconds"):
        clone.fetch(here, committed(origin, "two"))
