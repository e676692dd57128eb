"""Loss over distance, languages as the points: what a slope can be asked of them, and its error.

The loss of a language is the English score minus its own. What goes along with distance is held still
by putting it beside distance in one least-squares fit. The slope is linear in the scores, so that a
measured one is a contrast like any gap. Its error over languages is CR2 by genus, since related
languages lose alike, with Satterthwaite's degrees of freedom
(:mod:`~xlgap.analysis.stats.cluster_robust`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.counted import counted
from xlgap.analysis.stats.cluster_robust import Coefficient, coefficient
from xlgap.analysis.stats.verdict import Refused
from xlgap.languages import get_language

Floats = NDArray[np.float64]
Covariates = Mapping[str, Mapping[str, float]]
"""For each covariate its value by language."""

FEWEST_LANGUAGES = 5
"""Languages beside English below which a slope over distance is not fitted."""

FEWEST_FREE = 3
"""Languages beyond the number of coefficients below which a slope with covariates is not fitted."""

KNOWN = 0.75
"""Share of the languages of which a covariate must be known; those that lack it are then left out."""

PRETRAINING, FERTILITY, SCRIPT = "pretraining text", "fertility", "script"
"""Log10 of a language's amount; sub-words for each one of English; another script than English's."""

SAME = {PRETRAINING: 0.05}
"""Range up to which a covariate counts as the same everywhere; log10 0.05 is 12% more text."""

INFLATED = 10.0
"""Variance inflation from which on distance can hardly be told from the covariates."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """A least-squares fit of losses on a distance and covariates.

    Attributes:
        languages: the points, in order.
        covariates: names of those in the fit.
        matrix: [n, p]: 1, distance, covariates.
        left_out: sentences on covariates and languages that are not in it.
        inflation: variance inflation of the distance: 1 where covariates say nothing of it.
    """

    languages: tuple[str, ...]
    covariates: tuple[str, ...]
    matrix: Floats
    left_out: tuple[str, ...] = ()
    inflation: float = 1.0

    @property
    def free(self) -> int:
        """Languages minus coefficients."""
        return len(self.languages) - 2 - len(self.covariates)

    def weights(self) -> Floats:
        """Weights w with w @ loss = slope over distance, [n]; they sum to 0."""
        found: Floats = np.linalg.pinv(self.matrix)[1]
        return found

    def fit(self, loss: Mapping[str, float], *, confidence: float = 0.95) -> Coefficient | Refused:
        """The slope over distance with its error over languages, clustered by genus."""
        values = [loss[code] for code in self.languages]
        genera = [get_language(code).genus for code in self.languages]
        return coefficient(self.matrix, values, genera, column=1, confidence=confidence)


def plain(codes: Collection[str], distances: Mapping[str, float]) -> Design | Refused:
    """The fit on distance alone."""
    languages = sorted(set(codes) & set(distances))
    x = np.array([distances[c] for c in languages])
    if len(languages) < FEWEST_LANGUAGES:
        return Refused(
            f"Of {counted(len(languages), 'language')} beside English this distance is known; a slope "
            f"needs at least {FEWEST_LANGUAGES}."
        )
    if np.ptp(x) == 0:
        return Refused("All languages are at the same distance.")
    return Design(
        languages=tuple(languages), covariates=(), matrix=np.stack([np.ones_like(x), x], axis=1)
    )


def partial(
    codes: Collection[str], distances: Mapping[str, float], covariates: Covariates
) -> Design | Refused:
    """The fit on distance with those of ``covariates`` that can be held still.

    A covariate that is hardly known, or the same for all languages, is left out and named.
    """
    languages = sorted(set(codes) & set(distances))
    if not languages:
        return Refused("0 languages beside English have this distance.")
    left_out: list[str] = []
    used: list[str] = []
    for name, values in covariates.items():
        lacking = [c for c in languages if c not in values]
        if len(lacking) > (1 - KNOWN) * len(languages):
            left_out.append(
                f"{name} is not known of {len(lacking)} of {counted(len(languages), 'language')}"
            )
            continue
        if lacking:
            left_out.append(f"{name} is not known of {', '.join(lacking)}, which are left out")
        languages = [c for c in languages if c in values]
        used.append(name)
    for name in list(used):
        if np.ptp([covariates[name][c] for c in languages]) <= SAME.get(name, 0.0):
            used.remove(name)
            left_out.append(f"{name} is the same for all languages")
    if not used:
        return Refused("No covariate: " + "; ".join(left_out) + "." if left_out else "No covariate.")
    return _solved(languages, distances, covariates, used, tuple(left_out))


def _solved(
    languages: Sequence[str],
    distances: Mapping[str, float],
    covariates: Covariates,
    used: Sequence[str],
    left_out: tuple[str, ...],
) -> Design | Refused:
    parameters = 2 + len(used)
    if len(languages) < max(FEWEST_LANGUAGES, parameters + FEWEST_FREE):
        return Refused(
            f"{counted(len(languages), 'language')} for {parameters} coefficients (intercept, "
            f"distance, {', '.join(used)}): a slope with covariates needs at least {FEWEST_FREE} "
            "more languages than coefficients."
        )
    x = np.array([distances[c] for c in languages])
    others = [[covariates[name][c] for c in languages] for name in used]
    matrix = np.stack([np.ones_like(x), x, *map(np.asarray, others)], axis=1)
    if np.linalg.matrix_rank(matrix) < parameters:
        return Refused(f"Distance cannot be told apart from {', '.join(used)} in these languages.")
    beside = np.delete(matrix, 1, axis=1)
    rest = x - beside @ np.linalg.lstsq(beside, x, rcond=None)[0]
    centred = x - x.mean()
    return Design(
        languages=tuple(languages),
        covariates=tuple(used),
        matrix=matrix,
        left_out=left_out,
        inflation=float(centred @ centred) / float(rest @ rest),
    )
