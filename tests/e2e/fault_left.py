"""What a study leaves, and what of it is not as it was where nothing happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy
import yaml
from checkout import Checkout

TIMES = frozenset({"xlgap.opened", "xlgap.synced", "xlgap.prefect_flow_run", "xlgap.directory"})
"""Tags that differ from run to run of the same study."""
SPEED = frozenset({"hfu", "mfu", "peak_flops"})
"""Figures of the process that took the steps: one that finds them done has none."""
EVENTS = "xlgap.event."
PARENT = "mlflow.parentRunId"
RUNS = """
    SELECT r.run_uuid, r.name, r.status, r.artifact_uri FROM runs r
    JOIN experiments e ON e.experiment_id = r.experiment_id
    WHERE r.lifecycle_stage = 'active' AND e.name = :experiment
"""
STEPS = """
    SELECT key, count(DISTINCT step) FROM metrics WHERE run_uuid = :run GROUP BY key
"""
DATA = """
    SELECT d.name, d.digest FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id
    WHERE i.destination_id = :run
"""


@dataclass(frozen=True)
class Store:
    """An MLflow store: ``url`` of its database, and where artifacts are on this machine's disk."""

    url: str
    artifacts: Path

    def runs(self, experiment: str) -> dict[str, Any]:
        """By name: how many runs, and what the last of them holds that is the same each time.

        That is its status, params, data sets and files, tags without times, how many steps each
        figure has, and the last values of those that are no times.
        """
        found: dict[str, Any] = {}
        engine = sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.pool.NullPool)
        with engine.connect() as base:

            def rows(text: str, **words: str) -> list[Any]:
                return list(base.execute(sqlalchemy.text(text), words))

            for run, name, status, uri in rows(RUNS, experiment=experiment):
                params = rows("SELECT key, value FROM params WHERE run_uuid = :run", run=run)
                tags = rows("SELECT key, value FROM tags WHERE run_uuid = :run", run=run)
                last = rows("SELECT key, value FROM latest_metrics WHERE run_uuid = :run", run=run)
                steps = dict(rows(STEPS, run=run))
                known = found.setdefault(name, {"runs": 0})
                known["runs"] += 1
                known |= {
                    "status": status,
                    "params": dict(params),
                    "tags": {key: _told(key, value) for key, value in tags if _lasts(key)},
                    "steps": {k: n for k, n in steps.items() if _counts(k)},
                    "values": {key: value for key, value in last if _same(key)},
                    "data": sorted({tuple(row) for row in rows(DATA, run=run)}),
                    "files": self._files(uri),
                }
        engine.dispose()
        return found

    def _files(self, uri: str) -> list[str]:
        """The names of a run's artifacts: ``.../RUN/artifacts`` is below the store's folder."""
        (run,) = list(self.artifacts.rglob(uri.rstrip("/").split("/")[-2])) or [self.artifacts / "-"]
        folder = run / "artifacts"
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def _lasts(tag: str) -> bool:
    return tag == PARENT or not (tag in TIMES or tag.startswith((EVENTS, "mlflow.")))


def _counts(figure: str) -> bool:
    return figure not in SPEED and not figure.startswith("event_")


def _told(tag: str, value: str) -> str:
    return "a run" if tag == PARENT else value


def _same(figure: str) -> bool:
    return figure.startswith(("accuracy", "dev_", "gap", "params_", "train_loss", "train_tokens"))


@dataclass(frozen=True)
class Left:
    """What a study leaves that does not depend on what happened to it.

    Attributes:
        answers: the bytes of ``report/answers.json``.
        lock: ``dvc.lock``, whose stages stand in the order in which they ended.
        stores: by name, runs as :meth:`Store.runs` has them.
    """

    answers: bytes
    lock: Mapping[str, Any]
    stores: Mapping[str, Mapping[str, Any]]

    @classmethod
    def by(cls, folder: Path, stores: Mapping[str, Store]) -> Left:
        """In a checkout, and in the MLflow stores that its runs go to."""
        params = yaml.safe_load((folder / "params.yaml").read_text())
        return cls(
            (folder / "report" / "answers.json").read_bytes(),
            yaml.safe_load((folder / "dvc.lock").read_text()),
            {name: store.runs(f"xlgap/{params['study']['name']}") for name, store in stores.items()},
        )

    def lost(self, than: Left) -> list[str]:
        """What is not as it was undisturbed, in sentences."""
        found = []
        if self.answers != than.answers:
            found.append("answers.json differs")
        mine, whole = self.lock["stages"], than.lock["stages"]
        if other := sorted(n for n in mine.keys() | whole.keys() if mine.get(n) != whole.get(n)):
            found.append(f"dvc.lock differs: {', '.join(other[:5])}")
        for name, runs in than.stores.items():
            found += [f"{name}: {said}" for said in _lost_runs(self.stores[name], runs)]
        return found


def _lost_runs(mine: Mapping[str, Any], whole: Mapping[str, Any]) -> list[str]:
    found = []
    for name in sorted(whole.keys() | mine.keys()):
        if name not in mine or name not in whole:
            found.append(f"run {name} is {'missing' if name not in mine else 'one too many'}")
            continue
        for what, want in whole[name].items():
            if mine[name][what] != want:
                found.append(f"run {name}: {what} {_difference(mine[name][what], want)}")
    return found


def _difference(mine: Any, want: Any) -> str:
    if isinstance(mine, Mapping) and isinstance(want, Mapping):
        keys = sorted(k for k in mine.keys() | want.keys() if mine.get(k) != want.get(k))
        return "differ: " + ", ".join(f"{k}: {mine.get(k)} for {want.get(k)}" for k in keys[:3])
    if isinstance(mine, list):
        fewer, more = [x for x in want if x not in mine], [x for x in mine if x not in want]
        return f"lack {fewer[:5]}, have {more[:5]} in addition ({len(mine)} for {len(want)})"
    return f"{mine} for {want}"


def stuck(checkout: Checkout) -> list[str]:
    """What DVC would run again, and locks of its that somebody holds."""
    found = []
    done = checkout.run("dvc", "status", "--json", check=False, timeout=120)
    if done.returncode != 0 or json.loads(done.stdout or "{}"):
        found.append(f"dvc status: {done.stdout[-300:]}{done.stderr[-300:]}")
    held = checkout.folder / ".dvc" / "tmp" / "rwlock"
    entries = json.loads(held.read_text() or "{}") if held.is_file() else {}
    for path, holders in (pair for kind in entries.values() for pair in kind.items()):
        for one in holders if isinstance(holders, list) else [holders]:
            if psutil.pid_exists(one["pid"]):  # DVC takes no notice of the dead
                found.append(f"{held.name}: {path} is held by {one}")
    return found
