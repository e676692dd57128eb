"""Which runs an experiment has, and what they hold; without importing mlflow where a file answers."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote

from xlgap.tracking.base import CONTENT, DIGEST
from xlgap.tracking.uri import sqlite_path

_NAMES = """
    SELECT digest.value, named.key FROM experiments
    JOIN runs ON runs.experiment_id = experiments.experiment_id AND runs.lifecycle_stage = 'active'
    JOIN tags AS digest ON digest.run_uuid = runs.run_uuid AND digest.key = ?
    JOIN (SELECT run_uuid, key FROM tags
          UNION ALL SELECT run_uuid, key || '=' || value FROM tags WHERE key = ?
          UNION ALL SELECT run_uuid, key FROM params
          UNION ALL SELECT run_uuid, key FROM latest_metrics) AS named
      ON named.run_uuid = runs.run_uuid
    WHERE experiments.name = ?
"""


def tracked(uri: str, experiment: str) -> dict[str, set[str]]:
    """For each digest of the experiment's runs the names of the run's tags, params and metrics.

    Deleted runs are not counted. The tag ``xlgap.content`` is also there as ``xlgap.content=VALUE``. A
    SQLite store is read by itself, which takes milliseconds, where importing mlflow takes most of a
    second.

    Raises:
        ConfigError, XlgapError: see :func:`~xlgap.tracking.store.open_client`.
    """
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        return {}
    if path is not None:
        with contextlib.suppress(sqlite3.Error):  # MLflow says what is wrong, or what is new
            return _read(path, experiment)
    from xlgap.tracking.mlflow import search_names

    return search_names(uri, experiment)


def _read(path: Path, experiment: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as store:
        for digest, name in store.execute(_NAMES, [DIGEST, CONTENT, experiment]):
            found.setdefault(digest, set()).add(name)
    return found
