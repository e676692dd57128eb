"""Losses by language: their slope over distance, and the mixed model."""

from __future__ import annotations

import numpy as np

from simulations.numbers import DISTANCE, GAP, GENUS, MODEL_SD, SIZES, SLOPE
from simulations.outcome import Outcome, of
from xlgap.analysis.stats import mixed
from xlgap.analysis.stats.cluster_robust import Coefficient, slope_over


def over_languages(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """Loss by language and size: the slope over distance, and the mixed model."""
    x, d = SIZES - SIZES.mean(), DISTANCE - DISTANCE.mean()
    effects = {"level": GAP, "size": SLOPE, "distance": 2.0, "size x distance": -0.5}
    truth = {term: value if planted else 0.0 for term, value in effects.items()}
    genus = np.array([sorted(set(GENUS)).index(g) for g in GENUS])
    shape = (len(x), len(d))
    values = truth["level"] + truth["size"] * x[:, None] + truth["distance"] * d
    values = values + truth["size x distance"] * x[:, None] * d
    values = (
        values + MODEL_SD * rng.normal(size=(shape[0], 1)) + 0.3 * rng.normal(size=(shape[0], 1)) * d
    )
    of_genus, of_language = rng.normal(size=genus.max() + 1)[genus], rng.normal(size=shape[1])
    values = values + 2.0 * of_genus + 2.0 * of_language + rng.normal(size=shape[1]) * x[:, None]
    values = values + rng.normal(size=shape)
    surface = mixed.Surface(
        values=values, x=SIZES, distance=DISTANCE, family=("made",) * len(x), genus=GENUS
    )
    one = slope_over(DISTANCE, values[-1], GENUS)
    assert isinstance(one, Coefficient)
    largest = truth["distance"] + truth["size x distance"] * x[-1]
    found = {"slope over distance, CR2 by genus": of(one, float(largest))}
    for term in ("size", "distance", "size x distance"):
        found[f"mixed model, {term}"] = of(mixed.effect(surface, term), truth[term])
    return found
