"""How much arithmetic a stage is: rows, steps, tokens, floating-point operations.

Tokens are estimates: sequences and their padding are taken to fill half of their task's ``max_length``.
Operations follow
Kaplan et al. 2020 (arXiv 2001.08361) with the attention term of Chowdhery et al. 2022 (arXiv
2204.02311, appendix B): with N non-embedding parameters, L layers of width d and sequences of s
sub-words, a trained token costs 6N + 12Lds, a predicted one a third of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.cell import max_length
from xlgap.config import Params
from xlgap.data.shots import require_rows
from xlgap.formats import read_json
from xlgap.planning.figures import ModelFigures
from xlgap.planning.left_out import left_out, read_share
from xlgap.planning.lengths import prepared_lengths, sequences_of
from xlgap.regimes.base import SHOT_EPOCHS, Budget, Phase
from xlgap.tasks import get_task
from xlgap.tasks.base import Mine, Rank, Split

Manifests = Mapping[str, Mapping[str, Any]]

FILL = 0.5
"""Padded sub-words over ``max_length`` in a mean batch, before data are there to count.

Of the prepared training rows of the default study and of ``studies/real_small.yaml`` it was 0.26 to
0.92 by task and language, 0.43 in the middle (``benchmarks/plan_accuracy.py``).
"""


@dataclass(frozen=True, kw_only=True)
class Work:
    """An amount of work; ``None`` where it cannot be known yet, e.g. before data are prepared.

    Attributes:
        rows: training or evaluated rows read, epochs counted.
        steps: optimizer steps.
        tokens: sub-words computed, padding included, an estimate.
        flops: floating-point operations, an estimate.
        left_out: those of them that need not be done, see :mod:`~xlgap.planning.left_out`.
        calls: predictions of one split in one language.
    """

    rows: int | None = 0
    steps: int | None = 0
    tokens: int | None = 0
    flops: float | None = 0.0
    left_out: float = 0.0
    calls: int = 0

    @property
    def computed(self) -> float | None:
        """Operations that are done."""
        return None if self.flops is None else self.flops - self.left_out

    def __add__(self, other: Work) -> Work:
        return Work(
            rows=_plus(self.rows, other.rows),
            steps=_plus(self.steps, other.steps),
            tokens=_plus(self.tokens, other.tokens),
            flops=_plus(self.flops, other.flops),
            left_out=self.left_out + other.left_out,
            calls=self.calls + other.calls,
        )

    def __mul__(self, times: int) -> Work:
        return Work(**{n: v and v * times for n, v in vars(self).items()})  # None stays


UNKNOWN = Work(rows=None, steps=None, tokens=None, flops=None)


def _plus(a: Any, b: Any) -> Any:
    return None if a is None or b is None else a + b


def total(parts: Iterable[Work]) -> Work:
    """The sum; a figure that is unknown in one part is unknown in the sum."""
    return sum(parts, Work())


def train_flops(figures: ModelFigures, *, tokens: int, length: float) -> float | None:
    """Operations to train on ``tokens`` in sequences of ``length``.

    A frozen weight costs two thirds of a trained one: it has no gradient of its own.
    """
    own, added = figures.trained_nonembedding, figures.adapters
    weighing = own if own is None or added is None else round(2 / 3 * own) + added
    return _operations(weighing, figures, tokens=tokens, length=length)


def _operations(
    weighing: int | None, figures: ModelFigures, *, tokens: int, length: float
) -> float | None:
    if weighing is None or figures.layers is None or figures.d_model is None:
        return None
    return training_operations(
        weighing,
        layers=figures.layers,
        d_model=figures.d_model,
        tokens=tokens,
        pairs=round(tokens * length),
    )


def training_operations(
    nonembedding: int, *, layers: int, d_model: int, tokens: int, pairs: int
) -> float:
    """Operations of forward and backward passes.

    Args:
        nonembedding: parameters besides embeddings.
        layers: of the model, each of which attends over the whole width.
        d_model: that width.
        tokens: sub-words.
        pairs: of sub-words that attend to each other, the squares of the sequences' lengths.

    >>> training_operations(1_000, layers=2, d_model=8, tokens=10, pairs=100)
    79200.0
    """
    return 6.0 * nonembedding * tokens + 12.0 * layers * d_model * pairs


def predict_flops(figures: ModelFigures, *, tokens: int, length: float) -> float | None:
    """Operations of forward passes over ``tokens`` in sequences of ``length``."""
    own = figures.trained_nonembedding
    weighing = None if own is None else own + (figures.adapters or 0)
    trained = _operations(weighing, figures, tokens=tokens, length=length)
    return None if trained is None else trained / 3


def task_length(task: str, params: Params) -> int:
    """Sub-words of a mean sequence of the task and its padding, see :data:`FILL`."""
    return math.ceil(FILL * max_length(get_task(task), params))


def phase_work(
    phase: Phase, params: Params, figures: ModelFigures, manifests: Manifests | None = None
) -> Work:
    """One seed's training on one phase by the recipes of its tasks, whatever its budget.

    Of a mixture, the steps of its tasks together are shared as its sampling rule has it on average;
    text comes on top, in batches of as many lines as its task has rows.
    """
    works = [_task_work(name, phase, params, figures, manifests) for name in phase.tasks]
    steps = total(works).steps
    if steps is None or not phase.mixes:
        return total(works)
    if phase.sampling is not None:
        rows = [split_rows(n, "train", phase.language, params, manifests) or 1 for n in phase.tasks]
        chances = phase.sampling.probabilities(rows, progress=0.5)
        works = [scaled(w, steps * p / (w.steps or 1)) for w, p in zip(works, chances, strict=True)]
    if phase.mlm_rate is not None:
        beside = round(steps * phase.mlm_rate / (1 - phase.mlm_rate))
        works.append(_text_work(phase, beside, params, figures))
        steps += beside
    return replace(total(works), steps=steps)  # those of tasks are rounded means


def _text_work(phase: Phase, steps: int, params: Params, figures: ModelFigures) -> Work:
    name, length = phase.tasks[0], math.ceil(FILL * params.pretrain.sequence_length)
    rows = steps * (params.task(name).batch_rows or get_task(name).recipe.batch_rows)
    flops = train_flops(figures, tokens=rows * length, length=length)
    flops = _with_output(flops, rows * length, params, figures)
    read = params.pretrain.mask_fraction
    spared = left_out(figures, tokens=rows * length, read=read, trains=True)
    return Work(rows=rows, steps=steps, tokens=rows * length, flops=flops, left_out=spared)


def phases_work(
    phases: Iterable[Phase],
    params: Params,
    figures: ModelFigures,
    manifests: Manifests | None = None,
) -> Work:
    """One seed's training on phases one after another, with their budgets.

    A budget of sub-words is counted as if nothing were padded.
    """
    works = [(phase.budget, phase_work(phase, params, figures, manifests)) for phase in phases]
    shared = total(work for budget, work in works if budget is not None and not budget.beyond)
    return total(
        work if budget is None else scaled(work, _times(budget, work if budget.beyond else shared))
        for budget, work in works
    )


def _times(budget: Budget, own: Work) -> float | None:
    """How many times as long as ``own`` a training is; ``None`` where that is unknown."""
    amount, of = (budget.steps, own.steps) if budget.tokens is None else (budget.tokens, own.tokens)
    if of is None or amount is None:
        return None
    return int(budget.beyond) + amount / of


def scaled(work: Work, times: float | None) -> Work:
    """``times`` as much work."""
    if times is None or work.rows is None or work.steps is None or work.tokens is None:
        return UNKNOWN
    return Work(
        rows=round(work.rows * times),
        steps=round(work.steps * times),
        tokens=round(work.tokens * times),
        flops=None if work.flops is None else work.flops * times,
        left_out=work.left_out * times,
        calls=round(work.calls * times),
    )


def _task_work(
    name: str, phase: Phase, params: Params, figures: ModelFigures, manifests: Manifests | None
) -> Work:
    entry, recipe = params.task(name), get_task(name).recipe
    rows = split_rows(name, "train", phase.rows_language, params, manifests)
    if phase.shots is not None:
        if rows is not None:
            require_rows(rows, phase.shots, task=name, language=phase.rows_language)
        rows = phase.shots
    if rows is None:
        return UNKNOWN
    batch, epochs = entry.batch_rows or recipe.batch_rows, entry.epochs or recipe.epochs
    if phase.shots is not None:
        batch, epochs = min(batch, phase.shots), SHOT_EPOCHS
    row = row_size(name, "train", phase.rows_language, params, figures, manifests)
    steps = math.ceil(rows * row.examples * epochs / batch)
    tokens = round(steps * batch * row.tokens / row.examples)
    flops = train_flops(figures, tokens=tokens, length=row.length)
    read = read_share(get_task(name).kind, length=row.length)
    spared = left_out(figures, tokens=tokens, read=read, trains=True)
    return Work(rows=steps * batch, steps=steps, tokens=tokens, flops=flops, left_out=spared)


def pretrain_work(params: Params, figures: ModelFigures) -> Work:
    """Masked-language-model pretraining, the output matrix at masked positions included."""
    settings = params.pretrain
    flops = train_flops(figures, tokens=settings.tokens, length=settings.sequence_length)
    flops = _with_output(flops, settings.tokens, params, figures)
    return Work(
        rows=math.ceil(settings.tokens / settings.sequence_length),
        steps=math.ceil(settings.tokens / settings.batch_tokens),
        tokens=settings.tokens,
        flops=flops,
        left_out=left_out(figures, tokens=settings.tokens, read=settings.mask_fraction, trains=True),
    )


def _with_output(
    flops: float | None, tokens: int, params: Params, figures: ModelFigures
) -> float | None:
    """``flops`` and those of the output matrix at the masked ones of ``tokens``."""
    if flops is None or figures.vocabulary is None or figures.d_model is None:
        return flops
    head = figures.d_model * (figures.vocabulary + figures.d_model)
    return flops + 6 * head * params.pretrain.mask_fraction * tokens


def selection_work(
    phase: Phase, params: Params, figures: ModelFigures, manifests: Manifests | None = None
) -> Work:
    """One seed's evaluations on dev rows: those that choose the checkpoint of a phase, else one."""
    source = params.study.source
    have = [n for n in phase.tasks if phase.selects and get_task(phase.dev_of(n)).has_dev(source)]
    choosing = [name for name in have if get_task(name).recipe.select == "dev"]
    each = total(
        _predicted(phase.dev_of(name), "dev", phase.select_language, params, figures, manifests)
        for name in choosing or have
    )
    return each * (params.train.evaluations if choosing else 1)


