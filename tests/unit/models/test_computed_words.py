"""The training benchmark counts the sub-words that are computed, padding among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from families import make

from xlgap.models.encode import Example
from xlgap.models.network import Network, make_head
from xlgap.tasks.base import Classify
from xlgap.training.data import TaskData

LENGTHS = (5, 9, 3)


@pytest.mark.parametrize("packed", [True, False])
def test_padding_is_counted_where_it_is_computed(packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    from computed import counted

    encoder = make("XLM-R", 60)
    network = Network(encoder, make_head(Classify(labels=("a", "b")), encoder, seed=0))
    rows = [
        Example(n, (np.full(length, 7, np.int32),), np.zeros(1, np.int64))
        for n, length in enumerate(LENGTHS)
    ]
    batch = TaskData(rows, pad=1).batch(np.arange(3), step=0)
    if not packed:
        batch = {name: value for name, value in batch.items() if not name.startswith("packed_")}
    with counted(encoder) as computed, torch.no_grad():
        for times in (1, 2):
            network.logits(batch)
            assert computed() == times * (sum(LENGTHS) if packed else 3 * max(LENGTHS))
    network.logits(batch)
    assert computed() == 2 * (sum(LENGTHS) if packed else 3 * max(LENGTHS))
