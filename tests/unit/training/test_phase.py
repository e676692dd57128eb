"""A phase in one process: which checkpoint stays, and which evaluation's weights are kept."""

from __future__ import annotations

import math
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from families import make

from xlgap.errors import Interrupted, TrainingError
from xlgap.models.encode import Example
from xlgap.models.network import Network, make_head
from xlgap.tasks.base import Classify
from xlgap.training.data import TaskData
from xlgap.training.engine import out_of_memory
from xlgap.training.facts import PhaseResult
from xlgap.training.guard import memory_for
from xlgap.training.keeping import Weights
from xlgap.training.manifest import steps_in
from xlgap.training.recovery import Adjusted
from xlgap.training.trainer import PhaseSettings, train_phase
from xlgap.training.zero import ZeroPlan

pytestmark = pytest.mark.usefixtures("one_rank")

VOCABULARY = 60


class Watching:
    """An observer that may ask for a stop after some step."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.began, self.step, self.stop_after = -1, 0, stop_after
        self.events: list[str] = []

    def on_start(self, step: int, *, steps: int) -> None:
        self.began = step

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None:
        self.step = step

    def on_saving(self) -> None: ...

    def on_evaluation(self, step: int, score: float) -> None: ...

    def on_event(self, name: str, sentence: str) -> None:
        self.events.append(name)

    def stop_requested(self) -> bool:
        return self.step == self.stop_after


def network() -> Network:
    encoder = make("XLM-R", VOCABULARY)
    return Network(encoder, make_head(Classify(labels=("a", "b")), encoder, seed=0))


def examples() -> list[Example]:
    draw = np.random.default_rng(3)
    ids = [draw.integers(5, VOCABULARY, 4 + k % 5).astype(np.int32) for k in range(24)]
    return [
        Example(k, (of,), np.array([k % 2], np.int64), np.arange(len(of), dtype=np.int32))
        for k, of in enumerate(ids)
    ]


def train(
    scratch: Path,
    observer: Watching,
    *,
    steps: int = 12,
    evaluate: Callable[[Network], float] | None = None,
) -> tuple[PhaseResult, Weights]:
    settings = PhaseSettings(
        steps=steps,
        batch_rows=4,
        token_budget=1000,
        evaluations=steps if evaluate else 0,
        select="dev" if evaluate else "last",
        seed=1,
        zero=ZeroPlan(learning_rate=1e-3),
        checkpoint_seconds=0.0,
    )
    return train_phase(
        network, TaskData(examples(), pad=1), settings,
        evaluate=evaluate, observer=observer, scratch=scratch,
    )  # fmt: skip


def stopped(scratch: Path, after: int) -> Watching:
    observer = Watching(after)
    with pytest.raises(Interrupted):
        train(scratch, observer)
    return observer


@contextmanager
def no_large_files() -> Iterator[None]:
    """The system refuses files of more than 30 kB, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_checkpoint_that_was_read_stays_until_there_is_another(tmp_path: Path) -> None:
    stopped(tmp_path, 5)
    assert steps_in(tmp_path) == [5, 4]
    (file,) = (tmp_path / "step5").glob("*.pt")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    with no_large_files():
        observer = stopped(tmp_path, 8)
    assert observer.began == 4
    assert observer.events[:2] == ["checkpoint_damaged", "checkpoint_failed"]
    assert steps_in(tmp_path) == [4]
    assert stopped(tmp_path, 7).began == 4
    assert steps_in(tmp_path) == [7, 6]


def test_all_is_told_before_a_checkpoint_is_written(tmp_path: Path) -> None:
    class Kept(Watching):
        def on_saving(self) -> None:
            assert self.step not in steps_in(place)
            told.append(self.step)

    told: list[int] = []
    place = tmp_path / "whole"
    train(place, Kept(), steps=4)  # one after each step
    place = tmp_path / "stopped"
    with pytest.raises(Interrupted):
        train(place, Kept(3), steps=4)
    assert told == [1, 2, 3, 4, 1, 2, 3]


def test_those_of_steps_that_are_trained_again_go(tmp_path: Path) -> None:
    stopped(tmp_path, 5)
    Adjusted(skipped=(1,)).write(tmp_path)
    assert stopped(tmp_path, 3).began == 0
    assert steps_in(tmp_path) == [3, 2]
    assert stopped(tmp_path, 4).began == 3


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ((math.nan, 1.0, math.nan, 0.5), 2),
        ((1.0, math.nan, 2.0, math.nan), 3),
        ((2.0, math.nan, 1.0, 2.0), 1),
        ((math.nan, math.nan, math.nan, math.nan), 1),
    ],
)
def test_a_score_that_is_none_is_kept_for_want_of_another_alone(
    tmp_path: Path, scores: tuple[float, ...], best: int
) -> None:
    left, seen = list(scores), []

    def evaluate(trained: Network) -> float:
        seen.append(trained.encoder.get_input_embeddings().weight.detach().clone())  # type: ignore[operator]
        return left.pop(0)

    found, weights = train(tmp_path, Watching(), steps=4, evaluate=evaluate)
    assert found.best_step == best
    assert isinstance(weights, dict)
    kept = next(tensor for name, tensor in weights.items() if "word_embeddings" in name)
    assert torch.equal(kept, seen[best - 1])


def test_an_evaluation_without_memory_says_what_to_lower(tmp_path: Path) -> None:
    def evaluate(trained: Network) -> float:
        return float(torch.empty(2**50).sum())

    with pytest.raises(
        TrainingError, match=r"^memory ran out in the evaluation after step 1; lower 'ev"
    ):
        train(tmp_path, Watching(), steps=4, evaluate=evaluate)


@pytest.mark.parametrize(
    "said",
    [
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "NCCL error: unhandled cuda error\nLast error:\nCuda failure 2 'out of memory'",
    ],
)
def test_memory_that_runs_out_has_many_names(said: str) -> None:
    assert out_of_memory(RuntimeError(said))
    told = pytest.raises(TrainingError, match=r"^memory ran out there; make room\.$")
    with told, memory_for("there", "make room"):
        raise RuntimeError(said)


def test_another_error_is_none_of_memory() -> None:
    with pytest.raises(RuntimeError, match="device-side assert"), memory_for("there", "make room"):
        raise RuntimeError("CUDA error: device-side assert triggered")
