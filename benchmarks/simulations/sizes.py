"""Gaps against model size: one task with items, several families, and sizes beyond the largest."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from simulations.numbers import (
    CLUSTER_SD,
    FAMILY,
    FAMILY_X,
    GAP,
    GROUP_SIZE,
    GROUPS,
    LADDER,
    MODEL_SD,
    RESAMPLES,
    SEED_SD,
    SEEDS,
    SIZES,
    SLOPE,
)
from simulations.outcome import EXACT, Outcome, named, of, true_slope
from xlgap.analysis.bootstrap import TaskItems, draws, interval
from xlgap.analysis.contrasts import Contrast, Key
from xlgap.analysis.scaling import bootstrap_slopes, correlation, meta_regression
from xlgap.analysis.stats import curves, families, meta
from xlgap.analysis.stats.mean_over import Mean, mean_over
from xlgap.records import Score


def with_items(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """Four sizes, two arms, two seeds, items: everything against size, and the bootstrap."""
    slope, start = (SLOPE, GAP) if planted else (0.0, 0.0)
    x = SIZES - SIZES.mean()
    gaps = start + slope * x + MODEL_SD * rng.normal(size=len(x))  # of these checkpoints
    right = items(rng, gaps)
    values, drawn = bootstrap(right, seed=int(rng.integers(2**31)))
    errors = np.array([np.std(d, ddof=1) for d in drawn])
    line = meta_regression(values, errors**2, SIZES)
    plain = meta_regression(values, None, SIZES)
    low, high = interval(bootstrap_slopes(drawn, SIZES, line.weights), 0.95)
    here = true_slope(gaps, SIZES, line.weights)
    one = interval(drawn[0], 0.95)
    found = correlation(SIZES, values)
    noise = MODEL_SD**2 + float(np.mean(errors**2))
    rho = slope * SIZES.std() / math.sqrt((slope * SIZES.std()) ** 2 + noise)
    mean = mean_over(values.tolist(), draws=drawn, x=SIZES.tolist())
    assert isinstance(mean, Mean)
    design = np.stack([np.ones_like(x), x], axis=1)
    end = meta.fit(values, errors**2, design).combination([1.0, x[-1]])
    return {
        "slope on size, meta-regression": Outcome(low=line.ci_low, high=line.ci_high, truth=slope),
        "slope on size, least squares": Outcome(low=plain.ci_low, high=plain.ci_high, truth=slope),
        "slope on size, conditional bootstrap": Outcome(low=low, high=high, truth=here, nothing=here),
        "gap of one model, conditional bootstrap": Outcome(
            low=one[0], high=one[1], truth=gaps[0], nothing=gaps[0]
        ),
        "mean over models": Outcome(low=mean.ci_low, high=mean.ci_high, truth=start),
        "line at the largest size": of(end, start + slope * float(x[-1])),
        "Pearson r with Fisher's z": Outcome(low=found.ci_low, high=found.ci_high, truth=rho),
        "Pearson r, exact permutation": Outcome(kind=EXACT, p=found.r_p),
        "Spearman rho, exact permutation": Outcome(kind=EXACT, p=found.rho_p),
        "Kendall tau, exact permutation": Outcome(kind=EXACT, p=found.tau_p),
    }


def items(rng: np.random.Generator, gaps: np.ndarray) -> np.ndarray:
    """Right or wrong, [models, arms, seeds, groups, items]; arm 1 is better by the gap."""
    shape = (len(gaps), 2, SEEDS)
    share = 45.0 + rng.normal(0, SEED_SD, shape)[..., None] + rng.normal(0, CLUSTER_SD, GROUPS)
    share[:, 1] += gaps[:, None, None]
    chances = np.clip(share / 100, 0.01, 0.99)[..., None]
    return rng.random((*shape, GROUPS, GROUP_SIZE)) < chances


def bootstrap(right: np.ndarray, *, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Each model's gap, and its draws by the analysis' own bootstrap."""
    models, _, seeds, groups, size = right.shape
    index = np.indices(right.shape[:-1]).reshape(4, -1)
    frame = pd.DataFrame(
        {
            "model": named(index[0], [f"m{i}" for i in range(models)]),
            "arm": named(index[1], ["en", "tgt"]),
            "language": named(0 * index[0], ["sw"]),
            "seed": index[2],
            "metric": named(0 * index[0], ["accuracy"]),
            "item": index[3],
            "group": index[3],
            "s0": right.sum(axis=-1).ravel().astype(float),
            "s1": float(size),
        }
    )
    task = TaskItems(
        frame=frame, metric="accuracy", value=lambda s: 100 * s[..., 0] / s[..., 1], parallel=True
    )
    means = 100 * right.mean(axis=(3, 4))
    keys = [[Key(f"m{i}", arm, "nli", "sw") for arm in ("en", "tgt")] for i in range(models)]
    drawn = draws(
        {"nli": task}, needed={k for pair in keys for k in pair}, resamples=RESAMPLES, seed=seed
    )
    found = []
    for i, (english, target) in enumerate(keys):
        contrast = Contrast(
            model=f"m{i}", gap="inter", task="nli", language="sw", arm_a="tgt", arm_b="en", unit=(),
            terms=((target, 1.0), (english, -1.0)),
        )  # fmt: skip
        table = {
            key: {s: score(key, means[i, a, s], groups * size) for s in range(seeds)}
            for a, key in enumerate((english, target))
        }
        values = drawn.on("raw", table).of(contrast)
        assert values is not None
        found.append(values)
    gaps = means.mean(axis=2)
    return gaps[:, 1] - gaps[:, 0], found


