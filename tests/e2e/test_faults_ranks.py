"""What several processes survive: a stop of one, another number of them, one that dies or hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from faults import LIMIT, MALLOC, PROGRAM, Server, Training, loss_of, runs, small_disk, tags, written

from xlgap.errors import TrainingError, TryAgainError

pytestmark = pytest.mark.e2e

SAME = 2e-6  # losses of another number of processes or ZeRO stage, fp32


@pytest.fixture(scope="module")
def plain(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two processes in ZeRO-2 to which nothing happened."""
    return server.run(tmp_path_factory.mktemp("plain"), *WORDS, "stage=2", ranks=2)


WORDS = ("steps=24", "dropout=0")


def stopped(server: Server, folder: Path, *words: str, ranks: int, rank: int = 0) -> None:
    """Begin, and send one of the processes the signal."""
    training = server.start(folder, *WORDS, *words, "pause=0.02", ranks=ranks)
    training.until_step(6)
    training.stop(rank=rank)


@pytest.mark.parametrize("stage", [0, 2, 3])
def test_a_signal_to_one_process_stops_all_and_the_same_go_on_bit_equal(
    server: Server, plain: dict[str, Any], tmp_path: Path, stage: int
) -> None:
    words = (*WORDS, f"stage={stage}")
    whole = plain if stage == 2 else server.run(tmp_path / "whole", *words, ranks=2)
    stopped(server, tmp_path / "cut", f"stage={stage}", ranks=2, rank=1)
    assert [status for _, status in runs(tmp_path / "cut")] == ["KILLED"]
    found = server.run(tmp_path / "cut", *words, ranks=2)
    assert found["weights"] == whole["weights"]
    rest = loss_of(found)
    assert 0 < len(rest) < 24
    assert rest == loss_of(whole)[-len(rest) :]
    assert [status for _, status in runs(tmp_path / "cut")] == ["FINISHED"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((2, 2), (2, 1)),
        ((2, 1), (2, 2)),
        ((2, 2), (3, 2)),
        ((3, 2), (1, 1)),
        ((1, 1), (3, 2)),
        ((0, 1), (2, 2)),
        ((3, 2), (0, 1)),
        ((0, 2), (0, 1)),
    ],
    ids=lambda topology: f"zero{topology[0]}x{topology[1]}",
)
def test_others_go_on_from_it(
    server: Server,
    plain: dict[str, Any],
    tmp_path: Path,
    before: tuple[int, int],
    after: tuple[int, int],
) -> None:
    stopped(server, tmp_path, f"stage={before[0]}", ranks=before[1])
    found = server.run(tmp_path, *WORDS, f"stage={after[0]}", ranks=after[1])
    rest = loss_of(found)
    assert 0 < len(rest) < 24
    assert rest == pytest.approx(loss_of(plain)[-len(rest) :], abs=SAME)
    converted = {} if before[0] == after[0] == 0 else tags(tmp_path)
    if converted:
        assert "was converted for ZeRO stage" in converted["checkpoint_converted"]
        assert len(converted) == 1
    assert [status for _, status in runs(tmp_path)] == ["FINISHED"]
    left = {path.name for path in (tmp_path / "scratch").iterdir()}
    assert left == {"step24"}


@pytest.mark.parametrize(
    ("before", "after", "kilobytes"),
    [((2, 1), (3, 1), 1100), ((0, 1), (2, 2), 800)],
    ids=["DeepSpeed", "plain"],
)
def test_without_room_to_convert_nothing_is_lost(
    server: Server,
    plain: dict[str, Any],
    tmp_path: Path,
    before: tuple[int, int],
    after: tuple[int, int],
    kilobytes: int,
) -> None:
    place = tmp_path / "disk"
    words = (*WORDS, f"stage={after[0]}")
    with small_disk(place, kilobytes=kilobytes):
        (tmp_path / "scratch").symlink_to(place)
        stopped(server, tmp_path, f"stage={before[0]}", ranks=before[1])
        kept = written(tmp_path)
        training = server.start(tmp_path, *words, "hang=20", ranks=after[1])
        assert set(training.codes()) == {TrainingError.exit_code}, training.said()
        for rank in range(after[1]):
            said = training.said(rank)
            assert "No space left on device" in said
            assert "Make room on the disk, of about twice its size" in said
            assert "Traceback" not in said
        assert written(tmp_path) == kept
        assert not list(place.glob("universal-*"))
        subprocess.run(["mount", "-o", "remount,size=8m", str(place)], check=True)
        found = server.run(tmp_path, *words, ranks=after[1])
    rest = loss_of(found)
    assert 0 < len(rest) < 24
    assert rest == pytest.approx(loss_of(plain)[-len(rest) :], abs=SAME)
    assert set(tags(tmp_path)) == {"checkpoint_converted"}
    assert [status for _, status in runs(tmp_path)] == ["FINISHED"]


