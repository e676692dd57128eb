"""The fixed cost of a cell: from the start of its process to its first training step.

    python benchmarks/cell_cost.py [--directory STUDY] [--runs N]

Trains one cell of a finished study again in a scratch copy, in fresh processes and through the pre-fork
server in turn, and prints both medians and their ratio. Needs the study's data and models.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "flows"))

from preload import PRELOAD  # noqa: E402 (flows/ is no package)
from xlgap import layout  # noqa: E402
from xlgap.cell import Cell, grid  # noqa: E402
from xlgap.config import load_params  # noqa: E402
from xlgap.errors import ResultError  # noqa: E402
from xlgap.graph import write_graph  # noqa: E402
from xlgap.planning.journal import pure_time  # noqa: E402
from xlgap.prefork import launch  # noqa: E402


def smallest_cell(study: Path) -> Cell:
    """The first cell that trains: the study's first model under an arm without intermediate tasks."""
    params = load_params(study / layout.PARAMS)
    return next(c for c in grid(params).cells if c.phases and not c.arm.warm_phases)


def scratch_copy(study: Path, folder: Path) -> None:
    """What a fine-tuning reads, with one seed, and nothing that it could reuse.

    Raises:
        ResultError: the study has not been run.
    """
    for name in ("data", "models", "results/checks"):
        if not (study / name).is_dir():
            raise ResultError(f"{study / name}: no such directory; run the study first.")
        shutil.copytree(study / name, folder / name)
    raw = yaml.safe_load((study / layout.PARAMS).read_text(encoding="utf8"))
    raw["study"]["seeds"] = raw["study"]["seeds"][:1]
    (folder / layout.PARAMS).write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf8")
    (folder / ".dvc").mkdir()
    shutil.copy(ROOT / "dvc.yaml", folder)
    write_graph(folder)


def one_run(folder: Path, cell: Cell, socket: str | None) -> tuple[float, float]:
    """Seconds to the first step, and seconds beside steps and predictions, of one process."""
    shutil.rmtree(folder / layout.WEIGHTS, ignore_errors=True)
    variables = {} if socket is None else {"XLGAP_PREFORK_SOCKET": socket}
    command = ["xlgap", "finetune", cell.model, cell.arm.name, cell.task.name]
    began = time.monotonic()
    subprocess.run(
        command,
        cwd=folder,
        check=True,
        capture_output=True,
        env={**os.environ, **variables},
    )
    total = time.monotonic() - began
    (entry,) = (folder / layout.JOURNAL / cell.key).glob("seed*.json")
    journal = json.loads(entry.read_text())
    return journal["startup_seconds"], total - pure_time(journal)


def main() -> None:
    """Print the two medians."""
    parser = argparse.ArgumentParser(description="The fixed cost of a cell.")
    parser.add_argument("--directory", type=Path, default=ROOT, help="a finished study")
    parser.add_argument("--runs", type=int, default=5, help="of each kind")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # of the server, too: it refuses callers with other settings
    cell = smallest_cell(arguments.directory)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scratch_copy(arguments.directory, folder)
        with launch.running(PRELOAD, log=folder / "prefork.log") as socket:
            one_run(folder, cell, socket)  # the first run makes the MLflow store
            pairs = [
                (one_run(folder, cell, socket), one_run(folder, cell, None))
                for _ in range(arguments.runs)
            ]
    for what, index in (("to the first step", 0), ("beside training and prediction", 1)):
        forked = statistics.median(a[index] for a, _ in pairs)
        fresh = statistics.median(b[index] for _, b in pairs)
        print(f"{cell.key}, seconds {what}: forked {forked:.2f}, fresh {fresh:.2f}, ", end="")
        print(f"ratio {forked / fresh:.2f}")


if __name__ == "__main__":
    main()
