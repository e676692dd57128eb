"""The transfer gap relative to the in-language ceiling: what training in the language itself reaches.

English minus another language is a gap of transfer alone only where test sets are translations of each
other; elsewhere their difficulty differs, too. Of one model, task and language, with C the
chance-corrected score in that language::

    100 x (C(direct_tgt) - C(direct_en)) / C(direct_tgt)

is the share of the ceiling that zero-shot transfer does not reach: 0 where it reaches all of it, 100
where it stays at chance; of English it is 0. The quantity is its mean over languages, one set for all
models. A ratio to something near 0 says nothing: a model whose ceiling is not above chance by two
standard errors in each of them has none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.bootstrap import ScaledDraws
from xlgap.analysis.chance import at_chance
from xlgap.analysis.contrasts import Contrast, Key, lacking_languages
from xlgap.analysis.gap import score_on
from xlgap.analysis.rows import AVERAGE, Estimate
from xlgap.analysis.spread import Statistic, estimates_of, mean_of
from xlgap.analysis.study import Study

Floats = NDArray[np.float64]

GAP = "transfer_ceiling"


def ceiling_estimates(
    every: Iterable[Contrast], study: Study, drawn: ScaledDraws, *, dead: frozenset[str]
) -> list[tuple[Estimate, Floats | None]]:
    """Estimates with their draws, one a model and task and one over the tasks that all models share.

    Args:
        every: contrasts of a study; those of ``native``, one a language, name the pairs of cells.
        study: whose scores are taken.
        drawn: their bootstrap draws, chance-corrected.
        dead: tasks at chance for every model, which stay out of the mean.
    """
    units: dict[tuple[str, str, tuple[str, ...]], list[Contrast]] = defaultdict(list)
    native = [
        c
        for c in every
        if c.gap == "native" and c.language != AVERAGE and c.model not in study.controls
    ]
    lacking = lacking_languages(native)
    for c in native:
        if c.language not in lacking[c.task, c.gap, c.amount]:
            units[c.model, c.task, c.unit].append(c)
    of_model: dict[str, dict[tuple[str, ...], Statistic]] = defaultdict(dict)
    for (model, task, unit), members in units.items():
        made = _over_languages(members, study, drawn)
        if made is not None:
            languages = ", ".join(sorted(c.language for c in members))
            of_model[model][task, *unit, languages] = made
    return list(estimates_of(GAP, of_model, study, dead))


def _over_languages(members: Sequence[Contrast], study: Study, drawn: ScaledDraws) -> Statistic | None:
    """The mean over languages; ``None`` where one of them has no value."""
    found = []
    for c in members:
        (ceiling, _), (zero_shot, _) = c.terms
        made = _share(ceiling, zero_shot, study, drawn)
        if made is None:
            return None
        found.append(made)
    return mean_of(found)


def _share(ceiling: Key, zero_shot: Key, study: Study, drawn: ScaledDraws) -> Statistic | None:
    if at_chance(list(study.table[ceiling].values())) is not False:
        return None
    reached, most = _corrected(zero_shot, study), _corrected(ceiling, study)
    if reached is None or most is None or most <= 0:
        return None
    a, b = drawn.means.get(zero_shot), drawn.means.get(ceiling)
    draws = None if a is None or b is None else 100 * (1 - a / np.where(b > 0, b, np.nan))
    return Statistic(100 * (1 - reached / most), draws)


def _corrected(key: Key, study: Study) -> float | None:
    """The mean over seeds; ``None`` where chance is not known."""
    values = [score_on(score, "chance_corrected") for score in study.table[key].values()]
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
