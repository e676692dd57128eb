"""A mixed-effects model of a gap by model and language, in two stages.

The model wanted is, of a gap y of model m in language l::

    y ~ log10 N x distance + (1 + distance | model) + (1 + log10 N | language)
        + (1 | family) + (1 | genus), tasks averaged

Its random effects are crossed: every language is scored under every model. statsmodels' MixedLM takes
nested groups; crossed ones only as variance components of one group that holds all rows, without the
correlation of intercept and slope, and with z intervals that four sizes cannot carry. On a full table
of models by languages the fixed effects are sums ``w' Y z``, the same numbers whatever the variances,
so that the model is fitted in two stages instead::

    first, by model:      level and slope over distance of each model's languages, b_m = Y z
    second, over models:  b_m on log10 N                                  -> variance V_M
    and the other way:    slope on log10 N of each language, over distance -> variance V_L, by genus

V_M holds what models add and the rest of the table, V_L what languages add and the rest, so the
variance is V_M + V_L - V_E with V_E that of the rest (Cameron, Gelbach and Miller 2011, Robust
inference with multiway clustering, J. Bus. Econ. Stat. 29), never less than the larger of both; degrees
of freedom by Satterthwaite. Models are clustered by family (CR2) from four families on, have an
intercept a family with two or three, and count as independent within one. A contrast of two regimes is
the same fit of the difference of their tables, in which the model's and the language's own levels drop
out.

Shapes: M models, L languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.counted import counted
from xlgap.analysis.scaling import FEWEST_MODELS
from xlgap.analysis.stats.cluster_robust import FEWEST_CLUSTERS, Coefficient, interval_of, operator
from xlgap.analysis.stats.verdict import Refused

Floats = NDArray[np.float64]
Side = tuple[float, float]
"""A variance and its degrees of freedom."""

FEWEST_LANGUAGES = 5
FEWEST_SIZES = 3
TERMS = ("level", "size", "distance", "size x distance")


@dataclass(frozen=True, eq=False, kw_only=True)
class Surface:
    """A full table of one gap.

    Attributes:
        values: the gap, in points, [M, L].
        x: log10 parameters, [M].
        distance: [L], from English, in the unit that effects are wanted for.
        family: of each model.
        genus: of each language.
    """

    values: Floats
    x: Floats
    distance: Floats
    family: tuple[str, ...]
    genus: tuple[str, ...]

    def minus(self, other: Surface) -> Surface:
        """The contrast of two regimes of the same models and languages."""
        return Surface(
            values=self.values - other.values, x=self.x, distance=self.distance,
            family=self.family, genus=self.genus,
        )  # fmt: skip

    def without(self, *, model: int | None = None, language: int | None = None) -> Surface:
        """The table without one row or one column."""
        rows = [i for i in range(len(self.x)) if i != model]
        columns = [i for i in range(len(self.distance)) if i != language]
        return Surface(
            values=self.values[np.ix_(rows, columns)],
            x=self.x[rows],
            distance=self.distance[columns],
            family=tuple(self.family[i] for i in rows),
            genus=tuple(self.genus[i] for i in columns),
        )


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Error of predicting what was left out.

    Attributes:
        rmse: root mean squared error of the model, in points.
        mean_rmse: the same of predicting the mean of what is left.
    """

    rmse: float
    mean_rmse: float


@dataclass(frozen=True, kw_only=True)
class MixedFit:
    """The fixed effects, and how well they predict.

    Attributes:
        effects: by term of :data:`TERMS`: the gap at the mean size and distance, its change for ten
            times the parameters, for one unit of distance, and of that slope for ten times.
        language_out, size_out: of each language, and each model, from the others.
        models, languages, genera, families: how many.
    """

    effects: dict[str, Coefficient]
    language_out: Prediction
    size_out: Prediction
    models: int
    languages: int
    genera: int
    families: int


def fit_mixed(surface: Surface, *, confidence: float = 0.95) -> MixedFit | Refused:
    """Fit the two stages, see the module."""
    refused = _refusal(surface)
    if refused is not None:
        return refused
    return MixedFit(
        effects={term: effect(surface, term, confidence=confidence) for term in TERMS},
        language_out=_language_out(surface),
        size_out=_size_out(surface),
        models=len(surface.x),
        languages=len(surface.distance),
        genera=len(set(surface.genus)),
        families=len(set(surface.family)),
    )


def _refusal(surface: Surface) -> Refused | None:
    sizes = len(set(surface.x.tolist()))
    models, languages = surface.values.shape
    if models < FEWEST_MODELS or sizes < FEWEST_SIZES:
        return Refused(
            f"{counted(models, 'model')} of {counted(sizes, 'size')}: the mixed model needs at least "
            f"{FEWEST_MODELS} of {FEWEST_SIZES}."
        )
    if languages < FEWEST_LANGUAGES or len(set(surface.distance.tolist())) < FEWEST_SIZES:
        return Refused(
            f"{counted(languages, 'language')} beside English: the mixed model needs at least "
            f"{FEWEST_LANGUAGES} at different distances."
        )
    if len(set(surface.genus)) < FEWEST_CLUSTERS:
        return Refused(
            f"{counted(len(set(surface.genus)), 'genus', 'genera')}: the mixed model needs languages "
            f"of at least {FEWEST_CLUSTERS}."
        )
    families = len(set(surface.family))
    if 1 < families < FEWEST_CLUSTERS and models - families < FEWEST_MODELS - 1:
        return Refused(
            f"{counted(models, 'model')} in {families} families: an intercept a family leaves too few "
            "for a slope."
        )
    return None