def prediction_work(
    task: str,
    languages: Iterable[str],
    params: Params,
    figures: ModelFigures,
    manifests: Manifests | None = None,
) -> Work:
    """One seed's predictions on the test rows of ``languages``.

    Of mining on dev rows, too; of ranking also on all candidates, whatever the languages.
    """
    kind = get_task(task).kind
    splits: tuple[Split, ...] = ("dev", "test") if isinstance(kind, Mine) else ("test",)
    pool = kind.pool if isinstance(kind, Rank) else ()
    candidates = (_predicted(task, "candidates", code, params, figures, manifests) for code in pool)
    return total(
        _predicted(task, split, code, params, figures, manifests)
        for code in languages
        for split in splits
    ) + total(candidates)


def _predicted(
    name: str,
    split: Split,
    language: str,
    params: Params,
    figures: ModelFigures,
    manifests: Manifests | None,
) -> Work:
    rows = split_rows(name, split, language, params, manifests)
    if rows is None:
        return UNKNOWN
    return predicted_rows(name, split, language, rows, params, figures, manifests)


def predicted_rows(
    name: str,
    split: Split,
    language: str,
    rows: int,
    params: Params,
    figures: ModelFigures,
    manifests: Manifests | None = None,
) -> Work:
    """Predictions of so many rows of a split."""
    row = row_size(name, split, language, params, figures, manifests)
    tokens = round(rows * row.tokens)
    flops = predict_flops(figures, tokens=tokens, length=row.length)
    read = read_share(get_task(name).kind, length=row.length)
    spared = left_out(figures, tokens=tokens, read=read, trains=False)
    return Work(rows=rows, tokens=tokens, flops=flops, left_out=spared, calls=1)


