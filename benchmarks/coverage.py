"""Do 95% intervals hold the truth in 95% of studies, and tests find nothing where there is nothing?

    python benchmarks/coverage.py [--studies 1000] [--quick] [--json] [--seed 0]

Studies are simulated with known gaps and slopes at the default study's own numbers: four sizes, nine
languages beside English in seven genera, two seeds, items in clusters; a random model effect, a seed
effect and a cluster effect on top, languages whose growth with size differs. Families are the
published ones' numbers. Every estimator that stands behind an answer is run on them as the analysis
runs it. Once with effects planted: the share of intervals that hold them; once with none: the share of
tests at 5% (or of intervals without 0) that find one. An interval that is conditional on the
checkpoints is held against what these checkpoints would give with endless items and seeds, in both.

An interval passes within 93 to 97%, a test within 3 to 7%; a discrete exact test at most at 5%; an
interval that is said to be an envelope of several at least at 93%. ``--quick`` is 200 studies. The exit
status is 1 where the full version finds an estimator that does not pass.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xlgap.analysis.bootstrap import TaskItems, draws, interval
from xlgap.analysis.contrasts import Contrast, Key
from xlgap.analysis.scaling import bootstrap_slopes, correlation, meta_regression
from xlgap.analysis.stats import curves, families, meta, mixed
from xlgap.analysis.stats.cluster_robust import Coefficient, slope_over
from xlgap.analysis.stats.mean_over import Mean, mean_over
from xlgap.analysis.stats.multiple import corrected
from xlgap.analysis.stats.paired import cluster_test, mcnemar
from xlgap.records import Score

SIZES = np.log10([4e4, 2e5, 1e6, 5e6])
SEEDS = 2
GROUPS, GROUP_SIZE = 80, 3
RESAMPLES = 400
MODEL_SD, SEED_SD, CLUSTER_SD = 1.0, 1.0, 8.0
GAP, SLOPE = 20.0, -3.0
DISTANCE = np.array([1.2, 1.9, 2.3, 2.4, 3.1, 3.4, 4.3, 4.9, 5.6])
GENUS = tuple("aabbcdefg")
FAMILY = tuple("aaaabbbccdef")
FAMILY_X = np.array([8.5, 8.8, 9.6, 10.1, 8.4, 8.7, 9.5, 8.7, 10.0, 8.2, 8.4, 9.8])
LADDER = np.log10([3.0e8, 5.8e8, 1.2e9, 3.7e9, 1.3e10, 4.0e10])

INTERVAL, TEST, EXACT, ENVELOPE = "interval", "test", "exact test", "envelope"
BOUNDS = {INTERVAL: (0.93, 0.97), ENVELOPE: (0.93, 1.0)}
FALSE = {INTERVAL: (0.03, 0.07), TEST: (0.03, 0.07), EXACT: (0.0, 0.05), ENVELOPE: (0.0, 0.07)}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one estimator said of one study: an interval and the truth, or a p.

    ``nothing`` is the value that an interval without it claims an effect against.
    """

    kind: str = INTERVAL
    low: float | None = None
    high: float | None = None
    truth: float = 0.0
    nothing: float = 0.0
    p: float | None = None

    @property
    def covered(self) -> bool | None:
        """Whether the interval holds the truth."""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.truth <= self.high

    @property
    def found(self) -> bool | None:
        """Whether an effect is claimed at 5%; of no use where 0 has no meaning."""
        if self.p is not None:
            return self.p <= 0.05 + 1e-12
        if self.low is None or self.high is None or self.kind == ENVELOPE:
            return None
        return not self.low <= self.nothing <= self.high


Study = Callable[[np.random.Generator, bool], Mapping[str, Outcome]]


def of(found: Coefficient, truth: float) -> Outcome:
    """The interval of a coefficient."""
    return Outcome(low=found.ci_low, high=found.ci_high, truth=truth)


