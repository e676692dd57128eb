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
from xlgap.analysis.distance import TENTH
from xlgap.analysis.language_fit import INFLATED, Covariates, Design, partial
from xlgap.analysis.pairing import matched
from xlgap.analysis.stats.verdict import Refused
from xlgap.analysis.words import number

GAP = "distance_partial"
ROBUSTNESS = "robustness_partial"


@dataclass(frozen=True)
class Partial:
    """Contrasts, and what a reader must know of them.

    Attributes:
        contrasts: one for each model, zero-shot arm and task on which covariates can be held still.
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
    """The slope of every model and zero-shot arm on ``tasks``.

    Args:
        keys: the cells that have scores.
        arms: of the study.
        distances: from English.
        covariates: of a model on a task.
        tasks: those with parallel test sets.
    """
    common = fixed_languages(keys, arms)
    found: list[Contrast] = []
    said: dict[str, set[str]] = defaultdict(set)
    for model, arm, task in sorted({k[:3] for k in keys if arms[k.arm].language is None}):
        if task not in tasks:
            continue
        made = partial(common[arm, task] - {"en"}, distances, covariates(model, task))
        if isinstance(made, Refused):
            said[made.reason].add(task)
            continue
        for sentence in _sentences(made):
            said[sentence].add(task)
        terms = tuple(
            (Key(model, arm, task, code), -TENTH * float(w))
            for code, w in zip(made.languages, made.weights(), strict=True)
        )
        slope = Contrast(
            model=model, gap=GAP, task=task, language="avg", arm_a=arm, arm_b=arm, unit=(arm,),
            terms=terms, note=f"{counted(len(made.languages), 'language')} beside English, held still: "
            f"{', '.join(made.covariates)}",
        )  # fmt: skip
        found.append(matched(slope, arms))
    notes = tuple(f"{s} ({', '.join(sorted(where))})." for s, where in said.items())
    return Partial(tuple(found), notes)


def _sentences(made: Design) -> list[str]:
    """What was held still, without a full stop, and what was not."""
    found = [f"Held still in {counted(len(made.languages), 'language')}: {', '.join(made.covariates)}"]
    found += [f"Not held still: {why}" for why in made.left_out]
    if made.inflation >= INFLATED:
        found.append(
            "Distance can hardly be told apart from the covariates: it varies "
            f"{number(made.inflation, 0)} times less beside them"
        )
    return found
