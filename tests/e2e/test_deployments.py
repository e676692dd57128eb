"""Deployments at work: real server, scheduler and workers carry a tiny study to its end, or stop it."""

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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from checkout import ROOT, STUDY, Checkout
from prefect_server import PREFECT, PrefectServer, running_server
from services import POSTGRES, database
from toy import wait_dead

from slots import CPU, GPU, TRACKING, has_gpu
from xlgap.alone import alone

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SILENCE = 60  # seconds until a run without heartbeats is crashed
TINY: dict[str, Any] = {
    **STUDY,
    "arms": {name: STUDY["arms"][name] for name in ("direct_en", "direct_de")},
    "tasks": {"lab_nli": STUDY["tasks"]["lab_nli"]},
    "intermediate": {},
}
ENDLESS = {"study": {"name": "endless"}, "pretrain": {"tokens": 2_000_000_000}}


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
def server(
    tmp_path_factory: pytest.TempPathFactory,
    place: Checkout,
    webhook: tuple[str, list[dict[str, Any]]],
) -> Iterator[PrefectServer]:
    """A server with the deployments of ``prefect.yaml``, and one worker."""
    folder = tmp_path_factory.mktemp("prefect")
    with database(folder) as known, running_server(folder, {**place.environment, **known}) as running:
        options = ("--silence", str(SILENCE), *(() if os.environ.get(POSTGRES) else ("--no-slots",)))
        provision = (sys.executable, "flows/provision.py", *options)
        first = running.command(*provision, cwd=place.folder)
        assert running.command(*provision, cwd=place.folder) == first
        running.command(*PREFECT, "deploy", "--all", cwd=place.folder)
        running.worker(place.folder, "first", XLGAP_WEBHOOK=webhook[0])
        yield running


def test_a_scheduled_run_is_carried_to_its_end(server: PrefectServer, place: Checkout) -> None:
    """By Prefect's own scheduler, on a schedule of one minute."""
    found = server.get("deployments/name/refresh/refresh")
    (nightly,) = found["schedules"]
    assert not nightly["active"]  # until somebody turns it on
    minutely = {"schedule": {"cron": "* * * * *", "timezone": "Europe/Berlin"}, "active": True}
    schedules = f"{server.api}/deployments/{found['id']}/schedules"
    (made,) = httpx.post(schedules, json=[minutely]).raise_for_status().json()

    def started() -> list[Any]:
        rows = server.post("flow_runs/filter", deployments={"id": {"any_": [found["id"]]}})
        return [row for row in rows if row["state"]["type"] not in {"SCHEDULED", "PENDING"}]

    server.until(started, "a scheduled run", 150)
    httpx.delete(f"{schedules}/{made['id']}").raise_for_status()
    (run,) = started()
    assert run["auto_scheduled"]
    state = server.until_final(run["id"])
    assert state["type"] == "COMPLETED", state["message"] + server.said()
    assert (place.folder / "report" / "index.html").is_file()
    assert place.stale() == set()

    shown = server.artifacts(run["id"])
    assert shown.keys() == {"cells-tiny", "audit-tiny", "report-tiny"}
    linked = set(re.findall(r"\(http://127\.0\.0\.1:5000/#/runs/(\w+)\)", shown["cells-tiny"]))
    with sqlite3.connect(place.folder / "mlflow.db") as store:
        cells = store.execute(
            "select run_uuid from tags where key = 'xlgap.kind' and value = 'cell'"
        ).fetchall()
    assert linked == {run for (run,) in cells}
    assert len(linked) == 4
    assert "expectations hold" in shown["audit-tiny"]
    assert "passed: True" in shown["audit-tiny"]
    assert "G_native" in shown["report-tiny"]

    tasks = server.task_runs(run["id"])
    finetune = [task for task in tasks if task["name"].startswith("finetune@")]
    assert len(finetune) == 4
    assert {task["state"]["type"] for task in tasks} == {"COMPLETED"}
    assert set(finetune[0]["tags"]) == {"train", "finetune", GPU if has_gpu() else CPU, TRACKING}
    assert taken(server) == 0


def test_a_refresh_validates_and_reports_though_nothing_changed(
    server: PrefectServer, place: Checkout
) -> None:
    """What a second one runs; and the audit and the report alone."""
    before = (place.folder / "dvc.lock").read_bytes()
    runs = {name: server.run_deployment(f"{name}/{name}") for name in ("refresh", "audit", "report")}
    ran = {
        "refresh": {"validate@lab_nli", "report"},
        "audit": {"validate@lab_nli", "leakage"},
        "report": {"report"},
    }
    for name, run in runs.items():
        state = server.until_final(run)
        assert state["type"] == "COMPLETED", state["message"]
        assert {task["name"] for task in server.task_runs(run)} == ran[name]
    assert server.artifacts(runs["audit"]).keys() == {"audit-tiny"}
    assert (place.folder / "dvc.lock").read_bytes() == before


def test_an_audit_finds_data_that_changed(server: PrefectServer, place: Checkout) -> None:
    rows = place.folder / "data" / "prepared" / "lab_nli" / "test" / "de.jsonl"
    rows.write_text(re.sub(r'"label": ?"\w+"', '"label": "perhaps"', rows.read_text()))
    run = server.run_deployment("audit/audit")
    state = server.until_final(run)
    assert state["type"] == "FAILED"
    assert "failed: validate@lab_nli; 1 more stages" in state["message"]
    shown = server.artifacts(run)["audit-tiny"]
    assert "| validate@lab_nli | failed: " in shown
    assert "| leakage | not run |" in shown
    place.dvc("checkout", "--force", "prepare@lab_nli", "validate@lab_nli")
    assert place.stale() == set()


