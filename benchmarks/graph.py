"""A graph of many cells that sleep: the flow on several workers beside plain ``dvc repro``.

    python benchmarks/graph.py --cells 200 --sleep 10 --workers 8

Makes a DVC repository with one stage a cell, each of which sleeps, counts itself and writes one file.
Prints, and with ``--json FILE`` writes:

- wall seconds of the flow, from its command to its end, and those of a sequential ``dvc repro`` of the
  same graph, extrapolated from some of its cells (which sleep less: sleeping costs DVC nothing);
- their ratio, which is to be 0.9 times the workers;
- seconds of DVC's own that a cell costs in either, and what of it is processor time;
- seconds of the flow and of ``dvc repro`` when nothing is to be done, and their ratio.

It fails when a cell did not run exactly once, or when a log speaks of a lock.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

FLOW = Path(__file__).resolve().parents[1] / "flows" / "grid.py"
QUIET = {
    "DVC_NO_ANALYTICS": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "SHELL": "/bin/sh",
}


@dataclass(frozen=True)
class Spent:
    """What a command took, with its children: seconds of wall and of processors."""

    wall: float
    cpu: float


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was measured.

    Attributes:
        cells, sleep, workers, cores: what was asked for, and the machine's cores.
        flow: the flow over all cells.
        bare: ``dvc repro`` over ``bare_cells`` of them, each sleeping ``bare_sleep``.
        bare_wall: extrapolated to all cells with ``sleep``.
        noop_flow, noop_bare: medians of seconds where nothing is to be done.
    """

    cells: int
    sleep: float
    workers: int
    cores: int
    flow: Spent
    bare: Spent
    bare_cells: int
    bare_sleep: float
    bare_wall: float
    noop_flow: float
    noop_bare: float

    @property
    def speed_up(self) -> float:
        """Of the flow over sequential DVC."""
        return self.bare_wall / self.flow.wall

    @property
    def ceiling(self) -> float:
        """The most that the processors allow: all of the flow's processor time spread over them."""
        return self.bare_wall / max(self.flow.cpu / self.cores, self.cells * self.sleep / self.workers)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--sleep", type=float, default=10.0, help="seconds of a cell")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--bare-cells", type=int, default=40)
    parser.add_argument("--bare-sleep", type=float, default=1.0)
    parser.add_argument("--noops", type=int, default=3, help="times that nothing is done")
    parser.add_argument("--json", type=Path, default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(asked, Path(folder))
    told = {**asdict(found), "speed_up": found.speed_up, "ceiling": found.ceiling}
    for line in lines(found):
        print(line)
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf8")


def measure(asked: argparse.Namespace, folder: Path) -> Found:
    """All of it, in two repositories of their own."""
    ours, theirs = folder / "flow", folder / "bare"
    make(ours, cells=asked.cells, sleep=asked.sleep)
    make(theirs, cells=asked.cells, sleep=asked.bare_sleep)
    bare_cells = min(asked.bare_cells, asked.cells)
    bare = spent(["dvc", "repro", "-q", *[f"cell@{n}" for n in range(bare_cells)]], theirs)
    assert ran(theirs) == [1] * bare_cells
    prefect = {"PREFECT_HOME": str(folder / "prefect")}
    command = [sys.executable, str(FLOW), "--workers", str(asked.workers)]
    flow = spent(command, ours, **prefect)
    counted = ran(ours)
    assert counted == [1] * asked.cells, f"cells did not run once each: {counted}"
    for log in (ours / "journal" / "logs").glob("*.log"):
        assert not re.search(r"(?i)unable to acquire lock|is busy|LockError", log.read_text()), log
    each = (bare.wall - bare_cells * asked.bare_sleep) / bare_cells
    return Found(
        cells=asked.cells,
        sleep=asked.sleep,
        workers=asked.workers,
        cores=os.cpu_count() or 1,
        flow=flow,
        bare=bare,
        bare_cells=bare_cells,
        bare_sleep=asked.bare_sleep,
        bare_wall=asked.cells * (asked.sleep + each),
        noop_flow=median([spent(command, ours, **prefect).wall for _ in range(asked.noops)]),
        noop_bare=median([spent(["dvc", "repro", "-q"], ours).wall for _ in range(asked.noops)]),
    )


def make(folder: Path, *, cells: int, sleep: float) -> None:
    """A repository with ``cells`` stages that read one file."""
    folder.mkdir()
    (folder / "source").write_text("read by all cells\n")
    (folder / "counted").mkdir()
    (folder / "params.yaml").write_text("{}\n")
    command = f"sleep {sleep} && echo ran >> counted/${{key}} && echo ${{key}} > ${{key}}.out"
    stage = {"cmd": command, "deps": ["source"], "outs": ["${key}.out"]}
    keys = {str(number): {} for number in range(cells)}
    text = yaml.safe_dump({"stages": {"cell": {"foreach": keys, "do": stage}}}, sort_keys=False)
    (folder / "dvc.yaml").write_text(text)
    for words in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        spent(words, folder)


def spent(command: Sequence[str], folder: Path, **environment: str) -> Spent:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **QUIET, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr[-3000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(wall, cpu)


def ran(folder: Path) -> list[int]:
    """How often each cell ran that ran at all."""
    return [len(path.read_text().split()) for path in (folder / "counted").iterdir()]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return sorted(values)[len(values) // 2]


def lines(found: Found) -> list[str]:
    """What was found, in words."""
    idle = found.workers * found.flow.wall / found.cells - found.sleep
    return [
        f"{found.cells} cells of {found.sleep:g} s, {found.workers} workers, {found.cores} cores",
        f"flow: {found.flow.wall:.1f} s, processors {found.flow.cpu:.1f} s; a cell costs a worker "
        f"{idle:.2f} s beyond its sleep",
        f"dvc repro, sequential: {found.bare_wall:.0f} s, from {found.bare_cells} cells of "
        f"{found.bare_sleep:g} s in {found.bare.wall:.1f} s",
        f"speed-up {found.speed_up:.2f} of {found.workers} ({found.speed_up / found.workers:.2f}); "
        f"processors and sleep allow {found.ceiling:.2f}",
        f"nothing to do: flow {found.noop_flow:.2f} s, dvc repro {found.noop_bare:.2f} s, ratio "
        f"{found.noop_flow / found.noop_bare:.2f}",
    ]


if __name__ == "__main__":
    main()
