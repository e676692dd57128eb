"""Train a tiny tagger for a few steps, once a way, and write the losses; run alone or under torchrun.

usage: zero_losses.py OUT.json SCRATCH STAGE[+FLAG ...] ...

Flags: bf16; offload (of the optimizer), parameters (offloaded, too); checkpoint (files, at the end);
recompute (activations, in backward); padded (the same steps, not packed); dropout; split (micro-batches
of a row or two), whole (a step is one micro-batch a rank).
"""

import json
import sys
from pathlib import Path

import numpy as np

from xlgap.models.encode import IGNORE, Example
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, make_head, scratch_encoder
from xlgap.models.packed import packs
from xlgap.tasks.base import Tag
from xlgap.training.data import TaskData
from xlgap.training.engine import process_group, rank, world_size
from xlgap.training.trainer import PhaseSettings, train_phase
from xlgap.training.zero import ZeroPlan

VOCABULARY, TAGS = 60, ("O", "A", "B")
BUDGETS = {"split": 14, "whole": 10_000}  # sub-words of a micro-batch


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


def examples(count=48):
    random = np.random.default_rng(7)
    rows = []
    for i in range(count):
        length = int(random.integers(4, 14))
        ids = random.integers(5, VOCABULARY - 1, length).astype(np.int32)
        labels = (ids % len(TAGS)).astype(np.int64)
        labels[0] = labels[-1] = IGNORE
        rows.append(Example(i, (ids,), labels, np.arange(length, dtype=np.int32)))
    return rows


def main(out, scratch, *ways):
    with process_group(threads=1):
        found = {way: train(way, Path(scratch) / way) for way in ways}
        if rank() == 0:
            Path(out).write_text(json.dumps(found))


def train(way, scratch):
    stage, *flags = way.split("+")
    config = scratch_config(
        layers=2, width=32, heads=2, feed_forward=64, vocabulary=VOCABULARY, positions=32
    )
    dropout = 0.1 if "dropout" in flags else 0.0
    config |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    config["initializer_range"] = 0.02  # losses fall smoothly from the first step
    encoder = scratch_encoder(config, seed=3)
    assert packs(encoder)
    if "padded" in flags:
        encoder.set_attn_implementation("sdpa")
    network = Network(encoder, make_head(Tag(tags=TAGS, bio=False), encoder, seed=0))
    settings = PhaseSettings(
        steps=8,
        warmup_steps=2,
        batch_rows=8,
        token_budget=next((budget for flag, budget in BUDGETS.items() if flag in flags), 40),
        evaluations=0,
        select="last",
        seed=5,
        zero=ZeroPlan(
            stage=int(stage),
            learning_rate=3e-3,
            precision="bf16" if "bf16" in flags else "fp32",
            offload_optimizer="offload" in flags,
            offload_parameters="parameters" in flags,
            activation_checkpointing="recompute" in flags,
        ),
        checkpoint_seconds=0.0 if "checkpoint" in flags else 300.0,
    )
    losses = Losses()
    course = settings.course(TaskData(examples(), pad=1), packed=True)
    _, weights = train_phase(network, course, settings, evaluate=None, observer=losses, scratch=scratch)
    if rank() != 0:
        return None
    steps = course.plan(token_budget=settings.token_budget, world=world_size())
    return {
        "losses": losses.values,
        "micro_batches": [len(step.micro) for step in steps],
        "weights": float(sum(w.double().abs().sum() for w in weights.values())),
        "parameters": sum(w.numel() for w in weights.values()),
        "checkpoint_bytes": sum(p.stat().st_size for p in scratch.rglob("*.pt")),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
