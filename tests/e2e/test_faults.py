"""What one process survives: kills, lost losses, no memory, a full disk, damaged files."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faults
import pytest
from faults import Server, loss_of, runs, tags, told, written

from xlgap.errors import TrainingError

pytestmark = pytest.mark.e2e

KILLS = 20


@pytest.fixture(scope="module")
def plain(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A training that nothing happened to."""
    folder = tmp_path_factory.mktemp("plain")
    return server.run(folder, "seconds=1000")


def one_run(folder: Path, *events: str) -> dict[str, str]:
    """There is one run, which ended well and tells of these events; what it says of each."""
    assert [status for _, status in runs(folder)] == ["FINISHED"]
    found = tags(folder)
    assert set(found) == set(events)
    return found


@pytest.mark.parametrize("stage", [0, 2])
def test_killed_at_random_moments_it_predicts_the_same(
    server: Server, tmp_path: Path, stage: int
) -> None:
    plain = server.run(tmp_path / "plain", f"stage={stage}", "seconds=1000")
    seed = time.time_ns() % 10**6
    print(f"moments of the kills are drawn from {seed}")
    draw, kills, folders = random.Random(seed), 0, [tmp_path / "killed0"]
    while kills < KILLS // 2:
        training = server.start(folders[-1], f"stage={stage}", "pause=0.03")
        code = training.code(0, seconds=draw.uniform(0.0, 1.5))
        if code is None:
            training.kill(signal.SIGKILL)
            code = training.code(0)
        if code == -signal.SIGKILL:
            kills += 1
        else:  # it was done before the kill
            assert code == 0, training.said()
            folders.append(tmp_path / f"killed{len(folders)}")
    server.run(folders[-1], f"stage={stage}")
    for folder in folders:
        assert json.loads((folder / "facts.json").read_text())["weights"] == plain["weights"]
        predictions = [(at / "predictions.json").read_bytes() for at in (folder, tmp_path / "plain")]
        assert predictions[0] == predictions[1]
        one_run(folder)


def test_a_killed_training_has_told_the_store_what_its_checkpoint_is_of(
    server: Server, tmp_path: Path
) -> None:
    """Who goes on from it tells nothing of those steps again; others wait for ten seconds."""
    steps = {"train_loss": set(range(1, 41)), "learning_rate": set(range(1, 41))}
    steps["dev_score"] = {10, 20, 30, 40}
    training = server.start(tmp_path, "best=4", "pause=0.02")
    training.until_step(22)
    training.kill(signal.SIGKILL)
    training.code(0)
    newest, known = max(written(tmp_path)), told(tmp_path)
    for name, wanted in steps.items():
        assert {step for step in wanted if step <= newest} <= known[name], name
    server.run(tmp_path, "best=4")
    assert f"goes on after step {newest} of 40" in training.said()
    assert {name: told(tmp_path)[name] for name in steps} == steps


def test_a_loss_that_is_no_number_is_left_out(
    server: Server, plain: dict[str, Any], tmp_path: Path
) -> None:
    found = server.run(tmp_path, "lost=20,30")
    losses = loss_of(found)
    assert losses[:20] == loss_of(plain)[:20]
    assert [k for k, loss in enumerate(losses) if loss is None] == [20, 30]
    assert found["facts"]["skipped"] == 2
    assert found["facts"]["examples"] == plain["facts"]["examples"] - 2 * 8
    said = one_run(tmp_path, "loss_not_finite")
    assert (
        "the loss is nan at step 31 of 40: going back, to leave out step 31"
        in (said["loss_not_finite"])
    )
    from_start = server.run(tmp_path / "from_start", "lost=20,30", "seconds=1000")
    assert from_start["weights"] == found["weights"]


@pytest.mark.parametrize("words", [(), ("lost=20,30",), ("seconds=1000", "lost=20,38")])
def test_losses_read_a_step_late_are_the_same(
    server: Server, tmp_path: Path, words: tuple[str, ...]
) -> None:
    early, late = (server.run(tmp_path / f"late{n}", *words, f"late={n}") for n in range(2))
    assert late["weights"] == early["weights"]
    assert loss_of(late) == loss_of(early)
    assert late["facts"] == early["facts"]


