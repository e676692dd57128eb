"""Fill an MLflow store with 500 runs of real shape, to look at the UI at that size.

    python docs/many_runs.py sqlite:////tmp/many/mlflow.db [--runs 500]

The runs are those of a study of made-up models on the scale of published ones: their sizes and scores
follow the table of published results, with noise; params, metrics by step and language, tags and data
sets are those of a cell. Nothing of it is a result.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from mlflow.tracking import MlflowClient

from xlgap.stages.lineage import software
from xlgap.tracking.base import DIGEST, KIND
from xlgap.tracking.mlflow import MlflowTracker
from xlgap.tracking.store import experiment_id, open_client
from xlgap.tracking.summary import log_study

STUDY, EXPERIMENT = "many", "xlgap/many"
RUNS = 500
STEPS = 40
SIZES = {"xs": 2.4e6, "s": 8.6e6, "m": 2.2e7, "base": 8.6e7, "large": 3.0e8, "xl": 3.5e9, "xxl": 1.1e10}
LANGUAGES = ("en", "de", "es", "fi", "ru", "sw", "ar", "zh")
TASKS = {"xnli": "accuracy", "udpos": "f1", "xquad": "f1", "tatoeba": "accuracy"}
ARMS = {
    "direct_en": ("direct_en", ""),
    "direct_sw": ("direct_tgt", ""),
    "inter_en_mnli": ("intermediate_en", "mnli"),
    "inter_sw_mnli": ("intermediate_tgt", "mnli"),
    "joint_all": ("joint", "mnli squad"),
}
SHIFTS = {
    "direct_en": 0.0,
    "direct_tgt": 3.5,
    "intermediate_en": 1.2,
    "intermediate_tgt": 2.6,
    "joint": 1.8,
}


@dataclass(frozen=True)
class Cell:
    """One of the runs."""

    model: str
    arm: str
    task: str
    seed: int

    @property
    def name(self) -> str:
        """As the tracker names a cell's run."""
        return f"{self.model}-{self.arm}-{self.task} seed {self.seed}"


def cells(number: int) -> Iterator[Cell]:
    """The first ``number`` cells, all models, arms and tasks of one seed before the next seed."""
    made = 0
    for seed in range(1, number + 1):
        for model, arm, task in product(SIZES, ARMS, TASKS):
            if made == number:
                return
            made += 1
            yield Cell(model, arm, task, seed)


def score(cell: Cell, language: str, draw: random.Random) -> float:
    """A score that grows with size, and is lower in other languages, less so when large."""
    regime = ARMS[cell.arm][0]
    size = math.log10(SIZES[cell.model])
    gap = 0.0 if language == "en" else (11 - size) * (2 + LANGUAGES.index(language) / 3)
    shift = SHIFTS[regime] * (11 - size) / 4 if language != "en" else 0.0
    return min(99.0, 22 + 6.2 * size - gap + shift + draw.gauss(0, 0.8))


def fill(uri: str, number: int = RUNS) -> None:
    """Write the runs and the study's summary, with its views."""
    draw = random.Random(0)
    with open_client(uri) as client:
        where = experiment_id(client, uri, EXPERIMENT)
        for cell in cells(number):
            _write(client, where, cell, draw)
    log_study(
        uri=uri,
        experiment=EXPERIMENT,
        study=STUDY,
        summary_metrics={},
        per_model=[_model(model, draw) for model in SIZES],
        means=sorted({f"{metric}_mean" for metric in TASKS.values()}),
    )


def _write(client: MlflowClient, where: str, cell: Cell, draw: random.Random) -> None:
    """One run, made without the look for an earlier one, which no other has here."""
    regime, intermediate = ARMS[cell.arm]
    metric, size = TASKS[cell.task], SIZES[cell.model]
    tags = {
        DIGEST: f"{cell.name} of {STUDY}".replace(" ", "-"),
        KIND: "cell",
        "xlgap.model": cell.model,
        "xlgap.arm": cell.arm,
        "xlgap.task": cell.task,
        "xlgap.software": software(),
    }
    made = client.create_run(where, run_name=cell.name, tags=tags)
    run = MlflowTracker(client, made.info.run_id, params={})
    rate = 5e-5 if size < 1e8 else 1e-5
    run.params(
        {
            "model": cell.model, "arm": cell.arm, "regime": regime, "intermediate": intermediate,
            "task": cell.task, "seed": cell.seed, "learning_rate": rate, "epochs": 3,
            "batch_rows": 32, "max_length": 128, "precision": "bf16",
            "zero_stage": 3 if size > 1e9 else 0,
            "train_rows": 8800, "architecture.layers": 12, "architecture.heads": 12,
        }
    )  # fmt: skip
    for step in range(1, STEPS + 1):
        loss = 2.5 * math.exp(-3 * step / STEPS) + 0.3 + abs(draw.gauss(0, 0.05))
        run.metrics({"train_loss": loss, "learning_rate": rate * (1 - step / STEPS)}, step=50 * step)
    scores = {language: score(cell, language, draw) for language in LANGUAGES}
    others = [value for language, value in scores.items() if language != "en"]
    run.metrics(
        {
            **{f"{metric}_{language}": value for language, value in scores.items()},
            f"{metric}_mean": sum(scores.values()) / len(scores),
            "transfer_gap": scores["en"] - sum(others) / len(others),
            "params_total": 2 * size,
            "params_nonembedding": size,
            "log10_params_nonembedding": math.log10(size),
            "wall_seconds": size / 1e5,
            "dev_score": scores["en"] + draw.gauss(0, 0.5),
        }
    )
    for language in LANGUAGES[:2]:
        name, digest = f"{cell.task}/test/{language}", f"{cell.task}{language}0123"
        run.dataset(name=name, digest=digest, context="evaluation", rows=5010)
    run.close()


def _model(model: str, draw: random.Random) -> dict[str, float | str]:
    size = SIZES[model]
    left = 11 - math.log10(size)
    gaps = {
        "gap_inter": 0.6 * left,
        "gap_direct": 0.9 * left,
        "gap_native": 1.5 * left,
        "gap_transfer": 3 * left,
    }
    noisy = {name: value + draw.gauss(0, 0.3) for name, value in gaps.items()}
    return {"model": model, "params_total": 2 * size, "params_nonembedding": size, **noisy}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Fill an MLflow store with runs of real shape.")
    parser.add_argument("uri", help="sqlite:///FILE")
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    fill(arguments.uri, arguments.runs)
    print(f"{arguments.runs} runs in {arguments.uri}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
