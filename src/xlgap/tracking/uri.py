"""Where the MLflow store is, without importing mlflow."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "MLFLOW_TRACKING_URI"


def default_uri(root: Path) -> str:
    """The tracking URI: ``MLFLOW_TRACKING_URI`` where it is set, else a SQLite file in ``root``."""
    return os.environ.get(VARIABLE) or f"sqlite:///{root.resolve() / 'mlflow.db'}"


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite URI, None for any other store."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def artifact_root(uri: str) -> str | None:
    """Where a SQLite store keeps its artifacts, beside itself; None where a server decides."""
    path = sqlite_path(uri)
    return (path.resolve().parent / "mlartifacts").as_uri() if path else None
