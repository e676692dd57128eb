"""What a study costs beside training and evaluation, split by cause.

    python benchmarks/study_overhead.py [--workers N] [--folder FOLDER]

Runs the graph of the default study in a scratch checkout, with its data, test rows and analysis, but
with next to no training, and with timers around the parts of the flow, of DVC and of the commands
(``stage_timers.py``). Prints worker seconds by cause, as wall time, which other work on the machine
lengthens, and as CPU time, which it does not. Takes four minutes on two cores.
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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "flows"))

import grid  # noqa: E402 (flows/ is no package)
from stage_timers import COMMAND, FILE, PURE, REST, cpu_seconds  # noqa: E402

Span = tuple[float, float]


@dataclass
class Found:
    """What a run of the flow showed; times are seconds of the epoch.

    Attributes:
        stages: when each stage began and ended.
        parents: what each stage waits for.
        spans: other parts of the flow, by name.
        server_cpu: CPU of Prefect's temporary server.
    """

    workers: int
    began: float = field(default_factory=time.time)
    ended: float = 0.0
    stages: dict[str, Span] = field(default_factory=dict)
    parents: dict[str, frozenset[str]] = field(default_factory=dict)
    spans: dict[str, list[Span]] = field(default_factory=dict)
    server_cpu: float = 0.0

    @property
    def in_stages(self) -> float:
        """Worker seconds inside stages."""
        return sum(end - begin for begin, end in self.stages.values())

    def idle(self) -> tuple[float, float]:
        """Worker seconds while stages ran: beside one that was ready, and beside none."""
        ready = {
            name: max((self.stages[p][1] for p in self.parents[name]), default=self.began)
            for name in self.stages
        }
        (begin, end), *_ = self.spans["stages"]
        times = sorted({begin, end, *ready.values(), *(t for s in self.stages.values() for t in s)})
        beside_ready = beside_none = 0.0
        for a, b in pairwise(t for t in times if begin <= t <= end):
            running = sum(s <= a and e >= b for s, e in self.stages.values())
            could = sum(ready[n] <= a and self.stages[n][0] >= b for n in self.stages)
            free = max(0, self.workers - running)
            beside_ready += min(free, could) * (b - a)
            beside_none += max(0, free - could) * (b - a)
        return beside_ready, beside_none


def scratch_study(folder: Path) -> None:
    """A checkout of the default study in ``folder``, its training cut to a few steps."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignore)  # stages depend on some of it
    for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf8"))
    for task in (*params["tasks"].values(), *params["intermediate"].values()):
        task.update({"epochs": 0.01, "dev_rows": 20} if "epochs" in task else {})
    params["pretrain"]["tokens"] = 2_000
    params["train"]["evaluations"] = 1
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf8")
    name = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org")
    for command in (
        ("git", "init", "-q", "."),
        (sys.executable, "-m", "dvc", "init", "-q"),
        ("cp", str(ROOT / ".dvc" / "config"), ".dvc/config"),
        (sys.executable, "-m", "xlgap", "graph"),
        ("git", "add", "-A"),
        ("git", *name, "commit", "-q", "-m", "study"),
    ):
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def run_flow(folder: Path, workers: int) -> Found:
    """Run the flow on the study in ``folder`` and time it."""
    found = Found(workers)
    grid.embedded_engine()
    import dispatch
    import running
    import stage

    def spanned(name: str, function: Any, after: Callable[..., None] = lambda *_: None) -> Any:
        def timed(*args: Any, **kwargs: Any) -> Any:
            begin = time.time()
            try:
                result = function(*args, **kwargs)
            finally:
                found.spans.setdefault(name, []).append((begin, time.time()))
            after(result)
            return result

        return timed

    def keep_parents(plan: Any) -> None:
        found.parents.update({s.name: s.parents for s in plan.stages.values()})

    def keep_server(_: object) -> None:
        for process in psutil.Process().children(recursive=True):
            if "uvicorn" in process.cmdline():
                found.server_cpu = sum(process.cpu_times()[:2])

    run = stage.Stages.run

    def run_stage(stages: Any, name: str, **how: bool) -> float:
        begin = time.time()
        try:
            return float(run(stages, name, **how))
        finally:
            found.stages[name] = begin, time.time()

    grid.read_plan = dispatch.read_plan = spanned("plan", grid.read_plan, keep_parents)
    running.Run.to_the_end = spanned("stages", running.Run.to_the_end, keep_server)
    stage.Stages.run = run_stage  # type: ignore[method-assign]
    changed_dvc = "lockfile:install"  # before it is timed
    grid.grid(folder, workers, preload=(*dispatch.PRELOAD, changed_dvc, "stage_timers:start"))
    found.ended = time.time()
    return found


