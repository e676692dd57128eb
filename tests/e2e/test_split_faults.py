"""What a training of a network that no process holds whole survives: stops, kills, a lost file."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from faults import Server, loss_of, tags, written
from ranks import found_by

from xlgap.errors import TrainingError, TryAgainError
from xlgap.training.manifest import beside

pytestmark = pytest.mark.e2e

SAME = 2e-6  # losses of a network in one piece, fp32
WORDS = ("steps=24", "dropout=0", "stage=3", "best=8")
SPLIT = (*WORDS, "split=1")


@pytest.fixture(scope="module")
def plain(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two processes to which nothing happened."""
    return server.run(tmp_path_factory.mktemp("split"), *SPLIT, ranks=2)


@pytest.fixture(scope="module")
def slow(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Likewise, learning at a rate at which it goes on to get better."""
    return server.run(tmp_path_factory.mktemp("slow"), *SPLIT, "rate=0.0005", ranks=2)


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


def test_a_hang_while_weights_are_shared_out_ends(server: Server, tmp_path: Path) -> None:
    training = server.start(tmp_path, *SPLIT, "hang=4", "stuck=2", ranks=2)
    try:
        assert training.code(0) == TryAgainError.exit_code
    finally:
        training.kill(signal.SIGKILL, rank=1)
    assert training.code(1) == -signal.SIGKILL
    assert "no progress for 4 seconds in sharing out the weights, " in training.said()


def test_work_with_the_disk_that_fails_on_one_is_an_error_on_all(tmp_path: Path) -> None:
    first, second = found_by("failing_work.py", tmp_path / "found.json", ranks=2)
    assert first.startswith("TrainingError: another process failed in reading what is there")
    assert second == "KeyError: 'lost'"


def test_lost_best_weights_are_one_sentence(server: Server, tmp_path: Path) -> None:
    training = server.start(tmp_path, *SPLIT, "pause=0.02", ranks=2)
    training.until_step(7)
    training.stop()
    assert written(tmp_path)
    for path in (tmp_path / "scratch").glob("*.safetensors"):
        path.unlink()
    again = server.start(tmp_path, *SPLIT, ranks=2)
    assert again.codes() == [TrainingError.exit_code] * 2
    for rank in (0, 1):
        assert "is gone, the weights of the best evaluation, which" in again.said(rank)
        assert "Traceback" not in again.said(rank)
    whole = server.start(tmp_path, *WORDS, ranks=2)
    assert whole.codes() == [TrainingError.exit_code] * 2
    assert "is gone, the weights of the best evaluation, which" in whole.said()


def cut(server: Server, folder: Path) -> tuple[Path, int, int]:
    """Killed where two checkpoints have best weights of their own: those of the newer one, and both."""
    for _ in range(5):
        training = server.start(folder, *SPLIT, "pause=0.05", "rate=0.0005", ranks=2)
        training.until(lambda: len(two_best(folder)) == 2)
        for rank in (0, 1):
            training.kill(signal.SIGKILL, rank=rank)
        training.codes()
        if len(found := two_best(folder)) == 2:
            (older, _), (newer, path) = sorted(found.items())
            return path, older, newer
    raise AssertionError("no two checkpoints")


def two_best(folder: Path) -> dict[int, Path]:
    """By checkpoint its best weights, where they are not those of the one before."""
    found: dict[int, Path] = {}
    for step in sorted(written(folder)):
        with suppress(OSError, ValueError):
            manifest = folder / "scratch" / f"step{step}" / "rank0.json"
            if not manifest.with_name("rank1.json").is_file():
                continue
            for name in json.loads(manifest.read_text())["beside"]:
                if (path := folder / "scratch" / name) not in found.values():
                    found[step] = path
    return found


@pytest.mark.parametrize("after", [WORDS, SPLIT], ids=["in one piece", "split"])
@pytest.mark.parametrize("harm", ["truncated", "changed"])
def test_of_damaged_best_weights_the_checkpoint_before_them_goes_on(
    server: Server, slow: dict[str, Any], tmp_path: Path, harm: str, after: tuple[str, ...]
) -> None:
    path, older, newer = cut(server, tmp_path)
    with path.open("r+b") as file:
        if harm == "truncated":
            file.truncate(path.stat().st_size // 2)
        else:
            file.seek(path.stat().st_size // 2)
            file.write(b"\x00\xff" * 64)
    training = server.start(tmp_path, *after, "rate=0.0005", ranks=2)
    assert training.codes() == [0, 0], training.said()
    assert f"goes on after step {older} of 24" in training.said()
    said = tags(tmp_path)["checkpoint_damaged"]
    assert said.startswith(f"the checkpoint of step {newer} is left out: {path} has ")
    assert ("bytes" if harm == "truncated" else "another checksum") in said
    assert training.facts()["weights"] == slow["weights"]


@pytest.mark.parametrize(
    ("after", "harm"),
    [(SPLIT, "truncated"), (WORDS, "gone")],
    ids=["split, truncated", "in one piece, gone"],
)
def test_where_all_checkpoints_go_on_from_the_damaged_ones_those_before_stand_in(
    server: Server, tmp_path: Path, after: tuple[str, ...], harm: str
) -> None:
    """As they do whenever checkpoints come more often than best evaluations."""
    words = ("best=6", "rate=0.0005")
    training = server.start(tmp_path, *SPLIT, *words, "pause=0.05", ranks=2)
    training.until_step(13)
    training.stop()
    told = {step: beside(tmp_path / "scratch" / f"step{step}") for step in written(tmp_path)}
    newest = told[max(told)]
    assert len(told) == 2
    assert all(of == newest for of in told.values())
    ((path, before),) = zip(newest.files, newest.instead, strict=True)
    lost, kept = (int(name.removeprefix("best").split(".")[0]) for name in (path, before))
    file = tmp_path / "scratch" / path
    file.unlink() if harm == "gone" else os.truncate(file, 100)
    training = server.start(tmp_path, *after, *words, ranks=2)
    assert training.codes() == [0, 0], training.said()
    assert f"goes on after step {max(told)} of 24" in training.said()
    said = tags(tmp_path)
    assert "checkpoint_damaged" not in said
    assert said["best_weights_damaged"].startswith(f"{file} ")
    assert f"the best weights before those, {before}" in said["best_weights_damaged"]
    found = training.facts()["facts"]
    scores, best = dict(found["dev"]), found["best_step"]
    assert sorted(scores) == [4, 8, 12, 16, 20, 24]
    rest = {step: score for step, score in scores.items() if step == kept or step > lost}
    assert rest[best] == max(rest.values())


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
