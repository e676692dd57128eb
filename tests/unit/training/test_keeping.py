"""Best weights in files beside the checkpoints: which of them stay."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from xlgap.training.checkpoint import PhaseState
from xlgap.training.keeping import InFiles, InMemory
from xlgap.training.manifest import Beside, Topology, beside, declare, folder_of, referred, steps_in
from xlgap.training.watchdog import Watchdog

pytestmark = pytest.mark.usefixtures("one_rank")

SPLIT = Topology(stage=3, precision="fp32", world=1)


def keeping(place: Path) -> InFiles:
    return InFiles(place, Watchdog(0))


def best(place: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("best")) for path in place.glob("best*.safetensors"))


def checkpoint(place: Path, step: int, told: Beside) -> None:
    declare(
        folder_of(place, step), rank=0, step=step, topology=SPLIT, skipped=(), files={}, beside=told
    )


def evaluate(kept: InFiles, *steps: int) -> PhaseState:
    """Evaluations after ``steps``, each the best one so far."""
    state = PhaseState()
    for step in steps:
        state.step = step
        kept.best(nn.Linear(4, 4), state)
        state.best_step = step
    return state


def test_weights_of_the_last_good_checkpoint_stay_while_later_ones_fail(tmp_path: Path) -> None:
    kept = keeping(tmp_path)
    checkpoint(tmp_path, 1, kept.beside(evaluate(kept, 1)))
    for step in range(2, 8):
        kept.beside(evaluate(kept, step))  # of a checkpoint that could not be written
        assert best(tmp_path) == [1, step - 1, step][step == 2 :]


@pytest.mark.parametrize("good", [1, 3, 12])
def test_they_stay_after_a_resume(tmp_path: Path, good: int) -> None:
    kept = keeping(tmp_path)
    for step in (1, 3, 5, 12, 20):
        found = kept.beside(evaluate(kept, step))
        if step == good:
            checkpoint(tmp_path, step, found)
        again = keeping(tmp_path)  # of the process that goes on
        assert step < good or good in best(tmp_path)
        evaluate(again, step + 1)
        assert step < good or good in best(tmp_path)


def test_others_go_before_new_ones_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keeping(tmp_path)
    for step in (1, 2):
        checkpoint(tmp_path, step, kept.beside(evaluate(kept, step)))
    kept.beside(evaluate(kept, 3))  # is being written
    evaluate(kept, 4)
    there: list[list[int]] = []
    monkeypatch.setattr(InFiles, "_keep", lambda *_: there.append(best(tmp_path)))
    evaluate(kept, 5)
    assert there == [[1, 2, 3]]  # with the new ones as many as are planned for: four


def test_those_before_stand_in_and_are_four_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, told = keeping(tmp_path), {}
    most, keep = [0], InFiles._keep

    def counted(*words: Any) -> None:
        keep(*words)
        most[0] = max(most[0], len(best(tmp_path)))

    monkeypatch.setattr(InFiles, "_keep", counted)
    for step in range(1, 25):
        evaluate(kept, 2 * step - 1, 2 * step)
        state = PhaseState(step=2 * step, best_step=2 * step)
        found = kept.beside(state)
        told[step] = [*found.files, *found.instead]
        for old in steps_in(tmp_path)[1:]:
            shutil.rmtree(folder_of(tmp_path, old))
        if step % 3:  # every third cannot be written
            checkpoint(tmp_path, 2 * step, found)
        if step == 12:  # in a new process
            kept = keeping(tmp_path)
            kept.found(PhaseState(step=22, best_step=22), beside(folder_of(tmp_path, 22)))
        assert referred(tmp_path) <= {path.name for path in tmp_path.iterdir()}
    assert told[2] == ["best4.safetensors", "best2.safetensors"]
    assert told[4] == ["best8.safetensors", "best4.safetensors"]  # that of 6 was not written
    assert told[13] == ["best26.safetensors", "best22.safetensors"]
    assert most == [4]


def test_the_same_best_weights_have_the_same_before_them(tmp_path: Path) -> None:
    kept = keeping(tmp_path)
    for step in (1, 3):
        checkpoint(tmp_path, step, kept.beside(evaluate(kept, step)))
    found = kept.beside(PhaseState(step=4, best_step=3))
    assert [*found.files] == ["best3.safetensors"]
    assert [*found.instead] == ["best1.safetensors"]
    checkpoint(tmp_path, 4, found)
    again = keeping(tmp_path)
    again.found(PhaseState(step=4, best_step=3), found)
    assert again.beside(PhaseState(step=5, best_step=3)) == found


@pytest.mark.parametrize("split", [True, False], ids=["split", "whole"])
def test_what_a_killed_writer_has_left_goes_when_the_phase_begins(tmp_path: Path, split: bool) -> None:
    for name in ("best4.safetensors", "last.safetensors"):
        (tmp_path / f".{name}.part.x1").touch()
        (tmp_path / f"{name}.part").touch()
    (tmp_path / "best3.safetensors").touch()
    kept = keeping(tmp_path) if split else InMemory(tmp_path)
    kept.found(PhaseState(), Beside())
    assert [path.name for path in tmp_path.iterdir()] == ["best3.safetensors"]
