"""What a model has kept of its earlier tasks: the quantities of question 4, one estimate a model each.

Every quantity is a mean over *triples* (arm, target, earlier task), the same ones for all models, each
with the same weight; a model that lacks one of them is left out and named. Triples whose earlier task
is at chance in English just after its own phase, for all models and seeds, say nothing and stay out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from xlgap.analysis.bootstrap import interval
from xlgap.analysis.contrasts import fixed_set
from xlgap.analysis.retention.learned import Runs, none_learned, runs_at_chance, share_words
from xlgap.analysis.retention.matrix import (
    ENGLISH,
    Change,
    Compared,
    Entry,
    Floats,
    RetentionData,
    change,
    corrected_ratio,
)
from xlgap.analysis.retention.rows import MLM, Head, RetentionScore
from xlgap.analysis.rows import Estimate

MEAN = "mean"
SINGLE = "intermediate_en"
"""The regime whose arms the primary quantity is about; all arms where a study has none of it."""


class Triple(NamedTuple):
    """What is retained, and through what."""

    arm: str
    target: str
    task: str

    def __str__(self) -> str:
        """``lab_typing onto lab_nli (inter_en_typing)``."""
        return f"{self.task} onto {self.target} ({self.arm})"


Measure = Callable[[RetentionData, Sequence[Compared]], Change | None]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number that a model has.

    Attributes:
        gap: its name.
        head: whose scores.
        english: in English, or on the mean of the other languages.
        measure: from pairs of entries (after, before) and their languages to one number.
        task: whether it is of tasks or of the masked loss.
        runs: ``single``: of arms with one intermediate stage, where a study has such; ``ordered``: of
            runs with several earlier tasks in phases of their own; ``joint``: in one phase together.
    """

    gap: str
    head: Head = "kept"
    english: bool = True
    measure: Measure
    masked: bool = False
    runs: Literal["single", "ordered", "joint"] = "single"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One quantity of a study.

    Attributes:
        gap: its name.
        estimates: one a model over all triples (task ``mean``), and one a model and earlier task.
        draws: behind the former, by model; of a ratio without those that have none.
        triples: over which the mean is.
        pairs: the entries behind it, in the order of ``triples``, by model that has a number.
        dead: earlier tasks left out because every model is at chance on them.
        at_chance: of the others, ``MODEL on TASK`` where that model is; where not all of its seeds are,
            with how many: ``MODEL on TASK (1 of 2 seeds)``.
        left_out: models without a number, for want of a triple or of a score above chance.
        not_shared: triples that some model has, and not all those that the mean is over.
    """

    gap: str
    estimates: tuple[Estimate, ...]
    draws: Mapping[str, Floats]
    triples: tuple[Triple, ...]
    pairs: Mapping[str, tuple[Compared, ...]] = field(default_factory=dict)
    dead: tuple[str, ...] = ()
    at_chance: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    not_shared: tuple[Triple, ...] = ()

    @property
    def languages(self) -> frozenset[str]:
        """In which the entries are scored."""
        return frozenset(code for pairs in self.pairs.values() for pair in pairs for code in pair.codes)


def mean_change(data: RetentionData, pairs: Sequence[Compared]) -> Change | None:
    """After minus before, the mean over pairs."""
    found = [change(data, *pair) for pair in pairs]
    drawn = [c.draws for c in found if c.draws is not None]
    return Change(
        float(np.mean([c.value for c in found])),
        np.mean(drawn, axis=0) if len(drawn) == len(found) else None,
    )


QUANTITIES: tuple[Quantity, ...] = (
    Quantity(gap="retention", measure=mean_change),
    Quantity(gap="retention_others", english=False, measure=mean_change),
    Quantity(gap="retention_ratio", measure=corrected_ratio),
    Quantity(gap="retention_probe", head="probe", measure=mean_change),
    Quantity(gap="retention_probe_others", head="probe", english=False, measure=mean_change),
    Quantity(gap="retention_joint", measure=mean_change, runs="joint"),
    Quantity(gap="backward", measure=mean_change, runs="ordered"),
    Quantity(gap="retention_mlm", measure=mean_change, masked=True),
    Quantity(gap="retention_mlm_others", english=False, measure=mean_change, masked=True),
)


def kept_of(
    data: RetentionData, *, models: Collection[str] = (), controls: Collection[str] = ()
) -> tuple[Kept, ...]:
    """Every quantity of question 4.

    Args:
        data: of a study.
        models: of the study, beside those of ``data``; whoever has no number is named.
        controls: models that stay out.
    """
    every = ({s.model for s in data.scores} | set(models)) - set(controls)
    return tuple(_kept(data, quantity, every) for quantity in QUANTITIES)


def _kept(data: RetentionData, quantity: Quantity, every: Collection[str]) -> Kept:
    found = {m: p for m, p in _pairs(data, quantity).items() if m in every}
    dead = _dead(data, found) if not quantity.masked else frozenset()
    have = [frozenset(pairs) - dead for pairs in found.values()]
    alive = sorted(fixed_set(have))
    models = {m: [pairs[t] for t in alive] for m, pairs in found.items() if set(alive) <= set(pairs)}
    models = models if alive else {}
    measured = {m: quantity.measure(data, pairs) for m, pairs in models.items()}
    counted = [model for model, number in measured.items() if number is not None]
    estimates, draws = [], {}
    for model, number in measured.items():
        if number is None:
            continue
        first = models[model][0].after
        estimates.append(_estimate(data, first, quantity.gap, MEAN, number, alive))
        if number.draws is not None:
            draws[model] = number.draws
        for task in sorted({t.task for t in alive}):
            own = [t for t in alive if t.task == task]
            alone = quantity.measure(data, [found[model][t] for t in own])
            if alone is not None and not quantity.masked:
                estimates.append(_estimate(data, first, quantity.gap, task, alone, own))
    return Kept(
        gap=quantity.gap,
        estimates=tuple(sorted(estimates, key=lambda e: (e.params_total or 0, e.model, e.task))),
        draws=draws,
        triples=tuple(alive),
        pairs={m: tuple(models[m]) for m, number in measured.items() if number is not None},
        dead=tuple(sorted({t.task for t in dead})),
        at_chance=() if quantity.masked else tuple(_at_chance_in(data, found, counted, alive)),
        left_out=tuple(sorted(m for m in every if measured.get(m) is None)) if alive else (),
        not_shared=tuple(sorted(frozenset().union(*have) - set(alive))),
    )


def _pairs(data: RetentionData, quantity: Quantity) -> dict[str, dict[Triple, Compared]]:
    """By model and triple, the last entry and the one just after the task's own phase."""
    arms = _arms(data)[quantity.runs]
    found: dict[str, dict[Triple, Compared]] = {}
    for entry, by_language in data.table.items():
        score = _first(data, entry)
        own = entry._replace(phase=score.own)
        codes = [c for c in sorted(by_language) if (c == ENGLISH) == quantity.english]
        wanted = (entry.task == MLM) == quantity.masked and entry.head == quantity.head
        if wanted and score.final and entry.arm in arms and codes and own in data.table:
            triple = Triple(entry.arm, entry.target, entry.task)
            found.setdefault(entry.model, {})[triple] = Compared(entry, own, codes)
    return found


