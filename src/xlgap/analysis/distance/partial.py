"""Slopes of the zero-shot loss over syntactic distance with covariates held still, as contrasts.

Only on parallel test sets: elsewhere the difficulty of a language's test set goes along with
everything, and the sub-words of two languages are not of the same sentences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from xlgap.analysis.contrasts import Arms, Contrast, Key, fixed_languages
from xlgap.analysis.counted import counted
from xlgap.analysis.distance.contrasts import Cell, robustness_contrasts, slope_contrast
from xlgap.analysis.distance.fit import INFLATED, Covariates, Design, partial
from xlgap.analysis.pairing import matched
from xlgap.analysis.stats.verdict import Refused
from xlgap.analysis.words import number

GAP = "distance_partial"
ROBUSTNESS = "robustness_partial"
BOTH = ", those that both arms have"


@dataclass(frozen=True)
class Partial:
    """Contrasts, and what a reader must know of them.

    Attributes:
        contrasts: one for each model, zero-shot arm and task on which covariates can be held still, and
            their differences between arms, each over the languages that both have.
        notes: sentences, the same for all of them: what was held still, what could not be and why.
    """

    contrasts: tuple[Contrast, ...]
    notes: tuple[str, ...]


def partial_contrasts(
    keys: Collection[Key],
    arms: Arms,
    distances: Mapping[str, float],
    covariates: Callable[[str, str], Covariates],
    *,
    tasks: Collection[str],
) -> Partial:
    """The slope of every model and zero-shot arm on ``tasks``, and what arms differ by.

    Args:
        keys: the cells that have scores.
        arms: of the study.
        distances: from English.
        covariates: of a model on a task.
        tasks: those with parallel test sets.
    """
    common = fixed_languages(keys, arms)
    said: dict[str, set[str]] = defaultdict(set)

    def fit(cell: Cell, codes: Collection[str], *, whose: str = "") -> Contrast | None:
        model, _, task = cell
        made = partial(codes, distances, covariates(model, task))
        if isinstance(made, Refused):
            said[f"{made.reason.removesuffix('.')}{whose}"].add(task)
            return None
        for sentence in _sentences(made, whose):
            said[sentence].add(task)
        still = f", held still: {', '.join(made.covariates)}"
        return slope_contrast(cell, made, gap=GAP, note=still)

    cells = sorted({k[:3] for k in keys if arms[k.arm].language is None and k.task in tasks})
    fitted = (fit(cell, common[cell[1], cell[2]] - {"en"}) for cell in cells)
    slopes = [matched(slope, arms) for slope in fitted if slope is not None]
    steeper = robustness_contrasts(
        slopes, arms, lambda c, codes: fit(c, codes, whose=BOTH), gap=ROBUSTNESS
    )
    notes = tuple(f"{s} ({', '.join(sorted(where))})." for s, where in said.items())
    return Partial((*slopes, *steeper), notes)


def _sentences(made: Design, whose: str) -> list[str]:
    """What was held still, without a full stop, and what was not."""
    languages = f"{counted(len(made.languages), 'language')}{whose}"
    found = [f"Held still in {languages}: {', '.join(made.covariates)}"]
    found += [f"Not held still: {why}" for why in made.left_out]
    if made.inflation >= INFLATED:
        found.append(
            "Distance can hardly be told apart from the covariates: it varies "
            f"{number(made.inflation, 0)} times less beside them"
        )
    return found
