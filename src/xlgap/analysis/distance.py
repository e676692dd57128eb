"""Zero-shot loss over linguistic distance from English.

The loss of a language is S(en) - S(language). Its least-squares slope over distance is a weighted sum
of scores, so that measured slopes are contrasts like any gap and get the same bootstrap (conditional on
the languages, which are the same for all models). Published scores have no items: their standard error
is cluster-robust over genera, because related languages lose alike.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.contrasts import Arms, Contrast, Key, fixed_languages
from xlgap.analysis.pairing import comparable, matched
from xlgap.analysis.published_gap import LanguageTable
from xlgap.analysis.rows import LanguageSlope
from xlgap.published.loader import LanguageFacts

Floats = NDArray[np.float64]
Distances = Mapping[str, float]

FEWEST_LANGUAGES = 5
"""Languages beside English below which a slope over distance is not fitted."""

TENTH = 0.1
"""Slopes are for this much more distance; syntactic distances of the 50 languages reach 0.6."""


def syntax_distances(facts: Mapping[str, LanguageFacts]) -> dict[str, float]:
    """Syntactic distance from English of every language that has one, English left out."""
    return {c: f.syntax for c, f in facts.items() if f.syntax is not None and c != "en"}


def slope_weights(distances: Sequence[float]) -> Floats:
    """Weights w with sum(w * loss) = least-squares slope of loss over ``distances``."""
    x = np.asarray(distances, dtype=np.float64)
    centred = x - x.mean()
    weights: Floats = centred / float(centred @ centred)
    return weights


def distance_contrasts(keys: Collection[Key], arms: Arms, distances: Distances) -> list[Contrast]:
    """Slope of the loss over distance of every zero-shot arm, as weighted sums of scores.

    Weights of the losses sum to 0, so that the English score drops out of the slope.
    """
    common = fixed_languages(keys, arms)
    found: list[Contrast] = []
    for model, arm, task in sorted({k[:3] for k in keys if arms[k.arm].language is None}):
        codes = sorted(common[arm, task] & set(distances))
        if len(codes) < FEWEST_LANGUAGES:
            continue
        weights = slope_weights([distances[c] for c in codes]) * TENTH
        terms = tuple(
            (Key(model, arm, task, c), -float(w)) for c, w in zip(codes, weights, strict=True)
        )
        made = Contrast(
            model=model, gap="distance", task=task, language="avg", arm_a=arm, arm_b=arm,
            unit=(arm,), terms=terms, note=f"{len(codes)} languages beside English",
        )  # fmt: skip
        found.append(matched(made, arms))
    return found


def robustness_contrasts(slopes: Sequence[Contrast], arms: Arms) -> list[Contrast]:
    """Slope under English intermediate training minus slope without: below 0 it travels farther."""
    found = []
    for c, base in itertools.product(slopes, slopes):
        regimes = arms[c.arm_a].regime, arms[base.arm_a].regime
        like = comparable(arms[c.arm_a], arms[base.arm_a])
        if (c.model, c.task) != (base.model, base.task) or not like:
            continue
        if regimes == ("intermediate_en", "direct_en"):
            found.append(
                replace(
                    c,
                    gap=c.gap.replace("distance", "robustness", 1),
                    arm_b=base.arm_a,
                    unit=(c.arm_a, base.arm_a),
                    terms=(*c.terms, *((key, -w) for key, w in base.terms)),
                )
            )
    return found


def published_slope(
    table: LanguageTable, distances: Distances, facts: Mapping[str, LanguageFacts]
) -> LanguageSlope | None:
    """Slope of one model from one published table; ``None`` with too few languages."""
    english = table.by_language["en"]
    codes = [c for c in sorted(table.by_language) if c in distances]
    if len(codes) < FEWEST_LANGUAGES:
        return None
    x = np.array([distances[c] for c in codes])
    loss = np.array([english.value - table.by_language[c].value for c in codes])
    score = english.score
    return LanguageSlope(
        source=score.source,
        model=score.model,
        family=score.family,
        params_total=score.params_total,
        params_nonembedding=score.params_nonembedding,
        task=score.task,
        arm=score.arm,
        metric=score.metric,
        loss_per_tenth=float(slope_weights(list(x)) @ loss) * TENTH,
        stderr=_scaled(clustered_stderr(x, loss, [facts[c].genus for c in codes])),
        spearman=rank_correlation(x, loss),
        points=tuple(zip(codes, x.tolist(), loss.tolist(), strict=True)),
        publication=table.publication,
    )


def _scaled(error: float | None) -> float | None:
    return None if error is None else error * TENTH


def clustered_stderr(x: Floats, y: Floats, clusters: Sequence[str]) -> float | None:
    """Cluster-robust standard error of a least-squares slope, small-sample corrected (CR1).

    Factor G / (G - 1) * (n - 1) / (n - 2) for G clusters and n points (Cameron and Miller 2015, A
    practitioner's guide to cluster-robust inference, J. Human Resources 50); ``None`` with fewer than
    three clusters.
    """
    names = sorted(set(clusters))
    if len(names) < 3 or len(x) < 3:
        return None
    weights = slope_weights(list(x))
    slope = float(weights @ y)
    residuals = y - y.mean() - slope * (x - x.mean())
    sums = [
        sum(w * r for w, r, c in zip(weights, residuals, clusters, strict=True) if c == name)
        for name in names
    ]
    factor = len(names) / (len(names) - 1) * (len(x) - 1) / (len(x) - 2)
    return math.sqrt(factor * sum(float(s) ** 2 for s in sums))


def rank_correlation(x: Floats, y: Floats) -> float:
    """Spearman's coefficient."""
    from scipy.stats import spearmanr

    return float(spearmanr(x, y).statistic)