@dataclass(frozen=True)
class RowSize:
    """One row as the network meets it, on average.

    Attributes:
        examples: windows that it becomes.
        tokens: sub-words of all its sequences.
        length: sub-words that each of them attends to.
    """

    examples: float
    tokens: float
    length: float


def row_size(
    name: str,
    split: Split,
    language: str,
    params: Params,
    figures: ModelFigures,
    manifests: Manifests | None,
) -> RowSize:
    """What prepared rows were counted to be, where the model has their tokenizer; else assumed."""
    lengths = (manifests or {}).get(name, {}).get("lengths", {}) if figures.ladder else {}
    found = lengths.get(split, {}).get(language)
    if found is None:
        length = task_length(name, params)
        return RowSize(1.0, length * sequences_of(name, split), length)
    tokens = found["sequences"] * found["tokens"]
    return RowSize(found["examples"], tokens, found["pairs"] / found["tokens"])


def split_rows(
    name: str, split: Split, language: str, params: Params, manifests: Manifests | None = None
) -> int | None:
    """Rows of one split: what prepared data show that the source has, within the study's limit.

    Without prepared data it is the limit, and unknown where there is none. The lab makes as many rows
    as are asked for, whatever it made before.
    """
    entry, manifest = params.task(name), (manifests or {}).get(name, {})
    limits = {"train": entry.train_rows, "dev": entry.dev_rows, "test": entry.test_rows}
    limit = limits.get(split)  # candidates have none
    found = manifest.get("splits", {}).get(split, {}).get(language)
    if found is None or (limit is not None and manifest["source"] == "lab"):
        return limit
    released = int(found["released_rows"])
    return released if limit is None else min(released, limit)


def prepared_manifests(directory: Path, params: Params) -> Manifests:
    """The manifests of the tasks that are prepared from the study's source, in its directory.

    Beside what they hold they have ``lengths``, see :func:`~xlgap.planning.lengths.prepared_lengths`.

    Raises:
        DataError: one is damaged, or the tokenizer.
    """
    shape = {"source": str, "splits": {str: {str: {"released_rows": int}}}}
    paths = {name: directory / layout.prepared(name) / "manifest.json" for name in params.all_tasks}
    found = {name: read_json(path, shape) for name, path in paths.items() if path.is_file()}
    own = {name: m for name, m in found.items() if m["source"] == params.study.source}
    return {
        name: {**manifest, "lengths": prepared_lengths(directory, params, name)}
        for name, manifest in own.items()
    }