def score(key: Key, value: float, count: int) -> Score:
    """One score of a simulated run."""
    return Score(
        source="measured", model=key.model, family="made", params_total=1, params_nonembedding=1,
        arm=key.arm, regime=key.arm, train_language="en", task=key.task, language=key.language, seed=0,
        metric="accuracy", value=float(value), n_items=count,
    )  # fmt: skip


def over_families(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """Ten models of seven families that differ in level; errors are not known."""
    slope = SLOPE if planted else 0.0
    names = sorted(set(FAMILY))
    shifts = dict(zip(names, 3 * rng.normal(size=len(names)), strict=True))
    y = [
        slope * (x - 9) + shifts[f] + MODEL_SD * rng.normal()
        for f, x in zip(FAMILY, FAMILY_X, strict=True)
    ]
    points = [
        families.Point(family=f, x=x, effect=e) for f, x, e in zip(FAMILY, FAMILY_X, y, strict=True)
    ]
    inside, across = families.within(points), families.between(points)
    assert isinstance(inside, families.FamilySlope)
    assert isinstance(across, families.FamilySlope)
    return {
        "slope within families": of(inside.slope, slope),
        "slope between families": of(across.slope, slope),
    }


def beyond(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """A ladder of six sizes, the fewest that are extrapolated: each form where it is the true one.

    Of a straight line no extrapolation is to be made: nothing says where it ends.
    """
    at = math.log10(175e9)
    forms: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "line": lambda x: GAP + SLOPE * (x - 9),
        "power law": lambda x: 5 + 30 * 10 ** (-1.0 * (x - 8.5)),
        "saturating": lambda x: 40 / (1 + 10 ** (1.0 * (x - 9.3))),
    }
    found: dict[str, Outcome] = {}
    for form, curve in forms.items():
        y = curve(LADDER) + 0.7 * rng.normal(size=len(LADDER))
        truth = float(curve(np.array([at]))[0] + 0.7 * rng.normal())
        if planted and form == "line":
            of_form = {c.form: c for c in curves.fit_curves(LADDER, y, to=175e9)}[form]
            found["prediction by a line"] = Outcome(
                low=of_form.ci_low, high=of_form.ci_high, truth=truth
            )
            continue
        if planted:
            mean = mean_over(y.tolist(), x=LADDER.tolist())
            assert isinstance(mean, Mean)
            found[f"mean over models, true {form}"] = Outcome(
                low=mean.ci_low, high=mean.ci_high, truth=float(curve(LADDER).mean())
            )
            bent = curves.preferred((10**LADDER).tolist(), y.tolist())
            if bent is not None:
                end = LADDER[-1:]
                height, half = float(bent.heights(end)[0]), float(bent.half(end, confidence=0.95)[0])
                found[f"curve at the largest size, true {form}"] = Outcome(
                    low=height - half, high=height + half, truth=float(curve(end)[0])
                )
        answer = curves.extrapolate(10**LADDER, y.tolist(), to=175e9)
        made = isinstance(answer, curves.Extrapolation)
        if not planted:
            return {"extrapolation of a straight line": Outcome(kind=EXACT, p=0.0 if made else 1.0)}
        if isinstance(answer, curves.Extrapolation):
            found[f"extrapolation, true {form}"] = Outcome(
                low=answer.low, high=answer.high, truth=truth
            )
    return found
