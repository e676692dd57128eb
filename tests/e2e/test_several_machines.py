"""Two workers in two clones, one S3 remote and one Prefect server give what one machine gives."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT, STUDY, Checkout
from prefect_server import PREFECT, PrefectServer, running_server
from services import HAS_POSTGRES, postgres, s3_store

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(
        not HAS_POSTGRES,
        reason="needs Debian's postgresql: on SQLite Prefect loses states of runs (database is locked)",
    ),
]

SMALL: dict[str, Any] = {
    **STUDY,
    "models": {"one": STUDY["models"]["one"]},
    "arms": {name: STUDY["arms"][name] for name in ("direct_en", "inter_en")},
    "tasks": {"lab_nli": STUDY["tasks"]["lab_nli"]},
}


def clone(origin: Path, folder: Path) -> Checkout:
    """A clone of a git repository."""
    subprocess.run(["git", "clone", "-q", str(origin), str(folder)], check=True)
    return Checkout(folder)


def entries(checkout: Checkout) -> Any:
    """What ``dvc.lock`` says of each stage; stages may end in another order."""
    return yaml.safe_load((checkout.folder / "dvc.lock").read_text())["stages"]


def test_two_clones_give_what_one_machine_gives(tmp_path: Path) -> None:
    made = Checkout.make(tmp_path / "coordinator", SMALL)
    shutil.copy(ROOT / "prefect.yaml", made.folder)
    shutil.copytree(ROOT / "launch", made.folder / "launch")
    made.commit("deployments")
    origin = tmp_path / "origin.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(made.folder), str(origin)], check=True)
    made.git("remote", "add", "origin", str(origin))
    made.git("push", "-q", "--set-upstream", "origin", "main")
    workers = [clone(origin, tmp_path / name) for name in ("one", "two")]
    alone = clone(origin, tmp_path / "alone")

    with ThreadPoolExecutor(1) as beside, s3_store(tmp_path / "s3") as store:
        on_one = beside.submit(alone.run, sys.executable, "flows/grid.py", "--workers", "2")
        for checkout in (made, *workers):
            store.is_remote_of(checkout)
        environment = {**made.environment, "AWS_EC2_METADATA_DISABLED": "true"}
        with postgres(tmp_path / "postgres") as made_for:
            url = made_for.url("prefect", "asyncpg")
            known = {**environment, "PREFECT_API_DATABASE_CONNECTION_URL": url}
            _on_two_machines(tmp_path, known, made, workers)
        fresh = clone(origin, tmp_path / "fresh")
        store.is_remote_of(fresh)
        shutil.copy(made.folder / "dvc.lock", fresh.folder)
        fresh.dvc("pull", "-q", "dvc.yaml")  # all is in the remote, as DVC's own commands read it
        assert fresh.stale() == set()
        on_one.result()
    assert entries(made) == entries(alone)
    answers = Path("report", "answers.json")
    assert (made.folder / answers).read_bytes() == (alone.folder / answers).read_bytes()
    assert made.stale() == set()


def _on_two_machines(
    folder: Path, environment: dict[str, str], made: Checkout, workers: list[Checkout]
) -> None:
    """Run the study by the deployment, with trainings in the workers' clones."""
    with running_server(folder / "prefect", environment) as server:
        server.command(sys.executable, "flows/provision.py", "--no-slots", cwd=made.folder)
        server.command(*PREFECT, "deploy", "--all", cwd=made.folder)
        server.worker(made.folder, "coordinator")
        for worker in workers:
            name = worker.folder.name
            source = str(worker.folder / "src")
            words = ("--pool", "xlgap-stages", "--limit", "1")
            server.worker(worker.folder, name, *words, PYTHONPATH=source)
        run = server.run_deployment("study/study", spread=True, workers=2)
        state = server.until_final(run, seconds=400)
        assert state["type"] == "COMPLETED", state["message"] + server.said()
        _shared(server, made, workers)


def _shared(server: PrefectServer, made: Checkout, workers: list[Checkout]) -> None:
    """Every training ran once, in one of the clones, and none on the coordinator."""
    found = server.get("deployments/name/stage/stage")
    rows = server.post("flow_runs/filter", deployments={"id": {"any_": [found["id"]]}}, limit=100)
    trained = {
        name
        for name in entries(made)
        if name.partition("@")[0] in {"pretrain", "warmstart", "finetune"}
    }
    assert sorted(row["parameters"]["name"] for row in rows) == sorted(trained)
    folders = [worker.folder / "journal" / "logs" for worker in workers]
    logs = [{path.stem for path in folder.iterdir()} - {"prefork"} for folder in folders]
    assert logs[0] | logs[1] == trained
    assert not logs[0] & logs[1]
    assert all(logs)
    assert not (made.folder / "weights").exists()
