"""Three curves of a gap against size, and what they say beyond the largest model.

With x = log10 of the parameters N::

    line         a + b x
    power law    a + b N^-c = a + b 10^(-c x),  c > 0: levels off at the floor a, exponentially in x
    saturating   b / (1 + 10^(c (x - m))): a logistic curve in x from b to 0

The first is the primary slope's; the second the form of scaling laws (Kaplan et al. 2020, arXiv
2001.08361); the third ends at no gap at all. a and b are linear given the shape (c, m), which is
searched (variable projection, Golub and Pereyra 1973): a grid, refined by ``scipy.optimize``. A
prediction interval is the delta method's, with Student's t and the scatter about the curve: for one
more model of that size, not for the curve.

Where all sizes lie within a decade, where sizes are fewer than six, where the shape is not identified
or where no curve fits better than the line, the data do not say where a gap ends, and
:func:`extrapolate` refuses with that reason; as it does of a size that is not beyond the largest model.
Where a curve does fit better, the line says less than the data within the measured sizes, too:
:func:`preferred`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlgap.analysis.counted import counted
from xlgap.analysis.stats.verdict import Refused

Floats = NDArray[np.float64]

FEWEST_SIZES = 6
"""With five a logistic curve leaves two degrees of freedom, and those that beat the line are those with
a small scatter by luck: their intervals held 78% (docs/log.md)."""
DECADES = 1.0
"""Decades of size that models must span."""

LEVEL = 0.03
"""A curve must fit better than the line by an F test at this level.

Where a line is the truth, the interval of a curve holds less than half of what comes; a stricter level
lets those curves pass whose scatter is small by luck, and their intervals are too narrow
(``benchmarks/coverage.py``).
"""

EXACT = 1e-18
"""Share of the effects' squares: less of it beside a line is rounding."""

