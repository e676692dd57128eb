"""What a training of a network that no process holds whole survives: stops, kills, a lost file."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from faults import Server, loss_of, written

from xlgap.errors import TrainingError

pytestmark = pytest.mark.e2e

SAME = 2e-6  # losses of a network in one piece, fp32
WORDS = ("steps=24", "dropout=0", "stage=3", "best=8")
SPLIT = (*WORDS, "split=1")


@pytest.fixture(scope="module")
def plain(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two processes to which nothing happened."""
    return server.run(tmp_path_factory.mktemp("split"), *SPLIT, ranks=2)


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "scratch").glob("*.safetensors")}


def test_it_finds_what_one_piece_does(server: Server, plain: dict[str, Any], tmp_path: Path) -> None:
    whole = server.run(tmp_path, *WORDS, ranks=2)
    assert plain["facts"] == whole["facts"]
    assert plain["weights"] == whole["weights"]
    assert loss_of(plain) == pytest.approx(loss_of(whole), abs=SAME)


def test_stopped_it_goes_on_bit_equal(server: Server, plain: dict[str, Any], tmp_path: Path) -> None:
    training = server.start(tmp_path, *SPLIT, "pause=0.02", ranks=2)
    training.until_step(7)
    training.stop(rank=1)
    best = files(tmp_path)
    assert best
    found = server.run(tmp_path, *SPLIT, ranks=2)
    assert found["weights"] == plain["weights"]
    assert found["facts"] == plain["facts"]
    rest = loss_of(found)
    assert 0 < len(rest) < 24
    assert rest == loss_of(plain)[-len(rest) :]


def test_killed_it_goes_on_bit_equal(server: Server, plain: dict[str, Any], tmp_path: Path) -> None:
    training = server.start(tmp_path, *SPLIT, "pause=0.02", ranks=2)
    training.until_step(10)
    for rank in (0, 1):
        training.kill(signal.SIGKILL, rank=rank)
    assert training.codes() == [-signal.SIGKILL] * 2
    assert not list(tmp_path.glob("facts.json"))
    found = server.run(tmp_path, *SPLIT, ranks=2)
    assert found["weights"] == plain["weights"]
    assert found["facts"] == plain["facts"]
    assert 0 < len(loss_of(found)) < 24


def test_lost_best_weights_are_one_sentence(server: Server, tmp_path: Path) -> None:
    training = server.start(tmp_path, *SPLIT, "pause=0.02", ranks=2)
    training.until_step(7)
    training.stop()
    assert written(tmp_path)
    for path in (tmp_path / "scratch").glob("*.safetensors"):
        path.unlink()
    again = server.start(tmp_path, *SPLIT, ranks=2)
    assert again.codes() == [TrainingError.exit_code] * 2
    assert "the weights of the best evaluation are not there" in again.said()
    assert "Traceback" not in again.said()


@pytest.mark.parametrize("before", [WORDS, SPLIT], ids=["from one piece", "to one piece"])
def test_the_other_way_goes_on_from_its_checkpoint(
    server: Server, plain: dict[str, Any], tmp_path: Path, before: tuple[str, ...]
) -> None:
    training = server.start(tmp_path, *before, "pause=0.02", ranks=2)
    training.until_step(10)
    training.stop()
    found = server.run(tmp_path, *(WORDS if before == SPLIT else SPLIT), ranks=2)
    assert found["facts"] == plain["facts"]
    assert found["weights"] == plain["weights"]
