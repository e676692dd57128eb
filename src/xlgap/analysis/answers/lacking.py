"""What an estimate leaves out for want of scores: models with what they lack, and languages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from xlgap.analysis.ceiling import GAP as CEILING
from xlgap.analysis.measure import Measured
from xlgap.analysis.pairing import Key
from xlgap.analysis.rows import AVERAGE, plain_gap
from xlgap.analysis.study import Study
from xlgap.analysis.words import LEFT_OUT

MOST = 3
"""Things that a sentence names before it counts the rest."""

Cell = tuple[str, str, str]
"""Arm, task, language."""


def left_out(study: Study, measured: Measured, gap: str) -> list[str]:
    """Sentences on the models, and the languages, that the mean over tasks of ``gap`` is without."""
    compared = {e.model for e in measured.estimates if (e.gap, e.task) == (gap, "mean")}
    used = _used(measured, gap)
    needed = {key[1:] for key in used if all(key._replace(model=m) in study.table for m in compared)}
    models = measured.partial.get(gap, ()) if compared else ()
    found = [f"{model} {_what(study, model, needed, gap)}" for model in models]
    said = [f"{LEFT_OUT}{'; '.join(found)}."] if found else []
    languages = _languages(study, measured, gap, used, compared)
    return [*said, *([f"Left out for all models: {'; '.join(languages)}."] if languages else [])]


def _used(measured: Measured, gap: str) -> frozenset[Key]:
    """The cells that the mean over tasks is made of."""
    if gap != CEILING:
        return measured.cells.get(gap, frozenset())
    means = (c for c in measured.contrasts if (c.gap, c.language) == ("native", AVERAGE))
    return frozenset(key for c in means for key, _ in c.terms)


def _what(study: Study, model: str, needed: Collection[Cell], gap: str) -> str:
    """What a model lacks of the cells that the others have."""
    have = {key[1:] for key in study.table if key.model == model}
    other = {(s.arm, s.task, s.language) for s in study.scores if s.model == model}
    of_task: dict[str, list[Cell]] = defaultdict(list)
    for cell in sorted(set(needed) - have):
        of_task[cell[1]].append(cell)
    said: list[str] = []
    for task, cells in of_task.items():
        metric = study.tasks[task].metric
        if all(t != task for _, t, _ in have):
            said.append(f"{metric if any(t == task for _, t, _ in other) else 'score'} on {task}")
            continue
        for arm in dict.fromkeys(arm for arm, _, _ in cells):
            codes = [code for a, _, code in cells if a == arm]
            what = f"{metric} of {arm}" if (arm, task, codes[0]) in other else arm
            all_of_it = not any((a, t) == (arm, task) for a, t, _ in have)
            said.append(f"{what} on {task}{'' if all_of_it else f' in {_listed(codes)}'}")
    if said:
        return f"has no {_listed(said, join=' and no ')}"
    if gap == CEILING:
        return "is not known to be above chance under direct_tgt in each language"
    return "lacks a cell that the others have"


def _listed(things: Iterable[str], *, join: str = ", ") -> str:
    found = list(things)
    rest = len(found) - MOST
    return join.join(found[:MOST]) + (f" and {rest} more" if rest > 0 else "")


def _languages(
    study: Study, measured: Measured, gap: str, used: Collection[Key], models: Collection[str]
) -> list[str]:
    """Languages that some of the ``models`` compared have and others lack, with these."""
    said = []
    for (task, code), have in sorted(_offered(study, measured, gap, used).items()):
        lacking = sorted(set(models) - have)
        mean = any((key.task, key.language) == (task, code) for key in used)
        if have & set(models) and lacking and not mean:
            lack = "lacks" if len(lacking) == 1 else "lack"
            said.append(f"{code} on {task}, which {_listed(lacking)} {lack}")
    return said


def _offered(
    study: Study, measured: Measured, gap: str, used: Collection[Key]
) -> dict[tuple[str, str], set[str]]:
    """The models that have a gap, or the arms that it is made of, on each task and language."""
    tasks = {key.task for key in used}
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    name = "native" if gap == CEILING else gap
    plain = [c for c in measured.contrasts if c.gap == name and c.language not in (AVERAGE, "en")]
    most = max((c.amount for c in plain), default=())
    if plain and plain_gap(gap) != "transfer":
        for c in plain:
            if c.amount == most and c.task in tasks:
                found[c.task, c.language].add(c.model)
        return found
    arms = {key.arm for key in used if study.arms[key.arm].language is None}
    for key in study.table:
        if key.arm in arms and key.task in tasks and key.language != "en":
            found[key.task, key.language].add(key.model)
    return found
