"""What a plan assumes against what a finished study took.

    python benchmarks/plan_accuracy.py [--directory STUDY]

Prints, by kind of stage, model and task, the planned and the measured seconds of training and
evaluation; the cost of a step and the speed that fit the measured pretraining best
(``planning/hardware.py`` assumes them); and how full of sub-words the batches of the prepared training
rows are (``planning/work.py`` assumes it). Measured seconds are wall time: run the study with nothing
else on the machine.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from pathlib import Path

import numpy as np

from xlgap import layout
from xlgap.cell import grid
from xlgap.config import Params, load_params
from xlgap.errors import ResultError
from xlgap.formats import read_json, read_jsonl
from xlgap.models.encode import encode
from xlgap.models.tokenizer import load_tokenizer
from xlgap.planning import Plan, StagePlan, plan_study
from xlgap.planning.journal import pure_time
from xlgap.stages.recipe import recipe, window
from xlgap.tasks import get_task
from xlgap.training.batches import schedule

JOURNALS = {"pretrain": "pretrain-{key}", "warmstart": "warm-{key}", "finetune": "{key}"}


def measured(stage: StagePlan) -> float:
    """Seconds of training and evaluation of all seeds of a stage.

    Raises:
        ResultError: the stage has not run.
    """
    key = stage.stage.partition("@")[2]
    folder = layout.JOURNAL / JOURNALS[stage.kind].format(key=key)
    entries = [read_json(path) for path in sorted(folder.glob("seed*.json"))]
    if len(entries) < stage.seeds:
        raise ResultError(f"{folder}: not all seeds are there; run the study first.")
    return sum(map(pure_time, entries))


def compare(plan: Plan) -> None:
    """Print planned and measured seconds."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for stage in plan.stages:
        assert stage.hours is not None, stage.stage
        for name in (f"{stage.kind} {stage.model} {stage.task or ''}", "all"):
            sums[name][0] += 3600 * stage.hours
            sums[name][1] += measured(stage)
    for name, (planned, took) in sums.items():
        print(f"{name:40s} planned {planned:7.1f} s   measured {took:7.1f} s")


def fit_hardware(plan: Plan) -> None:
    """Print seconds a step and operations a second, by least squares over pretraining."""
    stages = [s for s in plan.stages if s.kind == "pretrain"]
    work = np.array([[s.training.steps, s.training.flops] for s in stages], float)
    took = np.array([measured(s) for s in stages])
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
    plan = plan_study(params, grid(params))
    compare(plan)
    fit_hardware(plan)
    fill(params)


if __name__ == "__main__":
    main()
