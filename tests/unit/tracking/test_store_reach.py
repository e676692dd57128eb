"""A tracking URI that no run can be written to: one sentence, soon, without its secrets."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from xlgap.commands import check_tracking
from xlgap.errors import ConfigError, XlgapError
from xlgap.tracking import reach
from xlgap.tracking.login import login_files, use_login_files
from xlgap.tracking.past import find_run
from xlgap.tracking.store import open_client
from xlgap.tracking.uri import shown

SECRET = "hidden"


def said(uri: str, kind: type[XlgapError] = XlgapError) -> str:
    """The sentence that an attempt to open the store ends with, within a few seconds."""
    started = time.monotonic()
    with pytest.raises(kind) as raised, open_client(uri, patience=0):
        pass
    assert time.monotonic() - started < 8
    text = str(raised.value)
    assert SECRET not in text
    assert text.endswith(".")
    assert "MLFLOW_TRACKING_URI" in text
    return text


@contextmanager
def web(
    status: int, body: bytes, *, of_runs: tuple[int, bytes] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """A web server with one answer to everything, but for runs; and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            code, text = of_runs if of_runs and "/runs/get" in self.path else (status, body)
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://me:{SECRET}@127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.mark.parametrize(
    ("uri", "got"),
    [
        ("foo://x", "got the scheme 'foo'"),
        (f"foo://me:{SECRET}@x", "got the scheme 'foo'"),
        ("databricks", "got a path, or a word"),
        ("databricks://profile", "got the scheme 'databricks'"),
        ("./mlruns", "got a path, or a word"),
        ("file:///tmp/mlruns", "got the scheme 'file'"),
        ("sqlite:///", "sqlite: without a file"),
        ("sqlite://", "sqlite: without a file"),
        ("sqlite:///runs.db?mode=ro", "or with options"),
        ("http://", "without a host"),
        ("http://host:port", "malformed host, port"),
        (f"http://me:a/{SECRET}@host/runs", "malformed host, port or password"),
        (f"postgresql://me:{SECRET}@host/runs", "start a server on it ('mlflow server"),
        (f"mysql+pymysql://me:{SECRET}@host/runs", "is a database, which keeps no artifacts"),
    ],
)
def test_a_store_that_there_is_not(
    uri: str, got: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = said(uri, ConfigError)
    assert got in text
    assert "sqlite:///FILE" in text
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nobody_listens(scheme: str) -> None:
    text = said(f"{scheme}://me:{SECRET}@127.0.0.1:1/runs")
    assert f"{scheme}://127.0.0.1:1/runs cannot be reached (Connection refused)" in text


def test_a_server_that_accepts_and_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = said(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "cannot be reached (no answer in time)" in text


@pytest.mark.parametrize(
    ("status", "body", "got"),
    [
        (404, b"no such page", "does not answer as MLflow (HTTP 404)"),
        (200, b"<html>hello</html>", "does not answer as MLflow (HTTP 200)"),
        (503, b"{}", "does not answer as MLflow (HTTP 503)"),
        (401, b"who are you", "refuses the user or the password (HTTP 401)"),
    ],
)
def test_a_server_that_is_not_ours(status: int, body: bytes, got: str) -> None:
    with web(status, body) as (uri, _):
        assert got in said(uri)


def test_a_server_that_answered_once_is_not_asked_again() -> None:
    """Later outages, between the runs of one stage, are bridged by MLflow's own repetitions."""
    with web(200, b"{}") as (uri, asked):
        for _ in range(3):
            with open_client(uri):
                pass
    assert len(asked) == 1
    with open_client(uri):
        pass


def test_a_run_that_this_login_may_not_read_is_one_sentence() -> None:
    denied = b'{"error_code": "PERMISSION_DENIED", "message": "Permission denied"}'
    with web(200, b"{}", of_runs=(403, denied)) as (uri, _), pytest.raises(XlgapError) as raised:
        find_run([uri], "0" * 32, wanted=())
    text = str(raised.value)
    assert "does not say whether it has run 000" in text
    assert text.endswith("Permission denied.")
    assert SECRET not in text


def test_a_file_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be made or opened" in said(f"sqlite:///{tmp_path}/file/mlflow.db")
    with pytest.raises(XlgapError, match=r"a directory, not a SQLite database; give a file in it\."):
        open_client(f"sqlite:///{tmp_path}").__enter__()


def test_what_is_shown_of_a_uri() -> None:
    assert shown("sqlite:////home/me@work/mlflow.db") == "sqlite:////home/me@work/mlflow.db"
    assert shown("https://host:5000/runs") == "https://host:5000/runs"
    for rest in ("me:hidden@host", "me:a/hidden@host", "me:a@hidden@host", "me:a?hidden@host"):
        assert shown(f"mysql+pymysql://{rest}/db?password=hidden#hidden") == "mysql+pymysql://host/db"


def test_a_server_that_is_started_anew_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "AGAIN_SECONDS", 0.1)
    with web(503, b"{}") as (uri, asked):
        with pytest.raises(XlgapError, match="HTTP 503"):
            reach.reach(uri, patience=0.5)
        assert len(asked) > 1
    with web(401, b"who are you") as (uri, asked):
        with pytest.raises(XlgapError, match="refuses the user"):
            reach.reach(uri, patience=5)
        assert len(asked) == 1  # waiting changes no password


def test_a_server_that_comes_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "AGAIN_SECONDS", 0.1)
    statuses = iter([503, 503, 200])
    monkeypatch.setattr(reach, "asked", lambda uri: _said(next(statuses)))
    reach.reach("http://late", patience=20)
    assert next(statuses, None) is None


def _said(status: int) -> str | None:
    return None if status == 200 else f"{reach.UNREADY}03)"


def test_a_study_starts_without_its_server_and_not_with_a_wrong_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{SECRET}@127.0.0.1:1")
    check_tracking(tmp_path)
    said = capsys.readouterr().err
    assert said.startswith("note: the MLflow server http://127.0.0.1:1 cannot be reached")
    assert SECRET not in said
    with web(401, b"who are you") as (uri, asked):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(XlgapError, match="refuses the user or the password") as raised:
            check_tracking(tmp_path)
        assert "MLFLOW_TRACKING_PASSWORD_FILE" in str(raised.value)
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        ("word\n", None, ""),
        (None, None, "cannot be read (No such file or directory)"),
        (" \n", None, "is empty"),
        ("word", "another", "are both set and differ"),
        ("word", "word", ""),
    ],
)
def test_a_login_from_files(
    text: str | None, given: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "MLFLOW_TRACKING_PASSWORD"
    monkeypatch.setenv(name, given or "")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    if text is not None:
        (tmp_path / "secret").write_text(text)
    if said:
        with pytest.raises(ConfigError) as raised:
            use_login_files()
        assert said in str(raised.value)
        assert "word" not in str(raised.value)
    else:
        use_login_files()
        assert os.environ[name] == "word"


def test_a_login_of_a_block_is_not_there_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "MLFLOW_TRACKING_PASSWORD"
    monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    (tmp_path / "secret").write_text("word")
    with login_files():
        assert os.environ[name] == "word"
    assert name not in os.environ


def test_a_file_may_change_while_a_process_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "MLFLOW_TRACKING_PASSWORD"
    monkeypatch.setenv(name, "")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    for word in ("first", "second"):
        (tmp_path / "secret").write_text(word)
        use_login_files()
        assert os.environ[name] == word
