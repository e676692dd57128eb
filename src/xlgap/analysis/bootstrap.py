"""Bootstrap of scores over items and seeds, conditional on these checkpoints.

Items are resampled in clusters (paragraph, premise, sentence: the ``group`` column), with the same
draw for all models, arms and seeds, and for all languages of a task whose test sets are translations
of each other: a difference is then paired. Seeds are resampled for each (model, arm), which shares
them between tasks and languages. Pretraining is not resampled: nothing here speaks of another
checkpoint of the same size.

Because a metric is a function of sums over items, a resample is a product of cluster weights with
cluster sums; no text is read again. With n seeds a plain bootstrap has (n - 1) / n of the variance of
a mean; the deviation of the seed weights is therefore scaled by sqrt(n / (n - 1)) (Rao and Wu 1988,
Resampling inference with complex survey data, JASA 83). One seed has no spread: its part is left out.
What is particular to an item in one seed is in the resamples of items and again in the spread of seeds
(Owen 2007, The pigeonhole bootstrap, Annals of Applied Statistics 1). So the deviation is scaled also
by the share of the seeds' spread that is training: its variance less what items alone give it, pooled
over the trainings of a task. Without that the intervals of simulated studies covered 100%
(docs/log.md). Items even out over languages and a training that went well does not: the share is one of
the mean over a training's languages, and another one of what a language has beyond it.

Shapes: R resamples, G clusters, C cells with seed, K statistics, S seeds, L languages.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xlgap import layout
from xlgap.analysis.contrasts import Contrast, Key
from xlgap.analysis.rows import Scale
from xlgap.analysis.scales import rescale
from xlgap.errors import ResultError
from xlgap.records import Score

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Value = Callable[[Floats], Floats]
"""From sums of statistics [..., K] to scores [...], 0-100."""

KEYS = ["model", "arm", "language", "seed"]
CHUNK = 8_000_000
"""Numbers held at once by one matrix product."""


@dataclass(frozen=True, kw_only=True)
class TaskItems:
    """The per-item statistics of one task.

    Attributes:
        frame: columns model, arm, language, seed, metric, item, group, s0 .. sK.
        metric: whose rows are used.
        value: of that metric.
        parallel: whether an item id means the same sentence in every language.
    """

    frame: pd.DataFrame
    metric: str
    value: Value
    parallel: bool


@dataclass(frozen=True, kw_only=True)
class TrainingShares:
    """Roots of the shares of the seeds' variance on one task that are training and not items.

    Attributes:
        mean: of the mean over languages, by how many of them a training has.
        apart: of what a language has beyond that mean.
        pooled: how many trainings (model and arm) each of ``mean`` was pooled over.
    """

    mean: Mapping[int, float] = field(default_factory=dict)
    apart: float = 1.0
    pooled: Mapping[int, int] = field(default_factory=dict)


Training = tuple[str, str, str]
"""Task, model and arm."""


@dataclass(frozen=True)
class Draws:
    """Bootstrap draws of scores.

    Attributes:
        by_seed: for each cell, seeds in order and scores [R, S].
        resamples: R.
        seed: of the generator, from which the seeds' weights are drawn, too.
        shares: of training in the spread between seeds, by task.
    """

    by_seed: Mapping[Key, tuple[tuple[int, ...], Floats]]
    resamples: int
    seed: int
    shares: Mapping[str, TrainingShares] = field(default_factory=dict)

    @cached_property
    def languages(self) -> dict[Training, int]:
        """How many languages each training has."""
        return Counter((key.task, key.model, key.arm) for key in self.by_seed)

    def on(self, scale: Scale, scores: Mapping[Key, Mapping[int, Score]]) -> ScaledDraws:
        """The draws of every cell on ``scale``, as means over its seeds.

        Cells without such a scale, and those with a seed that has items and no score, are left out.
        """
        of_training: dict[Training, dict[Key, Floats]] = defaultdict(dict)
        for key, (seeds, values) in self.by_seed.items():
            scaled = [
                rescale(values[:, i], scale, metric=s.metric, chance=s.chance, n_items=s.n_items)
                for i, seed in enumerate(seeds)
                if (s := scores.get(key, {}).get(seed)) is not None
            ]
            known = [v for v in scaled if v is not None]
            if len(known) == len(seeds):
                of_training[key.task, key.model, key.arm][key] = np.stack(known, axis=1)
        means: dict[Key, Floats] = {}
        for (_, _, arm), cells in of_training.items():
            means |= self.over_seeds(cells, arm=arm)
        return ScaledDraws(means, self.shares, self.languages)

    def over_seeds(self, cells: Mapping[Key, Floats], *, arm: str) -> dict[Key, Floats]:
        """Draws [R] of the mean over seeds of the cells of one training, [R, S] each.

        Args:
            cells: its languages; together where they have the same number of seeds.
            arm: whose seeds are weighted alike.
        """
        found: dict[Key, Floats] = {}
        for runs in {values.shape[1] for values in cells.values()}:
            alike = {key: values for key, values in cells.items() if values.shape[1] == runs}
            first = next(iter(alike))
            shares = self.shares.get(first.task, TrainingShares())
            share = shares.mean.get(self.languages[first.task, first.model, first.arm], 1.0)
            weights = seed_weights(self.seed, first.model, arm, runs, self.resamples) - 1 / runs
            values = np.stack(list(alike.values()))
            together = _over_languages(values)
            moved = share * np.sum(weights * together, axis=1)
            own = shares.apart * np.einsum("rs,krs->kr", weights, values - together)
            found |= dict(zip(alike, values.mean(axis=2) + moved + own, strict=True))
        return found


@dataclass(frozen=True)
class ScaledDraws:
    """Draws [R] of each cell on one scale, means over seeds.

    ``shares`` and ``languages`` are those of :class:`Draws`.
    """

    means: Mapping[Key, Floats]
    shares: Mapping[str, TrainingShares] = field(default_factory=dict)
    languages: Mapping[Training, int] = field(default_factory=dict)

    def share(self, key: Key, *, fewest: int) -> float:
        """The share of training in a mean over languages; 1 where too few trainings tell it."""
        shares = self.shares.get(key.task, TrainingShares())
        count = self.languages.get((key.task, key.model, key.arm), 0)
        return shares.mean.get(count, 1.0) if shares.pooled.get(count, 0) >= fewest else 1.0

    def of(self, contrast: Contrast) -> Floats | None:
        """Draws of a contrast, [R]; ``None`` where a term has none."""
        if not all(key in self.means for key, _ in contrast.terms):
            return None
        rows = np.stack([self.means[key] for key, _ in contrast.terms])
        total: Floats = np.array([weight for _, weight in contrast.terms]) @ rows
        return total


@lru_cache(maxsize=1024)
def seed_weights(seed: int, model: str, arm: str, runs: int, resamples: int) -> Floats:
    """Weights [R, S] of the seeds of an arm; the same for all its tasks and languages."""
    if runs == 1:
        return np.ones((resamples, 1))
    rng = generator(seed, "seeds", model, arm)
    counts = rng.multinomial(runs, np.full(runs, 1 / runs), size=resamples)
    weights: Floats = 1 / runs + np.sqrt(runs / (runs - 1)) * (counts - 1) / runs
    return weights


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator for one purpose: the same for the same names, whatever else was drawn."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def draws(
    items: Mapping[str, TaskItems], *, needed: Collection[Key], resamples: int, seed: int
) -> Draws:
    """Bootstrap draws of every cell in ``needed`` whose items are there.

    Args:
        items: by task.
        needed: cells that contrasts ask for.
        resamples: R.
        seed: of all generators.

    Raises:
        ResultError: a task has no item of its metric.
    """
    found: dict[Key, tuple[tuple[int, ...], Floats]] = {}
    shares: dict[str, TrainingShares] = {}
    wanted = set(needed)
    for task, of_task in sorted(items.items()):
        cells = _task_draws(task, of_task, wanted, resamples, seed)
        found.update(cells)
        shares[task] = training_shares({key: values for key, (_, values) in cells.items()})
    return Draws(found, resamples, seed, shares)


def training_shares(cells: Mapping[Key, Floats]) -> TrainingShares:
    """The shares of one task.

    Args:
        cells: draws [R, S] of the seeds of each, items resampled together; one seed says nothing.
    """
    of_training: dict[Training, list[Floats]] = defaultdict(list)
    for key, values in cells.items():
        of_training[key.task, key.model, key.arm].append(values)
    means: dict[int, list[Floats]] = defaultdict(list)
    apart: list[Floats] = []
    free = 0
    for of_one in of_training.values():
        runs = {values.shape[1] for values in of_one}
        if len(runs) > 1 or runs == {1}:
            continue
        together = _over_languages(np.stack(of_one))
        means[len(of_one)].append(together)
        apart += [values - together for values in of_one if len(of_one) > 1]
        free += (len(of_one) - 1) * (max(runs) - 1)
    return TrainingShares(
        mean={
            count: _training_share(values, df=sum(v.shape[1] - 1 for v in values))
            for count, values in means.items()
        },
        apart=_training_share(apart, df=free),
        pooled={count: len(values) for count, values in means.items()},
    )


def _over_languages(values: Floats) -> Floats:
    """Mean [R, S] of draws [K, R, S] over the languages that have a value in a resample."""
    known = np.isfinite(values)
    if known.all():
        everywhere: Floats = values.mean(axis=0)
        return everywhere
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
    return mean


def _training_share(cells: Sequence[Floats], *, df: int) -> float:
    """Root of the share of the variance between seeds that items do not explain, 0 to 1.

    The part of items is 1 over an estimate with ``df`` degrees of freedom, which is too large by
    df / (df - 2) on average (Efron and Morris 1973, Stein's estimation rule, JASA 68), while a share
    that is cut off at 0 is too large by itself: half of the correction is made.
    """
    parts = [_parts(values) for values in _stacked(cells)]
    spread, own = (math.fsum(part[i] for part in parts) for i in (0, 1))
    if spread == 0 or df <= 1:
        return 1.0
    return float(np.sqrt(np.clip(1 - own / spread * (df - 1) / df, 0.0, 1.0)))


def _stacked(cells: Sequence[Floats]) -> list[Floats]:
    """Draws [R, S] by shape as [K, R, S], without the resamples in which a seed has no value."""
    alike: dict[tuple[int, ...], list[Floats]] = defaultdict(list)
    for values in cells:
        known = np.isfinite(values).all(axis=1)
        defined = values if known.all() else values[known]
        if len(defined) > 1:
            alike[defined.shape].append(defined)
    return [np.stack(members) for members in alike.values()]


def _parts(values: Floats) -> tuple[float, float]:
    """Variance between seeds of draws [K, R, S], summed over K, and the items' part in it."""
    runs = values.shape[2]
    spread = values.mean(axis=1).var(axis=1, ddof=1)
    apart = values.var(axis=1, ddof=1).mean(axis=1) - values.mean(axis=2).var(axis=1, ddof=1)
    return float(spread.sum()), float(apart.sum()) * runs / (runs - 1)


def _task_draws(
    task: str, items: TaskItems, wanted: set[Key], resamples: int, seed: int
) -> dict[Key, tuple[tuple[int, ...], Floats]]:
    frame = items.frame[items.frame["metric"] == items.metric]
    if frame.empty:
        raise ResultError(
            f"{layout.items(task)} holds no row of metric '{items.metric}'; it holds "
            f"{sorted(map(str, items.frame['metric'].unique()))}: score the task again."
        )
    found: dict[Key, dict[int, Floats]] = defaultdict(dict)
    for part in [frame] if items.parallel else [g for _, g in frame.groupby("language", sort=True)]:
        stream = "" if items.parallel else str(part["language"].iloc[0])
        for (model, arm, language, run), values in _part_draws(
            part, items.value, generator(seed, "items", task, stream), resamples
        ):
            key = Key(str(model), str(arm), task, str(language))
            if key in wanted:
                found[key][int(run)] = values
    return {
        key: (tuple(sorted(runs)), np.stack([runs[s] for s in sorted(runs)], axis=1))
        for key, runs in found.items()
    }


def _part_draws(
    part: pd.DataFrame, value: Value, rng: np.random.Generator, resamples: int
) -> Iterator[tuple[tuple[Any, ...], Floats]]:
    """Draws [R] of every (model, arm, language, seed) of ``part``, clusters resampled together.

    None of a single cluster, whose resamples are all the same.
    """
    cell_n, cells = numbered(part, KEYS)
    cluster_n, clusters = numbered(part, ["group"])
    if len(clusters) < 2:
        return
    columns = statistics_of(part)
    sums_CGK = np.zeros((len(cells), len(clusters), len(columns)))
    np.add.at(sums_CGK, (cell_n, cluster_n), part[columns].to_numpy(dtype=np.float64))
    weights_RG = rng.multinomial(
        len(clusters), np.full(len(clusters), 1 / len(clusters)), size=resamples
    ).astype(np.float64)
    step = max(1, CHUNK // (resamples * len(columns)))
    for start in range(0, len(cells), step):
        chunk = sums_CGK[start : start + step]
        flat_GX = chunk.transpose(1, 0, 2).reshape(len(clusters), -1)
        drawn = (weights_RG @ flat_GX).reshape(resamples, len(chunk), len(columns))
        values_RC = value(drawn)
        for i, cell in enumerate(cells[start : start + step]):
            yield cell, values_RC[:, i]


def numbered(
    part: pd.DataFrame, columns: Sequence[str]
) -> tuple[NDArray[np.intp], list[tuple[Any, ...]]]:
    """For each row the number of its combination of ``columns``; the combinations, sorted."""
    import pandas as pd

    whole = np.zeros(len(part), dtype=np.intp)
    names: list[list[Any]] = []
    for column in columns:
        codes, values = pd.factorize(part[column], sort=True)
        whole = whole * len(values) + codes
        names.append(list(values))
    there, numbers = np.unique(whole, return_inverse=True)
    at = np.unravel_index(there, [len(values) for values in names])
    found = [[values[i] for i in of] for values, of in zip(names, at, strict=True)]
    return numbers, list(zip(*found, strict=True))


def statistics_of(items: pd.DataFrame) -> list[str]:
    """The columns s0 .. sK."""
    return [c for c in items.columns if c[:1] == "s" and c[1:].isdigit()]


def interval(values: Floats, confidence: float) -> tuple[float, float]:
    """Percentile interval of bootstrap draws; resamples in which a metric has no value stay out."""
    tail = (1 - confidence) / 2 * 100
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return float(low), float(high)


def deviation(values: Floats) -> float:
    """Standard error from bootstrap draws; resamples in which a metric has no value stay out."""
    return float(np.nanstd(values, ddof=1))
