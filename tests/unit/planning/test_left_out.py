"""What is planned to be left out is what a training leaves out."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from xlgap.models.collate import collate
from xlgap.models.encode import Example
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, make_head, scratch_encoder
from xlgap.planning.figures import ModelFigures
from xlgap.planning.left_out import left_out, read_share
from xlgap.planning.shape import scratch_shape, shape_of_fields
from xlgap.tasks.base import Classify, Span, Tag

SHAPE = {"layers": 2, "width": 32, "heads": 2, "feed_forward": 80, "vocabulary": 100}
KIND = Classify(labels=("a", "b"))
ROWS, LENGTH = 5, 12


def operations(*, shortened: bool, trains: bool) -> int:
    encoder = scratch_encoder(scratch_config(**SHAPE, positions=40), seed=0)
    network = Network(encoder, make_head(KIND, encoder, seed=0))
    if not shortened:
        network.head.reads = None
    row = Example(0, (np.arange(5, 5 + LENGTH, dtype=np.int32),), np.array([1]))
    batch = collate([row] * ROWS, pad=1)
    with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(trains):
        network(batch, 1.0).backward() if trains else network(batch, 1.0)
    return counter.get_total_flops()


@pytest.mark.parametrize("trains", [True, False])
def test_it_is_what_is_not_computed(trains):
    figures = ModelFigures(name="m", shape=scratch_shape(**SHAPE, positions=40, dropout=0.1))
    planned = left_out(
        figures, tokens=ROWS * LENGTH, read=read_share(KIND, length=LENGTH), trains=trains
    )
    found = [operations(shortened=flag, trains=trains) for flag in (False, True)]
    assert planned == pytest.approx(found[0] - found[1])
    assert planned > 0.1 * found[0]


def test_nothing_is_left_out_of_other_heads_and_architectures():
    assert read_share(Span(), length=12) == read_share(Tag(tags=("a",), bio=False), length=12) == 1
    fields = {
        "model_type": "bloom", "hidden_size": 32, "n_layer": 2, "n_head": 2, "vocab_size": 100,
    }  # fmt: skip
    other = ModelFigures(name="m", shape=shape_of_fields(fields, parameters=10**6))
    assert left_out(other, tokens=100, read=0.1, trains=True) == 0
    assert left_out(ModelFigures(name="m"), tokens=100, read=0.1, trains=True) == 0