def test_bf16_goes_on_nearby_and_without_zero_begins_again(server: Server, tmp_path: Path) -> None:
    whole = server.run(tmp_path / "whole", *WORDS, "stage=2", "bf16=1")
    stopped(server, tmp_path / "two", "stage=2", "bf16=1", ranks=1)
    rest = loss_of(server.run(tmp_path / "two", *WORDS, "stage=3", "bf16=1"))
    assert 0 < len(rest) < 24
    assert rest == pytest.approx(loss_of(whole)[-len(rest) :], abs=0.02)
    stopped(server, tmp_path / "none", "stage=0", "bf16=1", ranks=1)
    again = server.run(tmp_path / "none", *WORDS, "stage=2", "bf16=1")
    assert loss_of(again) == loss_of(whole)
    said = tags(tmp_path / "none")["checkpoint_unreadable"]
    assert said.startswith("the phase begins again: a checkpoint of ZeRO stage 0 on 1 process in bf16")


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_bf16_on_the_same_processes_goes_on_bit_equal(
    server: Server, tmp_path: Path, stage: int
) -> None:
    words = (f"stage={stage}", "bf16=1", "budget=20")  # several micro-batches a step
    whole = server.run(tmp_path / "whole", *WORDS, *words, ranks=2)
    stopped(server, tmp_path / "cut", *words, ranks=2)
    found = server.run(tmp_path / "cut", *WORDS, *words, ranks=2)
    assert found["weights"] == whole["weights"]
    assert found["events"] == []


@pytest.mark.parametrize("stages", [(1, 2), (3, 1)])
def test_bf16_is_converted_to_and_from_stage_1(
    server: Server, tmp_path: Path, stages: tuple[int, int]
) -> None:
    before, after = (f"stage={stage}" for stage in stages)
    whole = server.run(tmp_path / "whole", *WORDS, after, "bf16=1")
    stopped(server, tmp_path / "cut", before, "bf16=1", ranks=2)
    found = server.run(tmp_path / "cut", *WORDS, after, "bf16=1")
    rest = loss_of(found)
    assert 0 < len(rest) < 24
    assert rest == pytest.approx(loss_of(whole)[-len(rest) :], abs=0.02)
    assert [name for name, _ in found["events"]] == ["checkpoint_converted"]


@pytest.mark.parametrize("died", [0, 1])
def test_of_a_dead_process_the_others_end(server: Server, tmp_path: Path, died: int) -> None:
    training = server.start(tmp_path, *WORDS, "stage=2", "pause=0.02", "hang=20", ranks=2)
    training.until_step(4)
    training.kill(signal.SIGKILL, rank=died)
    assert training.code(died) == -signal.SIGKILL
    assert training.code(1 - died, seconds=30) == TryAgainError.exit_code
    said = training.said(1 - died)
    assert "another process is gone" in said or "no progress for 20 seconds" in said
    assert "run the same command again" in said.lower()
    server.run(tmp_path, *WORDS, "stage=2", ranks=2)
    assert [status for _, status in runs(tmp_path)] == ["FINISHED"]


def test_of_a_hung_process_the_others_end(
    server: Server, plain: dict[str, Any], tmp_path: Path
) -> None:
    training = server.start(tmp_path, *WORDS, "stage=2", "pause=0.02", "hang=4", ranks=2)
    training.until_step(4)
    hung(training, rank=1)
    said = training.said()
    assert "error: no progress for 4 seconds in step" in said
    assert "of 24" in said
    assert "in _one_step" in said or "in any_says" in said or "in barrier" in said  # of the stacks
    found = server.run(tmp_path, *WORDS, "stage=2", ranks=2)
    assert found["weights"] == plain["weights"]
    assert [status for _, status in runs(tmp_path)] == ["FINISHED"]


