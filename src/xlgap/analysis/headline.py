"""Which contrasts are a model's one estimate of a gap: over languages, and over the tasks all share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from xlgap.analysis.chance import BASELINES
from xlgap.analysis.combinations import in_english
from xlgap.analysis.contrasts import Contrast, Key, fixed_set, over_tasks
from xlgap.analysis.rows import AVERAGE, COMBINED, ENGLISH, MATCHED, PARTS, plain_gap
from xlgap.analysis.study import Study

HEADLINE = (
    "inter", "direct", "native", "english_gain", "transfer", "distance", "robustness",
    "distance_partial", "robustness_partial", "few_gain", *COMBINED,
    *(f"{gap}{ENGLISH}" for gap in COMBINED),
)  # fmt: skip
"""Gaps of which every model gets one estimate over all tasks."""

ACROSS_LANGUAGES = (*("transfer", "distance", "robustness", "distance_partial", "robustness_partial"),)
"""Gaps that compare languages, which takes parallel test sets."""

assert HEADLINE.index("direct") < min(map(HEADLINE.index, PARTS)), "its tasks are known before theirs"


def headline(
    every: Sequence[Contrast], study: Study, dead: frozenset[str]
) -> tuple[list[Contrast], dict[str, tuple[str, ...]]]:
    """For each gap and model: one contrast a task, and one over the tasks that all models share.

    The transfer gap and slopes over distance are taken from parallel test sets under ``direct_en``;
    tasks at chance for every model stay out of the mean. The parts of G_direct have a mean over its
    tasks and no other, so that they add up; without G_direct, over all of theirs. Returns also the
    models that the mean leaves out, by gap.
    """
    every = [*every, *in_english(every)]
    found: list[Contrast] = []
    partial: dict[str, tuple[str, ...]] = {}
    for matched in ("", *MATCHED):
        of_direct: set[tuple[str, str]] = set()
        for base in HEADLINE:
            gap = f"{base}{matched}"
            units = _units(every, gap, study)
            whole = of_direct if base in PARTS else set()
            shared = fixed_set(
                [
                    frozenset(u)
                    for u in units.values()
                    if whole <= {(c.task, c.note) for c in u.values()}
                ]
            )
            models = sorted({s.model for s in study.scores} - set(study.controls))
            for model in dict.fromkeys((*units, *models)) if shared else ():
                of_model = units.get(model, {})
                if not shared <= set(of_model):
                    partial[gap] = (*partial.get(gap, ()), model)
                    continue
                members = [of_model[u] for u in sorted(shared)]
                for task in sorted({c.task for c in members}):
                    alone = over_tasks([c for c in members if c.task == task])
                    found.append(replace(alone, task=task))
                alive = [c for c in members if c.task not in dead and _in_mean(c, study)]
                alive = [c for c in alive if not whole or (c.task, c.note) in whole]
                if base == "direct":
                    of_direct = {(c.task, c.note) for c in alive}
                if alive:
                    found.append(over_tasks(alive))
    return found, partial


def _units(
    every: Sequence[Contrast], gap: str, study: Study
) -> dict[str, dict[tuple[str, ...], Contrast]]:
    """For each model the contrasts that its estimate of ``gap`` is a mean of, by task and unit.

    Where a study has several amounts, of examples or of compute, those of the largest one.
    """
    of_gap = [c for c in every if c.gap == gap and c.language == AVERAGE and _primary_arm(c, study)]
    most = max((c.amount for c in of_gap), default=())
    units: dict[str, dict[tuple[str, ...], Contrast]] = defaultdict(dict)
    for c in of_gap:
        if c.amount == most:
            units[c.model][c.task, *c.unit, c.note] = c
    return units


def control_contrasts(study: Study) -> list[Contrast]:
    """Score of a model minus that of its untrained twin, in English, under arms without a stage before.

    A task without English test data takes the mean over the languages that both have.
    """
    found: list[Contrast] = []
    for control, model in study.controls.items():
        cells: dict[tuple[str, str], set[str]] = defaultdict(set)
        for key in study.table:
            if key.model == control and key._replace(model=model) in study.table:
                cells[key.task, key.arm].add(key.language)
        for (task, arm), languages in sorted(cells.items()):
            if study.arms[arm].regime not in BASELINES:
                continue
            codes = ["en"] if "en" in languages else sorted(languages)
            terms = [(Key(m, arm, task, c), w / len(codes)) for c in codes for m, w in
                     ((model, 1.0), (control, -1.0))]  # fmt: skip
            found.append(
                Contrast(
                    model=model, gap="control", task=task, language=AVERAGE, arm_a=arm, arm_b=arm,
                    unit=(arm, control), terms=tuple(terms), note=f"{arm}, minus {control}",
                )
            )  # fmt: skip
    return found


def _primary_arm(contrast: Contrast, study: Study) -> bool:
    if plain_gap(contrast.gap) in {"transfer", "distance", "distance_partial"}:
        return study.arms[contrast.arm_a].regime == "direct_en"
    return True


def _in_mean(contrast: Contrast, study: Study) -> bool:
    across_languages = plain_gap(contrast.gap) in ACROSS_LANGUAGES
    return study.tasks[contrast.task].parallel or not across_languages
