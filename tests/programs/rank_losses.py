"""Train a tiny dual encoder for a few steps; run alone or under torchrun.

usage: rank_losses.py STAGE OUT.json SCRATCH

Writes the loss of each step, and that of the first one computed from the schedule alone: the sum over
ranks and micro-batches, each with its own candidates. A batch of 5 rows in micro-batches of 2 rows a
rank leaves one rank without a share of the last.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from xlgap.models.encode import Example
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, make_head, scratch_encoder
from xlgap.tasks.base import Rank
from xlgap.training.batches import schedule
from xlgap.training.data import TaskData
from xlgap.training.engine import process_group, rank, world_size
from xlgap.training.trainer import PhaseSettings, train_phase
from xlgap.training.zero import ZeroPlan

VOCABULARY, STEPS, BATCH, ROWS = 60, 6, 5, 20


class Losses:
    """Remembers the loss of every step."""

    def __init__(self):
        self.values = []

    def on_start(self, step, *, steps):
        pass

    def on_step(self, step, *, steps, loss, learning_rate):
        self.values.append(loss)

    def on_evaluation(self, step, score):
        pass

    def stop_requested(self):
        return False


def examples():
    random = np.random.default_rng(7)
    none = np.empty(0, np.int64)
    return [
        Example(i, tuple(random.integers(5, VOCABULARY - 1, 6).astype(np.int32) for _ in "qc"), none)
        for i in range(ROWS)
    ]


def network():
    config = scratch_config(
        layers=1, width=32, heads=2, feed_forward=64, vocabulary=VOCABULARY, positions=16
    )
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    encoder = scratch_encoder(config, seed=3)
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
        losses = [float(made(data.batch(share, step=0), 1.0)) for share in shares]
    return sum(losses) / BATCH, [len(share) for micro in plan[0].micro for share in micro.ranks]


def main(stage, out, scratch):
    data = TaskData(examples(), pad=1)
    settings = PhaseSettings(
        steps=STEPS,
        warmup_steps=1,
        batch_rows=BATCH,
        token_budget=2 * max(data.lengths),
        evaluations=0,
        select="last",
        seed=5,
        zero=ZeroPlan(stage=int(stage), learning_rate=3e-3, precision="fp32"),
    )
    losses = Losses()
    with process_group(threads=1):
        expected, shares = first_loss(data, settings)
        _, weights = train_phase(
            network(), data, settings, evaluate=None, observer=losses, scratch=Path(scratch)
        )
        if rank() == 0:
            total = float(sum(w.double().abs().sum() for w in weights.values()))
            found = {"losses": losses.values, "first": expected, "shares": shares, "weights": total}
            Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