@pytest.mark.parametrize("split", [0, 1], ids=["in one piece", "split"])
def test_of_one_that_hangs_in_an_evaluation_the_others_end(
    server: Server, tmp_path: Path, split: int
) -> None:
    words = (*WORDS, "stage=3", f"split={split}", "best=24")
    training = server.start(tmp_path, *words, "linger=0.5", "hang=3", ranks=2)
    training.until_step(2)
    (tmp_path / "evaluating").unlink(missing_ok=True)
    training.until((tmp_path / "evaluating").is_file)
    hung(training, rank=1)
    said = training.said()
    assert "error: no progress for 3 seconds in the evaluation after step" in said
    assert "in score" in said  # of the stacks
    server.run(tmp_path, *words, ranks=2)
    assert [status for _, status in runs(tmp_path)] == ["FINISHED"]


def test_of_one_that_hangs_before_the_first_step_the_others_end(server: Server, tmp_path: Path) -> None:
    training = server.start(tmp_path, *WORDS, "stage=2", "stuck=1", "hang=3", ranks=2)
    training.until((tmp_path / "pid1").is_file)
    hung(training)
    assert "error: no progress for 3 seconds in starting the engine" in training.said()


def hung(training: Training, *, rank: int | None = None) -> None:
    """The first process ends by itself; the other one, which may have to be stopped, by the test."""
    if rank is not None:
        training.kill(signal.SIGSTOP, rank=rank)
    try:
        assert training.code(0, seconds=60) == TryAgainError.exit_code, training.said()
    finally:
        training.kill(signal.SIGKILL, rank=1)
    assert training.code(1) == -signal.SIGKILL


def test_without_memory_in_one_of_them_the_next_start_halves(server: Server, tmp_path: Path) -> None:
    large = ("rows=1536", "length=120", "steps=2", "dropout=0", "seconds=1000", "stage=1")
    whole = server.run(tmp_path / "whole", *large, ranks=2)
    folder = tmp_path / "halved"
    training = server.start(folder, *large, "memory=150", "hang=60", ranks=2)
    assert set(training.codes()) == {TryAgainError.exit_code}, training.said()
    told = training.said(0) + training.said(1)
    assert "from now on a micro-batch has at most" in told
    assert "Run the same command again." in told
    found = server.run(folder, *large, ranks=2)
    assert loss_of(found) == pytest.approx(loss_of(whole), abs=SAME)
    assert (folder / "scratch" / "adjusted.json").is_file()
    assert [status for _, status in runs(folder)] == ["FINISHED"]
    assert "memory ran out at step 1 of 2" in tags(folder)["out_of_memory"]


@contextmanager
def supervised(server: Server, folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Two processes by torchrun and our supervisor."""
    server.store(folder)
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM.with_name("supervised.py")), str(folder), *words],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **MALLOC},
    )
    try:
        yield process
    finally:
        process.kill()  # which ends its launcher, and that the ranks
        process.communicate()


def test_under_a_launcher_they_are_started_again_with_less(server: Server, tmp_path: Path) -> None:
    """As often as it takes, nobody being asked; under torchrun, whose own exit code is 1."""
    large = ("rows=6144", "length=120", "steps=1", "dropout=0", "seconds=1000", "stage=1")
    with supervised(server, tmp_path, *large, "memory=420", "hang=300") as process:
        _, said = process.communicate(timeout=4 * LIMIT)
    assert process.returncode == 0, said
    assert "It is run again here: 1 of 8 times." in said
    found = Training(server, tmp_path, []).facts()
    assert len(found["losses"]) == 1
    assert [name for name, _ in found["events"]] == ["out_of_memory"]
    assert [status for _, status in runs(tmp_path)] == ["FINISHED"]
    assert "from now on a micro-batch has at most" in tags(tmp_path)["out_of_memory"]
    assert not (tmp_path / "launch").exists()


def test_under_a_launcher_a_hung_one_is_told_and_has_its_code(server: Server, tmp_path: Path) -> None:
    """And is not started again in place: it may hang again."""
    words = (*WORDS, "stage=2", "pause=0.02", "hang=4")
    training = Training(server, tmp_path, [])
    with supervised(server, tmp_path, *words) as process:
        training.until_step(4)
        hung = int((tmp_path / "pid1").read_text())
        os.kill(hung, signal.SIGSTOP)
        try:
            training.until(lambda: (tmp_path / "launch" / "0.word").is_file())
        finally:
            os.kill(hung, signal.SIGKILL)  # torchrun would give it 30 seconds to end
        _, said = process.communicate(timeout=LIMIT)
    assert process.returncode == TryAgainError.exit_code, said
    assert said.splitlines()[-1].startswith("error: no progress for 4 seconds in step")
    assert "run again here" not in said
