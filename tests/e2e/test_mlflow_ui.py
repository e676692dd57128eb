"""The MLflow UI: its server ends with the command; a real browser shows the runs and a chart."""

from __future__ import annotations

import math
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from checkout import STUDY, Checkout

from xlgap.tracking.mlflow import open_run
from xlgap.tracking.summary import log_study

DOCS = Path(__file__).resolve().parents[2] / "docs"
SIZES = {"small": 3e4, "medium": 3e5, "large": 3e6}

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
needs_chromium = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs Chromium: apt-get install chromium chromium-driver",
)


@pytest.fixture
def store(tmp_path: Path) -> str:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for model, size in SIZES.items():
        run = open_run(uri=uri, experiment="lab", name=f"{model} seed 0", digest=model, tags={})
        run.metrics({"params_nonembedding": size})
        run.close()
    rows = [
        {
            "model": m,
            "params_total": 2 * n,
            "params_nonembedding": n,
            "gap_inter": 30 - 4 * math.log10(n),
        }
        for m, n in SIZES.items()
    ]
    log_study(uri=uri, experiment="lab", study="toy", summary_metrics={}, per_model=rows)
    return uri


@needs_chromium
def test_shows_the_runs_and_the_gap(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    from screenshots import shoot_study

    for picture in shoot_study(store, "lab", "toy", tmp_path / "images"):
        content = picture.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) > 20_000


@needs_chromium
def test_a_store_without_the_study_is_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, str(DOCS / "screenshots.py"), "--uri", f"sqlite:///{tmp_path}/mlflow.db"]
    done = subprocess.run(
        [*command, "--experiment", "lab", "--study", "no"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr


def serves(port: int) -> bool:
    """Whether the UI answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout.make(tmp_path_factory.mktemp("ui") / "checkout", STUDY)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_the_whole_server(checkout: Checkout, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = subprocess.Popen(
        [sys.executable, "-m", "xlgap", "ui", "--port", str(port)],
        cwd=checkout.folder,
        env=checkout.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 120
    while not serves(port):
        assert command.poll() is None
        assert time.monotonic() < end
        time.sleep(0.2)
    started = psutil.Process(command.pid).children(recursive=True)
    assert len(started) > 2
    command.send_signal(number)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130
    assert said.splitlines()[-1] == "interrupted."
    assert not psutil.wait_procs(started, timeout=5)[1]
    with socket.create_server(("127.0.0.1", port)):
        pass
