"""Whether torch.compile pays: steps of the encoder of ``benchmarks/training.py``, compiled and not.

    python benchmarks/compiled.py [--steps N]

Packed and padded to the longest row; micro-batches of 32 rows as long as real ones, so that shapes
change from step to step (``dynamic=True``). Prints processor seconds of the first three steps, in which
it compiles, and of the median step of the later half.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

from training import ROWS, Setup
from training_rows import PAD, made_examples
from xlgap.models.network import Network, make_head, scratch_encoder
from xlgap.models.packed import on_device
from xlgap.training.data import TaskData
from xlgap.training.engine import device


def seconds(steps: int, *, packed: bool, compiled: bool) -> list[float]:
    """Of each step: forward, backward, AdamW."""
    setup = Setup("nli", "small", "fp32")
    encoder = scratch_encoder(setup.shape, seed=0)
    network = Network(encoder, make_head(setup.task, encoder, seed=0)).to(device()).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
    step = torch.compile(network, dynamic=True) if compiled else network
    data, found = TaskData(made_examples(setup.kind, steps * ROWS, seed=0), PAD), []
    for number in range(steps):
        batch = on_device(data.batch(np.arange(ROWS) + number * ROWS, step=number), device())
        kept = {name: of for name, of in batch.items() if packed or not name.startswith("packed")}
        began = time.process_time()
        step(kept, 1 / ROWS).backward()
        optimizer.step()
        optimizer.zero_grad()
        found.append(time.process_time() - began)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    for packed in (True, False):
        for compiled in (False, True):
            took = seconds(steps, packed=packed, compiled=compiled)
            what = f"{'packed' if packed else 'padded'}, {'compiled' if compiled else 'as it is'}"
            later = statistics.median(took[steps // 2 :])
            print(f"{what:20} first three {sum(took[:3]):6.1f} s   later {later:.3f} s a step")


if __name__ == "__main__":
    main()
