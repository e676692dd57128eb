"""Deployments at work: real server, scheduler and workers carry a tiny study to its end, or stop it.

The tests go on from each other, in their order; what one waits for, the one before it has begun.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
import yaml
from checkout import ROOT, STUDY, Checkout
from mlflow.tracking import MlflowClient
from mlflow_servers import MlflowServer, mlflow_server
from prefect import Flow
from prefect.client.schemas.objects import FlowRun
from prefect.states import Crashed, Failed
from prefect_server import PREFECT, PrefectServer, free_port, running_server
from services import HAS_POSTGRES, database
from toy import wait_dead

from artifacts import run_links
from notify import VARIABLE, tell
from slots import CPU, GPU, TRACKING, has_gpu
from xlgap.alone import alone
from xlgap.formats import file_digest, read_json, write_json

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SILENCE = 60  # seconds until a run without heartbeats is crashed
TINY: dict[str, Any] = {
    **STUDY,
    "study": {**STUDY["study"], "seeds": [1, 2]},
    "models": {"one": STUDY["models"]["one"]},
    "arms": {name: STUDY["arms"][name] for name in ("direct_en", "direct_de")},
    "tasks": {"lab_nli": STUDY["tasks"]["lab_nli"]},
    "intermediate": {},
}
ENDLESS = {"study": {"name": "endless"}, "pretrain": {"tokens": 2_000_000_000}}
ENDLESSLY: dict[str, Any] = {"study": "studies/endless.yaml", "workers": 1}
CHOSEN: dict[str, Any] = {**ENDLESSLY, "models": ["one"], "seeds": [7]}
HOURS = 3.0  # more than any of these stages takes, so that nothing need be planned


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with the deployments and two studies; all runs of this module work in it."""
    made = Checkout.make(tmp_path_factory.mktemp("operated") / "checkout", TINY)
    shutil.copy(ROOT / "prefect.yaml", made.folder)
    shutil.copytree(ROOT / "launch", made.folder / "launch")
    (made.folder / "studies").mkdir()
    (made.folder / "studies" / "endless.yaml").write_text(yaml.safe_dump(ENDLESS))
    made.commit("deployments")
    return made