def test_it_is_left_out_a_few_times_only(server: Server, tmp_path: Path) -> None:
    training = server.start(tmp_path, "lost=5,10,15,20,25")
    assert training.code(0) == 2
    said = training.said().splitlines()[-1]
    assert said.startswith("error: the loss is nan at step 21 of 40, after going back 3 times and ")
    assert "leaving out 3 steps; lower the learning rate" in said
    few = server.start(tmp_path / "few", "steps=12", "lost=5,6")
    assert few.code(0) == 2
    assert "the loss is nan at step 7 of 12, after going back 1 times" in few.said()
    assert [status for _, status in runs(tmp_path)] == ["FAILED"]


def test_a_spike_is_left_out_with_the_step_before_it(server: Server, tmp_path: Path) -> None:
    found = server.run(tmp_path, "steps=100", "flipped=60,80,81")
    losses = loss_of(found)
    assert [k for k, loss in enumerate(losses) if loss is None] == [79, 80, 81]
    assert losses[60] > 2  # one alone is a hard batch
    assert losses[82] < losses[60] / 4
    assert found["facts"]["skipped"] == 3
    assert "to leave out step 80, 81, 82" in one_run(tmp_path, "loss_spike")["loss_spike"]


def test_a_spike_that_may_not_be_left_out_is_told(server: Server, tmp_path: Path) -> None:
    """At the end, where no step after it shows that the weights are good."""
    found = server.run(tmp_path, "steps=100", "flipped=98,99")
    assert not found["facts"]["skipped"]
    assert None not in loss_of(found)
    assert [status for _, status in runs(tmp_path)] == ["FINISHED"]
    said = tags(tmp_path)["loss_spike_kept"]
    assert "at step 100 of 100, far above the ones before: the steps stay, after going back 0" in said
    assert found["events"].count(["loss_spike_kept", said]) == 1


def test_a_full_disk_that_keeps_no_decision_is_one_sentence(
    server: Server, tmp_path: Path, small_disk: Path
) -> None:
    (tmp_path / "scratch").symlink_to(small_disk)
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as f:
        while True:
            f.write(bytes(4096))
    training = server.start(tmp_path, "lost=20", "seconds=1000", "stage=2", ranks=2)
    assert training.codes() == [TrainingError.exit_code] * 2
    for rank in (0, 1):
        said = training.said(rank).splitlines()[-1]
        assert "what training does otherwise from now on could not be kept" in said
        assert "make room on the disk" in said
    (small_disk / "filler").unlink()
    server.run(tmp_path, "lost=20", "stage=2", ranks=2)


def test_without_memory_it_halves_the_micro_batch_and_keeps_the_batch(
    server: Server, tmp_path: Path
) -> None:
    large = ("rows=1536", "length=120", "steps=2", "dropout=0", "seconds=1000")
    whole = server.run(tmp_path / "whole", *large)
    halved = server.run(tmp_path / "halved", *large, "memory=300")
    assert whole["events"] == []
    said = one_run(tmp_path / "halved", "out_of_memory")
    assert (
        "memory ran out at step 1 of 2: from now on a micro-batch has at most"
        in (halved["events"][0][1])
    )
    assert "in 768 rows a device, and a batch what it had" in halved["events"][0][1]
    assert said["out_of_memory"] == halved["events"][-1][1]
    assert loss_of(halved) == pytest.approx(loss_of(whole), abs=2e-6)
    same = ("examples", "tokens", "steps")
    assert [halved["facts"][k] for k in same] == [whole["facts"][k] for k in same]


