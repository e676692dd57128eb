"""Meta-regression on several columns, Knapp-Hartung: one estimate a model, its variance, a design.

The model and its sources stand in :mod:`xlgap.analysis.scaling`, which has the case of one covariate
that every slope against size uses; here the design may hold intercepts of families or covariates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlgap.analysis.known import Interval, by_errors
from xlgap.analysis.scaling import reml, usable_variances, wls
from xlgap.analysis.stats.cluster_robust import Coefficient, interval_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """A weighted least-squares fit with variance between models.

    Attributes:
        beta: coefficients, [p].
        covariance: of ``beta``, Knapp-Hartung, [p, p].
        df: n - p.
        tau2: variance between models beyond their sampling variance.
        linear: ``beta`` is this times the effects, [p, n].
        variances: known of the effects, [n], or ``None``.
    """

    beta: Floats
    covariance: Floats
    df: int
    tau2: float
    linear: Floats
    variances: Floats | None

    def combination(self, weights: ArrayLike, *, confidence: float = 0.95) -> Coefficient:
        """A weighted sum of the coefficients with its t interval."""
        w = np.asarray(weights, dtype=np.float64)
        n = self.df + len(self.beta)
        return interval_of(
            float(w @ self.beta),
            float(w @ self.covariance @ w),
            self.df,
            n=n,
            clusters=n,
            confidence=confidence,
        )

    def known(self, weights: ArrayLike, *, confidence: float = 0.95) -> Interval | None:
        """Interval of the same sum from the known variances alone; ``None`` without them."""
        if self.variances is None:
            return None
        w = np.asarray(weights, dtype=np.float64)
        return by_errors(float(w @ self.beta), w @ self.linear, self.variances, confidence=confidence)


def fit(effects: Floats, variances: Floats | None, design: Floats) -> Fit:
    """Fit ``effects`` [n] on ``design`` [n, p] of full rank with n > p; variances ``None``: unknown."""
    known = variances is not None and bool(np.any(variances > 0))
    v = usable_variances(variances) if known and variances is not None else np.ones_like(effects)
    tau2 = reml(effects, v, design) if known else 0.0
    weights = 1 / (v + tau2)
    beta, covariance, squares = wls(effects, weights, design)
    df = len(effects) - design.shape[1]
    linear = covariance @ design.T * weights
    return Fit(beta, covariance * (squares / df), df, tau2, linear, v if known else None)