SHAPES: dict[str, tuple[tuple[float, float], ...]] = {
    "line": (),
    "power law": ((0.05, 3.0),),
    "saturating": ((0.1, 5.0), (-1.0, 1.0)),
}
"""Bounds of the shape: c by decade; m in ranges of x around the middle of the sizes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """One fitted form.

    Attributes:
        form: ``line``, ``power law`` or ``saturating``.
        predicted: at the size asked for.
        ci_low, ci_high: prediction interval for one model of that size.
        sd: scatter about the curve.
        df: models minus parameters.
        better_p: of the F test against the line; ``None`` of the line itself.
        identified: whether the shape is inside its bounds.
        shape, beta: its parameters, those within bounds and the linear ones.
        middle, width: of the sizes in log10, to which the shape is relative.
        linear: the parameters are, near their estimates, this sum of the effects, [p, n].
    """

    form: str
    predicted: float
    ci_low: float
    ci_high: float
    sd: float
    df: int
    better_p: float | None
    identified: bool
    shape: Floats
    beta: Floats
    middle: float
    width: float
    linear: Floats

    def heights(self, x: Floats) -> Floats:
        """The curve at log10 parameters, [k]."""
        return self._of(np.concatenate([self.shape, self.beta]), x)

    def weights(self, x: Floats) -> Floats:
        """Weights of the effects in the heights at log10 parameters, near this curve, [k, n]."""
        gradient = _derivative(self._of, np.concatenate([self.shape, self.beta]), x)
        found: Floats = gradient @ self.linear
        return found

    def half(self, x: Floats, *, confidence: float) -> Floats:
        """Half-width of the interval of the curve itself at log10 parameters, [k]."""
        from scipy.stats import t as student

        error = self.sd * np.sqrt(np.sum(self.weights(x) ** 2, axis=1))
        found: Floats = student.ppf((1 + confidence) / 2, self.df) * error
        return found

    def _of(self, theta: Floats, x: Floats) -> Floats:
        k = len(self.shape)
        found: Floats = _columns(self.form, theta[:k], x, self.middle, self.width) @ theta[k:]
        return found


@dataclass(frozen=True, kw_only=True)
class Extrapolation:
    """What the forms say at one size.

    Attributes:
        size: parameters asked for.
        predicted: by the form with least scatter.
        best: that form.
        low, high: its prediction interval.
        p: of the F test against the line.
        curves: all of them.
    """

    size: float
    predicted: float
    best: str
    low: float
    high: float
    p: float
    curves: tuple[Curve, ...]


def extrapolate(
    sizes: Sequence[float], effects: Sequence[float], *, to: float, confidence: float = 0.95
) -> Extrapolation | Refused:
    """Predict the effect of one model of ``to`` parameters, beyond the largest.

    Args:
        sizes: parameters, one a model.
        effects: one estimate a model.
        to: parameters to predict for.
        confidence: of each form's prediction interval.
    """
    x = np.log10(np.asarray(sizes, dtype=np.float64))
    if len(x) and to <= max(sizes):
        where = (
            "lies within the measured sizes" if to >= min(sizes) else "lies below the smallest model"
        )
        return Refused(f"{_words(to)} {where}, and not beyond the largest.")
    few = _too_few(x)
    if few is not None:
        return few
    beyond = math.log10(to) - float(x.max())
    if beyond > np.ptp(x):
        return Refused(
            f"{_words(to)} lies a factor of {10**beyond:,.0f} beyond the largest model, farther than "
            f"the factor of {10 ** np.ptp(x):,.0f} that was measured."
        )
    curves = fit_curves(x, effects, to=to, confidence=confidence)
    best = _best(curves)
    if isinstance(best, Refused):
        return best
    return Extrapolation(
        size=to,
        predicted=best.predicted,
        best=best.form,
        low=best.ci_low,
        high=best.ci_high,
        p=smallest_p(curves),
        curves=curves,
    )


def preferred(sizes: Sequence[float], effects: Sequence[float]) -> Curve | None:
    """The curve that fits better than the line by the F test, as for :func:`extrapolate`, if any.

    Its prediction is at the largest size, where a line that does not fit is farthest off.
    """
    x = np.log10(np.asarray(sizes, dtype=np.float64))
    if _too_few(x) is not None:
        return None
    best = _best(fit_curves(x, effects, to=max(sizes)))
    return None if isinstance(best, Refused) else best


def _too_few(x: Floats) -> Refused | None:
    """Why no curve can be told from a line over these log10 parameters."""
    different = len(set(x.tolist()))
    if different < FEWEST_SIZES:
        return Refused(
            f"{counted(different, 'size')}: telling a line from a curve that levels off needs at "
            f"least {FEWEST_SIZES}."
        )
    if np.ptp(x) < DECADES:
        return Refused(
            f"The sizes span a factor of {10 ** np.ptp(x):.1f}: an extrapolation needs a factor of at "
            "least 10."
        )
    return None


def smallest_p(curves: Sequence[Curve]) -> float:
    """Of the F tests of those whose shape is identified, against the line."""
    return min(c.better_p for c in curves if c.better_p is not None and c.identified)


def _best(curves: Sequence[Curve]) -> Curve | Refused:
    bent = [c for c in curves if c.better_p is not None and c.identified]
    if not bent:
        return Refused(
            "The shape of no curve is identified: the models do not say whether or where the gap "
            "levels off, on which an extrapolation hangs."
        )
    smallest = smallest_p(curves)
    if smallest > LEVEL:
        return Refused(
            f"No curve fits better than a straight line (F test, p = {smallest:.3f}), so that the "
            "models do not say whether the gap levels off, on which an extrapolation hangs."
        )
    return min(bent, key=lambda c: c.sd)


def fit_curves(
    x: ArrayLike, effects: ArrayLike, *, to: float, confidence: float = 0.95
) -> tuple[Curve, ...]:
    """The three forms, fitted to effects over x = log10 parameters; more models than parameters."""
    a, y = np.asarray(x, dtype=np.float64), np.asarray(effects, dtype=np.float64)
    line: float | None = None
    found = []
    for form, bounds in SHAPES.items():
        shape = _best_shape(form, bounds, a, y)
        found.append(_curve(form, shape, bounds, a, y, to, confidence, line))
        line = float(_squares(form, shape, a, y)) if form == "line" else line
    return tuple(found)


def _feature(form: str, shape: Floats, x: Floats, middle: float, width: float) -> Floats:
    """What is linear in b, [..., n], for shapes [..., k]."""
    if form == "line":
        return x - middle
    if form == "power law":
        return np.asarray(10.0 ** (-shape[..., :1] * (x - middle)), dtype=np.float64)
    power = np.clip(shape[..., :1] * (x - middle - shape[..., 1:] * width), -300, 300)
    return np.asarray(1 / (1 + 10.0**power), dtype=np.float64)


def _columns(form: str, shape: Floats, x: Floats, middle: float, width: float) -> Floats:
    """Columns of the linear parameters, [n, p]."""
    feature = _feature(form, shape, x, middle, width)
    ones = [] if form == "saturating" else [np.ones_like(feature)]
    return np.stack([*ones, feature], axis=1)


def _squares(form: str, shape: Floats, x: Floats, y: Floats) -> Floats:
    """Sum of squares left by the best linear parameters, [...], for shapes [..., k]."""
    feature = _feature(form, shape, x, float(x.mean()), float(np.ptp(x)))
    left = y
    if form != "saturating":
        feature, left = feature - feature.mean(axis=-1, keepdims=True), y - y.mean()
    own = np.sum(feature**2, axis=-1)
    explained = (feature @ left) ** 2 / np.where(own > 0, own, 1.0)
    found: Floats = np.sum(left**2) - explained
    return found


def _best_shape(form: str, bounds: tuple[tuple[float, float], ...], x: Floats, y: Floats) -> Floats:
    """The shape with the smallest sum of squares: a grid, then Nelder and Mead within the bounds."""
    from scipy.optimize import minimize

    if not bounds:
        return np.zeros(0)
    axes = [np.linspace(low, high, 25) for low, high in bounds]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(bounds))
    start: Floats = grid[int(np.argmin(_squares(form, grid, x, y)))]
    scale = float(np.sum(y**2)) + 1e-300

    def left(shape: Floats) -> float:
        return float(_squares(form, shape, x, y)) / scale

    options: Any = {"xatol": 1e-7, "fatol": 1e-12, "maxiter": 400}
    found = minimize(left, start, method="Nelder-Mead", bounds=list(bounds), options=options)
    shape: Floats = np.asarray(found.x, dtype=np.float64)
    return shape


def _curve(
    form: str, shape: Floats, bounds: tuple[tuple[float, float], ...], x: Floats, y: Floats,
    to: float, confidence: float, line: float | None,
) -> Curve:  # fmt: skip
    """The prediction of one form with its interval, and whether it is better than the line."""
    from scipy.stats import f as fisher
    from scipy.stats import t as student

    columns = _columns(form, shape, x, float(x.mean()), float(np.ptp(x)))
    beta: Floats = np.linalg.lstsq(columns, y, rcond=None)[0].astype(np.float64)
    squares = float(np.sum((y - columns @ beta) ** 2))
    parameters = len(beta) + len(shape)
    df = len(y) - parameters
    sd = math.sqrt(squares / df)
    middle, width = float(x.mean()), float(np.ptp(x))
    margins = [
        min(s - low, high - s) / (high - low) for s, (low, high) in zip(shape, bounds, strict=True)
    ]
    better: float | None = None
    if line is not None:
        extra = parameters - 2
        ratio = (line - squares) / extra / (squares / df) if squares > 0 else math.inf
        exact = line <= EXACT * float(np.sum(y**2))  # nothing is left for a curve to fit
        better = 1.0 if exact else float(fisher.sf(max(ratio, 0.0), extra, df))
    found = Curve(
        form=form, predicted=math.nan, ci_low=math.nan, ci_high=math.nan, sd=sd, df=df,
        better_p=better, identified=all(margin > 0.01 for margin in margins), shape=shape, beta=beta,
        middle=middle, width=width, linear=np.eye(parameters, len(y)),
    )  # fmt: skip
    theta, at = np.concatenate([shape, beta]), np.array([math.log10(to)])
    linear: Floats = np.linalg.pinv(_derivative(found._of, theta, x)).astype(np.float64)
    found = replace(found, linear=linear)
    variance = 1 + float(np.sum(found.weights(at) ** 2))
    half = float(student.ppf((1 + confidence) / 2, df)) * sd * math.sqrt(variance)
    predicted = float(found.heights(at)[0])
    return replace(found, predicted=predicted, ci_low=predicted - half, ci_high=predicted + half)


def _derivative(curve: Callable[[Floats, Floats], Floats], theta: Floats, x: Floats) -> Floats:
    """Central differences of the curve in its parameters, [n, p]."""
    columns = []
    for i, value in enumerate(theta):
        step = np.zeros_like(theta)
        step[i] = 1e-5 * max(abs(float(value)), 1.0)
        columns.append((curve(theta + step, x) - curve(theta - step, x)) / (2 * step[i]))
    return np.stack(columns, axis=1)


def _words(size: float) -> str:
    return f"{size / 1e9:.3g}B"