def _arms(data: RetentionData) -> dict[str, set[str]]:
    """The arms that a quantity can be of, by its ``runs``."""
    regimes = {entry.arm: _first(data, entry).regime for entry in data.table}
    own: dict[str, dict[str, int]] = {arm: {} for arm in regimes}
    for entry in data.table:
        if entry.task != MLM:
            own[entry.arm][entry.task] = _first(data, entry).own
    several = {arm: set(phases.values()) for arm, phases in own.items() if len(phases) > 1}
    return {
        "single": {arm for arm, regime in regimes.items() if regime == SINGLE} or set(regimes),
        "ordered": {arm for arm, phases in several.items() if len(phases) > 1},
        "joint": {arm for arm, phases in several.items() if len(phases) == 1},
    }


def _first(data: RetentionData, entry: Entry) -> RetentionScore:
    return next(iter(next(iter(data.table[entry].values())).values()))


def _dead(data: RetentionData, found: Mapping[str, Mapping[Triple, Compared]]) -> frozenset[Triple]:
    """Triples whose earlier task no model has learned, by English where that was scored."""
    triples = {triple for pairs in found.values() for triple in pairs}
    return frozenset(
        triple
        for triple in triples
        if none_learned([_runs(data, pairs[triple]) for pairs in found.values() if triple in pairs])
    )


def _at_chance_in(
    data: RetentionData,
    found: Mapping[str, Mapping[Triple, Compared]],
    models: Collection[str],
    alive: Sequence[Triple],
) -> list[str]:
    told = []
    for model in models:
        by_task: dict[str, dict[str, Runs]] = defaultdict(dict)
        for triple in alive:  # phases up to there are the same whatever the target
            by_task[triple.task].setdefault(triple.arm, _runs(data, found[model][triple]))
        for task, of_arms in by_task.items():
            if any(runs.fallen for runs in of_arms.values()):
                part = share_words(list(of_arms.values()))
                told.append(f"{model} on {task}{f' ({part})' if part else ''}")
    return sorted(told)


def _runs(data: RetentionData, pair: Compared) -> Runs:
    english = ENGLISH in data.table[pair.before]
    return runs_at_chance(data, pair.before, [ENGLISH] if english else pair.codes)


def _estimate(
    data: RetentionData, entry: Entry, gap: str, task: str, number: Change, over: Sequence[Triple]
) -> Estimate:
    first = _first(data, entry)
    seeds = min(len(runs) for runs in data.table[entry].values())
    drawn = number.draws
    low, high = (None, None) if drawn is None else interval(drawn, data.confidence)
    return Estimate(
        source="measured",
        model=entry.model,
        family=first.family,
        params_total=first.params_total,
        params_nonembedding=first.params_nonembedding,
        gap=gap,
        task=task,
        scale="raw",
        value=number.value,
        stderr=number.stderr,
        ci_low=low,
        ci_high=high,
        seeds=seeds,
        note="mean over " + ", ".join(map(str, over)),
        tasks=tuple(sorted({triple.task for triple in over})),
    )
