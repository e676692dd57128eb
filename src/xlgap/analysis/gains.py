"""The gains table: intermediate task x target task, with intervals and Holm-corrected tests.

A gain is a difference of two arms over the languages but English, see :mod:`.singles` and
:mod:`.combinations`. Its standard error is that of the paired bootstrap over items and seeds. Few seeds
know their own spread badly, so that interval and p take Student's t with degrees of freedom after
Satterthwaite (1946, An approximate distribution of estimates of variance components, Biometrics
Bulletin 2)::

    df = V^2 / sum over arms of v^2 / (S - 1)

V is the bootstrap's variance, v the part of the training of an arm's S seeds in it; items, of which
there are many, count as known. As an estimate v^2 is too large by (S + 1) / (S - 1) on average. Over
many trainings that evens out to too few degrees of freedom, and Welch's (1947, The generalization of
"Student's" problem when several different population variances are involved, Biometrika 34) allow for
it; of few the sum is often small by luck, so that they are too many (docs/log.md)::

    df = V^2 / (sum over arms of v^2 / (S + 1)) - 2

With one seed everywhere the spread of training is unknown and left out,
as is said.

Every test of one gap by model, intermediate task and target task is one family; the means over target
tasks are another. A mean over models is over one set of target tasks, arms and languages, which all of
its models have; what that leaves out is in the note. Tasks at chance for every model are shown, and
stay out of means and families.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xlgap.analysis.bootstrap import ScaledDraws, deviation
from xlgap.analysis.contrasts import on_shared_units
from xlgap.analysis.pairing import Contrast, Key
from xlgap.analysis.rows import AVERAGE, ArmInfo, plain_gap
from xlgap.analysis.stats.multiple import corrected
from xlgap.analysis.study import Study

AGAINST_NONE = ("gain", "joint", "sequential")
"""Gaps of the table: arms with intermediate training minus ``direct_en``."""
AGAINST_ENGLISH = ("mlm", "translated")
"""Gaps of arms that are tested against English intermediate training alone."""

FEWEST_POOLED = 6
"""Trainings (model and arm) from which on what is pooled over them is believed."""

ALL = "all models"
MEAN = "mean"


@dataclass(frozen=True, kw_only=True)
class GainRow:
    """One difference of two arms on one target task, or over all of them.

    Attributes:
        gap: see :data:`AGAINST_NONE` and :data:`AGAINST_ENGLISH`; with what compute was matched by.
        model: or ``all models``: the mean over models, every model with the same weight.
        intermediate: tasks of arm a, joined by ``+``.
        target: target task, or ``mean`` over those that are not at chance for every model.
        value, stderr, ci_low, ci_high: points; conditional on these checkpoints. The error and the
            interval are ``None`` without items.
        df: Student's degrees of freedom; ``None`` where one seed leaves the spread of training out.
        p: two-sided, that the difference is 0; ``None`` without a standard error and for all models.
        p_holm: the same, Holm-corrected over the family.
        family: number of tests in the family; 0 where the row is in none.
        at_chance: whether the target task is at chance for every model.
        seeds, models: the fewest training seeds behind an arm; models.
        note: languages or tasks of the mean.
    """

    gap: str
    model: str
    params_total: int | None
    intermediate: str
    target: str
    arm_a: str
    arm_b: str
    value: float
    stderr: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    df: float | None = None
    p: float | None = None
    p_holm: float | None = None
    family: int = 0
    at_chance: bool = False
    seeds: int = 1
    models: int = 1
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A weighted sum of scores with its error.

    Attributes: as in :class:`GainRow`.
    """

    value: float
    stderr: float | None
    ci_low: float | None
    ci_high: float | None
    df: float | None
    p: float | None
    seeds: int


def weigh(contrast: Contrast, study: Study, drawn: ScaledDraws) -> Weighed:
    """Value, bootstrap standard error, t interval and p of a contrast, on the raw scale."""
    table = study.table
    means = {key: _mean([s.value for s in table[key].values()]) for key, _ in contrast.terms}
    value = math.fsum(weight * means[key] for key, weight in contrast.terms)
    seeds = min(len(table[key]) for key, _ in contrast.terms)
    values = drawn.of(contrast)
    if values is None:
        return Weighed(
            value=value, stderr=None, ci_low=None, ci_high=None, df=None, p=None, seeds=seeds
        )
    error = deviation(values)
    df = _degrees_of_freedom(contrast, study, drawn, error * error)
    half, p = _student(value, error, df, study.confidence)
    return Weighed(
        value=value,
        stderr=error,
        ci_low=value - half,
        ci_high=value + half,
        df=None if df is None else float(df),
        p=p,
        seeds=seeds,
    )


def _student(value: float, error: float, df: float | None, confidence: float) -> tuple[float, float]:
    """Half width of the interval, and p; normal where the degrees of freedom are unknown."""
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    tail = (1 + confidence) / 2
    half = float(ndtri(tail) if df is None else stdtrit(df, tail)) * error
    if error == 0:
        return half, 1.0 if value == 0 else 0.0
    away = -abs(value) / error
    return half, 2 * float(ndtr(away) if df is None else stdtr(df, away))


