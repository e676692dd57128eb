"""Options of the command line that several words of :mod:`xlgap.commands` need, or that are many."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from xlgap.errors import ConfigError

if TYPE_CHECKING:
    from xlgap.config import Params
    from xlgap.planning import Hardware
    from xlgap.train_params import TrainParams

THIS = "this"
"""The name of this machine among those of hardware."""
MOST_WORKERS = 1000
"""Stages side by side: more than studies have that do not wait for one another."""


def study_option(command: argparse.ArgumentParser) -> None:
    """Which study a command is about."""
    command.add_argument(
        "--study", type=Path, default=None, metavar="FILE", help="studies/NAME.yaml (default: here)"
    )


def folder_options(score: argparse.ArgumentParser) -> None:
    """In place of a task of the study, a folder of predictions in the official layout."""
    score.add_argument("--predictions", type=Path, metavar="DIR", help="in the official layout")
    score.add_argument(
        "--data", type=Path, metavar="DIR", help="release files, or a study's data/prepared"
    )
    score.add_argument("--json", action="store_true", help="print JSON")


def rows_options(analyse: argparse.ArgumentParser) -> None:
    """In place of the study, a table of anyone's scores."""
    analyse.add_argument(
        "--rows", type=Path, metavar="FILE", help="anyone's scores, .csv or .parquet (docs/rows.md)"
    )
    analyse.add_argument("--items", type=Path, metavar="FILE", help="outcomes of their items")
    analyse.add_argument(
        "--out", type=Path, metavar="DIR", help="where the report goes (default: own_rows)"
    )


def read(study: Path | None) -> tuple[Path, Params]:
    """The study's directory, which need not be there, and its parameters; nothing is written."""
    from xlgap import layout
    from xlgap.config import load_params
    from xlgap.study_files import read_study

    if study is None or study.name == layout.PARAMS.name:
        directory = Path() if study is None else study.parent
        return directory, load_params(directory / layout.PARAMS)
    found = read_study(study)
    return found.directory, found.params


def check_workers(workers: int) -> None:
    """Refuse no worker at all, and more than run side by side anywhere."""
    if workers < 1:
        raise ConfigError(f"--workers: got {workers}, but it must be at least 1.")
    if workers > MOST_WORKERS:
        raise ConfigError(f"--workers: got {workers}, but it may be {MOST_WORKERS} at most.")


def check_hardware(name: str) -> None:
    """Refuse what ``--hardware`` does not know, before anything is looked at.

    Raises:
        ConfigError: the hardware is unknown.
    """
    from xlgap.planning import get_hardware

    if name.lower() != THIS:
        get_hardware(name)


def hardware_asked(
    name: str, train: TrainParams, directory: Path, *, workers: int | None = None
) -> tuple[Hardware, int]:
    """What ``--hardware`` names, and the stages that run side by side on it.

    Args:
        name: of a preset, or :data:`THIS`, which is measured.
        train: how a study trains.
        directory: of the study.
        workers: as asked for; ``None``: two on a CPU, one on devices.

    Raises:
        ConfigError: the hardware is unknown, or the environment asks for processes in a way that is
            not allowed.
    """
    from xlgap.planning import get_hardware

    if name.lower() != THIS:
        return get_hardware(name), workers or (2 if name.lower() == "cpu" else 1)
    from xlgap.machine.measured import measured_machine
    from xlgap.training.engine import device

    workers = workers or (2 if device() == "cpu" else 1)
    return measured_machine(train, directory, workers=workers), workers
