"""Train a tiny tagger for a few steps, once a way, and write the losses; run alone or under torchrun.

usage: zero_losses.py OUT.json SCRATCH STAGE[+FLAG ...] ...

Flags: bf16; offload (of the optimizer), parameters (offloaded, too); checkpoint (files, at the end);
recompute (activations, in backward); padded (the same steps, not packed); dropout; split (micro-batches
of a row or two), whole (a step is one micro-batch a rank).
"""

import sys
from pathlib import Path

import losses
from losses import TAGS

from xlgap.models.network import Network, make_head
from xlgap.models.packed import packs
from xlgap.tasks.base import Tag
from xlgap.training.data import TaskData
from xlgap.training.engine import process_group, rank, world_size
from xlgap.training.zero import ZeroPlan

BUDGETS = {"split": 14, "whole": 10_000}  # sub-words of a micro-batch


def main(out, scratch, *ways):
    with process_group(threads=1):
        found = {way: train(way, Path(scratch) / way) for way in ways}
        losses.write(out, found)


def train(way, scratch):
    stage, *flags = way.split("+")
    dropout = 0.1 if "dropout" in flags else 0.0
    # with small weights losses fall smoothly from the first step
    encoder = losses.tiny_encoder(dropout=dropout, initializer_range=0.02)
    assert packs(encoder)
    if "padded" in flags:
        encoder.set_attn_implementation("sdpa")
    network = Network(encoder, make_head(Tag(tags=TAGS, bio=False), encoder, seed=0))
    settings = losses.settings(
        steps=8,
        warmup_steps=2,
        batch_rows=8,
        token_budget=next((budget for flag, budget in BUDGETS.items() if flag in flags), 40),
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
    course = settings.course(TaskData(losses.tagged(48), pad=1), packed=True)
    found, weights = losses.train(network, course, settings, scratch)
    if rank() != 0:
        return None
    steps = course.plan(token_budget=settings.token_budget, world=world_size())
    return {
        "losses": found,
        "micro_batches": [len(step.micro) for step in steps],
        "weights": losses.total(weights),
        "parameters": sum(w.numel() for w in weights.values()),
        "checkpoint_bytes": sum(p.stat().st_size for p in scratch.rglob("*.pt")),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