def effect(surface: Surface, term: str, *, confidence: float = 0.95) -> Coefficient:
    """One fixed effect of a table that :func:`fit_mixed` does not refuse."""
    on_size, on_distance = term.startswith("size"), term.endswith("distance")
    families = sorted(set(surface.family))
    dummies = 1 < len(families) < FEWEST_CLUSTERS
    rows = _design(surface.x, surface.family if dummies else None)
    columns = _design(surface.distance, None)
    row_target, column_target = _target(rows, slope=on_size), _target(columns, slope=on_distance)
    w_M, away_M = _weights(rows, row_target)
    z_L, away_L = _weights(columns, column_target)
    y = surface.values
    over_models, over_languages = y @ z_L, w_M @ y
    by_family = surface.family if len(families) >= FEWEST_CLUSTERS else None
    models = _side(rows, row_target, over_models, by_family)
    genera = _side(columns, column_target, over_languages, surface.genus)
    rest_df = (y.shape[0] - rows.shape[1]) * (y.shape[1] - columns.shape[1])
    spread = float(np.sum((away_M @ y @ away_L) ** 2)) / rest_df
    rest = spread * float(w_M @ w_M) * float(z_L @ z_L)
    variance, df = _both(models, genera, (rest, float(rest_df)))
    return interval_of(
        float(w_M @ over_models), variance, df,
        n=len(surface.x), clusters=len(set(surface.genus)), confidence=confidence,
    )  # fmt: skip


def _both(models: Side, genera: Side, rest: Side) -> Side:
    """Variance of models and languages together: what both hold is taken off once.

    Where one side holds no more than the rest, the larger stands for both, which is never too small.
    As far as it holds nothing but the rest itself it is the larger of two alike, by luck: the degrees
    of freedom of the other then go to its t, times the fourth power of the rest's share in it, which
    was chosen by simulation (docs/log.md).
    """
    total = models[0] + genera[0] - rest[0]
    larger, smaller = max(models, genera), min(models, genera)
    if total <= larger[0]:
        share = min(1.0, rest[0] / larger[0]) if larger[0] else 1.0  # nothing scatters at all
        return larger[0], larger[1] + smaller[1] * share**4
    return total, total**2 / sum(variance**2 / df for variance, df in (models, genera))


def _design(x: Floats, groups: Sequence[str] | None) -> Floats:
    """An intercept, or one a group, and x less its mean in the last column."""
    if groups is None:
        return np.stack([np.ones_like(x), x - x.mean()], axis=1)
    names = sorted(set(groups))
    dummies = [[float(g == name) for name in names] for g in groups]
    return np.column_stack([np.array(dummies), x - x.mean()])


def _target(design: Floats, *, slope: bool) -> Floats:
    """What to read off the coefficients: the last, or the mean level over the observations."""
    if slope:
        last: Floats = np.eye(design.shape[1])[-1]
        return last
    level: Floats = design.mean(axis=0)
    return level


def _weights(design: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Weights of the observations in a least-squares estimate, and the projection on its residuals."""
    bread = np.linalg.inv(design.T @ design)
    weights: Floats = design @ bread @ target
    return weights, np.eye(len(design)) - design @ bread @ design.T


def _side(design: Floats, target: Floats, y: Floats, clusters: Sequence[str] | None) -> Side:
    """Variance of ``target @ coefficients`` and its degrees of freedom, from the scatter of ``y``."""
    if clusters is not None:
        made = operator(design, clusters, target=target)
        return float(made.variance(y)), made.df
    weights, away = _weights(design, target)
    df = len(y) - design.shape[1]
    return float(y @ away @ y) / df * float(weights @ weights), float(df)


def _language_out(surface: Surface) -> Prediction:
    """Each language from the others: a model's mean, and the slope over distance at its size."""
    errors, plain = [], []
    for i, distance in enumerate(surface.distance):
        rest = surface.without(language=i)
        level = rest.values.mean(axis=1)
        slope = _coefficients(rest)[1]
        at = np.stack([np.ones_like(rest.x), rest.x - rest.x.mean()], axis=1) @ slope
        errors.append(surface.values[:, i] - level - at * (distance - rest.distance.mean()))
        plain.append(surface.values[:, i] - level)
    return _prediction(errors, plain)


def _size_out(surface: Surface) -> Prediction:
    """Each model from the others: a language's mean, and the change with size at its distance."""
    errors, plain = [], []
    for i, x in enumerate(surface.x):
        rest = surface.without(model=i)
        level = rest.values.mean(axis=0)
        change = _coefficients(rest)[:, 1]
        d = rest.distance
        at = np.stack([np.ones_like(d), d - d.mean()], axis=1) @ change
        errors.append(surface.values[i] - level - at * (x - rest.x.mean()))
        plain.append(surface.values[i] - level)
    return _prediction(errors, plain)


def _coefficients(surface: Surface) -> Floats:
    """[distance power, size power]: level, size; distance, size x distance."""
    rows, columns = _design(surface.x, None), _design(surface.distance, None)
    found: Floats = np.linalg.pinv(columns) @ surface.values.T @ np.linalg.pinv(rows).T
    return found


def _prediction(errors: Sequence[Floats], plain: Sequence[Floats]) -> Prediction:
    squares = [float(np.sqrt(np.mean(np.concatenate(list(e)) ** 2))) for e in (errors, plain)]
    return Prediction(rmse=squares[0], mean_rmse=squares[1])
