"""Best weights in files beside the checkpoints: which of them stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from xlgap.training.checkpoint import PhaseState
from xlgap.training.keeping import InFiles
from xlgap.training.manifest import Topology, Written, declare, folder_of
from xlgap.training.watchdog import Watchdog

pytestmark = pytest.mark.usefixtures("one_rank")

SPLIT = Topology(stage=3, precision="fp32", world=1)


def keeping(place: Path) -> InFiles:
    return InFiles(place, Watchdog(0))


def best(place: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("best")) for path in place.glob("best*.safetensors"))


def checkpoint(place: Path, step: int, beside: dict[str, Written]) -> None:
    declare(
        folder_of(place, step), rank=0, step=step, topology=SPLIT, skipped=(), files={}, beside=beside
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


def test_what_a_killed_writer_has_left_goes(tmp_path: Path) -> None:
    left = [tmp_path / ".best4.safetensors.part.x1", tmp_path / "best4.safetensors.part"]
    for path in left:
        path.touch()
    evaluate(keeping(tmp_path), 8)
    assert [path.name for path in tmp_path.iterdir()] == ["best8.safetensors"]
