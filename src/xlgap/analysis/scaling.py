"""How a quantity moves with model size: meta-regression, correlation, bootstrap slope.

Size varies only between models, so n is the number of models, however many items were scored.

The primary slope is a random-effects meta-regression with one estimate y_i a model, its sampling
variance v_i, and x_i = log10 of the parameters::

    y_i = a + b x_i + u_i + e_i,    u_i ~ N(0, tau2),    e_i ~ N(0, v_i)

tau2 by restricted maximum likelihood; interval by Knapp and Hartung (2003, Improved tests for a random
effects meta-regression with a single covariate, Statistics in Medicine 22): the covariance of weighted
least squares with weights 1 / (v_i + tau2) times q, the weighted sum of squared residuals over n - 2,
and a t distribution with n - 2 degrees of freedom. With equal variances it is ordinary least squares
with its exact t interval. statsmodels has this only without a covariate.

q is not held at 1 or above, as in the modified form (Roever, Knapp and Friede 2015, BMC Medical
Research Methodology 15, doi 10.1186/s12874-015-0091-1): for four sizes that interval covered the truth
in 97 to 100% of simulated ladders, this one in 95 to 96% (docs/log.md). By luck it may so be narrower
than the known variances alone allow; an answer then has that interval, too (:mod:`.known`).

Assumptions: independent models, a straight line in log10 parameters, normal residuals. Models scored
on the same items share a part of their error; what they share moves the line up or down, not its slope.
Models of one family share data and design, so a slope across families is partly one between families.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlgap.analysis.counted import counted
from xlgap.analysis.known import by_errors
from xlgap.errors import ResultError

Floats = NDArray[np.float64]

FEWEST_MODELS = 4
"""Below this a slope has at most one degree of freedom and no interval that says anything."""

MOST_PAIRED = 9
"""Models up to which all n! pairings are tried."""


@dataclass(frozen=True, kw_only=True)
class Regression:
    """A line of an effect on log10 parameters.

    Attributes:
        intercept: at x = 0.
        slope: for each factor of ten in parameters.
        stderr, ci_low, ci_high, p: of the slope, Knapp-Hartung.
        tau2: variance between models beyond their sampling variance.
        n: number of models.
        df: n - 2.
        weighted: whether sampling variances were known.
        weights: of the models in the fit, 1 / (v_i + tau2); all 1 where no variance is known.
        linear: the slope is this weighted sum of the effects.
        known_low, known_high: normal interval of that sum from the known variances alone.
    """

    intercept: float
    slope: float
    stderr: float
    ci_low: float
    ci_high: float
    p: float
    tau2: float
    n: int
    df: int
    weighted: bool
    weights: tuple[float, ...]
    linear: tuple[float, ...]
    known_low: float | None
    known_high: float | None

    @property
    def widest(self) -> tuple[float, float]:
        """The farthest limits of its intervals."""
        if self.known_low is None or self.known_high is None:
            return self.ci_low, self.ci_high
        return min(self.ci_low, self.known_low), max(self.ci_high, self.known_high)


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """A correlation across models.

    Attributes:
        r: Pearson's coefficient.
        ci_low, ci_high: Fisher's z interval, from four models on.
        r_p: two-sided p of ``r`` over all n! pairings; ``None`` above nine models.
        rho: Spearman's coefficient.
        rho_p: the same p of ``rho``.
        tau: Kendall's tau-b.
        tau_p: the same p of ``tau``.
    """

    r: float
    ci_low: float | None
    ci_high: float | None
    r_p: float | None
    rho: float
    rho_p: float | None
    tau: float
    tau_p: float | None
    n: int


SAME_SIZE = 0.05
"""Log10 parameters: models nearer than 12% to each other are of one size."""


def distinct_sizes(x: Iterable[float]) -> int:
    """How many sizes models are of, by their log10 parameters; near ones are one.

    >>> distinct_sizes([8.0, 8.0001, 9.0])
    2
    """
    first, count = -math.inf, 0
    for value in sorted(x):
        if value - first > SAME_SIZE:
            first, count = value, count + 1
    return count


def meta_regression(
    effects: ArrayLike, variances: ArrayLike | None, x: ArrayLike, *, confidence: float = 0.95
) -> Regression:
    """Random-effects meta-regression of ``effects`` on ``x`` with one covariate, see the module.

    Args:
        effects: one estimate a model, [n].
        variances: their sampling variances, [n]; ``None`` where unknown: all models count the same.
        x: log10 parameters, [n].
        confidence: of the interval.

    Raises:
        ResultError: fewer than three models, or all of the same size.

    Example:
        >>> fit = meta_regression([1.0, 2.0, 3.0, 4.1], [0.1] * 4, [6.0, 7.0, 8.0, 9.0])
        >>> round(fit.slope, 2)
        1.03
    """
    from scipy.stats import t as student

    y, size = np.asarray(effects, dtype=np.float64), np.asarray(x, dtype=np.float64)
    if len(y) < 3 or distinct_sizes(size) < 2:
        raise ResultError(
            f"a slope with an interval needs at least 3 models of different size, got "
            f"{counted(len(y), 'model')} of {counted(distinct_sizes(size), 'size')}; add sizes to "
            "'models'."
        )
    known = variances is not None and bool(np.any(np.asarray(variances) > 0))
    v = usable_variances(np.asarray(variances, dtype=np.float64)) if known else np.ones_like(y)
    design = np.stack([np.ones_like(size), size], axis=1)
    tau2 = reml(y, v, design) if known else 0.0
    weights = 1 / (v + tau2)
    beta, covariance, squares = wls(y, weights, design)
    df = len(y) - 2
    stderr = math.sqrt(squares / df * covariance[1, 1])
    half = float(student.ppf((1 + confidence) / 2, df)) * stderr
    ratio = abs(beta[1]) / stderr if stderr > 0 else math.inf
    linear = slope_weights(size, weights)
    low, high = by_errors(float(beta[1]), linear, v, confidence=confidence) if known else (None, None)
    return Regression(
        intercept=float(beta[0]),
        slope=float(beta[1]),
        stderr=stderr,
        ci_low=float(beta[1]) - half,
        ci_high=float(beta[1]) + half,
        p=2 * float(student.sf(ratio, df)),
        tau2=tau2,
        n=len(y),
        df=df,
        weighted=known,
        weights=tuple(weights.tolist()),
        linear=tuple(linear.tolist()),
        known_low=low,
        known_high=high,
    )


def slope_weights(x: Floats, weights: Floats) -> Floats:
    """Weights with which the effects add up to their weighted least-squares slope on ``x``."""
    centred = weights * (x - np.average(x, weights=weights))
    found: Floats = centred / float(centred @ x)
    return found


def usable_variances(variances: Floats) -> Floats:
    """A variance of exactly 0 (every item right) would get all the weight: at least 1% of the mean."""
    floored: Floats = np.maximum(variances, 0.01 * variances.mean())
    return floored


def wls(y: Floats, weights: Floats, design: Floats) -> tuple[Floats, Floats, float]:
    """Weighted least squares: coefficients, (X'WX)^-1, weighted sum of squared residuals."""
    covariance: Floats = np.linalg.inv(design.T @ (weights[:, None] * design)).astype(np.float64)
    beta: Floats = covariance @ design.T @ (weights * y)
    residuals = y - design @ beta
    return beta, covariance, float(np.sum(weights * residuals**2))


def reml(y: Floats, v: Floats, design: Floats) -> float:
    """Variance between models by restricted maximum likelihood, at least 0.

    Source: Viechtbauer (2005), Bias and efficiency of meta-analytic variance estimators, J. Educ.
    Behav. Stat. 30; the criterion is profiled over the coefficients. Its logarithm's scale is searched
    on a grid and refined between the neighbours of the best point.
    """
    from scipy.optimize import minimize_scalar

    def criterion(tau2: float) -> float:
        return float(_restricted(np.array([tau2]), y, v, design)[0])

    top = 10 * float(np.var(y)) + 1e-12
    grid = np.concatenate([[0.0], np.geomspace(top * 1e-8, top, 60)])
    best = int(np.argmin(_restricted(grid, y, v, design)))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(
        criterion, bounds=(float(low), float(high)), method="bounded", options={"xatol": top * 1e-10}
    )
    return float(found.x) if criterion(float(found.x)) < criterion(0.0) else 0.0


def _restricted(tau2_T: Floats, y: Floats, v: Floats, design: Floats) -> Floats:
    """Minus the restricted log likelihood of each variance between models, constants aside, [T]."""
    weights_Tn = 1 / (v + tau2_T[:, None])
    crossed_Tpp = np.einsum("np,tn,nq->tpq", design, weights_Tn, design)
    beta_Tp = np.linalg.solve(crossed_Tpp, ((weights_Tn * y) @ design)[..., None])[..., 0]
    squares_T = np.sum(weights_Tn * (y - beta_Tp @ design.T) ** 2, axis=1)
    _, log_det_T = np.linalg.slogdet(crossed_Tpp)
    found: Floats = 0.5 * (log_det_T + squares_T - np.sum(np.log(weights_Tn), axis=1))
    return found


def correlation(x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95) -> Correlation:
    """Pearson's with Fisher's interval, Spearman's and Kendall's, and the exact permutation p of each.

    With n models the smallest p is 1 / n!, or 2 / n! where the reversed order is as far from 0, as with
    ranks: 0.042 and 0.083 for four models, however straight the line.

    Raises:
        ResultError: fewer than three models, or a constant.
    """
    from scipy import stats

    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    n = len(a)
    if n < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        raise ResultError(
            f"a correlation needs at least 3 models that differ in size and in gap, got {n}."
        )
    result = stats.pearsonr(a, b)
    low: float | None = None
    high: float | None = None
    if n >= FEWEST_MODELS:
        bounds = result.confidence_interval(confidence)
        low, high = float(bounds.low), float(bounds.high)
    return Correlation(
        r=float(result.statistic),
        ci_low=low,
        ci_high=high,
        r_p=_exact_p(a, b) if n <= MOST_PAIRED else None,
        rho=float(stats.spearmanr(a, b).statistic),
        rho_p=_exact_p(stats.rankdata(a), stats.rankdata(b)) if n <= MOST_PAIRED else None,
        tau=float(stats.kendalltau(a, b).statistic),
        tau_p=_exact_tau_p(a, b) if n <= MOST_PAIRED else None,
        n=n,
    )


def _exact_p(a: Floats, b: Floats) -> float:
    """Share of the n! pairings whose correlation is at least as far from 0."""
    centred_a, centred_b = a - a.mean(), b - b.mean()
    products = np.abs(centred_b[_orders(len(b))] @ centred_a)
    return float(np.mean(products >= abs(centred_a @ centred_b) - 1e-9 * np.max(products)))


def _exact_tau_p(a: Floats, b: Floats) -> float:
    """The same of Kendall's: by concordant minus discordant pairs."""
    first, second = np.triu_indices(len(a), 1)
    ways_a, ways_b = (np.sign(np.subtract.outer(of, of)).astype(np.int8) for of in (a, b))
    orders = _orders(len(b))
    agreeing = np.abs(ways_b[orders[:, first], orders[:, second]] @ ways_a[first, second])
    return float(np.mean(agreeing >= abs(np.sum(ways_b * ways_a)) / 2))


def _orders(n: int) -> NDArray[np.intp]:
    from itertools import permutations

    return np.array(list(permutations(range(n))))


def bootstrap_slopes(draws: Sequence[Floats], x: ArrayLike, weights: ArrayLike) -> Floats:
    """Weighted least-squares slope in every resample, [R], from draws [R] of each model.

    Conditional on these checkpoints: the models themselves are not resampled, so the interval says how
    far items and seeds alone could have moved the slope. With the weights of the meta-regression, held
    through all resamples, it is the same slope.
    """
    linear = slope_weights(np.asarray(x, dtype=np.float64), np.asarray(weights, dtype=np.float64))
    slopes: Floats = np.stack(draws, axis=1) @ linear
    return slopes
