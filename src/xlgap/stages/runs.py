"""Which runs the cells of a study have: digests, ids here and at the server, commits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xlgap.errors import ResultError, unknown
from xlgap.stages.identity import run_digest
from xlgap.stages.study import Study, predictions
from xlgap.tracking.base import DIGEST, SUPERSEDED
from xlgap.tracking.local import read_store
from xlgap.tracking.uri import sqlite_path, store_uri

AT_SERVER = "at_server"
COLUMNS = ("cell", "seed", "digest", "run", AT_SERVER, "status", "commit", "dvc_md5")


def runs_of(
    study: Study,
    *,
    model: str | None,
    arm: str | None,
    task: str | None,
    seed: int | None,
    at_server: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The runs behind the scores of cells; of a cell that is not done there is none.

    Args:
        study: of the current directory.
        model: as a row of scores names it; None: all.
        arm: the same.
        task: the same.
        seed: the same.
        at_server: the ids of the server's runs, by digest.

    Raises:
        UnknownNameError: the study has none of that name.
        ResultError: no cell that is asked for is done.
    """
    cells = study.grid.cells
    asked = {
        "model": (model, {cell.model for cell in cells}),
        "arm": (arm, {cell.arm.name for cell in cells}),
        "task": (task, {cell.task.name for cell in cells}),
    }
    for what, (name, known) in asked.items():
        if name is not None and name not in known:
            raise unknown(what, name, known)
    found = [
        {**row, AT_SERVER: at_server.get(row["digest"])}
        for row in _rows(study, (model, arm, task), seed)
    ]
    if not found:
        raise ResultError("no cell that is asked for is done; run the study first.")
    return found


def _rows(study: Study, names: tuple[str | None, ...], seed: int | None) -> Iterator[dict[str, Any]]:
    path = sqlite_path(store_uri(study.root))
    tracked = {}
    if path is not None and path.is_file():
        with read_store(path) as store:
            tracked = {run.tags[DIGEST]: run for run in store.runs()}
    for cell in study.grid.cells:
        of_cell = (cell.model, cell.arm.name, cell.task.name)
        wanted = all(name in (None, one) for name, one in zip(names, of_cell, strict=True))
        if not wanted or not (predictions(cell) / "cell.json").is_file():
            continue
        for number, facts in study.trained(cell).items():
            if number not in study.params.study.seeds or seed not in (None, number):
                continue
            digest = run_digest(study, cell, number, trained=facts["digest"])
            run = tracked.get(digest)
            tags = {} if run is None else run.tags
            yield {
                "cell": cell.key,
                "seed": number,
                "digest": digest,
                "run": None if run is None else run.id,
                "status": None if run is None else "superseded" if SUPERSEDED in tags else run.status,
                "commit": tags.get("xlgap.git_sha"),
                "dvc_md5": tags.get("xlgap.dvc_md5"),
            }
