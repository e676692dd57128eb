"""What a process of several holds at the most of a network that is split.

usage: split_memory.py OUT.json SCRATCH FOLDER; under torchrun. FOLDER has checkpoints of BLOOM.

OUT has bytes that the resident set of the process with the most grew by: while adapters were trained,
and while what training left was loaded and predicted with.
"""

import sys
from pathlib import Path

import losses
import numpy as np
import psutil
import torch

from xlgap.adapter_params import LoraParams
from xlgap.models.blueprint import hub_blueprint
from xlgap.models.packed import on_device
from xlgap.models.shares import can_be_called
from xlgap.models.task_heads import TagHead
from xlgap.stages.split import split_network, stored
from xlgap.stages.start import Start
from xlgap.training.data import TaskData
from xlgap.training.engine import gathered, process_group, release_memory
from xlgap.training.zero import ZeroPlan

TRAINS = ZeroPlan(stage=3, learning_rate=1e-3, split=True)
PREDICTS = ZeroPlan(stage=3, learning_rate=0.0, split=True)


def main(out, scratch, folder):
    with process_group(threads=1):
        measured(f"{folder}/warm", Path(scratch) / "warm")  # loads what steps need
        losses.write(out, measured(f"{folder}/large", Path(scratch) / "large"))


def measured(place, scratch):
    start = Start("start", None, None, {}, blueprint=lambda: hub_blueprint(place, None))

    def made(plan, **kept):
        return split_network(start, head, plan, lora=LoraParams(rank=2), seed=1, **kept)

    data = TaskData(losses.tagged(16), pad=1)
    how = losses.settings(steps=1, batch_rows=4, token_budget=100, zero=TRAINS)
    with grown() as training:
        _, weights = losses.train(lambda: made(TRAINS), data, how, scratch)
    kept = stored(weights)
    batch = on_device(data.batch(np.arange(4), step=0), "cpu")
    with grown() as predicting:
        parts = {"encoder_kept": kept.under("encoder."), "head_kept": kept.under("head.")}
        network = made(PREDICTS, **parts)
        with can_be_called(network), torch.inference_mode():
            network.logits(batch)
        del network
    return {"training": most(training), "predicting": most(predicting)}


def head(encoder):
    return TagHead(encoder.config.hidden_size, len(losses.TAGS), 0.0, causal=True)


class grown:  # noqa: N801
    """Bytes that the resident set grew by in a block at the most."""

    def __enter__(self):
        release_memory()
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self.before, self.peak = psutil.Process().memory_info().rss, 0
        return self

    def __exit__(self, *error):
        status = Path("/proc/self/status").read_text().split("VmHWM:")[1]
        self.peak = int(status.split()[0]) * 1024 - self.before
        release_memory()


def most(block):
    return max(gathered(block.peak))


if __name__ == "__main__":
    main(*sys.argv[1:])
