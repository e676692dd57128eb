"""Train a tiny dual encoder for a few steps; run alone or under torchrun.

usage: rank_losses.py STAGE OUT.json SCRATCH

Writes the loss of each step, and that of the first one computed from the schedule alone: the sum over
ranks and micro-batches, each with its own candidates. A batch of 5 rows in micro-batches of 2 rows a
rank leaves one rank without a share of the last.
"""

import sys

import losses
import numpy as np
import torch

from xlgap.models.encode import Example
from xlgap.models.network import Network, make_head
from xlgap.tasks.base import Rank
from xlgap.training.batches import schedule
from xlgap.training.data import TaskData
from xlgap.training.engine import process_group, world_size
from xlgap.training.zero import ZeroPlan

STEPS, BATCH, ROWS = 6, 5, 20


def examples():
    random = np.random.default_rng(7)
    none = np.empty(0, np.int64)
    return [Example(i, tuple(losses.sub_words(random, 6) for _ in "qc"), none) for i in range(ROWS)]


def network():
    encoder = losses.tiny_encoder(layers=1, positions=16)
    kind = Rank(pool=("en",), query_length=8, pair=False)
    return Network(encoder, make_head(kind, encoder, seed=0))


def first_loss(data, settings):
    """Of the first step, without any engine."""
    plan = schedule(
        data.lengths,
        steps=STEPS,
        batch_rows=BATCH,
        token_budget=settings.token_budget,
        world=world_size(),
        seed=settings.seed,
    )
    with torch.no_grad():
        shares = [share for micro in plan[0].micro for share in micro.ranks if len(share)]
        made = network()
        summed = sum(float(made(data.batch(share, step=0), 1.0)) for share in shares)
    return summed / BATCH, [len(share) for micro in plan[0].micro for share in micro.ranks]


def main(out, stage, scratch):
    data = TaskData(examples(), pad=1)
    settings = losses.settings(
        steps=STEPS,
        warmup_steps=1,
        batch_rows=BATCH,
        token_budget=2 * max(data.lengths),
        zero=ZeroPlan(stage=int(stage), learning_rate=3e-3, precision="fp32"),
    )
    with process_group(threads=1):
        expected, shares = first_loss(data, settings)
        of_steps, weights = losses.train(network(), data, settings, scratch)
        found = {"losses": of_steps, "first": expected, "shares": shares}
        losses.write(out, found | {"weights": losses.total(weights)})


if __name__ == "__main__":
    main(*sys.argv[1:])
