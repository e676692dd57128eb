"""How hard the lab's tasks are: English dev scores of candidate settings, chosen from by a rule.

    python benchmarks/lab_difficulty.py --work FOLDER [--models xs]

The default study's ``l`` is pretrained twice (RUNS: the seeds of pretraining and of fine-tuning) and
fine-tuned in English under every candidate, so that nothing is chosen for one lucky training. The
chosen settings are scored in two more runs and with other models as well; that has no part in the
choice. Nothing here can look at test data or at another language: all rows that it makes are English
ones of train and dev; only the pretraining text is in all languages. A checkpoint is selected on the
study's own dev rows, and scored on SCORED dev items more that follow them.

Rules. Training numbers, and NER's dropout: the highest mean of all runs, where a candidate must beat an
earlier one of its list by more than MARGIN points. NLI's mix: the first in the order of MIXES that
reaches NEEDED in the mean and LEAST in every run, richest first: more even shares of the kinds of
square before less even ones, then more conversions before fewer, then two directions before one; if
none does, the highest mean. LEAST is the 80 points asked of the largest model, NEEDED that and about
two standard errors of a run.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xlgap import layout
from xlgap.config import Params, load_params
from xlgap.data.sources import LAB_SEED
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.predict import predict
from xlgap.formats import write_jsonl
from xlgap.lab import nli
from xlgap.lab.world import World
from xlgap.regimes.base import Phase
from xlgap.stages import prepare
from xlgap.stages.fit import fit
from xlgap.stages.observe import StopSignal, TrainingObserver, progress_bar
from xlgap.stages.pretrain import pretrain
from xlgap.stages.recipe import predictor
from xlgap.stages.start import pretrained_start
from xlgap.stages.study import Study
from xlgap.tasks import get_task
from xlgap.tasks.base import Row, Split, Task
from xlgap.tracking.base import NullTracker
from xlgap.training.engine import process_group

ROOT = Path(__file__).resolve().parents[1]
ENGLISH = World(("en",))
SCORED = 600  # dev items, beside those that select the checkpoint
Run = tuple[int, int]
RUNS: tuple[Run, ...] = ((0, 1), (0, 2), (1, 1), (1, 2))  # seed of pretraining, of fine-tuning
CONFIRMING: tuple[Run, ...] = ((0, 3), (1, 3))
STUDY: tuple[Run, ...] = ((0, 1), (0, 2))  # the default study's own
NEEDED, LEAST = 84.0, 80.0  # mean of all runs, and each of them
MARGIN = 1.0

ALL_KINDS = {"time": 0.4, "set": 0.3, "quantity": 0.15, "order": 0.15}
FEW_ORDERS = {"time": 0.5, "set": 0.25, "quantity": 0.2, "order": 0.05}
MOSTLY_TIMES = {"time": 0.64, "set": 0.28, "quantity": 0.05, "order": 0.03}


@dataclass(frozen=True)
class Setting:
    """A candidate: numbers of the task's entry in ``params.yaml``, and for NLI the squares."""

    task: str
    name: str
    numbers: dict[str, float]
    mix: nli.Mix | None = None

    def rows(self, split: Split, count: int) -> list[Row]:
        """English rows of the study's draw, the first ``count``."""
        if self.mix is not None:
            found = nli.rows(ENGLISH, split, count, LAB_SEED, mix=self.mix)
        else:
            generate = get_task(self.task).lab
            assert generate is not None
            found = iter(generate(ENGLISH, split, count, LAB_SEED))
        return [{k: v for k, v in row.items() if k != "language"} for row in found]

    def params(self, study: Params) -> Params:
        """The study with this candidate's numbers."""
        entry = study.tasks[self.task].model_copy(update=self.numbers)
        return study.model_copy(update={"tasks": {**study.tasks, self.task: entry}})


NER = [
    Setting("lab_ner", f"{rows} rows x {epochs}, dropout {dropout}", numbers)
    for dropout in (0.0, 0.1, 0.2)
    for rows, epochs in ((2000, 4), (4000, 2))
    for numbers in ({"train_rows": rows, "epochs": epochs, "dropout": dropout},)
]
QA = [
    Setting("lab_qa", f"{rows} rows x {epochs}", {"train_rows": rows, "epochs": epochs})
    for rows, epochs in ((1500, 3), (2250, 2), (4500, 1))
]
NLI_NUMBERS = [
    Setting(
        "lab_nli",
        f"{rows} rows x {epochs} at {rate}",
        {"train_rows": rows, "epochs": epochs, "learning_rate": rate},
        nli.Mix(shares=FEW_ORDERS, same_unit=0.85, one_direction=True),
    )
    for rows, epochs, rate in (
        *((6600, 2, rate) for rate in (1e-3, 7e-4, 5e-4, 4e-4)),
        *((rows, 2, 7e-4) for rows in (8800, 11000)),
    )
]
MIXES = [
    (
        f"{kinds}, same unit {same_unit}, {'one direction' if one else 'two directions'}",
        nli.Mix(shares=shares, same_unit=same_unit, one_direction=one),
    )
    for (kinds, shares), same_unit, one in itertools.product(
        (("all kinds", ALL_KINDS), ("few orders", FEW_ORDERS), ("mostly times", MOSTLY_TIMES)),
        (0.5, 0.85),
        (False, True),
    )
]


