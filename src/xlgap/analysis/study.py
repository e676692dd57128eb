"""One measured study: its scores, and what is needed to read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from xlgap.analysis.bootstrap import TaskItems
from xlgap.analysis.contrasts import Key
from xlgap.analysis.distance.subwords import SubwordRow
from xlgap.analysis.gap import Table, tables
from xlgap.analysis.retention.matrix import RetentionData
from xlgap.analysis.rows import ArmInfo
from xlgap.records import Score


@dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """What the analysis must know of a task.

    Attributes:
        metric: primary metric.
        parallel: whether its test sets are translations of each other.
        proxy_train: the task whose training data stand in, if any.
        corrected: the metric that mends a known defect of ``metric``; empty without one.
    """

    metric: str
    parallel: bool
    proxy_train: str | None = None
    corrected: str = ""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A measured study: results and what is needed to read them.

    Attributes:
        name: of the study.
        source: ``lab``, ``release`` or ``hub``.
        arms: regime, intermediate tasks and language of each arm.
        tasks: target tasks.
        scores: measured.
        items: per-item statistics by task; without them there is no bootstrap.
        confidence, resamples, seed: of the intervals.
        left_out: (arm, task, reason) of the pairs that are not defined.
        preliminary: (arm, task, tasks in order) of the pairs that a task's official recipe trains on
            an English intermediate task first, whatever the arm is called.
        missing: keys of cells without scores: the study is then partial.
        retention: earlier tasks scored again; ``None`` where the study was not asked for it.
        controls: untrained models, each with the model that is its twin but for pretraining; they are
            scored, and stay out of everything against size.
        subwords: how each tokenizer splits the tasks' test text.
        pretraining: for each model log10 of the text of each language that it was pretrained on.
        translated: intermediate tasks whose training data mean the same in every language; of others
            it is not known, or they are other data sets.
        language_notes: sentences on what of these two is not known, or stands in.
        notes: sentences on the scores themselves that every answer on them has.
    """

    name: str
    source: str
    arms: Mapping[str, ArmInfo]
    tasks: Mapping[str, TaskInfo]
    scores: tuple[Score, ...]
    items: Mapping[str, TaskItems] = field(default_factory=dict)
    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0
    left_out: tuple[tuple[str, str, str], ...] = ()
    preliminary: tuple[tuple[str, str, str], ...] = ()
    missing: tuple[str, ...] = ()
    controls: Mapping[str, str] = field(default_factory=dict)
    subwords: tuple[SubwordRow, ...] = ()
    pretraining: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    language_notes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    retention: RetentionData | None = None
    translated: frozenset[str] = frozenset()

    @cached_property
    def primary(self) -> dict[str, str]:
        """Task to its primary metric."""
        return {name: task.metric for name, task in self.tasks.items()}

    @cached_property
    def table(self) -> Table:
        """Scores of the primary metrics by cell and seed."""
        wanted = [s for s in self.scores if s.metric == self.primary.get(s.task)]
        merged: dict[Key, Mapping[int, Score]] = {}
        for part in tables(wanted).values():
            merged.update(part)
        return merged
