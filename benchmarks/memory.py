"""Peak memory of training, measured: every case in a fresh process, through this project's own loop.

    python benchmarks/memory.py measure [--out FILE] [--only NAME ...]
    python benchmarks/memory.py table


``measure`` runs the cases of :mod:`memory_cases` that have no line in FILE yet, one after another,
those of several processes under torchrun, and appends a line each. On a CPU a process's memory is the
peak of its resident set less what is resident after the imports (``VmHWM`` of /proc/self/status, set
back by writing 5 to /proc/self/clear_refs); on a GPU it is what torch's allocator has handed out at
most, and beside it what that has reserved. The largest of the processes counts. The C library's
allocator is left as it is: what it keeps of freed memory, a user's run keeps, too. ``table`` writes
the page of predicted and measured memory from all files of results.
"""

from __future__ import annotations

import argparse
import csv
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memory_cases import Case, cases

STEPS = 3
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "memory"
TORCHRUN = ["-m", "torch.distributed.run", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
LABELS = ("a", "b", "c")


class Memory:
    """Bytes of this process, above those at :meth:`begin`: peaks up to some moments."""

    def __init__(self, *, cuda: bool) -> None:
        self.cuda, self.base = cuda, 0

    def begin(self) -> None:
        """Forget what came before."""
        gc.collect()
        if self.cuda:
            import torch

            torch.cuda.reset_peak_memory_stats()
            self.base = torch.cuda.memory_allocated()
        else:
            Path("/proc/self/clear_refs").write_text("5")
            self.base = _resident("VmRSS")

    def peak(self) -> int:
        """The most so far."""
        if self.cuda:
            import torch

            return torch.cuda.max_memory_allocated() - self.base
        return _resident("VmHWM") - self.base

    def reserved(self) -> int:
        """The most that torch's allocator held so far; 0 on a CPU."""
        if not self.cuda:
            return 0
        import torch

        return torch.cuda.max_memory_reserved()


def _resident(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {name}; this needs Linux.")


class Watch:
    """Peaks when steps begin and after each of them."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.started, self.steps, self.evaluated = 0, [], 0

    def on_start(self, step: int, *, steps: int) -> None:
        """The engine stands."""
        self.started = self.memory.peak()

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None:
        """A step is done."""
        self.steps.append(self.memory.peak())

    def on_saving(self) -> None:
        """Nothing is kept."""

    def on_evaluation(self, step: int, score: float) -> None:
        """The best weights are kept."""

    def on_event(self, name: str, sentence: str) -> None:
        """What a training does otherwise than it was told is not what is measured.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(sentence)

    def stop_requested(self) -> bool:
        """Whether to stop."""
        return False


def train(case: Case) -> dict[str, Any]:
    """Train ``case`` in this process, one of several perhaps, and tell what it took."""
    import deepspeed
    import torch
    import transformers
    from transformers import XLMRobertaModel

    from xlgap.training.engine import device, process_group
    from xlgap.training.trainer import train_phase

    memory = Memory(cuda=device() == "cuda")
    scratch = tempfile.TemporaryDirectory()
    assert XLMRobertaModel  # its module is an import, too
    with process_group(threads=1):
        began = time.monotonic()
        if memory.cuda:
            torch.zeros(1, device="cuda")
        memory.begin()
        network, data, settings = built(case)
        params = sum(p.numel() for p in network.parameters())
        watch = Watch(memory)
        scores = iter(range(STEPS))
        evaluate = (lambda _: float(next(scores))) if case.keep_best else None
        train_phase(
            network, data, settings, evaluate=evaluate, observer=watch, scratch=Path(scratch.name)
        )
        peak = memory.peak()
        course = settings.course(data, packed=True)
        return {
            "params": params,
            **largest(course, settings.token_budget, case.processes),
            "at_start": watch.started,
            "after_step": watch.steps[0],
            "in_steps": watch.steps[-1],
            "measured": peak,
            "reserved": memory.reserved(),
            "by": "allocator" if memory.cuda else "rss",
            "seconds": round(time.monotonic() - began, 1),
            "torch": torch.__version__.split("+")[0],
            "deepspeed": deepspeed.__version__,
            "transformers": transformers.__version__,
        }


def built(case: Case) -> tuple[Any, Any, Any]:
    """Network, data and settings."""
    from xlgap.models.network import Network, make_head, masked_head, scratch_encoder
    from xlgap.tasks.base import Classify, Rank, Span, Tag
    from xlgap.training.trainer import PhaseSettings
    from xlgap.training.zero import ZeroPlan

    kinds = {
        "classify": Classify(labels=LABELS),
        "tag": Tag(tags=LABELS, bio=False),
        "span": Span(),
        "rank": Rank(pool=("en",), query_length=case.length, pair=False),
    }
    encoder = scratch_encoder(case.config, seed=1)
    head = masked_head if case.head == "mlm" else None
    network = Network(
        encoder, head(encoder, seed=1) if head else make_head(kinds[case.head], encoder, seed=1)
    )
    data = made_data(case)
    per_row = 2 if case.head == "rank" else 1
    settings = PhaseSettings(
        steps=STEPS,
        batch_rows=case.rows * case.micro_batches * case.processes,
        token_budget=case.rows * per_row * case.length,
        evaluations=STEPS if case.keep_best else 0,
        select="dev" if case.keep_best else "last",
        seed=1,
        zero=ZeroPlan(
            stage=case.stage,
            precision=case.precision,
            offload_optimizer=case.offload != "none",
            offload_parameters=case.offload == "both",
            activation_checkpointing=case.checkpointing,
            learning_rate=1e-4,
        ),
        checkpoint_seconds=0.0 if case.saving else 1e9,
    )
    return network, data, settings


def made_data(case: Case) -> Any:
    """Rows of random sub-words, as many as the steps need; several sizes of micro-batch if drawn."""
    import numpy as np

    from xlgap.models.encode import IGNORE, Example
    from xlgap.models.tokenizer import Tokenizer
    from xlgap.training.data import Line, MaskedText, TaskData

    random = np.random.default_rng(0)
    vocabulary = case.config["vocab_size"]

    def sequence() -> Any:
        length = int(random.integers(case.length // 4, case.length + 1)) if case.drawn else case.length
        return random.integers(5, vocabulary - 1, length).astype(np.int32)

    count = case.rows * case.micro_batches * case.processes * STEPS
    if case.head == "mlm":
        tokenizer = Tokenizer(
            None, pad=1, unk=3, eos=2, mask=vocabulary - 1, size=vocabulary, digest=""
        )
        lines = [Line(sequence()) for _ in range(count)]
        return MaskedText(lines, tokenizer, fraction=0.15, seed=1)
    examples = []
    for number in range(count):
        sequences = tuple(sequence() for _ in range(2 if case.head == "rank" else 1))
        first = sequences[0]
        if case.head == "tag":
            labels = (first % len(LABELS)).astype(np.int64)
            labels[0] = labels[-1] = IGNORE
            words = np.arange(len(first), dtype=np.int32)
            examples.append(Example(number, sequences, labels, words))
            continue
        labels = {"classify": [int(first[0]) % len(LABELS)], "span": [1, 2], "rank": []}[case.head]
        examples.append(Example(number, sequences, np.asarray(labels, np.int64)))
    return TaskData(examples, pad=1)


def largest(course: Any, token_budget: int, world: int) -> dict[str, int]:
    """The most of each that a micro-batch of a process has: sub-words, pairs of them, loss terms."""
    data = course.part(0).data
    shares = [
        share
        for step in course.plan(token_budget=token_budget, world=world)
        for micro in step.micro
        for share in micro.ranks
        if len(share)
    ]
    lengths = [[n for i in share for n in data.sequences_of[i]] for share in shares]
    return {
        "sequences": max(len(of) for of in lengths),
        "tokens": max(sum(of) for of in lengths),
        "padded_tokens": max(len(of) * max(of) for of in lengths),
        "pairs": max(sum(n * n for n in of) for of in lengths),
        "supervised": max(data.supervised(share) for share in shares),
    }


def run(case: Case) -> dict[str, Any]:
    """Train ``case`` in processes of its own."""
    with tempfile.TemporaryDirectory() as folder:
        processes = ["--nproc_per_node", str(case.processes)]
        launcher = [*TORCHRUN, *processes] if case.processes > 1 else []
        program = [sys.executable, *launcher, __file__, "one", case.name, folder]
        done = subprocess.run(
            program, capture_output=True, text=True, check=False, timeout=1800,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{case.name}: ended with {done.returncode}\n{done.stderr[-3000:]}")
        ranks = [json.loads(p.read_text()) for p in sorted(Path(folder).iterdir())]
    found = max(ranks, key=lambda rank: rank["measured"])
    found["ranks"] = " ".join(str(rank["measured"]) for rank in ranks)
    return {**case.columns(), **found, "python": platform.python_version(), "libc": _libc()}


def _libc() -> str:
    """The C library, and what is asked of its allocator."""
    asked = [f"{name}={value}" for name, value in sorted(os.environ.items()) if "MALLOC" in name]
    return " ".join([*platform.libc_ver(), *asked])


def measure(out: Path, only: Sequence[str]) -> None:
    """Append a line for each case that has none."""
    written = rows(out) if out.is_file() else []
    have = {row["name"] for row in written}
    out.parent.mkdir(parents=True, exist_ok=True)
    for case in cases():
        if case.name in have or (only and case.name not in only):
            continue
        row = run(case)
        if written and list(written[0]) != list(row):
            raise SystemExit(f"{out} has other columns; move it away, or measure with its version.")
        with out.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)
        print(f"{row['seconds']:6.1f} s  {row['measured'] / 1e9:6.2f} GB  {case.name}", flush=True)


def rows(path: Path) -> list[dict[str, str]]:
    """The lines of a file of measurements."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(folder: Path) -> str:
    """Predicted and measured memory of the cases that have a line."""
    from memory_table import compared, page

    by_name = {case.name: case for case in cases()}
    found = [row for file in sorted(folder.glob("measured*.csv")) for row in rows(file)]
    return page([compared(by_name[row["name"]], row) for row in found])


def _file() -> str:
    from xlgap.training.engine import device

    return "measured.csv" if device() == "cpu" else f"measured_{device()}.csv"


def main() -> int:
    """Measure, or be one of the measured."""
    parser = argparse.ArgumentParser(description="Peak memory of training, measured.")
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure", help="run the cases that FILE lacks")
    measuring.add_argument("--out", type=Path, help="measured.csv or measured_cuda.csv of the results")
    measuring.add_argument("--only", nargs="*", default=[], metavar="NAME")
    commands.add_parser("table", help="write the page from what was measured")
    one = commands.add_parser("one", help="(used by measure)")
    one.add_argument("name")
    one.add_argument("folder", type=Path)
    options = parser.parse_args()
    if options.command == "measure":
        measure(options.out or RESULTS / _file(), options.only)
    elif options.command == "table":
        (RESULTS / "README.md").write_text(table(RESULTS), encoding="utf-8")
    else:
        found = train(next(case for case in cases() if case.name == options.name))
        (options.folder / os.environ["RANK"]).write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
