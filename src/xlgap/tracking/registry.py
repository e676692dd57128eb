"""Models in MLflow's registry: a version a digest, its evaluation as tags, the best one by alias."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from xlgap.errors import ResultError, XlgapError
from xlgap.tracking.base import DIGEST
from xlgap.tracking.login import use_login_files
from xlgap.tracking.store import open_client
from xlgap.tracking.uri import shown, without_logins

BEST = "best"
FOLDER = "weights"
NO_WEIGHTS = "not kept"


@dataclass(frozen=True)
class Candidate:
    """A model that is to be in the registry.

    Attributes:
        name: of the registered model.
        experiment: of its run.
        digest: of its run.
        tags: its evaluation, and how it was chosen.
        weights: the folder of its weights; None where they were not kept.
        about: what the registered model is, in a sentence.
    """

    name: str
    experiment: str
    digest: str
    tags: Mapping[str, str]
    weights: Path | None
    about: str


def register(uri: str, candidates: list[Candidate]) -> list[str]:
    """Bring the registry of a store up to date; a line a model. Again, it changes nothing.

    Raises:
        ResultError: the store lacks the run of a candidate.
        ConfigError, XlgapError: it cannot be opened, or did not take a model.
    """
    use_login_files()
    with open_client(uri, patience=0) as client:
        try:
            return [_register(client, uri, candidate) for candidate in candidates]
        except MlflowException as error:
            raise XlgapError(
                f"the registry of {shown(uri)} did not take a model: "
                f"{without_logins(str(error)).splitlines()[0]}; run 'xlgap register' again."
            ) from error


def _register(client: MlflowClient, uri: str, candidate: Candidate) -> str:
    experiment = client.get_experiment_by_name(candidate.experiment)
    asked = f"tags.`{DIGEST}` = '{candidate.digest}'"
    found = client.search_runs([experiment.experiment_id], asked) if experiment else []
    if not found:
        raise ResultError(
            f"{shown(uri)} has no run of {candidate.name} (digest {candidate.digest}); run 'xlgap run' "
            "or 'xlgap sync' first."
        )
    run = found[0].info
    source = f"{run.artifact_uri}/{FOLDER}"
    if candidate.weights is not None and not _has(client, run.run_id, candidate.weights):
        client.log_artifacts(run.run_id, str(candidate.weights), FOLDER)
    with contextlib.suppress(MlflowException):  # it is there; what else is wrong, the next call says
        client.create_registered_model(candidate.name, description=candidate.about)
    versions = client.search_model_versions(f"name = '{candidate.name}'")
    version = next((v for v in versions if v.tags.get(DIGEST) == candidate.digest), None)
    tags = {**candidate.tags, DIGEST: candidate.digest}
    state = "there already" if version is not None else "new"
    if version is None:
        version = client.create_model_version(candidate.name, source, run.run_id, tags=tags)
    for key in sorted(key for key in tags if version.tags.get(key) != tags[key]):
        client.set_model_version_tag(candidate.name, version.version, key, tags[key])
    aliases = client.get_registered_model(candidate.name).aliases
    if str(aliases.get(BEST)) != str(version.version):
        client.set_registered_model_alias(candidate.name, BEST, version.version)
    kept = "" if candidate.weights is not None else f"; weights {NO_WEIGHTS}"
    return f"{candidate.name} version {version.version}, {state}{kept}"


def _has(client: MlflowClient, run_id: str, folder: Path) -> bool:
    there = {f.path.rpartition("/")[2]: f.file_size for f in client.list_artifacts(run_id, FOLDER)}
    return all(there.get(p.name) == p.stat().st_size for p in folder.iterdir() if p.is_file())