def test_wrong_parameters_are_one_sentence_and_nothing_starts(
    server: PrefectServer, place: Checkout, webhook: tuple[str, list[dict[str, Any]]]
) -> None:
    address, told = webhook
    found = server.get("deployments/name/study/study")
    made = f"{server.api}/deployments/{found['id']}/create_flow_run"
    for wrong in ({"seeds": ["one"]}, {"workers": 0}, {"seeds": []}, {"model": ["one"]}):
        assert httpx.post(made, json={"parameters": wrong}).status_code in {409, 422}, wrong

    logs = set((place.folder / "journal" / "logs").iterdir())
    run = server.run_deployment("study/study", models=["oen"])
    state = server.until_final(run)
    assert state["type"] == "FAILED"
    sentence = "UnknownNameError: unknown model of the study 'oen'; did you mean 'one'?"
    assert state["message"] == f"Flow run encountered an exception: {sentence}"
    assert server.task_runs(run) == []
    assert set((place.folder / "journal" / "logs").iterdir()) == logs
    assert place.git("status", "--porcelain", "studies", "params.yaml") == ""

    (message,) = told
    assert message["state"] == "Failed"
    assert sentence in message["message"]
    assert message["path"] in address
    secret = address.rpartition("/")[2]
    assert secret not in json.dumps(server.post("logs/filter", limit=200))
    assert secret not in server.said()


def taken(server: PrefectServer) -> int:
    """Slots that are taken; a server on SQLite has none."""
    if not os.environ.get(POSTGRES):
        return 0
    return server.slots(CPU) + server.slots(GPU) + server.slots(TRACKING)


def _pretraining(place: Checkout) -> list[psutil.Process]:
    """Processes that pretrain in the checkout's endless study, or in one that is chosen of it."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or [])
        if "pretrain" in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            try:
                if Path(process.cwd()).is_relative_to(place.folder / "studies"):
                    found.append(process)
            except (psutil.AccessDenied, psutil.NoSuchProcess):
                continue
    return found


def _started(server: PrefectServer, place: Checkout) -> str:
    """A run of an endless study that trains."""
    run = server.run_deployment(
        "study/study", study="studies/endless.yaml", models=["one"], seeds=[7], workers=1
    )
    server.until(lambda: _pretraining(place), "pretraining", 150)
    return run


def _is_free(server: PrefectServer, place: Checkout, *, seconds: float) -> None:
    """Nothing is held: no slot, no lock of ours, none of DVC's."""
    server.until(lambda: taken(server) == 0, "slots", seconds)
    (directory,) = (place.folder / "studies").glob("endless_*/")
    with alone(directory):
        pass
    status = place.run("dvc", "status", "--json", "dvc.yaml", timeout=60)
    assert json.loads(status.stdout) == {}


def test_a_run_that_takes_too_long_is_stopped(server: PrefectServer, place: Checkout) -> None:
    """By a limit of one stage, and of the whole run."""
    asked = {"study": "studies/endless.yaml", "models": ["one"], "seeds": [7], "workers": 1}
    run = server.run_deployment("study/study", **asked, stage_hours=20 / 3600)
    state = server.until_final(run)
    assert state["type"] == "FAILED"
    assert "StudyFailedError: failed: pretrain@one; " in state["message"]
    shown = server.artifacts(run)
    (cells,) = (text for key, text in shown.items() if key.startswith("cells-"))
    assert "| not run |" in cells
    assert not _pretraining(place)


def test_a_cancelled_run_stops_the_stage_beneath_it(server: PrefectServer, place: Checkout) -> None:
    before = (place.folder / "params.yaml").read_bytes()
    run = _started(server, place)
    beneath = _pretraining(place)
    assert taken(server) in {0, 2}  # a processor and the tracker, where there are slots
    asked = time.monotonic()
    server.post(f"flow_runs/{run}/set_state", state={"type": "CANCELLING", "name": "Cancelling"})
    state = server.until_final(run, seconds=60)
    assert state["type"] == "CANCELLED", state
    assert time.monotonic() - asked < 45
    for process in beneath:
        wait_dead(process.pid, 5)
    _is_free(server, place, seconds=20)
    (file,) = (place.folder / "studies").glob("endless_*.yaml")  # what was chosen is a study of its own
    chosen = yaml.safe_load(file.read_text())
    assert chosen["study"] == {"name": file.stem, "seeds": [7]}
    assert chosen["models"].keys() == {"one"}
    assert (place.folder / "params.yaml").read_bytes() == before


def test_a_machine_that_dies_leaves_nothing_running(
    server: PrefectServer, place: Checkout, tmp_path: Path
) -> None:
    """First the worker alone is killed, which its flow survives; then the flow, as power does."""
    server.post("work_pools/xlgap/queues/filter")  # the first worker is to leave this run alone
    first = next(p for p in psutil.process_iter(["cmdline"]) if _is_worker(p, "first"))
    os.kill(first.pid, signal.SIGSTOP)
    try:
        worker = server.worker(place.folder, "second")
        run = _started(server, place)
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
        state = server.until_final(run, seconds=SILENCE + 90)
        assert state["type"] == "CRASHED"
        assert f"No heartbeat for {SILENCE} seconds" in state["message"]
        print(f"crashed {time.monotonic() - killed:.0f} s after the kill")
        _is_free(server, place, seconds=120)
        print(f"slots free {time.monotonic() - killed:.0f} s after the kill")
    finally:
        os.kill(first.pid, signal.SIGCONT)
    again = server.run_deployment("report/report")
    assert server.until_final(again, seconds=90)["type"] == "COMPLETED"


def _is_worker(process: psutil.Process, name: str) -> bool:
    words = process.info["cmdline"] or []
    return "worker" in words and name in words
