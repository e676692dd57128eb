"""Meta-regression against published output on the BCG vaccine trials.

Data: log risk ratios and variances of the 13 trials (Colditz et al. 1994) from the 2x2 tables of R's
metadat. Expected: output of R's metafor, printed in its documentation and tutorials (REML;
``test="knha"`` for the interval of the mean).
"""

from __future__ import annotations

import numpy as np
import pytest

from xlgap.analysis.scaling import meta_regression, reml, wls

#         vaccinated: positive, negative; control: positive, negative; absolute latitude
TRIALS = np.array([
    (4, 119, 11, 128, 44), (6, 300, 29, 274, 55), (3, 228, 11, 209, 42), (62, 13536, 248, 12619, 52),
    (33, 5036, 47, 5761, 13), (180, 1361, 372, 1079, 44), (8, 2537, 10, 619, 19),
    (505, 87886, 499, 87892, 13), (29, 7470, 45, 7232, 27), (17, 1699, 65, 1600, 42),
    (186, 50448, 141, 27197, 18), (5, 2493, 3, 2338, 33), (27, 16886, 29, 17825, 33),
], dtype=float)  # fmt: skip
A, B, C, D, LATITUDE = TRIALS.T
EFFECT = np.log(A / (A + B)) - np.log(C / (C + D))
VARIANCE = 1 / A - 1 / (A + B) + 1 / C - 1 / (C + D)


def test_effects_are_the_published_ones() -> None:
    assert EFFECT[6] == pytest.approx(-1.6209, abs=5e-5)
    assert VARIANCE[6] == pytest.approx(0.2230, abs=5e-5)


def test_mean_effect_with_knapp_hartung() -> None:
    ones = np.ones((13, 1))
    tau2 = reml(EFFECT, VARIANCE, ones)
    beta, covariance, squares = wls(EFFECT, 1 / (VARIANCE + tau2), ones)
    stderr = np.sqrt(squares / 12 * covariance[0, 0])
    assert tau2 == pytest.approx(0.3132, abs=1e-4)
    assert beta[0] == pytest.approx(-0.7145, abs=1e-4)
    assert stderr == pytest.approx(0.1808, abs=1e-4)


def test_slope_on_latitude() -> None:
    fit = meta_regression(EFFECT, VARIANCE, LATITUDE)
    assert fit.tau2 == pytest.approx(0.0764, abs=1e-4)
    assert fit.intercept == pytest.approx(0.2515, abs=1e-4)
    assert fit.slope == pytest.approx(-0.0291, abs=1e-4)
    assert fit.df == 11


def test_knapp_hartung_interval_is_that_of_weighted_least_squares() -> None:
    statsmodels = pytest.importorskip("statsmodels.api")
    fit = meta_regression(EFFECT, VARIANCE, LATITUDE)
    design = statsmodels.add_constant(LATITUDE)
    peer = statsmodels.WLS(EFFECT, design, weights=1 / (VARIANCE + fit.tau2)).fit()
    assert fit.stderr == pytest.approx(peer.bse[1], rel=1e-9)
    assert (fit.ci_low, fit.ci_high) == pytest.approx(tuple(peer.conf_int()[1]), rel=1e-9)
    assert fit.p == pytest.approx(peer.pvalues[1], rel=1e-6)
