"""Adapters over base weights of 8 and 4 bits in the engine: ZeRO 0 to 2, stopped and gone on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faults import Server, loss_of, tags

from xlgap.models.network import load_state

pytest.importorskip(
    "bitsandbytes", reason="weights of few bits need the extra 'quantised' (bitsandbytes)"
)
pytestmark = pytest.mark.e2e

SAME = 2e-6  # losses of another number of processes or ZeRO stage, fp32
NEAR = {8: 0.005, 4: 0.05}  # losses beside those over weights that are not quantised, absolute
WORDS = ("steps=12", "dropout=0", "lora=8", "width=64")


@pytest.fixture(scope="module")
def plain(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return server.run(tmp_path_factory.mktemp("plain"), *WORDS)


@pytest.mark.parametrize("bits", [8, 4])
def test_losses_are_near_and_the_same_in_every_stage(
    server: Server, plain: dict[str, Any], tmp_path: Path, bits: int
) -> None:
    words = (*WORDS, f"bits={bits}")
    alone = server.run(tmp_path / "alone", *words)
    assert loss_of(alone) == pytest.approx(loss_of(plain), abs=NEAR[bits])
    assert loss_of(alone) != pytest.approx(loss_of(plain), abs=SAME)
    kept = load_state(tmp_path / "alone" / "weights" / "model.safetensors")
    assert all(".lora_" in name or name.startswith("head.") for name in kept)
    for stage, ranks in ((1, 1), (2, 2)):
        found = server.run(tmp_path / f"zero{stage}", *words, f"stage={stage}", ranks=ranks)
        assert loss_of(found) == pytest.approx(loss_of(alone), abs=SAME)
    half = server.run(tmp_path / "bf16", *words, "bf16=1", "stage=2")
    assert loss_of(half) == pytest.approx(loss_of(alone), abs=0.05)


@pytest.mark.parametrize("bits", [8, 4])
def test_a_stopped_training_goes_on_bit_equal_and_in_another_stage_nearby(
    server: Server, tmp_path: Path, bits: int
) -> None:
    words = (*WORDS, f"bits={bits}")
    whole = server.run(tmp_path / "whole", *words, "stage=2")
    for folder in ("same", "other"):
        training = server.start(tmp_path / folder, *words, "stage=2", "pause=0.05")
        training.until_step(3)
        training.stop()
    same = server.run(tmp_path / "same", *words, "stage=2")
    assert same["weights"] == whole["weights"]
    other = server.run(tmp_path / "other", *words, "stage=0")
    rest = loss_of(other)
    assert 0 < len(rest) < 12
    assert rest == pytest.approx(loss_of(whole)[-len(rest) :], abs=SAME)
    told = dict(other["events"])
    assert "was converted for ZeRO stage 0" in told.get("checkpoint_converted", ""), told
    assert tags(tmp_path / "other") == told
