"""``xlgap clean`` removes what studies leave, and nothing else."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from xlgap.commands import remove_results

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
