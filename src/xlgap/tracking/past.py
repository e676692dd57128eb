"""Runs as a store has them, found by id or by digest, with files that were kept with them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from xlgap.errors import ResultError, XlgapError
from xlgap.tracking.base import DIGEST
from xlgap.tracking.login import use_login_files
from xlgap.tracking.store import open_client
from xlgap.tracking.sync import all_runs, by_digest, winner
from xlgap.tracking.uri import shown, without_logins


@dataclass(frozen=True)
class PastRun:
    """A run that was tracked.

    Attributes:
        store: the URI of the store that has it.
        files: what was asked for of its files, by name; those that it lacks are not there.
    """

    id: str
    name: str
    store: str
    tags: dict[str, str]
    params: dict[str, str]
    files: dict[str, bytes]

    def document(self, name: str) -> dict[str, Any] | None:
        """A JSON file of the run; None where it has none, or it is none."""
        try:
            found = json.loads(self.files[name])
        except (KeyError, ValueError):
            return None
        return found if isinstance(found, dict) else None


def find_run(stores: Sequence[str], run_id: str, *, wanted: Sequence[str]) -> PastRun:
    """The run in the first of the stores that has it.

    Args:
        stores: their URIs.
        run_id: its id there, or its tag ``xlgap.digest``, which is the same everywhere.
        wanted: files and folders that were kept with it, to be read.

    Raises:
        ResultError: none has it, or its files cannot be read.
        ConfigError, XlgapError: a store cannot be opened.
    """
    use_login_files()
    for store in stores:
        with open_client(store, patience=0) as client:
            try:
                run = _by_id(client, run_id) or _by_digest(client, run_id)
            except (MlflowException, OSError) as error:
                raise _unsaid(store, f"whether it has run {run_id}", error) from error
            if run is not None:
                return PastRun(
                    id=run.info.run_id,
                    name=run.info.run_name,
                    store=store,
                    tags=run.data.tags,
                    params=run.data.params,
                    files=_files(client, run.info.run_id, wanted, store),
                )
    where = " and ".join(shown(store) for store in stores)
    raise ResultError(
        f"no run {run_id} in {where}; give the id that the MLflow UI shows or the tag {DIGEST}, and "
        "with --from the store that has it."
    )


def ids_by_digest(uri: str, experiment: str) -> dict[str, str]:
    """The id at a server of each digest's run in an experiment; empty where it has no such experiment.

    Raises:
        ConfigError, XlgapError: the server cannot be asked, see
            :func:`~xlgap.tracking.store.open_client`.
    """
    use_login_files()
    with open_client(uri, patience=0) as client:
        try:
            found = client.get_experiment_by_name(experiment)
            runs = [] if found is None else all_runs(client, found.experiment_id)
        except (MlflowException, OSError) as error:
            raise _unsaid(uri, "which runs it has", error) from error
    best = {digest: winner(of_one) for digest, of_one in by_digest(runs).items()}
    return {digest: run.info.run_id for digest, run in best.items() if run is not None}


def _unsaid(uri: str, what: str, error: Exception) -> XlgapError:
    said = without_logins(str(error)).splitlines()[0].rstrip(".")
    return XlgapError(f"the MLflow store {shown(uri)} does not say {what}: {said}.")


def _by_id(client: MlflowClient, run_id: str) -> Run | None:
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise
    return run if run.info.lifecycle_stage == "active" else None


def _by_digest(client: MlflowClient, digest: str) -> Run | None:
    if not digest.isalnum():
        return None
    experiments = [found.experiment_id for found in client.search_experiments()]
    runs = client.search_runs(experiments, f"tags.`{DIGEST}` = '{digest}'", max_results=1)
    return runs[0] if runs else None


def _files(client: MlflowClient, run_id: str, wanted: Sequence[str], store: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="xlgap-") as folder:
        try:
            there = {file.path for file in client.list_artifacts(run_id)}
            for name in (name for name in wanted if name in there):
                client.download_artifacts(run_id, name, folder)
        except (MlflowException, OSError) as error:
            raise ResultError(
                f"the files of run {run_id} cannot be read from {shown(store)}: "
                f"{without_logins(str(error)).splitlines()[0]}."
            ) from error
        root = Path(folder)
        for path in sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink()):
            found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found
