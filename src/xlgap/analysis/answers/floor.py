"""Where a gap is over scores that show nothing: languages at chance, intermediate tasks not learned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace

from xlgap.analysis import chance
from xlgap.analysis.measure import Measured
from xlgap.analysis.pairing import Key
from xlgap.analysis.retention.learned import Runs, none_learned, runs_at_chance, share_words
from xlgap.analysis.retention.matrix import ENGLISH, Entry
from xlgap.analysis.rows import COMBINED, PARTS, UNEQUAL, plain_gap
from xlgap.analysis.study import Study

BETWEEN_ARMS = frozenset(("inter", *UNEQUAL, *COMBINED, *PARTS))
"""Gaps between arms in one language, which say little where all of these are at chance."""

DARK = "Languages at chance under every arm compared"


def floor_notes(study: Study, measured: Measured) -> dict[str, list[str]]:
    """Sentences on the scores behind the mean of each gap, by its name; none where all is well."""
    known = _after_own_phase(study)
    return {
        gap: [
            *(_at_chance(study, cells) if plain_gap(gap) in BETWEEN_ARMS else ()),
            *_not_learned(study, cells, known),
        ]
        for gap, cells in measured.cells.items()
    }


def _at_chance(study: Study, cells: Collection[Key]) -> list[str]:
    """In how many languages beside English a model is at chance under every arm that is compared."""
    arms: dict[tuple[str, str], dict[str, list[Key]]] = defaultdict(lambda: defaultdict(list))
    for key in cells:
        if key.language != ENGLISH:
            arms[key.task, key.model][key.language].append(key)
    told: dict[str, list[str]] = defaultdict(list)
    for (task, model), languages in sorted(arms.items(), key=lambda of: _place(study, *of[0])):
        dark = [
            code
            for code, keys in languages.items()
            if all(chance.at_chance(list(study.table[key].values())) for key in keys)
        ]
        if dark:
            told[task].append(f"{model} in {len(dark)} of {len(languages)}")
    if not told:
        return []
    each = "; ".join(f"{task}: {', '.join(models)}" for task, models in told.items())
    return [f"{DARK}, where a gap says little though it is counted: {each}."]


def _place(study: Study, task: str, model: str) -> tuple[str, int, str]:
    """Order of tasks, and in each of models from small to large."""
    size = next((s.params_total for s in study.scores if s.model == model), None)
    return task, size or 0, model


def _not_learned(
    study: Study, cells: Collection[Key], known: Mapping[tuple[str, str, str], Runs]
) -> list[str]:
    """The intermediate tasks of the arms compared that are at chance just after their own phase."""
    arms, others = _judged(study, {key.arm for key in cells}, {arm for _, arm, _ in known})
    models = {key.model for key in cells}
    found: dict[str, dict[str, list[Runs]]] = defaultdict(lambda: defaultdict(list))
    for (model, arm, task), runs in known.items():
        if model in models and arm in arms:
            found[task][model].append(runs)
    told = [
        f"{task} ({names})"
        for task, by_model in sorted(found.items())
        if (names := _models(study, task, by_model))
    ]
    if not told:
        return []
    return [
        "Intermediate tasks that were not learned, at chance in English just after their own phase: "
        f"{', '.join(told)}{', judged by the same arms at another budget' if others else ''}; the gap "
        "then says little of what knowing them does."
    ]


def _models(study: Study, task: str, by_model: Mapping[str, list[Runs]]) -> str:
    """Which models have not learned a task; in how many of their seeds or arms, where it is not all."""
    if len(by_model) > 1 and none_learned([runs for of in by_model.values() for runs in of]):
        return "every model"
    ordered = sorted(by_model.items(), key=lambda of: _place(study, task, of[0]))
    return "; ".join(
        ", ".join(filter(None, (model, share_words(of_arms))))
        for model, of_arms in ordered
        if any(runs.fallen for runs in of_arms)
    )


def _judged(study: Study, arms: Collection[str], known: Collection[str]) -> tuple[set[str], bool]:
    """The arms of ``known`` that tell what ``arms`` learned, and whether some are of another budget.

    An arm that chooses tells what those do from which it chooses.
    """
    named = set(arms).union(*(study.arms[arm].choices for arm in arms))
    own = named & set(known)
    like = [replace(study.arms[arm], budget=None) for arm in named - own]
    others = {arm for arm in set(known) - own if replace(study.arms[arm], budget=None) in like}
    return own | others, bool(others)


def _after_own_phase(study: Study) -> dict[tuple[str, str, str], Runs]:
    """The runs of an earlier task just after its own phase, by (model, arm, task).

    The phases up to there are the same whatever the target task.
    """
    data = study.retention
    if data is None:
        return {}
    found: dict[tuple[str, str, str], Runs] = {}
    for s in data.scores:
        of = (s.model, s.arm, s.task)
        if of in found or (s.head, s.language) != ("kept", ENGLISH) or s.arm not in study.arms:
            continue
        if s.phase == s.own and s.own > 0:
            entry = Entry(s.model, s.arm, s.target, s.task, s.head, s.phase)
            found[of] = runs_at_chance(data, entry, [ENGLISH])
    return found
