"""Question 2 by model and language at once: the two-stage mixed model as answers.

Beside the primary slope, which holds for these languages, its interval is for other languages, too; how
well it predicts a language and a size that were left out stands with it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from xlgap.analysis.answers.series import Series, base_answer
from xlgap.analysis.contrasts import fixed_languages
from xlgap.analysis.counted import counted
from xlgap.analysis.distance.contrasts import TENTH
from xlgap.analysis.gap import score_on
from xlgap.analysis.known import beside
from xlgap.analysis.measure import Measured
from xlgap.analysis.rows import UNKNOWN_FAMILY, Answer, Estimate
from xlgap.analysis.stats.mixed import MixedFit, Surface, fit_mixed
from xlgap.analysis.stats.verdict import Refused
from xlgap.analysis.study import Study
from xlgap.analysis.words import number, signed
from xlgap.published import load_languages
from xlgap.published.distances import MEASURES, distances_of

Losses = dict[tuple[str, str], float]


def mixed_answers(study: Study, measured: Measured, series: Series) -> list[Answer]:
    """The change of the slope over distance with size, under direct_en or between two regimes."""
    if not series.estimates or series.estimates[0].gap not in {"distance", "robustness"}:
        return []
    surface = loss_surface(study, measured, series)
    base = replace(
        base_answer(series, series.estimates, "params_total"),
        key=f"{series.key}.mixed.params_total",
        quantity=f"change of {series.quantity}, {series.unit} for ten times the total parameters, in "
        "other languages, too",
        method="none",
    )
    found = (
        surface if isinstance(surface, Refused) else fit_mixed(surface, confidence=series.confidence)
    )
    if isinstance(found, Refused):
        return [replace(base, reason=f"Not sufficient: {found.reason} {base.reason}")]
    unknown = any(p.family == UNKNOWN_FAMILY for p in series.estimates)
    return [mixed_answer(base, found, families=not unknown)]


def mixed_answer(base: Answer, found: MixedFit, *, families: bool = True) -> Answer:
    """``base`` with the fit's interaction of size and distance, and its other effects in words.

    Without ``families`` it is not known which models belong together.
    """
    of = counted(found.families, "family") if families else "unknown families"
    main = found.effects["size x distance"]
    size, distance = found.effects["size"], found.effects["distance"]
    answer = replace(
        base,
        estimate=main.estimate,
        ci_low=main.ci_low,
        ci_high=main.ci_high,
        n=found.models,
        supported=True,
        method=f"mixed model of losses by language in two stages, {counted(found.models, 'model')} of "
        f"{of} x {counted(found.languages, 'language')} of "
        f"{counted(found.genera, 'genus', 'genera')}, tasks averaged "
        f"({main.df:.1f} degrees of freedom); the loss changes by {signed(size.estimate, 2)} "
        f"[{number(size.ci_low, 2)}, {number(size.ci_high, 2)}] for ten times the parameters and by "
        f"{signed(distance.estimate, 2)} [{number(distance.ci_low, 2)}, {number(distance.ci_high, 2)}] "
        f"for {TENTH} of distance; a language left out is predicted to "
        f"{number(found.language_out.rmse)} points (by its model's mean "
        f"{number(found.language_out.mean_rmse)}), a size left out to {number(found.size_out.rmse)} "
        f"(by the languages' means {number(found.size_out.mean_rmse)})",
    )
    return beside(answer, None)


def loss_surface(study: Study, measured: Measured, series: Series) -> Surface | Refused:
    """Losses by model and language over the series' tasks, in tenths of distance."""
    gap = series.estimates[0].gap
    tasks = series.estimates[0].tasks
    points = [e for e in series.estimates if e.params_total]
    first, second = ({getattr(p, side) for p in points} for side in ("arm_a", "arm_b"))
    plain = _losses(study, points, tasks, "direct_en", first if gap == "distance" else second)
    if gap == "distance":
        return _surface(plain, points)
    after = _losses(study, points, tasks, "intermediate_en", first)
    both = {key: after[key] - plain[key] for key in after.keys() & plain.keys()}
    return _surface(both, points)


def _losses(
    study: Study,
    points: Sequence[Estimate],
    tasks: Sequence[str],
    regime: str,
    joined: Collection[str],
) -> Losses:
    """Loss of each model in each language: over arms of the regime in ``joined``, then over tasks."""
    common = fixed_languages(study.table, study.arms)
    arms = {
        arm
        for arm, info in study.arms.items()
        if info.regime == regime and any(f"+{arm}+" in f"+{names}+" for names in joined)
    }
    models = {p.model for p in points}
    values: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for key, seeds in study.table.items():
        if key.model not in models or key.task not in tasks or key.arm not in arms:
            continue
        english = study.table.get(key._replace(language="en"))
        if english is None or key.language not in common[key.arm, key.task] - {"en"}:
            continue
        sides = [
            [v for s in side.values() if (v := score_on(s, "raw")) is not None]
            for side in (english, seeds)
        ]
        loss = float(np.mean(sides[0]) - np.mean(sides[1]))
        values[key.model, key.language][key.task].append(loss)
    return {
        key: float(np.mean([np.mean(v) for v in by_task.values()]))
        for key, by_task in values.items()
        if set(by_task) == set(tasks)
    }


def _surface(losses: Losses, points: Sequence[Estimate]) -> Surface | Refused:
    """A full table of the languages that all models have and whose distance is known."""
    facts = load_languages()
    near = distances_of(MEASURES[0].name)
    by_model = [{code for model, code in losses if model == p.model} for p in points]
    codes = sorted(set.intersection(*by_model) & set(near)) if by_model else []
    if not codes:
        return Refused("0 languages beside English that all models have on all tasks.")
    return Surface(
        values=np.array([[losses[p.model, code] for code in codes] for p in points]),
        x=np.array([math.log10(p.params_total) for p in points if p.params_total]),
        distance=np.array([near[code] / TENTH for code in codes]),
        family=_families(points),
        genus=tuple(facts[code].genus for code in codes),
    )


def _families(points: Sequence[Estimate]) -> tuple[str, ...]:
    """Family of each model; the same for all where one is not known, so that none gets an intercept."""
    known = all(p.family != UNKNOWN_FAMILY for p in points)
    return tuple(p.family if known else UNKNOWN_FAMILY for p in points)
