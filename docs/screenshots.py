"""Screenshots of the MLflow UI for the manual: the runs of a study, and a gap against size.

    python docs/screenshots.py --experiment NAME --study NAME [--uri URI] [--out docs/images]

Starts ``mlflow server`` on the store and drives a headless Chromium through ChromeDriver (Debian:
``apt-get install chromium chromium-driver``) by the plain WebDriver protocol.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient

from xlgap.errors import DataError, XlgapError
from xlgap.tracking.uri import store_uri
from xlgap.tracking.view import SIZE, view_path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1400,900",
)
PATIENCE = 90.0

COUNT = """
const shown = document.body.innerText.match(/(\\d+) matching runs?/);
return shown && +shown[1] >= arguments[0] && +shown[1] <= arguments[1];
"""
SHOWS = "return document.body.innerText.includes(arguments[0])"
POINTS = "return document.querySelectorAll('.scatterlayer .point').length"
CLOSE_ASSISTANT = """
const close = document.querySelector('[data-component-id="mlflow.assistant.chat_panel.close"]');
if (close) close.click();
"""


class Browser:
    """A headless Chromium, driven by WebDriver calls."""

    def __init__(self, driver: str, profile: Path, *flags: str) -> None:
        """Open a browser with an empty profile and more ``flags`` through the ChromeDriver."""
        words = [*FLAGS, *flags, f"--user-data-dir={profile}"]
        options = {"args": words, "binary": shutil.which("chromium")}
        logs = {"browser": "ALL"}
        always = {"goog:chromeOptions": options, "goog:loggingPrefs": logs}
        wanted = {"capabilities": {"alwaysMatch": always}}
        self._session = f"{driver}/session/{call(f'{driver}/session', wanted)['sessionId']}"

    def open(self, url: str) -> None:
        """Go to a page."""
        call(f"{self._session}/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that a script in the page returns."""
        return call(f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, what: str, script: str, *arguments: Any) -> Any:
        """Wait until a script returns something true; ``what`` names it when that does not happen."""
        return patiently(what, lambda: self.run(script, *arguments))

    def shoot(self, path: Path) -> None:
        """Save what the window shows."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(call(f"{self._session}/screenshot")))

    def complaints(self, *, warnings: bool = False) -> list[str]:
        """What the console has said since the last call that is an error, or a warning."""
        levels = {"SEVERE", "WARNING"} if warnings else {"SEVERE"}
        found = call(f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in found if entry["level"] in levels]

    def close(self) -> None:
        """Close the browser."""
        call(self._session, method="DELETE")


def call(url: str, body: Any = None, *, method: str | None = None) -> Any:
    """A WebDriver call and its value."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
        return json.load(answer)["value"]


def answers(url: str) -> bool:
    """Whether a page is there."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        return bool(answer.status == 200)


def patiently(what: str, attempt: Callable[[], Any]) -> Any:
    """The first true value of ``attempt``, within :data:`PATIENCE` seconds."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            value = attempt()
            if value:
                return value
        time.sleep(0.3)
    raise XlgapError(f"waited {PATIENCE:.0f} s for {what}, which did not come.")


@contextlib.contextmanager
def program(*command: str, log: Path) -> Iterator[None]:
    """A program for the time of a block."""
    with log.open("ab") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def user_interface(uri: str, folder: Path) -> Iterator[str]:
    """An MLflow server on a store; its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    mlflow = str(Path(sys.executable).with_name("mlflow"))
    options = ("--backend-store-uri", uri, "--port", str(port), "--workers", "1")
    with program(mlflow, "server", *options, log=folder / "mlflow.log"):
        patiently("the MLflow server", lambda: answers(f"{address}/health"))
        yield address


@contextlib.contextmanager
def browser(folder: Path, *flags: str) -> Iterator[Browser]:
    """A headless Chromium, with more ``flags``.

    Raises:
        XlgapError: it is not installed.
    """
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        raise XlgapError("screenshots need Chromium: apt-get install chromium chromium-driver.")
    port = free_port()
    driver = f"http://127.0.0.1:{port}"
    with program("chromedriver", f"--port={port}", log=folder / "driver.log"):
        patiently("ChromeDriver", lambda: call(f"{driver}/status")["ready"])
        window = Browser(driver, folder / "profile", *flags)
        try:
            yield window
        finally:
            window.close()


def shoot_study(uri: str, experiment: str, study: str, out: Path) -> tuple[Path, Path]:
    """Take the pictures of a study.

    Args:
        uri: the MLflow store.
        experiment: the experiment's name.
        study: the study, whose view :func:`xlgap.tracking.summary.log_study` has written.
        out: the folder for ``mlflow-runs.png`` and ``mlflow-gap.png``.

    Returns:
        The two pictures: the list of runs, the gaps against size.

    Raises:
        DataError: the store has no such experiment.
        XlgapError: Chromium is missing, or the page did not show what it should.
    """
    found = MlflowClient(uri).get_experiment_by_name(experiment)
    if found is None:
        raise DataError(f"{uri} has no experiment {experiment!r}; run a study first.")
    runs, chart = out / "mlflow-runs.png", out / "mlflow-gap.png"
    with (
        tempfile.TemporaryDirectory(prefix="xlgap-") as folder,
        user_interface(uri, Path(folder)) as address,
        browser(Path(folder)) as window,
    ):
        window.open(f"{address}/#/experiments/{found.experiment_id}/runs")
        window.wait("the list of runs", COUNT, 1, sys.maxsize)
        window.run(CLOSE_ASSISTANT)
        time.sleep(1)  # the rows appear one by one
        window.shoot(runs)
        models = model_runs(uri, found.experiment_id, study)
        window.open(address + view_path(found.experiment_id, study))
        window.wait("the view's own runs", COUNT, models, models)
        window.wait("the chart's points", POINTS)
        window.wait("the chart's axis", SHOWS, SIZE)
        window.run(CLOSE_ASSISTANT)
        time.sleep(1)  # the charts take the room of the panel that closed
        window.shoot(chart)
    return runs, chart


def model_runs(uri: str, experiment_id: str, study: str) -> int:
    """How many runs the study's view shows: one a model."""
    chosen = f"tags.`xlgap.study` = '{study}' and tags.`xlgap.kind` = 'model'"
    return len(MlflowClient(uri).search_runs([experiment_id], chosen))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Screenshots of the MLflow UI.")
    parser.add_argument("--uri", default=store_uri(ROOT), help="the MLflow store")
    parser.add_argument("--experiment", required=True, help="the experiment's name")
    parser.add_argument("--study", required=True, help="the study's name")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs" / "images", help="folder for the pictures"
    )
    arguments = parser.parse_args()
    return print_pictures(
        lambda: shoot_study(arguments.uri, arguments.experiment, arguments.study, arguments.out)
    )


def print_pictures(shoot: Callable[[], Iterable[Path]]) -> int:
    """Print the pictures that ``shoot`` takes, or why it could not; the exit code."""
    try:
        pictures = shoot()
    except XlgapError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(*pictures, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