def parts_of(found: Found, rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Span]]:
    """Wall and CPU seconds by part and stage."""
    parts: dict[str, dict[str, Span]] = {}
    of_dvc = {row["stage"]: row for row in rows if row["kind"] == "dvc"}
    of_command = {row["stage"]: row for row in rows if row["kind"] == "command"}
    for name, (begin, end) in found.stages.items():
        dvc, command = of_dvc[name], of_command[name]
        parts.setdefault("fork", {})[name] = (dvc["began"] - begin, dvc["fork"] + command["fork"])
        parts.setdefault("exit", {})[name] = (end - dvc["ended"], 0.0)
        for part, (wall, cpu) in dvc["spent"].items():
            if part == COMMAND:  # beside what its own process tells
                own = command["ended"] - command["began"]
                parts.setdefault("shell and client", {})[name] = (wall - own, cpu)
            else:
                parts.setdefault(f"DVC: {part}", {})[name] = (wall, cpu)
        for part, (wall, cpu) in command["spent"].items():
            label = {PURE: PURE, REST: "rest of the command"}.get(part, part)
            parts.setdefault(label, {})[name] = (wall, cpu)
    return parts


def show(found: Found, parts: Mapping[str, Mapping[str, Span]], imports: float, cpu: float) -> None:
    """Print the tables."""
    wall = (found.ended - found.began) * found.workers
    pure, pure_cpu = (sum(span[k] for span in parts[PURE].values()) for k in (0, 1))
    beside_ready, beside_none = found.idle()
    (begin, end), *_ = found.spans["stages"]
    plans = sum(e - b for b, e in found.spans["plan"])
    print(f"{len(found.stages)} stages, {wall / found.workers:.0f} s on {found.workers} workers")
    print(f"worker seconds {wall:.0f}, of which {PURE} {pure:.0f}, the rest:")
    for what, seconds in (
        ("in stages, beside it", found.in_stages - pure),
        ("before the first stage: plans", plans * found.workers),
        ("before the first stage: servers", (begin - found.began - plans) * found.workers),
        ("no stage was ready", beside_none),
        ("a stage was ready", beside_ready),
        ("after the last stage", (found.ended - end) * found.workers),
    ):
        print(f"  {what:34}{seconds:8.1f}")
    print(f"CPU seconds {cpu:.0f}, of which {PURE} {pure_cpu:.0f}, Prefect's server ", end="")
    print(f"{found.server_cpu:.1f}, the flow {time.process_time():.1f}, imports {imports:.1f}")
    print(f"\n{'in stages':34}{'wall':>8}{'CPU':>8}   median of a finetune stage")
    for part, spans in sorted(parts.items(), key=lambda item: -sum(s[1] for s in item[1].values())):
        cells = [span for name, span in spans.items() if name.startswith("finetune@")]
        line = "".join(f"{sum(span[k] for span in spans.values()):8.1f}" for k in (0, 1))
        middle = "".join(f"{statistics.median(s[k] for s in cells):8.3f}" for k in (0, 1) if cells)
        print(f"  {part:32}{line}   {middle}")
    print(f"\n{'beside ' + PURE:34}{'wall':>8}{'CPU':>8}   stages")
    families: dict[str, list[str]] = {}
    for name in found.stages:
        families.setdefault(name.partition("@")[0], []).append(name)
    for family, names in families.items():
        spans = [parts[p][n] for p in parts if p != PURE for n in names if n in parts[p]]
        line = "".join(f"{sum(span[k] for span in spans):8.1f}" for k in (0, 1))
        print(f"  {family:32}{line}   {len(names)}")


def main() -> None:
    """Run the study and print where its time went."""
    parser = argparse.ArgumentParser(description="What a study costs beside training, by cause.")
    parser.add_argument("--workers", type=int, default=2, help="stages that run side by side")
    parser.add_argument("--folder", type=Path, help="a new directory to keep the study in")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    places = (str(ROOT / "benchmarks"), str(ROOT / "flows"), os.environ.get("PYTHONPATH"))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.folder or Path(name) / "study"
        folder.mkdir(parents=True)
        scratch_study(folder)
        os.environ[FILE] = str(folder / "timers.jsonl")
        before = cpu_seconds()
        found = run_flow(folder, arguments.workers)
        rows = [json.loads(line) for line in Path(os.environ[FILE]).read_text().splitlines()]
    (imports,) = (row["cpu"] for row in rows if row["kind"] == "imports")
    cpu = cpu_seconds() - before + found.server_cpu  # which ends after this process
    show(found, parts_of(found, rows), imports, cpu)


if __name__ == "__main__":
    main()