def test_without_memory_for_one_row_it_says_what_to_do(server: Server, tmp_path: Path) -> None:
    training = server.start(tmp_path, "rows=2", "length=20000", "width=64", "steps=2", "memory=100")
    assert training.code(0) == 2
    said = training.said().splitlines()[-1]
    assert said.startswith("error: memory ran out at step 1 of 2, and there is one row in a micro")
    assert "turn on activation checkpointing" in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1.5 MB, which holds three checkpoints."""
    place = tmp_path / "disk"
    with faults.small_disk(place, kilobytes=1536):
        yield place


def test_a_full_disk_stops_no_training(
    server: Server, plain: dict[str, Any], tmp_path: Path, small_disk: Path
) -> None:
    (tmp_path / "scratch").symlink_to(small_disk)
    training = server.start(tmp_path, "pause=0.05")
    training.until_step(5)
    filler = small_disk / "filler"

    def failed() -> bool:
        """Whether it was told, with the disk kept full: an old checkpoint that goes makes room."""
        with contextlib.suppress(OSError), filler.open("ab", buffering=0) as f:
            while True:
                f.write(bytes(4096))
        return "could not be written" in training.said()

    training.until(failed)
    assert "No space left on device" in training.said()
    left = written(tmp_path)
    assert left  # a good one stays
    filler.unlink()
    training.until_step(max(left) + 3)  # and there are new ones again
    assert training.code(0) == 0
    assert one_run(tmp_path, "checkpoint_failed")["checkpoint_failed"].endswith("the disk.")
    assert training.facts()["weights"] == plain["weights"]
    assert all((p / "rank0.json").is_file() for p in small_disk.glob("step*"))


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_slow_disk_is_waited_for(server: Server, tmp_path: Path, ranks: int) -> None:
    """Longer than a process may hang, which is from its start on; by all processes."""
    words = ("steps=3", "hang=4", "slow=4.5", f"stage={2 * (ranks - 1)}")
    found = server.run(tmp_path, *words, ranks=ranks)
    assert (found["facts"]["steps"], found["events"]) == (3, [])


def test_weights_that_a_full_disk_does_not_take_are_an_error(
    server: Server, tmp_path: Path, small_disk: Path
) -> None:
    (tmp_path / "weights").symlink_to(small_disk)
    (small_disk / "filler").write_bytes(bytes(1500 * 1024))
    training = server.start(tmp_path, "steps=4")
    assert training.code(0) == 2
    said = training.said().splitlines()[-1]
    assert said.startswith(f"error: {tmp_path / 'weights' / 'model.safetensors'}: ")
    assert "No space left on device" in said
    assert "make room on the disk, then run this again" in said
    (small_disk / "filler").unlink()
    server.run(tmp_path, "steps=4")
    assert "goes on after step 4 of 4" in training.said()
    one_run(tmp_path)


@pytest.mark.parametrize("harm", ["truncated", "changed", "cut_manifest", "no_manifest"])
def test_a_damaged_checkpoint_is_left_out(
    server: Server, plain: dict[str, Any], tmp_path: Path, harm: str
) -> None:
    training = server.start(tmp_path, "pause=0.02")
    training.until_step(8)
    training.kill(signal.SIGKILL)
    training.code(0)
    older, newest = sorted(written(tmp_path))[-2:]
    folder = tmp_path / "scratch" / f"step{newest}"
    (file,) = folder.glob("*.pt")
    if harm == "truncated":
        with file.open("r+b") as f:
            f.truncate(file.stat().st_size // 2)
    elif harm == "changed":
        with file.open("r+b") as f:
            f.seek(file.stat().st_size // 2)
            f.write(b"\x00\xff" * 8)
    elif harm == "cut_manifest":
        os.truncate(folder / "rank0.json", 50)
    else:
        (folder / "rank0.json").unlink()
    found = server.run(tmp_path)
    assert f"goes on after step {older} of 40" in training.said()
    assert found["weights"] == plain["weights"]
    if harm == "no_manifest":  # as a kill leaves it: nothing to tell
        one_run(tmp_path)
    else:
        said = one_run(tmp_path, "checkpoint_damaged")["checkpoint_damaged"]
        assert said.startswith(f"the checkpoint of step {newest} is left out: ")
        assert {"truncated": "bytes", "changed": "checksum", "cut_manifest": "JSON"}[harm] in said


def test_a_training_that_learns_nothing_is_told(server: Server, tmp_path: Path) -> None:
    """And one that learns is not; nor does it change what is kept of that one."""
    found = server.run(tmp_path / "still", "rate=0.0000001")
    [of_task] = found["facts"]["learned_nothing"]
    assert (of_task["task"], of_task["steps"]) == ("tags", 10)
    assert of_task["constant"] == pytest.approx(1.0986, abs=0.01)
    said = tags(tmp_path / "still")["learned_nothing"]
    assert said.startswith("training has learned nothing of tags: the loss is ")
    assert found["events"] == [["learned_nothing", said]]
    learns = server.run(tmp_path / "learns")
    assert learns["facts"]["learned_nothing"] is None
    assert learns["events"] == []
