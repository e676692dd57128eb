"""How the tracker writes to a SQLite store: few commits, each one wait for the disk, then one file."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from sqlalchemy import Engine, event

from xlgap.errors import XlgapError
from xlgap.tracking import mlflow as tracking
from xlgap.tracking import store
from xlgap.tracking.store import initialise, write_back
from xlgap.tracking.summary import log_study
from xlgap.tracking.uri import sqlite_path, store_uri


@pytest.fixture
def uri(tmp_path: Path) -> str:
    store = f"sqlite:///{tmp_path}/mlflow.db"
    initialise(store)
    return store


def test_data_sets_wait_for_the_next_batch(uri: str) -> None:
    run = tracking.open_run(uri=uri, experiment="lab", name="cell", digest="d", tags={})
    for language in ("en", "de", "sw"):
        run.dataset(name=f"task/{language}", digest=language, context="evaluation", rows=2)
    client = MlflowClient(uri)
    assert client.get_run(run.run_id).inputs.dataset_inputs == []
    run.flush()
    run.flush()
    found = client.get_run(run.run_id).inputs.dataset_inputs
    assert {i.dataset.name for i in found} == {"task/en", "task/de", "task/sw"}
    assert {t.key: t.value for t in found[0].tags}["mlflow.data.context"] == "evaluation"
    run.close()
    assert len(client.get_run(run.run_id).inputs.dataset_inputs) == 3


def test_data_sets_that_another_run_records_at_the_same_moment(uri: str) -> None:
    """Between MLflow's look at the experiment's data sets and its insertion of the new ones."""
    first, second = (
        tracking.open_run(uri=uri, experiment="lab", name=name, digest=name, tags={})
        for name in ("first", "second")
    )
    for run in (first, second):
        run.dataset(name="task/en", digest="en", context="evaluation", rows=2)
    refused = []

    def insert_before(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT INTO datasets") and not refused:
            refused.append(statement)
            second.flush()

    event.listen(Engine, "before_cursor_execute", insert_before)
    try:
        first.flush()
    finally:
        event.remove(Engine, "before_cursor_execute", insert_before)
    assert refused
    client = MlflowClient(uri)
    for run in (first, second):
        (found,) = client.get_run(run.run_id).inputs.dataset_inputs
        assert found.dataset.name == "task/en"
        run.close()


def test_a_damaged_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(XlgapError, match=r"mlflow\.db: no SQLite database; move it away"):
        initialise(f"sqlite:///{tmp_path}/mlflow.db")


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    initialise(f"sqlite:///{tmp_path}/mlflow.db")
    with sqlite3.connect(tmp_path / "mlflow.db") as db:
        assert db.execute("select count(*) from experiments").fetchone() == (1,)


def test_a_store_whose_maker_was_killed_is_made_anew(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    program = f"from xlgap.tracking.store import initialise; initialise({uri!r})"
    making = subprocess.Popen([sys.executable, "-c", program])
    while not any(path.stat().st_size > 800_000 for path in tmp_path.glob("mlflow.db*-wal")):
        assert making.poll() is None, "it was not made in steps"
    making.kill()
    making.wait()
    initialise(uri)
    assert not list(tmp_path.glob("*.new*"))


def test_a_new_store_writes_ahead(uri: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_after_the_summary_the_store_is_one_file(uri: str, tmp_path: Path) -> None:
    log_study(uri=uri, experiment="lab", study="tiny", summary_metrics={"slope": 1.0}, per_model=[])
    copy = tmp_path / "copy" / "mlflow.db"
    copy.parent.mkdir()
    shutil.copy(tmp_path / "mlflow.db", copy)
    with sqlite3.connect(copy) as db:
        assert db.execute("select key, value from metrics").fetchall() == [("slope", 1.0)]


@pytest.mark.parametrize("kept", [50, 4096, 0.5])
def test_a_truncated_store_is_told(
    uri: str, tmp_path: Path, kept: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_back(uri)
    monkeypatch.setattr(store, "_checked", set())  # as in the next process
    path = tmp_path / "mlflow.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept > 1 else kept * len(whole))])
    with pytest.raises(XlgapError, match=r"truncated, it had|no SQLite database"):
        initialise(uri)


def test_a_path_may_have_any_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy 2.0 takes ``%20`` in a SQLite URI as it stands, 2.1 as a space."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/a%20b c.db")
    initialise(store_uri(tmp_path))
    assert (tmp_path / "a%20b c.db").stat().st_size > 0
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    root = tmp_path / "50%20 off"
    root.mkdir()
    initialise(store_uri(root))
    assert (root / "mlflow.db").stat().st_size > 0
    assert sqlite_path(store_uri(root)) == root / "mlflow.db"


def test_a_relative_file_is_the_checkouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs/mine.db")
    (tmp_path / "studies" / "x").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "studies" / "x")
    assert sqlite_path(store_uri(tmp_path)) == tmp_path / "runs" / "mine.db"


def test_a_store_that_is_short_while_another_process_moves_pages_in_is_sound(
    uri: str, tmp_path: Path
) -> None:
    path = tmp_path / "mlflow.db"
    with contextlib.closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("CREATE TABLE more (text)")
        writer.executemany("INSERT INTO more VALUES (?)", [("x" * 1000,)] * 200)
        writer.commit()
        with path.open("r+b") as file:  # the first page has moved in, those behind it have not
            pages = int.from_bytes(file.read(32)[28:])
            file.seek(28)
            file.write((pages + 60).to_bytes(4))
        assert path.stat().st_size < (pages + 60) * 4096
        initialise(uri)


def test_another_process_does_not_take_away_what_was_written_ahead(tmp_path: Path) -> None:
    """Closing the file anywhere in a process gives up SQLite's locks on it: it is opened once."""
    path = tmp_path / "mlflow.db"

    def opened(digest: str) -> tracking.MlflowTracker:
        return tracking.open_run(
            uri=f"sqlite:///{path}", experiment="lab", name=digest, digest=digest, tags={}
        )

    first = opened("a")
    second = opened("b")  # looks at the file again, with connections open
    first.metrics({"loss": 1.0})
    first.flush()
    other = (
        "import sqlite3, sys; base = sqlite3.connect(sys.argv[1]); "
        "base.execute('create table other (a)'); base.commit(); base.close()"
    )
    subprocess.run([sys.executable, "-c", other, str(path)], check=True)
    assert path.with_name("mlflow.db-wal").exists()
    second.close()
    first.close()
    with contextlib.closing(sqlite3.connect(path)) as base:
        assert base.execute("select count(*) from metrics").fetchone() == (1,)
        assert base.execute("pragma quick_check").fetchone() == ("ok",)