class _Webhook(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted."""

    told: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.append({**json.loads(body), "path": self.path})
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a team's webhook, and what it was told."""
    told: list[dict[str, Any]] = []
    handler = type("Handler", (_Webhook,), {"told": told})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/hook-of-the-team-9f1c", told
        listening.shutdown()


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """The MLflow server of the team."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as running:
        yield running


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    place: Checkout,
    webhook: tuple[str, list[dict[str, Any]]],
    tracking: MlflowServer,
) -> Iterator[PrefectServer]:
    """A server with the deployments of ``prefect.yaml``, and one worker."""
    folder = tmp_path_factory.mktemp("prefect")
    with database(folder) as known, running_server(folder, {**place.environment, **known}) as running:
        options = ("--silence", str(SILENCE), *(() if HAS_POSTGRES else ("--no-slots",)))
        provision = (sys.executable, "flows/provision.py", *options)
        first = running.command(*provision, cwd=place.folder)
        assert running.command(*provision, cwd=place.folder) == first
        running.command(*PREFECT, "deploy", "--all", cwd=place.folder)
        told = {"XLGAP_WEBHOOK": webhook[0], "MLFLOW_TRACKING_URI": tracking.uri}
        running.worker(place.folder, "first", "--work-queue", "default", **told)
        yield running


@pytest.fixture(scope="module")
def scheduled(server: PrefectServer) -> Callable[[], Any]:
    """Puts ``refresh`` on a schedule of one minute; waits for the run that it makes, and ends it."""
    found = server.get("deployments/name/refresh/refresh")
    (nightly,) = found["schedules"]
    assert not nightly["active"]  # until somebody turns it on
    minutely = {"schedule": {"cron": "* * * * *", "timezone": "Europe/Berlin"}, "active": True}
    schedules = f"deployments/{found['id']}/schedules"
    (made,) = server.ask("POST", schedules, json=[minutely]).raise_for_status().json()

    def started() -> list[Any]:
        rows = server.post("flow_runs/filter", deployments={"id": {"any_": [found["id"]]}})
        return [row for row in rows if row["state"]["type"] not in {"SCHEDULED", "PENDING"}]

    def wait() -> Any:
        server.until(started, "a scheduled run", 150)
        server.ask("DELETE", f"{schedules}/{made['id']}").raise_for_status()
        (run,) = started()
        return run

    return wait


@pytest.fixture(scope="module")
def late(server: PrefectServer) -> str:
    """A run of which a stage may take 40 seconds, imports included."""
    return server.run_deployment("study/study", **CHOSEN, stage_hours=40 / 3600)


def test_wrong_parameters_are_one_sentence_and_nothing_starts(
    server: PrefectServer,
    place: Checkout,
    webhook: tuple[str, list[dict[str, Any]]],
    scheduled: Callable[[], Any],
) -> None:
    """Of a wrong kind, or that there are not: no run is made. Of a wrong name: it fails at once."""
    address, told = webhook
    found = server.get("deployments/name/study/study")
    path = f"deployments/{found['id']}"
    closed = {"additionalProperties": False}.items()
    server.until(lambda: closed <= server.get(path)["parameter_openapi_schema"].items(), "a worker")
    for wrong in ({"seeds": ["one"]}, {"workers": 0}, {"seeds": []}, {"model": ["one"]}):
        answer = server.ask("POST", f"{path}/create_flow_run", json={"parameters": wrong})
        assert answer.status_code in {409, 422}, wrong
    assert "Additional properties are not allowed ('model' was unexpected)" in answer.text

    run = server.run_deployment("study/study", **(CHOSEN | {"models": ["oen"]}))
    state = server.until_final(run)
    assert state["type"] == "FAILED"
    sentence = "UnknownNameError: unknown model of the study 'oen'; did you mean 'one'?"
    assert state["message"] == f"Flow run encountered an exception: {sentence}"
    assert server.task_runs(run) == []
    assert [file.name for file in (place.folder / "studies").iterdir()] == ["endless.yaml"]
    assert place.git("status", "--porcelain", "studies", "params.yaml") == ""

    (message,) = told
    assert message["state"] == "Failed"
    assert message["id"] == run
    assert sentence in message["message"]
    assert message["path"] in address
    secret = address.rpartition("/")[2]
    assert secret not in json.dumps(server.post("logs/filter", limit=200))
    assert secret not in server.said()


def test_the_hook_is_called_by_position_and_by_name(
    webhook: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Prefect calls it for runs that failed, and for those that crashed."""
    address, told = webhook
    monkeypatch.setenv(VARIABLE, address)
    before, run = len(told), FlowRun(name="a run", flow_id=uuid4())
    tell(Flow(lambda: None, name="study"), run, Failed(message="why"))
    tell(flow=Flow(lambda: None, name="study"), flow_run=run, state=Crashed(message="why"))
    assert [message["text"] for message in told[before:]] == [
        "study a run: Failed. why",
        "study a run: Crashed. why",
    ]


def test_a_scheduled_run_is_carried_to_its_end(
    server: PrefectServer, place: Checkout, tracking: MlflowServer, scheduled: Callable[[], Any]
) -> None:
    """By Prefect's own scheduler; links lead to the runs at the team's MLflow server."""
    run = scheduled()
    assert run["auto_scheduled"]
    state = server.until_final(run["id"])
    assert state["type"] == "COMPLETED", state["message"] + server.said()
    assert (place.folder / "report" / "index.html").is_file()
    assert place.stale() == set()

    shown = server.artifacts(run["id"])
    assert shown.keys() == {"cells-tiny", "audit-tiny", "report-tiny"}
    linked = re.findall(rf"\[([12])\]\({tracking.uri}/#/runs/(\w+)\)", shown["cells-tiny"])
    client = MlflowClient(tracking.uri)
    runs = [(seed, client.get_run(found)) for seed, found in linked]
    digests = {run.data.tags["xlgap.digest"] for _, run in runs}
    assert digests == _cells(place).keys()
    assert len(linked) == 4
    for seed, found in runs:
        assert found.info.run_name.endswith(f" seed {seed}")
        assert found.info.run_id not in _cells(place).values()
        assert found.info.status == "FINISHED"
    assert "expectations hold" in shown["audit-tiny"]
    assert "passed: True" in shown["audit-tiny"]
    assert "G_native" in shown["report-tiny"]

    tasks = server.task_runs(run["id"])
    finetune = [task for task in tasks if task["name"].startswith("finetune@")]
    assert len(finetune) == 2
    assert {task["state"]["type"] for task in tasks} == {"COMPLETED"}
    assert set(finetune[0]["tags"]) == {"train", "finetune", GPU if has_gpu() else CPU, TRACKING}
    assert taken(server) == 0


def _cells(place: Checkout) -> dict[str, str]:
    """Ids of the checkout's own runs of cells, by their digests."""
    with sqlite3.connect(place.folder / "mlflow.db") as store:
        rows = store.execute(
            "select digest.value, run_uuid from tags as digest join tags as kind using (run_uuid)"
            " where digest.key = 'xlgap.digest' and kind.key = 'xlgap.kind' and kind.value = 'cell'"
        ).fetchall()
    return dict(rows)


def test_links_without_a_server_lead_to_the_runs_of_the_checkout(
    server: PrefectServer, place: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    links, note = run_links(place.folder)
    found = re.findall(r"\(http://127\.0\.0\.1:5000/#/runs/(\w+)\)", str(links))
    assert (sorted(found), note) == (sorted(_cells(place).values()), "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    links, note = run_links(place.folder)
    assert set(map(tuple, links.values())) == {("1", "2")}
    assert note.startswith("no ids at the server: the MLflow server http://127.0.0.1:")


def test_a_refresh_validates_and_reports_though_nothing_changed(
    server: PrefectServer, place: Checkout, late: str
) -> None:
    before = (place.folder / "dvc.lock").read_bytes()
    run = server.run_deployment("refresh/refresh")
    state = server.until_final(run)
    assert state["type"] == "COMPLETED", state["message"]
    assert {task["name"] for task in server.task_runs(run)} == {"validate@lab_nli", "report"}
    assert (place.folder / "dvc.lock").read_bytes() == before


def test_an_audit_runs_all_gates_on_the_data_that_are_there(
    server: PrefectServer, place: Checkout
) -> None:
    """A test item that stands in training data but for a dot is the leakage gate's to find."""
    before = (place.folder / "dvc.lock").read_bytes()
    folder = place.folder / "data" / "prepared" / "lab_nli"
    known = json.loads((folder / "train" / "de.jsonl").read_text().splitlines()[0])
    first, *others = (folder / "test" / "de.jsonl").read_text().splitlines()
    copied = {name: known[name] for name in ("label", "text")} | {"text_b": f"{known['text_b']}."}
    line = json.dumps({**json.loads(first), **copied}, ensure_ascii=False)
    (folder / "test" / "de.jsonl").write_text("\n".join([line, *others, ""]))
    facts = read_json(folder / "manifest.json")
    facts["splits"]["test"]["de"]["sha256"] = file_digest(folder / "test" / "de.jsonl", 64)
    write_json(folder / "manifest.json", facts)
    run = server.run_deployment("audit/audit")
    state = server.until_final(run)
    assert state["type"] == "FAILED"
    assert "StudyFailedError: failed: leakage; 0 more stages" in state["message"]
    assert {task["name"] for task in server.task_runs(run)} == {"validate@lab_nli", "leakage"}
    shown = server.artifacts(run)
    assert shown.keys() == {"audit-tiny"}
    assert re.search(r"validate@lab_nli \| run, \S+ \| \d+ expectations hold", shown["audit-tiny"])
    assert "| leakage | failed: error: training data hold near-duplicates" in shown["audit-tiny"]
    (place.folder / "dvc.lock").write_bytes(before)
    place.dvc("checkout", "--force", "prepare@lab_nli", "validate@lab_nli", "leakage")
    assert json.loads(place.dvc("status", "--json", "dvc.yaml").stdout) == {}


def taken(server: PrefectServer) -> int:
    """Slots that are taken; a server on SQLite has none."""
    return sum(server.slots(tag) for tag in (CPU, GPU, TRACKING)) if HAS_POSTGRES else 0


def _pretraining(place: Checkout) -> list[psutil.Process]:
    """Processes that pretrain in the checkout's endless study, or in one that is chosen of it."""
    found, pretrains = [], False
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or [])
        if "pretrain" in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            try:
                if Path(process.cwd()).is_relative_to(place.folder / "studies"):
                    found.append(process)
                    pretrains |= "pretrain" in process.info["cmdline"]
            except (psutil.AccessDenied, psutil.NoSuchProcess):
                continue
    return found if pretrains else []  # else they are children of a pre-fork server for other stages


def _is_free(server: PrefectServer, place: Checkout, study: str, *, seconds: float) -> None:
    """Nothing is held: no slot, no lock of ours, none of DVC's."""
    server.until(lambda: taken(server) == 0, "slots", seconds)
    (directory,) = (path for path in (place.folder / "studies").glob(study) if path.is_dir())
    with alone(directory):
        pass
    status = place.run("dvc", "status", "--json", "dvc.yaml", timeout=60)
    assert json.loads(status.stdout) == {}


def test_a_run_that_takes_too_long_is_stopped(
    server: PrefectServer, place: Checkout, late: str
) -> None:
    """By a limit of one stage. What was chosen is a study of its own."""
    state = server.until_final(late)
    assert state["type"] == "FAILED"
    assert "StudyFailedError: failed: pretrain@one; " in state["message"]
    (cells,) = (text for key, text in server.artifacts(late).items() if key.startswith("cells-"))
    assert "| not run |" in cells
    assert not _pretraining(place)
    (file,) = (place.folder / "studies").glob("endless_*.yaml")
    chosen = yaml.safe_load(file.read_text())
    assert chosen["study"] == {"name": file.stem, "seeds": [7]}
    assert chosen["models"].keys() == {"one"}
    assert place.git("status", "--porcelain", "params.yaml", "studies/endless.yaml") == ""


@pytest.fixture(scope="module")
def lost(server: PrefectServer, place: Checkout) -> tuple[str, float]:
    """A run whose worker was killed, which it survived, and then its process, as power does; when."""
    worker = server.worker(place.folder, "second", "--work-queue", "apart")
    run = server.run_deployment("study/study", queue="apart", **CHOSEN, stage_hours=HOURS)
    server.until(lambda: _pretraining(place), "pretraining", 150)
    beneath = _pretraining(place)
    flow = next(p for p in psutil.Process(worker.pid).children() if "prefect" in str(p.cmdline()))
    family = [flow, *flow.children(recursive=True)]
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    time.sleep(5)
    assert server.state(run)["type"] == "RUNNING"
    assert all(process.is_running() for process in beneath)
    killed = time.monotonic()
    flow.kill()
    for process in (*family, *beneath):
        wait_dead(process.pid, 30)
    return run, killed


def test_a_cancelled_run_stops_the_stage_beneath_it(
    server: PrefectServer, place: Checkout, lost: tuple[str, float]
) -> None:
    server.until(lambda: taken(server) == 0, "slots of the run that was lost", 120)
    run = server.run_deployment("refresh/refresh", **ENDLESSLY, stage_hours=HOURS)
    server.until(lambda: _pretraining(place), "pretraining", 150)
    beneath = _pretraining(place)
    assert taken(server) == (2 if HAS_POSTGRES else 0)  # a processor and the tracker
    server.post(f"flow_runs/{run}/set_state", state={"type": "CANCELLING", "name": "Cancelling"})
    end = time.monotonic() + 45
    for process in beneath:
        wait_dead(process.pid, end - time.monotonic())
    state = server.until_final(run, seconds=120)  # Prefect itself is up to 35 s behind
    assert state["type"] == "CANCELLED", state
    _is_free(server, place, "endless", seconds=20)


def test_a_machine_that_dies_leaves_nothing_running(
    server: PrefectServer, place: Checkout, lost: tuple[str, float]
) -> None:
    """Its run is told by its silence; another one goes on meanwhile."""
    again = server.run_deployment("report/report")
    run, killed = lost
    state = server.until_final(run, seconds=SILENCE + 150)
    assert state["type"] == "CRASHED"
    assert f"No heartbeat for {SILENCE} seconds" in state["message"]
    print(f"crashed {time.monotonic() - killed:.0f} s after the kill")
    assert server.until_final(again)["type"] == "COMPLETED"
    assert {task["name"] for task in server.task_runs(again)} == {"report"}
    assert server.artifacts(again).keys() == {"report-tiny"}
    _is_free(server, place, "endless_*", seconds=120)
    print(f"slots free {time.monotonic() - killed:.0f} s after the kill")