def with_items(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """Four sizes, two arms, two seeds, items: everything against size, and the bootstrap."""
    slope, start = (SLOPE, GAP) if planted else (0.0, 0.0)
    x = SIZES - SIZES.mean()
    gaps = start + slope * x + MODEL_SD * rng.normal(size=len(x))  # of these checkpoints
    right = items(rng, gaps)
    values, drawn = bootstrap(right, seed=int(rng.integers(2**31)))
    errors = np.array([np.std(d, ddof=1) for d in drawn])
    line = meta_regression(values, errors**2, SIZES)
    weights = np.array(line.weights)
    low, high = interval(bootstrap_slopes(drawn, SIZES, weights), 0.95)
    centred = SIZES - np.average(SIZES, weights=weights)
    here = float((weights * centred) @ gaps / (weights @ centred**2))
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
    index = np.indices(right.shape).reshape(5, -1)
    frame = pd.DataFrame(
        {
            "model": np.array([f"m{i}" for i in range(models)])[index[0]],
            "arm": np.array(["en", "tgt"])[index[1]],
            "language": "sw",
            "seed": index[2],
            "metric": "accuracy",
            "item": index[3] * size + index[4],
            "group": index[3],
            "s0": right.ravel().astype(float),
            "s1": 1.0,
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


def over_families(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """Twelve models of six families that differ in level; errors are not known."""
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
    """A ladder of six sizes: each form's prediction where it is the true one, and the envelope."""
    at = math.log10(175e9)
    forms: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "line": lambda x: GAP + SLOPE * (x - 9),
        "power law": lambda x: 5 + 30 * 10 ** (-1.0 * (x - 8.5)),
        "saturating": lambda x: 40 / (1 + 10 ** (1.0 * (x - 9.3))),
    }
    found: dict[str, Outcome] = {}
    for form, curve in forms.items() if planted else ():
        y = curve(LADDER) + 0.7 * rng.normal(size=len(LADDER))
        truth = float(curve(np.array([at]))[0] + 0.7 * rng.normal())
        if form == "line":
            made = {c.form: c for c in curves.fit_curves(LADDER, y, to=175e9)}
            found["prediction by a line"] = Outcome(
                low=made[form].ci_low, high=made[form].ci_high, truth=truth
            )
        answer = curves.extrapolate(10**LADDER, y.tolist(), to=175e9)
        if isinstance(answer, curves.Extrapolation):
            found[f"extrapolation, envelope, true {form}"] = Outcome(
                kind=ENVELOPE, low=answer.low, high=answer.high, truth=truth
            )
    return found


def paired(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """Two arms on the same items: McNemar's tests, and the bootstrap over clusters."""
    if planted:
        return {}
    easy = np.clip(rng.normal(0.6, 0.2, 200), 0, 1)
    a, b = (rng.random(200) < easy for _ in range(2))
    clusters = np.repeat(range(GROUPS), GROUP_SIZE)
    like = np.repeat(rng.normal(size=GROUPS), GROUP_SIZE) + rng.normal(size=GROUPS * GROUP_SIZE)
    ps = {f"t{i}": float(p) for i, p in enumerate(rng.uniform(size=8))}
    return {
        "McNemar, mid-p": Outcome(kind=TEST, p=mcnemar(a, b).p),
        "McNemar, exact": Outcome(kind=EXACT, p=mcnemar(a, b, mid_p=False).p),
        "paired bootstrap over clusters": Outcome(
            kind=TEST, p=cluster_test(like, clusters, rng=rng, resamples=399).p
        ),
        "Holm over eight comparisons": Outcome(
            kind=TEST, p=min(c.adjusted for c in corrected(ps).values())
        ),
    }


STUDIES: tuple[Study, ...] = (with_items, over_languages, over_families, beyond, paired)


def run(studies: int, *, seed: int = 0) -> list[dict[str, object]]:
    """Coverage and false positives of every estimator over ``studies`` studies."""
    covered: dict[str, list[bool]] = defaultdict(list)
    wrong: dict[str, list[bool]] = defaultdict(list)
    kinds: dict[str, str] = {}
    for number, study in enumerate(STUDIES):
        for planted in (True, False):
            for i in range(studies):
                rng = np.random.default_rng([seed, number, planted, i])
                for name, outcome in study(rng, planted).items():
                    kinds[name] = outcome.kind
                    if planted and outcome.covered is not None:
                        covered[name].append(outcome.covered)
                    if not planted and outcome.found is not None:
                        wrong[name].append(outcome.found)
    return [row(name, kind, covered[name], wrong[name]) for name, kind in kinds.items()]


def row(name: str, kind: str, covered: list[bool], wrong: list[bool]) -> dict[str, object]:
    """One line of the table."""
    share = float(np.mean(covered)) if covered else None
    false = float(np.mean(wrong)) if wrong else None
    bounds, errors = BOUNDS.get(kind, (0.0, 1.0)), FALSE[kind]
    passes = (share is None or bounds[0] <= share <= bounds[1]) and (
        false is None or errors[0] <= false <= errors[1]
    )
    return {
        "estimator": name, "kind": kind, "coverage": share, "false_positive": false,
        "studies": max(len(covered), len(wrong)), "passes": passes,
    }  # fmt: skip


def main() -> int:
    """Run, print, and say by the exit status whether all pass."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="200 studies")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    start = time.perf_counter()
    rows = run(200 if wanted.quick else wanted.studies, seed=wanted.seed)
    if wanted.json:
        print(json.dumps(rows, indent=1))
    else:
        for r in rows:
            texts = [
                "–" if r[k] is None else f"{100 * r[k]:.1f}" for k in ("coverage", "false_positive")
            ]
            flag = "" if r["passes"] else "  does not pass"
            figures = " ".join(f"{text:>6}" for text in (*texts, str(r["studies"])))
            print(f"{r['estimator']:<44} {r['kind']:<11} {figures}{flag}")
        print(f"{time.perf_counter() - start:.1f} s")
    return 0 if wanted.quick or all(r["passes"] for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
