"""``xlgap clean`` removes what studies leave, and nothing else."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from xlgap.alone import alone
from xlgap.commands import remove_results
from xlgap.errors import ResultError

LEFT = ("data", "models", "results", "report", "scratch", "weights", "journal")
STORE = ("mlflow.db", "mlflow.db-wal", "mlflow.db-shm", "mlflow.db.lock", "dvc.lock")
KEPT = ("params.yaml", "studies/small.yaml", "src/xlgap/cell.py", ".dvc/cache/x", ".venv/bin/python")


def test_clean_leaves_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [f"{name}/file" for name in (*LEFT, "mlartifacts", ".xlgap", "studies/small")]
    for name in (*folders, *STORE, *KEPT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    remove_results(Namespace())
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()} == set(KEPT)


def test_nothing_is_cleaned_under_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = tmp_path / "studies" / "small"
    for path in (
        tmp_path / ".dvc" / "config",
        tmp_path / "data" / "file",
        study / "scratch" / "file",
        study.with_suffix(".yaml"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    with alone(study), pytest.raises(ResultError, match="another run of the study"):
        remove_results(Namespace())
    assert (tmp_path / "data" / "file").exists()
    assert (study / "scratch" / "file").exists()
