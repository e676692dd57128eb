"""Zero-shot loss over linguistic distance from English.

The loss of a language is S(en) - S(language). Its least-squares slope over distance is a weighted sum
of scores, so that measured slopes are contrasts like any gap and get the same bootstrap (conditional on
the languages, which are the same for all models). Published scores have no items: their standard error
is over languages, clustered by genus (:mod:`.fit`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.contrasts import Arms, Contrast, Key, fixed_languages
from xlgap.analysis.counted import counted
from xlgap.analysis.distance.fit import Design, plain
from xlgap.analysis.distance.rows import table_losses
from xlgap.analysis.pairing import comparable, matched
from xlgap.analysis.published.gap import LanguageTable
from xlgap.analysis.rows import LanguageSlope, plain_gap
from xlgap.analysis.stats.verdict import Refused

Floats = NDArray[np.float64]
Distances = Mapping[str, float]

Cell = tuple[str, str, str]
"""Model, arm and task."""

Fit = Callable[[Cell, Collection[str]], Contrast | None]
"""From a cell and languages to the slope over them; ``None`` where it is refused."""

TENTH = 0.1
"""Slopes are for this much more distance; syntactic distances of the 50 languages reach 0.6."""


def distance_contrasts(keys: Collection[Key], arms: Arms, distances: Distances) -> list[Contrast]:
    """Slope of the loss over distance of every zero-shot arm, as weighted sums of scores.

    Weights of the losses sum to 0, so that the English score drops out of the slope.
    """
    common = fixed_languages(keys, arms)
    fit = slope_over(distances)
    made = (
        fit((model, arm, task), common[arm, task] - {"en"})
        for model, arm, task in sorted({k[:3] for k in keys if arms[k.arm].language is None})
    )
    return [matched(slope, arms) for slope in made if slope is not None]


def slope_over(distances: Distances) -> Fit:
    """How a slope over ``distances`` is fitted."""

    def fit(cell: Cell, codes: Collection[str]) -> Contrast | None:
        made = plain(codes, distances)
        if isinstance(made, Refused):
            return None
        return slope_contrast(cell, made, gap="distance")

    return fit


def slope_contrast(cell: Cell, made: Design, *, gap: str, note: str = "") -> Contrast:
    """The slope of a model under an arm on a task as a weighted sum of its scores."""
    model, arm, task = cell
    terms = tuple(
        (Key(model, arm, task, code), -TENTH * float(w))
        for code, w in zip(made.languages, made.weights(), strict=True)
    )
    return Contrast(
        model=model, gap=gap, task=task, language="avg", arm_a=arm, arm_b=arm, unit=(arm,), terms=terms,
        note=f"{counted(len(terms), 'language')} beside English{note}",
    )  # fmt: skip


def robustness_contrasts(
    slopes: Sequence[Contrast], arms: Arms, fit: Fit, *, gap: str = "robustness"
) -> list[Contrast]:
    """Slope under English intermediate training minus slope without: below 0 it travels farther.

    Both are over the languages that both arms have; an arm that has more is fitted again without them.
    """
    found = []
    for c, base in itertools.product(slopes, slopes):
        regimes = arms[c.arm_a].regime, arms[base.arm_a].regime
        like = comparable(arms[c.arm_a], arms[base.arm_a])
        if (c.model, c.task) != (base.model, base.task) or not like:
            continue
        if regimes == ("intermediate_en", "direct_en"):
            both = _on_shared_languages(c, base, arms, fit)
            if both is None:
                continue
            a, b = both
            matched_by = c.gap.removeprefix(plain_gap(c.gap))
            found.append(
                replace(
                    c,
                    gap=f"{gap}{matched_by}",
                    arm_b=base.arm_a,
                    unit=(c.arm_a, base.arm_a),
                    terms=(*a.terms, *((key, -w) for key, w in b.terms)),
                    note=a.note,
                )
            )
    return found


def _languages(slope: Contrast) -> frozenset[str]:
    return frozenset(key.language for key, _ in slope.terms)


def _on_shared_languages(
    a: Contrast, b: Contrast, arms: Arms, fit: Fit
) -> tuple[Contrast, Contrast] | None:
    """Both slopes over the languages of both; ``None`` where these are too few."""
    codes = _languages(a) & _languages(b)
    if _languages(a) == _languages(b):
        return a, b
    first, second = (fit((s.model, s.arm_a, s.task), codes) for s in (a, b))
    if first is None or second is None:
        return None
    return matched(first, arms), matched(second, arms)


def published_slope(table: LanguageTable, distances: Distances) -> LanguageSlope | None:
    """Slope of one model from one published table; ``None`` with too few languages."""
    losses = table_losses(table)
    made = plain(losses.by_language, distances)
    if isinstance(made, Refused):
        return None
    fit = made.fit(losses.by_language)
    score = losses.score
    x = np.array([distances[c] for c in made.languages])
    loss = np.array([losses.by_language[c] for c in made.languages])
    return LanguageSlope(
        source=score.source,
        model=score.model,
        family=score.family,
        params_total=score.params_total,
        params_nonembedding=score.params_nonembedding,
        task=score.task,
        arm=score.arm,
        metric=score.metric,
        loss_per_tenth=float(made.weights() @ loss) * TENTH,
        stderr=None if isinstance(fit, Refused) else fit.stderr * TENTH,
        spearman=rank_correlation(x, loss),
        points=tuple(zip(made.languages, x.tolist(), loss.tolist(), strict=True)),
        publication=table.publication,
    )


def rank_correlation(x: Floats, y: Floats) -> float | None:
    """Spearman's coefficient; ``None`` where the values of one side are all the same."""
    from scipy.stats import spearmanr

    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(spearmanr(x, y).statistic)
