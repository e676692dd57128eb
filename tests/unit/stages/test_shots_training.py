"""Few shots after a whole training: what is done once, what is gone on from, what is held meanwhile."""

from __future__ import annotations

import gc
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from xlgap import layout
from xlgap.config import Params
from xlgap.errors import Interrupted
from xlgap.formats import write_jsonl
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, save_encoder, scratch_encoder
from xlgap.models.size import size_of
from xlgap.regimes.base import SHOT_EPOCHS
from xlgap.stages.fit import fit
from xlgap.stages.points import points
from xlgap.stages.start import Start
from xlgap.stages.study import Study
from xlgap.stages.unkept import give_up

pytestmark = pytest.mark.usefixtures("toy_tasks", "one_rank")

WORDS = ["cat", "dog", "mat", "bird", "ran", "sat", "house", "home"]
CELL = "nano-few-toy_nli"


class Observed:
    """Counts phases and steps; ``stop_after``: phases after which it asks for a stop."""

    def __init__(self, stop_after: int = 9) -> None:
        self.starts, self.steps, self.stop_after = 0, 0, stop_after
        self.before = networks()
        self.held: set[int] = set()

    def on_start(self, step: int, *, steps: int) -> None:
        self.starts += 1
        self.held = networks() - self.before

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None:
        self.steps += 1

    def on_saving(self) -> None: ...

    def on_evaluation(self, step: int, score: float) -> None: ...

    def on_event(self, name: str, sentence: str) -> None: ...

    def stop_requested(self) -> bool:
        return self.starts > self.stop_after


def networks() -> set[int]:
    """Those that are in memory."""
    gc.collect()
    return {id(found) for found in gc.get_objects() if isinstance(found, Network)}


@pytest.fixture
def made(
    study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Study]:
    """A study of one small task with rows in two languages and a few-shot arm."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(1)
    for split, language, count in (("train", "en", 48), ("dev", "en", 8), ("train", "sw", 8)):
        rows = [
            {
                "id": str(n), "group": str(n), "label": "ab"[n % 2], "text_b": "the cat",
                "text": " ".join(draw.choices(WORDS, k=draw.randint(2, 9))),
            }
            for n in range(count)
        ]  # fmt: skip
        write_jsonl(layout.rows("toy_nli", split, language), rows)
    few = {"regime": "few_shot", "language": "sw", "shots": 4}

    def make(**train: Any) -> Study:
        return Study(study(arms={"few": few}, tasks={"toy_nli": {}}, train={"evaluations": 1, **train}))

    return make


@pytest.fixture
def start(tokenizer: Any) -> Start:
    config = scratch_config(
        layers=1, width=16, heads=2, feed_forward=16, vocabulary=tokenizer.size, positions=64
    )
    return Start("start", lambda: scratch_encoder(config, seed=0), tokenizer, {})


def test_what_is_before_shots_is_not_done_twice_where_weights_are_not_kept(
    made: Callable[..., Study], start: Start
) -> None:
    phases = made().grid.cell(CELL).phases
    whole = fit(made(), "nano", start, phases, seed=1, observer=Observed())
    shutil.rmtree(layout.WEIGHTS)
    study = made(keep="none", checkpoint_seconds=1e-9)
    with pytest.raises(Interrupted):
        fit(study, "nano", start, phases, seed=1, observer=Observed(stop_after=1))
    again = Observed()
    fitted = fit(study, "nano", start, phases, seed=1, observer=again)
    assert again.steps == SHOT_EPOCHS - 1  # one batch an epoch, and nothing of the first phase
    assert (fitted.digest, fitted.phases) == (whole.digest, whole.phases)
    kept = whole.weights()
    assert all(torch.equal(weight, kept[name]) for name, weight in fitted.weights().items())


def test_the_largest_checkpoint_is_measured_where_one_was_written(
    made: Callable[..., Study], start: Start
) -> None:
    phases = made().grid.cell(CELL).phases
    seldom = fit(made(), "nano", start, phases, seed=1, observer=Observed())
    assert seldom.checkpoint_bytes is None
    shutil.rmtree(layout.WEIGHTS)
    often = made(checkpoint_seconds=1e-9)
    fitted = fit(often, "nano", start, phases, seed=1, observer=Observed())
    weights = 4 * size_of(fitted.network).total
    assert fitted.checkpoint_bytes is not None
    assert 4 * weights <= fitted.checkpoint_bytes < 4 * weights + 100_000  # with Adam's and the best
    assert fit(often, "nano", start, phases, seed=1, observer=Observed()).checkpoint_bytes is None


def test_all_is_told_before_weights_are_kept(made: Callable[..., Study], start: Start) -> None:
    class Kept(Observed):
        def on_saving(self) -> None:
            assert not list(layout.WEIGHTS.glob("*/facts.json"))
            told.append(self.steps)

    told: list[int] = []
    observer, phases = Kept(), made(keep="none").grid.cell(CELL).phases
    fit(made(keep="none"), "nano", start, phases, seed=1, observer=observer)
    assert told == [observer.steps]


def test_a_network_goes_before_the_next_phase_begins(made: Callable[..., Study], start: Start) -> None:
    study = made()
    phases = study.grid.cell(CELL).phases
    fit(study, "nano", start, phases[:1], seed=1, observer=Observed())
    look = Observed()
    fit(study, "nano", start, phases, seed=1, observer=look)
    assert (look.starts, len(look.held)) == (1, 1)  # the one that is trained


def test_a_point_of_a_run_goes_before_the_next_one_is_made(
    made: Callable[..., Study], start: Start
) -> None:
    study = made()
    cell = study.grid.cell(CELL)
    save_encoder(start.encoder(), layout.pretrained("nano"), {"digest": "start"})
    layout.TOKENIZER.parent.mkdir(parents=True)
    start.tokenizer.fast.save(str(layout.TOKENIZER))
    fit(study, "nano", start, cell.phases[:1], seed=1, observer=Observed())
    look, numbers = Observed(), []
    for point in points(study, cell, seed=1, observer=look):
        numbers.append(point.number)
        del point
    assert (numbers, look.starts, len(look.held)) == ([0, 1, 2], 1, 1)


def test_weights_that_are_not_kept_stay_for_the_stage_that_trains_its_other_seeds(
    made: Callable[..., Study], start: Start
) -> None:
    study = made(keep="none")
    phases = study.grid.cell(CELL).phases[:1]
    first = fit(study, "nano", start, phases, seed=1, observer=Observed(), owner="cell")
    again = Observed()  # as after a stop
    found = fit(study, "nano", start, phases, seed=1, observer=again, owner="cell")
    assert (found.reused, again.starts) == (True, 0)
    give_up([first.digest], "cell")
    assert not layout.weights(first.digest).exists()
    fit(study, "nano", start, phases, seed=1, observer=Observed())  # for nobody
    assert not layout.weights(first.digest).exists()
