"""What a plan assumes against what a finished study took.

    python benchmarks/plan_accuracy.py [--directory STUDY]

Prints, by kind of stage, model and task, the planned and the measured seconds of training and
evaluation, and the median error over stages; that of the weights on disk, where a stage leaves one
file a seed; the predicted and the measured bytes of a checkpoint, by model and number of processes,
where training wrote some (``train.checkpoint_seconds``); the cost of a step and the speed that fit the
measured pretraining best (``planning/hardware.py`` assumes them); and how full of sub-words the batches
of the prepared training rows are (``planning/work.py`` assumes it). Measured seconds are wall time: run
the study with nothing else on the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from xlgap import layout
from xlgap.cell import grid
from xlgap.config import Params, load_params
from xlgap.errors import ResultError, XlgapError
from xlgap.formats import read_json, read_jsonl
from xlgap.models.encode import encode
from xlgap.models.tokenizer import load_tokenizer
from xlgap.planning import Plan, plan_study, prepared_manifests
from xlgap.planning.journal import measured_seconds
from xlgap.stages.recipe import recipe, window
from xlgap.tasks import get_task
from xlgap.training.batches import schedule


def compare(plan: Plan, corrected: Plan) -> None:
    """Print planned and measured seconds, and the median error over stages.

    Args:
        plan: by formula alone.
        corrected: with the factors of the study's own journal.
    """
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    errors: list[tuple[float, float]] = []
    for stage, again in zip(plan.stages, corrected.stages, strict=True):
        took = measured_seconds(stage, Path(), plan.hardware)
        if took is None or stage.hours is None or again.hours is None:
            continue
        errors.append((3600 * stage.hours / took - 1, 3600 * again.hours / took - 1))
        for name in (f"{stage.kind} {stage.model} {stage.task or ''}", "all"):
            sums[name][0] += 3600 * stage.hours
            sums[name][1] += took
    if not errors:
        raise ResultError(f"{layout.JOURNAL}: no stage of this study is there; run it first.")
    for name, (planned, took) in sums.items():
        print(f"{name:40s} planned {planned:7.1f} s   measured {took:7.1f} s")
    for what, of in zip(("by formula", "with its journal"), zip(*errors, strict=True), strict=True):
        median = statistics.median(map(abs, of))
        print(f"{what}: median error of {len(of)} stages {100 * median:.1f}%")


def compare_disk(plan: Plan) -> None:
    """Print the median error of the bytes of weights that pretraining and cells of one phase leave."""
    errors = []
    for stage in plan.stages:
        if not stage.disk_bytes or stage.shares or len(stage.phases) > 1 or stage.kind == "warmstart":
            continue
        key = stage.stage.partition("@")[2]
        if stage.kind == "pretrain":
            folders = [layout.pretrained(key)]
        else:
            entries = sorted((layout.JOURNAL / key).glob("seed*.json"))
            folders = [layout.weights(read_json(path, {"digest": str})["digest"]) for path in entries]
        sizes = [path.stat().st_size for folder in folders for path in folder.glob("*.safetensors")]
        if len(folders) == stage.seeds and len(sizes) >= stage.seeds:
            errors.append(stage.disk_bytes / sum(sizes) - 1)
    if errors:
        median = statistics.median(map(abs, errors))
        print(f"disk: median error of {len(errors)} stages {100 * median:.1f}%")


def compare_checkpoints() -> None:
    """Print what the largest checkpoints of runs were to take and took, and the median error."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    errors = []
    for path in sorted(layout.JOURNAL.glob("*/seed*.json")):
        entry = read_json(path, {"world_size": int})
        planned, took = (entry.get(f"checkpoint_{kind}_bytes") for kind in ("predicted", "measured"))
        if planned is None or took is None:
            continue
        errors.append(planned / took - 1)
        model = path.parent.name.partition("-")[0]
        total = sums[f"checkpoints, {model}, processes: {entry['world_size']}"]
        for number, more in enumerate((1, planned, took)):
            total[number] += more
    for name, (runs, planned, took) in sums.items():
        print(f"{name:40s} planned {planned / runs:12,.0f}   measured {took / runs:12,.0f} bytes")
    if errors:
        median, most = statistics.median(map(abs, errors)), max(map(abs, errors))
        print(f"checkpoints: median error of {len(errors)} runs {median:.1%}, at most {most:.1%}")


def fit_hardware(plan: Plan) -> None:
    """Print seconds a step and operations a second, by least squares over pretraining."""
    found = [(s, measured_seconds(s, Path(), plan.hardware)) for s in plan.stages]
    done = [(s, took) for s, took in found if took is not None and s.kind == "pretrain"]
    if len(done) < 2:
        return
    work = np.array([[s.training.steps, s.training.flops] for s, _ in done], float)
    took = np.array([seconds for _, seconds in done])
    scale = work.max(axis=0)
    step, flop = np.linalg.lstsq(work / scale, took, rcond=None)[0] / scale
    print(f"pretraining: {1000 * step:.1f} ms a step, {1e-9 / flop:.0f} GFLOP/s")


def fill(params: Params) -> None:
    """Print padded sub-words over ``max_length`` and sequences a row, by task and language."""
    tokenizer = load_tokenizer(layout.TOKENIZER)
    for name in params.all_tasks:
        task = get_task(name)
        numbers = recipe(task, params, next(iter(params.models)))
        for path in sorted((layout.prepared(name) / "train").glob("*.jsonl")):
            rows = read_jsonl(path)
            examples = encode(task.kind, rows, tokenizer, window(task, params))
            if not examples:
                continue
            lengths = [example.length for example in examples]
            steps = schedule(
                lengths, steps=len(examples) // numbers.batch_rows, batch_rows=numbers.batch_rows,
                token_budget=params.train.micro_batch_tokens, world=1, seed=0,
                micro_rows=numbers.micro_rows,
            )  # fmt: skip
            batches = [micro.ranks[0] for step in steps for micro in step.micro]
            padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
            share = padded / sum(map(len, batches)) / numbers.max_length
            print(f"{name} {path.stem}: {share:.2f} full, {len(examples) / len(rows):.2f} a row")


def main() -> None:
    """Compare the plan of one study with its journal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, default=Path(), help="of a finished study")
    os.chdir(parser.parse_args().directory)
    params = load_params(layout.PARAMS)
    cells, known = grid(params), prepared_manifests(Path(), params)
    plan = plan_study(params, cells, manifests=known)
    compare(plan, plan_study(params, cells, manifests=known, directory=Path()))
    compare_disk(plan)
    compare_checkpoints()
    fit_hardware(plan)
    fill(params)


if __name__ == "__main__":
    try:
        main()
    except XlgapError as error:
        sys.exit(f"error: {error}")
