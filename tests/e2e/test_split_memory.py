"""No process of several comes near the memory that a whole network takes, where it is split."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ranks import found_by
from transformers import BloomConfig, BloomModel

from xlgap.models.catalogue import Checkpoint  # noqa: F401

pytestmark = pytest.mark.e2e

RANKS, WIDTH, LAYERS = 2, 512, 20
MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "131072"}
"""Freed tensors leave the process at once, as those of large models do, which are beyond 32 MB each."""


def save(folder: Path, *, layers: int) -> int:
    """A checkpoint of BLOOM in files of 20 MB; its parameters."""
    config = BloomConfig(hidden_size=WIDTH, n_layer=layers, n_head=8, vocab_size=60, pad_token_id=1)
    with torch.random.fork_rng(devices=[]):
        model = BloomModel(config)
    model.save_pretrained(folder, max_shard_size="20MB")
    return sum(p.numel() for p in model.parameters())


def test_a_process_holds_its_share_and_a_tensor(tmp_path: Path) -> None:
    save(tmp_path / "warm", layers=1)
    whole = 4 * save(tmp_path / "large", layers=LAYERS)
    out = tmp_path / "found.json"
    words = (tmp_path / "scratch", tmp_path)
    found = found_by("split_memory.py", out, *words, ranks=RANKS, **MALLOC)
    assert whole > 250e6
    assert found["training"] < 0.85 * whole  # half of it, adapters, gradients, activations
    assert found["predicting"] < 0.65 * whole
