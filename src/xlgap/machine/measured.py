"""This machine with the speed that its products of matrices have, in a second or two."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from xlgap.launch.counts import training_processes
from xlgap.machine.here import this_machine
from xlgap.machine.room import cores
from xlgap.planning.hardware import Hardware, Precision
from xlgap.planning.tables import size
from xlgap.train_params import TrainParams
from xlgap.training.speed import product_speed

PRODUCTS = {"cpu": 0.54, "cuda": 0.8}
"""Share of a preset's peak that products of large matrices reach.

Of ``cpu`` on the machine that its utilisation is fitted to; of a GPU assumed.
"""
_PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")


def machine_as_it_is(train: TrainParams, directory: Path, *, workers: int) -> Hardware:
    """This machine with as many processes as a stage would start here.

    Args:
        train: how a study trains.
        directory: of the study.
        workers: stages that share the machine.

    Raises:
        ConfigError: the environment asks for processes in a way that is not allowed.
    """
    processes, here = training_processes(os.environ)
    return this_machine(processes, str(directory / train.nvme_path), of_node=here, workers=workers)


def measured_machine(train: TrainParams, directory: Path, *, workers: int) -> Hardware:
    """The same with speed measured; links, cost of a step and power stay as assumed.

    Utilisation is of what products reach in place of what a data sheet says, so that it is the larger.

    Args:
        train: how a study trains: with how many threads of a CPU.
        directory: of the study.
        workers: stages that share the machine.

    Raises:
        ConfigError: the environment asks for processes in a way that is not allowed.
    """
    known = machine_as_it_is(train, directory, workers=workers)
    threads = min(train.threads, cores())
    on = "on a device" if known.kind == "cuda" else f"on {threads} thread{'s' * (threads > 1)}"
    shared = f" for each of {workers} workers" if workers > 1 else ""
    return replace(
        known,
        name=f"this machine's {known.name}",
        peak_flops={name: product_speed(name, threads=threads) for name in _PRECISIONS},
        utilisation=min(1.0, known.utilisation / PRODUCTS[known.kind]),
        source=(
            f"measured: products of matrices {on}; {cores()} cores, "
            f"{size(known.memory_bytes)} a device, {size(known.host_bytes)} of memory and "
            f"{size(known.nvme_bytes)} of disk{shared}"
        ),
    )
