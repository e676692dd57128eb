"""Why a study gives no estimate of a gap over its tasks: the first reason that is true of it.

In this order: every task is at chance, English is the only language, an arm is missing, the gap's own
tasks are at chance, languages are too few, arms that meet differ in budget or intermediate tasks, arms
make no pair.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from xlgap.analysis.answers.unlike import why_unlike
from xlgap.analysis.ceiling import GAP as CEILING
from xlgap.analysis.contrasts import Contrast, fixed_languages
from xlgap.analysis.counted import counted
from xlgap.analysis.distance.covariates import covariates_of
from xlgap.analysis.distance.fit import FEWEST_LANGUAGES, partial
from xlgap.analysis.measure import Measured
from xlgap.analysis.rows import AVERAGE, PARTS, plain_gap
from xlgap.analysis.stats.verdict import Refused
from xlgap.analysis.study import Study
from xlgap.published.distances import MEASURES, distances_of

REGIMES = {
    "inter": ("intermediate_tgt", "intermediate_en"),
    "direct": ("direct_tgt", "intermediate_en"),
    "native": ("direct_tgt", "direct_en"),
    "english_gain": ("intermediate_en", "direct_en", "direct_tgt"),
    "few_gain": ("few_shot",),
    CEILING: ("direct_tgt", "direct_en"),
    **dict.fromkeys(("transfer", "distance", "distance_partial"), ("direct_en",)),
    **dict.fromkeys(
        ("robustness", "robustness_partial", "spread", "worst"), ("intermediate_en", "direct_en")
    ),
    "joint": ("joint", "direct_en"),
    "sequential": ("sequential", "direct_en"),
    "best_single": ("best_of", "direct_en"),
    "joint_best": ("joint", "best_of"),
    "sequential_best": ("sequential", "best_of"),
    "joint_sequential": ("joint", "sequential"),
}
"""The regimes without which there is no such gap."""

ENGLISH_ALONE = "Not sufficient: scored in English alone; it needs another language."

OVER_LANGUAGES = frozenset(g for g, regimes in REGIMES.items() if regimes[-1] == "direct_en") - {
    *("native", "english_gain", "joint", "sequential", "best_single", CEILING)
}
"""Gaps that compare languages of parallel test sets."""


def why_absent(study: Study, measured: Measured, gap: str) -> str:
    """One sentence; ``gap`` is a plain one that has no estimate over tasks."""
    of_all = _at_chance(study, measured, study.tasks)
    if of_all:
        return of_all
    scored = [key for key in study.table if key.model not in study.controls]
    if scored and {key.language for key in scored} == {"en"}:
        return ENGLISH_ALONE
    arms = {key.arm for key in scored}
    lacking = [r for r in REGIMES[gap] if all(study.arms[arm].regime != r for arm in arms)]
    if lacking:
        if {arm.regime for arm in study.arms.values()} & set(lacking):
            return f"Not measured: no model has scores of the {' and '.join(lacking)} arms."
        return f"Not run: the study has no {' and no '.join(lacking)} arm."
    if gap in OVER_LANGUAGES:
        return _over_languages(study, measured, gap)
    found = _behind(study, measured, "native" if gap == CEILING else gap)
    at_chance = _at_chance(study, measured, {c.task for c in found})
    if at_chance:
        return at_chance
    if gap == CEILING and found:
        return (
            "Not sufficient: no model has a direct_tgt score that is known to be above chance by two "
            "standard errors in each language."
        )
    if gap in PARTS and found:
        return "Not measured: no model has it on all tasks of G_direct."
    if found and all(c.language == "en" for c in found):
        return ENGLISH_ALONE
    unlike = why_unlike(study, REGIMES[gap], gap)
    if unlike:
        return unlike
    which = " and ".join(f"{'an' if r[0] in 'aeiou' else 'a'} {r} arm" for r in REGIMES[gap])
    return (
        f"Not measured: no model has scores of {which} that can be compared, on the same task and "
        "language."
    )


def _at_chance(study: Study, measured: Measured, tasks: Collection[str]) -> str:
    """A sentence where all of ``tasks`` are at chance for every model, else none."""
    if not tasks or not set(tasks) <= measured.hopeless:
        return ""
    judged = {e.task for e in measured.english if e.language == "en"}
    where = "in English " if set(tasks) <= judged else ""
    return (
        f"Not sufficient: at chance {where}for every model, where a gap says nothing: "
        f"{', '.join(sorted(tasks))}."
    )


def _behind(study: Study, measured: Measured, gap: str) -> list[Contrast]:
    """The contrasts of single languages of a gap, untrained twins left out."""
    return [
        c
        for c in measured.contrasts
        if plain_gap(c.gap) == gap and c.language != AVERAGE and c.model not in study.controls
    ]


def _over_languages(study: Study, measured: Measured, gap: str) -> str:
    """Of gaps over languages: parallel tasks, not at chance, in enough languages."""
    regimes = REGIMES[gap]
    cells = {
        key[:3]
        for key in study.table
        if key.model not in study.controls and study.arms[key.arm].regime in regimes
    }
    parallel = {task for _, _, task in cells if study.tasks[task].parallel}
    if not parallel:
        return (
            "Not sufficient: no task of these arms has parallel test sets, translations of each other."
        )
    at_chance = _at_chance(study, measured, parallel)
    if at_chance:
        return at_chance
    common = fixed_languages(study.table, study.arms)
    alive = sorted(cell for cell in cells if cell[2] in parallel - measured.hopeless)
    shared = [common[arm, task] for _, arm, task in alive]
    if gap == "transfer":
        said = "no score in English" if all("en" not in s for s in shared) else "English alone"
        return f"Not sufficient: {said} that all models have; it needs English and another language."
    near = distances_of(MEASURES[0].name)
    most = max(([c for c in s if c in near and c != "en"] for s in shared), key=len)
    if len(most) < FEWEST_LANGUAGES:
        names = f": {', '.join(sorted(most))}" if most else ""
        return (
            f"Not sufficient: {counted(len(most), 'language')} beside English of known distance that "
            f"all models have{names}; a slope over distance needs at least {FEWEST_LANGUAGES}"
            f"{_without_one(study, alive)}."
        )
    if gap.endswith("_partial"):
        refused = _refused(study, alive, common)
        if refused:
            return f"Not sufficient: {refused[0].lower()}{refused[1:]}"
    return why_unlike(study, regimes, gap) or (
        f"Not measured: no model has arms that can be compared, on the same task in at least "
        f"{FEWEST_LANGUAGES} languages of different distance."
    )


def _without_one(study: Study, cells: Collection[tuple[str, str, str]]) -> str:
    """The model without which the others have languages enough in common, if there is one."""
    near = distances_of(MEASURES[0].name)
    units = {(arm, task) for _, arm, task in cells}
    best, lacking = 0, ""
    for model in sorted({model for model, _, _ in cells}):
        common = fixed_languages([key for key in study.table if key.model != model], study.arms)
        most = max(len((common.get(unit, frozenset()) & set(near)) - {"en"}) for unit in units)
        if most > best:
            best, lacking = most, model
    return f"; without {lacking} there would be {best}" if best >= FEWEST_LANGUAGES else ""


def _refused(
    study: Study,
    cells: Sequence[tuple[str, str, str]],
    common: dict[tuple[str, str], frozenset[str]],
) -> str:
    """Why the first of ``cells`` has no slope with covariates; none where it has one."""
    model, arm, task = cells[0]
    near = distances_of(MEASURES[0].name)
    made = partial(common[arm, task] - {"en"}, near, covariates_of(study, model, task))
    return made.reason if isinstance(made, Refused) else ""
