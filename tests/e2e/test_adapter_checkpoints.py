"""Checkpoints of adapters: without the frozen weights, and still what any engine goes on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faults import Server, loss_of, tags

from xlgap.planning.memory import checkpoint_bytes

pytestmark = pytest.mark.e2e

SAME = 2e-6  # losses of another number of processes or ZeRO stage, fp32
WORDS = ("steps=16", "dropout=0", "lora=64", "width=128")


@pytest.fixture(scope="module")
def plain(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One process in ZeRO-0 to which nothing happened."""
    return server.run(tmp_path_factory.mktemp("plain"), *WORDS)


def stopped(server: Server, folder: Path, *words: str, ranks: int) -> None:
    """Begin, and stop after a few steps."""
    training = server.start(folder, *WORDS, *words, "pause=0.02", ranks=ranks)
    training.until_step(4)
    training.stop()


@pytest.mark.parametrize(("stage", "ranks"), [(0, 1), (2, 2), (3, 2)])
def test_the_same_engine_goes_on_bit_equal_from_adapters_alone(
    server: Server, plain: dict[str, Any], tmp_path: Path, stage: int, ranks: int
) -> None:
    words = (*WORDS, f"stage={stage}")
    whole = plain if stage == 0 else server.run(tmp_path / "whole", *words, ranks=ranks)
    stopped(server, tmp_path / "cut", f"stage={stage}", ranks=ranks)
    found = server.run(tmp_path / "cut", *words, ranks=ranks)
    rest = loss_of(found)
    assert 0 < len(rest) < 16
    assert found["weights"] == whole["weights"]
    assert rest == loss_of(whole)[-len(rest) :]
    assert loss_of(found) == pytest.approx(loss_of(plain)[-len(rest) :], abs=SAME)
    trained = (tmp_path / "cut" / "weights" / "model.safetensors").stat().st_size // 4
    files = list((tmp_path / "cut" / "scratch" / "step16").glob("*.pt"))
    size = sum(path.stat().st_size for path in files)
    assert size == pytest.approx(checkpoint_bytes(trained, "fp32", stage), rel=0.03)


@pytest.mark.parametrize(
    ("before", "after"),
    [((2, 2), (2, 1)), ((3, 2), (2, 2)), ((0, 1), (3, 2)), ((3, 2), (0, 1))],
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
    assert 0 < len(rest) < 16
    assert rest == pytest.approx(loss_of(plain)[-len(rest) :], abs=SAME)
    assert "was converted for ZeRO stage" in tags(tmp_path)["checkpoint_converted"]
