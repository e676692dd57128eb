"""A plan as tables for the terminal."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

from xlgap.planning.model_table import PARTS, WAYS, adapters, model_rows, moment, offloaded
from xlgap.planning.plan import Plan, StagePlan, Totals

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

_COLUMNS = (
    "stage", "params", "non-emb.", "seeds", "steps", "tokens", "FLOP", "memory", "hours", "kWh", "disk",
    "scratch",
)  # fmt: skip


def render(plan: Plan, *, width: int | None = None) -> str:
    """The tables as plain text, as wide as the terminal or ``width`` columns."""
    from rich.console import Console

    columns = width or max(100, shutil.get_terminal_size(fallback=(150, 50)).columns)
    console = Console(width=columns, file=io.StringIO(), record=True)
    console.print(tables(plan))
    return console.export_text().rstrip()


def tables(plan: Plan) -> Group:
    """Stages, left-out pairs, totals and assumptions, for a ``rich`` console."""
    from rich.console import Group
    from rich.text import Text

    parts = [_stages(plan), _ways(plan), _parts(plan)]
    if plan.left_out:
        parts.append(_left_out(plan))
    return Group(
        *parts,
        Text(_summary(plan.totals, plan.workers), style="bold"),
        *(Text(f"note: {note}") for note in _notes(plan)),
        *(Text(f"- {line}", style="dim") for line in plan.assumptions),
    )


def _table(title: str, columns: tuple[str, ...], *, left: int) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for position, column in enumerate(columns):
        text = position < left
        table.add_column(column, justify="left" if text else "right", no_wrap=not text, overflow="fold")
    return table


def _stages(plan: Plan) -> Table:
    machine = plan.hardware
    title = (
        f"study {plan.study} on {machine.devices} x {machine.name}; steps and tokens are of one seed"
    )
    table = _table(title, _COLUMNS, left=1)
    for stage in plan.stages:
        table.add_row(*_row(stage))
    return table


def _row(stage: StagePlan) -> tuple[str, ...]:
    name = stage.stage if stage.shares is None else f"{stage.stage} *"
    states = "?" if stage.training.steps != 0 else "-"
    if stage.memory is not None:
        states = size(stage.memory.total) + ("" if stage.fits else " !")
    return (
        name,
        count(stage.params_total),
        count(stage.params_nonembedding),
        str(stage.seeds),
        count(stage.training.steps),
        count(stage.training.tokens),
        count(stage.flops),
        states,
        hours(stage.hours),
        amount(stage.kwh),
        size(stage.disk_bytes),
        size(stage.scratch_bytes),
    )


def _ways(plan: Plan) -> Table:
    title = "how each model is trained, in its stage that takes most memory; sums of all its stages"
    table = _table(title, WAYS, left=1)
    for row in model_rows(plan):
        choice, stage = row.choice, row.stage
        table.add_row(
            stage.model,
            count(stage.params_total),
            adapters(choice),
            str(stage.load),
            f"{choice.zero_stage}{', split' * choice.split}",
            offloaded(choice),
            "yes" if choice.activation_checkpointing else "-",
            count(choice.micro_tokens),
            str(choice.accumulation),
            "?" if stage.devices_needed is None else f"{stage.devices_needed} x",
            hours(row.hours),
            amount(row.kwh),
            size(row.disk_bytes),
            size(stage.checkpoint_bytes),
        )
    return table


def _parts(plan: Plan) -> Table:
    table = _table("memory of one process in GiB, when that stage holds most", PARTS, left=2)
    for row in model_rows(plan):
        memory = row.choice.memory
        parts = (
            memory.weights, memory.gradients, memory.optimizer, memory.activations, memory.logits,
            memory.buffers, memory.checkpoint, memory.fragmentation, memory.base, -memory.overlap,
        )  # fmt: skip
        table.add_row(
            row.stage.model,
            moment(row.choice),
            *(gib(part) for part in parts),
            gib(memory.total) + ("" if row.choice.fits else " !"),
            gib(memory.host + memory.host_first),
            gib(memory.nvme),
        )
    return table


def _left_out(plan: Plan) -> Table:
    table = _table("left out", ("arm", "task", "reason"), left=3)
    for pair in plan.left_out:
        table.add_row(pair.arm, pair.task, pair.reason)
    return table


def _summary(totals: Totals, workers: int) -> str:
    shared = f", {hours(totals.wall_hours)} at least on {workers} workers" if workers > 1 else ""
    text = (
        f"{totals.cells} cells, {totals.stages} stages, {totals.runs} runs: "
        f"{count(totals.flops)} FLOP, "
        f"{hours(totals.hours)} of computing{shared}, {amount(totals.kwh)} kWh (estimate), "
        f"{size(totals.disk_bytes)} of weights kept, {size(totals.scratch_bytes)} of scratch at most, "
        "for checkpoints"
    )
    if totals.unknown:
        text += f"; {totals.unknown} stages are not in these sums, see the notes"
    return text


def _notes(plan: Plan) -> list[str]:
    notes: dict[str, list[str]] = {}
    for stage in plan.stages:
        if stage.note:
            notes.setdefault(stage.note, []).append(stage.stage)
    lines = [f"{_few(stages)}: {note}" for note, stages in notes.items()]
    lines += [f"{task} has no test data in {', '.join(codes)}" for task, codes in plan.unscored]
    lines += [
        f"{arm} x {task} contains an English intermediate stage, by the task's official recipe: it is "
        f"trained on {order}"
        for arm, task, order in plan.preliminary
    ]
    lines += [
        f"{arm}: the training data of '{part}' are in those of '{task}', too: they are trained on twice"
        for arm, task, part in plan.overlaps
    ]
    if any(stage.choice is not None and stage.choice.split for stage in plan.stages):
        lines.append("split: no process holds the whole network, in training or beside it")
    if any(stage.shares for stage in plan.stages):
        lines.append("* trains nothing: it predicts with the weights of a stage that trains the same")
    return lines + _misfits(plan)


def _misfits(plan: Plan) -> list[str]:
    """By model, what does not fit and what would."""
    return [
        f"! does not fit: {row.stage.model} takes {row.choice.lacking}; {row.stage.advice}"
        for row in model_rows(plan)
        if not row.choice.fits
    ]


def gib(value: int) -> str:
    """Bytes in GiB, a number alone.

    >>> gib(3 * 1024**3), gib(1024**2), gib(0)
    ('3.00', '0.00', '-')
    """
    found = value / 1024**3
    return f"{found:.{_digits(abs(found))}f}" if value else "-"


def _few(names: list[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def count(value: float | None) -> str:
    """A number with a suffix of a thousand's power.

    >>> count(176_247_271_424), count(34_000), count(7), count(None)
    ('176B', '34.0k', '7', '?')
    """
    if value is None:
        return "?"
    for power, suffix in ((18, "E"), (15, "P"), (12, "T"), (9, "B"), (6, "M"), (3, "k")):
        if value >= 10**power:
            return f"{value / 10**power:.{_digits(value / 10**power)}f}{suffix}"
    return f"{value:.0f}"


def size(value: int | None) -> str:
    """Bytes in binary units.

    >>> size(3 * 1024**3), size(None)
    ('3.00 GiB', '?')
    """
    if value is None:
        return "?"
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if value >= 1024**power:
            return f"{value / 1024**power:.{_digits(value / 1024**power)}f} {unit}"
    return f"{value} B" if value else "-"


def hours(value: float | None) -> str:
    """Hours, minutes or seconds.

    >>> hours(0.5), hours(30), hours(0.001), hours(None)
    ('30.0 min', '30.0 h', '3.60 s', '?')
    """
    if value is None:
        return "?"
    for factor, unit in ((1, "h"), (60, "min")):
        if value * factor >= 1:
            return f"{value * factor:.{_digits(value * factor)}f} {unit}"
    return f"{value * 3600:.{_digits(value * 3600)}f} s"


def amount(value: float | None) -> str:
    """A small figure with three significant digits."""
    return "?" if value is None else f"{value:.3g}"


def _digits(value: float) -> int:
    """Decimals that make three significant digits."""
    return 0 if value >= 100 else 1 if value >= 10 else 2
