"""Predicted beside measured peak memory, as docs/results/memory/README.md."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from memory_cases import Case
from xlgap.planning.memory import predict_memory
from xlgap.planning.parts import MemoryParts
from xlgap.planning.setting import Setting
from xlgap.planning.shape import scratch_shape

Row = dict[str, str]
PARTS = (
    "weights",
    "gradients",
    "optimizer",
    "activations",
    "logits",
    "buffers",
    "checkpoint",
    "fragmentation",
)

HEAD = """# Peak memory of training, predicted and measured

Written by `python benchmarks/memory.py table` from `measured*.csv`, which `measure` wrote. Every
case is a training of three steps in processes of its own, through `train_phase` and DeepSpeed. On a
CPU: the peak of a process's resident set less what was resident after the imports, one compute
thread, the C library's allocator as it is; on a GPU: what torch's allocator handed out at most. Of
several processes the largest counts. Gigabytes are 10^9 bytes. Which cases predictions were
calibrated on was fixed by the names of the cases before anything was measured
(`benchmarks/memory_cases.py`); the others are held out.
"""
FOOT = """`measured.csv` has, besides the case: `params` (all, head included); the most of a micro-
batch of a process: `sequences`, `tokens`, `pairs` of them inside sequences, `supervised`
terms of the loss; peaks in bytes when steps begin (`at_start`), after the first
(`after_step`) and the last step (`in_steps`) and after the weights were copied for the
caller (`measured`), those of each process (`ranks`); and versions.
"""


@dataclass(frozen=True)
class Compared:
    """One case: its line of measurements, and what is predicted for it."""

    row: Row
    parts: MemoryParts

    @property
    def measured(self) -> int:
        """Bytes of the process that took most."""
        return int(self.row["measured"])

    @property
    def predicted(self) -> int:
        """Bytes; on a GPU of what is alive, since the allocator's own share is not measured with it."""
        share = self.parts.fragmentation if self.row["by"] == "allocator" else 0
        return self.parts.increment - share

    @property
    def error(self) -> float:
        """Of the prediction, as a share of what was measured; above 0: too much."""
        return self.predicted / self.measured - 1


def compared(case: Case, row: Row) -> Compared:
    """Predict the memory of a case from its settings and the sizes of its micro-batches alone."""
    vocabulary, width, layers, heads = (
        int(row[key]) for key in ("vocabulary", "width", "layers", "heads")
    )
    shape = scratch_shape(
        layers=layers, width=width, heads=heads, feed_forward=4 * width, vocabulary=vocabulary,
        positions=case.config["max_position_embeddings"] - 2, dropout=case.dropout,
    )  # fmt: skip
    tokens = int(row["tokens"])
    setting = Setting(
        zero_stage=case.stage,
        devices=case.processes,
        precision=case.precision,
        offload_optimizer="none" if case.offload == "none" else "cpu",
        offload_parameters="cpu" if case.offload == "both" else "none",
        activation_checkpointing=case.checkpointing,
        micro_tokens=tokens,
        longest=case.length,
        rows=int(row["sequences"]),
        pairs=int(row["pairs"]),
        micro_batches=case.micro_batches,
        head=case.head,
        keep_best=case.keep_best,
        saves=case.saving,
        supervised=int(row["supervised"]) / tokens,
        device="cuda" if row["by"] == "allocator" else "cpu",
    )
    return Compared(row, predict_memory(shape, setting))


def page(found: Sequence[Compared]) -> str:
    """The page, in Markdown."""
    tables = [*_summary(found), "", _versions(found), "", *_cases(found), "", *_parts(found)]
    return "\n".join([HEAD, *tables, "", FOOT])


def _versions(found: Sequence[Compared]) -> str:
    names = ("torch", "deepspeed", "transformers", "python", "libc")
    told = {", ".join(f"{name} {c.row[name]}" for name in names) for c in found}
    return f"Measured with {'; '.join(sorted(told))}."


def _summary(found: Sequence[Compared]) -> list[str]:
    lines = ["| part | device | cases | median error | worst |", "|---|---|---|---|---|"]
    for part in ("calibration", "held_out"):
        for by, device in (("rss", "CPU"), ("allocator", "GPU")):
            of = [c for c in found if c.row["part"] == part and c.row["by"] == by]
            if not of:
                continue
            median = statistics.median(abs(c.error) for c in of)
            worst = max(of, key=lambda c: abs(c.error))
            lines.append(
                f"| {part.replace('_', ' ')} | {device} | {len(of)} | {100 * median:.1f}% "
                f"| {100 * worst.error:+.1f}% ({worst.row['name']}) |"
            )
    return lines


def _cases(found: Sequence[Compared]) -> list[str]:
    lines = ["| case | part | predicted GB | measured GB | error |", "|---|---|---|---|---|"]
    for c in found:
        sizes = f"{c.predicted / 1e9:.2f} | {c.measured / 1e9:.2f}"
        part = c.row["part"].replace("_", " ")
        lines.append(f"| {c.row['name']} | {part} | {sizes} | {100 * c.error:+.1f}% |")
    return lines


def _parts(found: Sequence[Compared]) -> list[str]:
    head = ["case", *PARTS, "not at one time"]
    lines = [
        "Predicted, by part, in gigabytes:",
        "",
        f"| {' | '.join(head)} |",
        "|---" * len(head) + "|",
    ]
    for c in found:
        sizes = [getattr(c.parts, part) for part in PARTS] + [-c.parts.overlap]
        lines.append(f"| {c.row['name']} | {' | '.join(f'{size / 1e9:.2f}' for size in sizes)} |")
    return lines
