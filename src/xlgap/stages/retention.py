"""Stage: a cell's earlier tasks scored again after each of its phases."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from xlgap import layout
from xlgap.analysis.retention.rows import MLM, MLM_METRIC, Head, RetentionScore, mean_loss
from xlgap.analysis.tables import write_rows
from xlgap.data.prepare import cap
from xlgap.errors import unknown
from xlgap.evaluation.chance import chance
from xlgap.evaluation.jackknife import jackknife, standard_error
from xlgap.evaluation.metrics import Floats, get_metric
from xlgap.evaluation.predict import predict
from xlgap.formats import atomic_dir
from xlgap.models.aliases import Encoder
from xlgap.models.aliases import Head as HeadModule
from xlgap.models.encode import encode
from xlgap.models.network import Network, untrained_encoder
from xlgap.retained import Retained, retained_cells, scored_splits
from xlgap.retention_params import RetentionParams
from xlgap.stages.engine_plan import require_room
from xlgap.stages.masked import MaskedScorer
from xlgap.stages.observe import StopSignal, TrainingObserver, progress_bar
from xlgap.stages.points import Point, points
from xlgap.stages.recipe import predictor, window
from xlgap.stages.score import MAX_COLUMNS, family
from xlgap.stages.scored_parts import Parts, Scored, parts_of
from xlgap.stages.start import Start, pretrained_start
from xlgap.stages.study import Study
from xlgap.tasks.base import Row
from xlgap.tracking.base import NullTracker
from xlgap.training.engine import device
from xlgap.training.probe import fit_probe
from xlgap.training.watchdog import together

COLUMNS = tuple(field.name for field in dataclasses.fields(RetentionScore))


def retention(study: Study, model: str, arm: str, task: str) -> None:
    """``xlgap retention MODEL ARM TASK``: ``scores.csv`` and ``items.parquet`` of a cell.

    Predicts with weights that are kept; trains only what is there no more, and tracks nothing. After a
    stop it goes on with the parts that are not there: an earlier task, or the masked loss, at a point.

    Raises:
        UnknownNameError: the study does not ask this of such a cell.
    """
    asked = {found.cell.key: found for found in retained_cells(study.params, study.grid)}
    key = f"{model}-{arm}-{task}"
    if key not in asked:
        raise unknown("cell whose earlier tasks are scored again", key, asked)
    train, runs = study.params.train, []
    with together(threads=train.threads, hang_seconds=train.hang_seconds):
        require_room(study.params, model)
        stop = StopSignal()
        for seed in study.params.study.seeds:
            stop.check(seed)
            runs.append(_Run(study, asked[key], seed))
            with stop.listening(), progress_bar() as display:
                name = f"retention {key} seed {seed}"
                runs[-1].score_all(TrainingObserver(name, stop, NullTracker(), display), stop)
    with atomic_dir(layout.retention(task, model, arm)) as folder:
        _write(folder, runs)
    for run in runs:
        run.parts.remove()


def _write(folder: Path, runs: Sequence[_Run]) -> None:
    found = [run.parts.read(run.names) for run in runs]
    scores = [dataclasses.asdict(score) for of_run, _ in found for score in of_run]
    write_rows(folder / "scores.csv", scores, COLUMNS)
    frames = pd.concat([frame for _, of_run in found for frame in of_run], ignore_index=True)
    frames.to_parquet(folder / "items.parquet", index=False)


@dataclass
class _Run:
    """One seed of a cell."""

    study: Study
    retained: Retained
    seed: int

    def __post_init__(self) -> None:
        self.heads: dict[str, HeadModule] = {}
        self.names: list[str] = []

    @cached_property
    def parts(self) -> Parts:
        return parts_of(self.study, self.retained, self._start, seed=self.seed)

    @property
    def asked(self) -> RetentionParams:
        asked = self.study.params.evaluation.retention
        assert asked is not None
        return asked

    @cached_property
    def _start(self) -> Start:
        return pretrained_start(self.study.params, self.retained.cell.model)

    @cached_property
    def _own(self) -> dict[str, int]:
        """By earlier task the number of the phase that trains on it: the last one, of several."""
        phases = enumerate(self.retained.cell.arm.warm_phases, 1)
        return {name: number for number, phase in phases for name in phase.tasks}

    @cached_property
    def _masked(self) -> MaskedScorer | None:
        wanted = self.asked.languages or self.study.params.languages.evaluation
        return MaskedScorer.of(self.study, self.retained.cell.model, wanted, self._start)

    @cached_property
    def _rows(self) -> dict[str, dict[str, tuple[str, list[Row]]]]:
        """By earlier task and language, the split and its rows that are scored."""
        return {
            name: {
                code: (split, cap(self.study.rows(name, split, code), self.asked.rows))
                for code, split in scored_splits(name, self.study.params).items()
            }
            for name in self.retained.tasks
        }

    def score_all(self, observer: TrainingObserver, stop: StopSignal) -> None:
        """Earlier tasks and the masked loss at each point of the run, but for parts that are there.

        Raises:
            Interrupted: a signal asked for a stop.
        """
        for point in points(self.study, self.retained.cell, seed=self.seed, observer=observer):
            self._remember_heads(point)
            for name in self.retained.tasks:
                if name in self.heads or self.asked.probe_rows:
                    self._part(f"phase{point.number}-{name}", self._task(point, name), stop)
            if self._masked is not None:
                self._part(f"phase{point.number}-{MLM}", self._losses(point, self._masked), stop)
            del point  # its weights would take a device's memory from the next phase
        if self.asked.probe_rows:
            for name in self.retained.tasks:
                self._part(f"untrained-{name}", self._untrained(name), stop)

    def _part(self, name: str, found: Iterator[Scored], stop: StopSignal) -> None:
        self.names.append(name)
        self.parts.keep(name, found)
        stop.check_after(f"after {name} of seed {self.seed}; what is scored is")

    def _remember_heads(self, point: Point) -> None:
        for name, head in point.heads.items():
            if point.number == self._own.get(name):
                self.heads[name] = head

    def _task(self, point: Point, name: str) -> Iterator[Scored]:
        """An earlier task at one point of the run."""
        encoder = point.encoder.to(device())
        if name in self.heads:
            network = Network(encoder, self.heads[name].to(device()))
            yield from self._predicted(network, name, "kept", point)
        if self.asked.probe_rows:
            yield from self._predicted(self._probe(encoder, name), name, "probe", point)

    def _losses(self, point: Point, masked: MaskedScorer) -> Iterator[Scored]:
        for code, losses in masked.losses(point.encoder.to(device())):
            yield self._loss(point, code, losses)

    def _untrained(self, name: str) -> Iterator[Scored]:
        """A probe of an encoder of the same shape with random weights."""
        encoder = untrained_encoder(self._start.encoder(), seed=self.seed).to(device())
        point = Point(0, "nothing", False, encoder, {})
        yield from self._predicted(self._probe(encoder, name), name, "untrained", point)

    def _probe(self, encoder: Encoder, name: str) -> Network:
        task, tokenizer = self.study.task(name), self._start.tokenizer
        rows = cap(self.study.rows(name, "train", "en"), self.asked.probe_rows)
        return fit_probe(
            encoder,
            task.kind,
            encode(task.kind, rows, tokenizer, window(task, self.study.params)),
            pad=tokenizer.pad,
            token_budget=self.study.params.evaluation.batch_tokens,
        )

    def _predicted(self, network: Network, name: str, head: Head, point: Point) -> Iterator[Scored]:
        task = self.study.task(name)
        how = predictor(task, self.study.params, self._start.tokenizer, 1)
        metric = get_metric(task.metrics[0], task)
        for code, (split, gold) in self._rows[name].items():
            predictions = predict(network, task.kind, gold, how)
            stats = metric.stats(task, gold, predictions, code)
            score = self._score(
                point,
                task=name,
                language=code,
                split=split,
                head=head,
                own=self._own[name],
                metric=metric.name,
                value=_rounded(float(metric.value(stats.sum(axis=0)))),
                chance=_known(chance(metric, task, gold, predictions, code)),
                stderr=_known(standard_error(metric, stats, _groups(gold))),
                n_items=metric.items(stats),
            )
            yield score, _items(score, [row["id"] for row in gold], _groups(gold), stats)

    def _loss(self, point: Point, language: str, losses: Floats) -> Scored:
        """The masked loss: lines are the items, their masked sub-words what is counted."""
        ids = [str(number) for number in range(len(losses))]
        score = self._score(
            point,
            task=MLM,
            language=language,
            split="heldout",
            head="kept",
            own=0,
            metric=MLM_METRIC,
            value=_rounded(float(mean_loss(losses.sum(axis=0)))),
            chance=None,
            stderr=_known(jackknife(mean_loss, losses, ids)),
            n_items=len(losses),
        )
        return score, _items(score, ids, ids, losses)

    def _score(self, point: Point, **found: Any) -> RetentionScore:
        cell, size = self.retained.cell, self._start.facts["size"]
        return RetentionScore(
            model=cell.model,
            family=family(self.study, cell.model),
            params_total=size["total"],
            params_nonembedding=size["nonembedding"],
            arm=cell.arm.name,
            regime=cell.arm.spec.regime,
            target=cell.task.name,
            seed=self.seed,
            phase=point.number,
            after=point.after,
            final=point.final,
            **found,
        )


def _rounded(value: float) -> float:
    """Ten digits: the last bits of a sum differ between machines, and outs must not."""
    return round(value, 8)


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else _rounded(value)


def _groups(gold: Sequence[Row]) -> list[str]:
    return [str(row["group"]) for row in gold]


def _items(
    score: RetentionScore, ids: Sequence[str], groups: Sequence[str], stats: Floats
) -> pd.DataFrame:
    """The statistics of each item; of the score what tells it from others of its cell."""
    named = ("task", "language", "seed", "head", "phase")
    return pd.DataFrame(
        {
            **{name: getattr(score, name) for name in named},
            "item": list(ids),
            "group": list(groups),
            **{f"s{k}": stats[:, k] if k < stats.shape[1] else 0.0 for k in range(MAX_COLUMNS)},
        }
    )