def _degrees_of_freedom(
    contrast: Contrast, study: Study, drawn: ScaledDraws, variance: float
) -> float | None:
    """From the spread over seeds of each arm's part, see the module; ``None`` with one seed each.

    As in the draws, the spread counts by the share of it that is training and not items; a share
    pooled over few trainings is too uncertain for that, and the whole spread counts.
    """
    parts: dict[tuple[str, str], list[tuple[Key, float]]] = defaultdict(list)
    for key, weight in contrast.terms:
        parts[key.model, key.arm].append((key, weight * drawn.share(key, fewest=FEWEST_POOLED)))
    found: list[tuple[float, int]] = []
    for terms in parts.values():
        shared = set.intersection(*(set(study.table[key]) for key, _ in terms))
        if len(shared) < 2:
            continue
        sums = [math.fsum(w * study.table[key][s].value for key, w in terms) for s in sorted(shared)]
        found.append((float(np.var(sums, ddof=1)) / len(sums), len(sums) - 1))
    if not found:
        return None
    welch = 2 if len(found) >= FEWEST_POOLED else 0
    total = math.fsum(spread**2 / (free + welch) for spread, free in found)
    fewest = float(min(free for _, free in found))
    return max(fewest, variance**2 / total - welch) if total > 0 else None


def gain_rows(
    every: Iterable[Contrast], study: Study, drawn: ScaledDraws, dead: frozenset[str]
) -> list[GainRow]:
    """The rows of every gain, mean and variant that ``every`` has; see the module.

    Args:
        every: contrasts of the study, averages over languages among them.
        study: its arms and scores.
        drawn: bootstrap draws of every cell in ``every``, raw.
        dead: tasks at chance for every model.
    """
    wanted = [
        c
        for c in every
        if c.language == AVERAGE
        and plain_gap(c.gap) in (*AGAINST_NONE, *AGAINST_ENGLISH)
        and c.model not in study.controls
    ]
    groups = [*wanted, *over_targets(wanted, dead), *over_models(wanted, dead)]
    rows = [_row(c, study, weigh(c, study, drawn), dead) for c in groups]
    return sorted(_with_holm(rows), key=_order)


def over_targets(single: Sequence[Contrast], dead: Collection[str]) -> list[Contrast]:
    """For each model and arm the mean over target tasks that are not ``dead``."""
    units: dict[tuple[object, ...], list[Contrast]] = defaultdict(list)
    for c in single:
        if c.task not in dead:
            units[c.gap, c.model, c.unit, c.amount].append(c)
    return [
        replace(combined(members), task=MEAN, note=_over("task", members)) for members in units.values()
    ]


def over_models(single: Sequence[Contrast], dead: Collection[str]) -> list[Contrast]:
    """For each arm the mean over models: of each target task, and over those that are not ``dead``."""
    by_task: dict[tuple[object, ...], list[Contrast]] = defaultdict(list)
    by_arm: dict[tuple[object, ...], list[Contrast]] = defaultdict(list)
    for c in single:
        by_task[c.gap, c.task, c.unit, c.amount].append(c)
        if c.task not in dead:
            by_arm[c.gap, c.unit, c.amount].append(c)
    groups = [on_shared_units(members) for members in by_task.values()]
    for members in by_arm.values():
        kept, left_out = on_shared_units(members)
        groups.append((over_targets(kept, ()), left_out))
    return [
        replace(
            combined(kept), model=ALL, note="; ".join(filter(None, (_over("model", kept), left_out)))
        )
        for kept, left_out in groups
        if len(kept) > 1
    ]


def _over(what: str, members: Sequence[Contrast]) -> str:
    return f"mean over {', '.join(sorted({getattr(c, what) for c in members}))}"


def combined(members: Sequence[Contrast]) -> Contrast:
    """The mean of several contrasts, each with the same weight."""
    weights: dict[Key, float] = defaultdict(float)
    for member in members:
        for key, weight in member.terms:
            weights[key] += weight / len(members)
    return replace(members[0], terms=tuple(sorted(weights.items())))


def _row(c: Contrast, study: Study, found: Weighed, dead: frozenset[str]) -> GainRow:
    models = {key.model for key, _ in c.terms}
    first = next(iter(study.table[c.terms[0][0]].values()))
    return GainRow(
        gap=c.gap,
        model=c.model,
        params_total=first.params_total if c.model != ALL else None,
        intermediate=intermediate_of(c.arm_a, study.arms),
        target=c.task,
        arm_a=c.arm_a,
        arm_b=c.arm_b,
        value=found.value,
        stderr=found.stderr,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        df=found.df,
        p=None if c.model == ALL else found.p,
        at_chance=c.task in dead,
        seeds=found.seeds,
        models=len(models),
        note=c.note,
    )


def intermediate_of(arm: str, arms: Mapping[str, ArmInfo]) -> str:
    """The intermediate tasks of an arm, or of the first of several that differ in language alone."""
    return "+".join(arms[arm.partition("+")[0]].intermediate)


def _with_holm(rows: Sequence[GainRow]) -> list[GainRow]:
    """Each row with its p corrected over the tests of its gap: of single tasks, or of means."""
    families: dict[tuple[str, bool], list[GainRow]] = defaultdict(list)
    found: list[GainRow] = []
    for row in rows:
        if row.p is None or row.at_chance:
            found.append(row)
        else:
            families[row.gap, row.target == MEAN].append(row)
    for members in families.values():
        tested = corrected({str(i): row.p for i, row in enumerate(members) if row.p is not None})
        found += [
            replace(row, p_holm=tested[str(i)].adjusted, family=len(members))
            for i, row in enumerate(members)
        ]
    return found


def _order(row: GainRow) -> tuple[object, ...]:
    gaps = (*AGAINST_NONE, *AGAINST_ENGLISH)
    size = math.inf if row.model == ALL else row.params_total or 0
    mean = row.target == MEAN
    return (gaps.index(plain_gap(row.gap)), row.gap, row.intermediate, row.arm_a, row.arm_b, size,
            row.model, mean, row.target)  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