@dataclass
class Bench:
    """Pretrains, fine-tunes and scores; keeps weights in a folder of ``work`` for each pretraining."""

    study: Params
    work: Path
    scores: dict[tuple[str, str, str, Run], float] = field(default_factory=dict)

    def score(self, setting: Setting, run: Run, model: str = "l") -> float:
        """English dev score, 0-100; printed with its standard error when it is first asked for."""
        key = (setting.task, setting.name, model, run)
        if key not in self.scores:
            folder = self.work / f"pretraining{run[0]}"
            (folder / ".dvc").mkdir(parents=True, exist_ok=True)
            with chdir(folder):
                self._pretrain(model, run[0])
                began = time.process_time()
                self.scores[key], error, reused = self._run(setting, run[1], model)
            seconds = "reused" if reused else f"{time.process_time() - began:.0f} CPU s"
            line = f"{setting.task}: {setting.name}; {model}, run {run}: {self.scores[key]:.1f}"
            print(f"{line} ({error:.1f}); {seconds}", flush=True)
        return self.scores[key]

    def _pretrain(self, model: str, seed: int) -> None:
        """Pretraining text, tokenizer and weights, unless they are there."""
        numbers = self.study.pretrain.model_copy(update={"seed": seed})
        # without a target task no test text is made, not even to be screened out
        study = Study(self.study.model_copy(update={"tasks": {}, "pretrain": numbers}))
        if not layout.TOKENIZER.is_file():
            prepare.corpus(study)
        if not (layout.pretrained(model) / "facts.json").is_file():
            began = time.process_time()
            pretrain(study, model)
            print(
                f"{model} pretrained, seed {seed}; {time.process_time() - began:.0f} CPU s", flush=True
            )

    def _run(self, setting: Setting, seed: int, model: str) -> tuple[float, float, bool]:
        params, task = setting.params(self.study), get_task(setting.task)
        numbers = params.task(task.name)
        selecting = numbers.dev_rows or 0
        dev = setting.rows("dev", selecting + SCORED)
        train = setting.rows("train", numbers.train_rows or 0)
        write_jsonl(layout.rows(task.name, "train", "en"), train)
        write_jsonl(layout.rows(task.name, "dev", "en"), dev[:selecting])
        start = pretrained_start(model)
        with StopSignal().listening() as stop, progress_bar() as bar:
            observer = TrainingObserver(setting.name, stop, NullTracker(), bar)
            phase = Phase(tasks=(task.name,), language="en")
            fitted = fit(Study(params), model, start, (phase,), seed=seed, observer=observer)
            how = predictor(task, params, start.tokenizer, 1)
            found = predict(fitted.network, task.kind, dev[selecting:], how)
        return *measure(task, dev[selecting:], found), fitted.reused


def measure(task: Task, gold: Sequence[Row], found: Sequence[Row]) -> tuple[float, float]:
    """The score and its standard error, by leaving out one group of items after another."""
    metric = get_metric(task.metrics[0], task)
    stats = metric.stats(task, gold, found, "en")
    names, group = np.unique([row["group"] for row in gold], return_inverse=True)
    sums = np.zeros((len(names), stats.shape[1]))
    np.add.at(sums, group, stats)
    total = stats.sum(axis=0)
    without = metric.value(total - sums)
    spread = float(((without - without.mean()) ** 2).sum()) * (len(names) - 1) / len(names)
    return float(metric.value(total)), spread**0.5


def best(bench: Bench, settings: Sequence[Setting]) -> Setting:
    """The highest mean; a later one must beat an earlier one by more than MARGIN."""
    top, chosen = -MARGIN, settings[0]
    for setting in settings:
        mean = sum(bench.score(setting, run) for run in RUNS) / len(RUNS)
        if mean > top + MARGIN:
            top, chosen = mean, setting
    return chosen


def richest(bench: Bench, settings: Sequence[Setting]) -> Setting:
    """The first that reaches NEEDED and LEAST, else the highest mean; a run below LEAST ends it."""
    for setting in settings:
        enough = all(bench.score(setting, run) >= LEAST for run in RUNS)
        if enough and sum(bench.score(setting, run) for run in RUNS) / len(RUNS) >= NEEDED:
            return setting
    return best(bench, settings)


def choose(bench: Bench) -> list[Setting]:
    """The chosen setting of each task."""
    numbers = best(bench, NLI_NUMBERS).numbers
    mixes = [Setting("lab_nli", name, numbers, mix) for name, mix in MIXES]
    return [richest(bench, mixes), best(bench, NER), best(bench, QA)]


def main() -> None:
    """Print the score of every candidate, the chosen ones, and how these do elsewhere."""
    parser = argparse.ArgumentParser(description="English dev scores of the lab's settings.")
    parser.add_argument("--work", type=Path, required=True, help="keeps weights between runs")
    parser.add_argument("--models", nargs="*", default=["xs"], help="that the chosen are scored with")
    arguments: Any = parser.parse_args()
    params = load_params(ROOT / layout.PARAMS)
    bench = Bench(params, arguments.work.resolve())
    with process_group(threads=params.train.threads):  # DeepSpeed keeps to the first one
        for setting in choose(bench):
            print(f"chosen for {setting.task}: {setting.name}, {setting.numbers}", flush=True)
            for run in CONFIRMING:
                bench.score(setting, run)
            for model, run in itertools.product(arguments.models, STUDY):
                bench.score(setting, run, model)


if __name__ == "__main__":
    main()
