"""What to bear in mind with measured answers, in sentences: of the grid, its runs, seeds, languages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from xlgap.analysis.measure import Measured
from xlgap.analysis.rows import AVERAGE, ENGLISH, UNEQUAL, Answer, Collapsed, Estimate, plain_gap
from xlgap.analysis.study import Study
from xlgap.analysis.words import ONE_SEED

LAB_SENTENCE = (
    "The lab is a test of the system with made data and tiny models, and no evidence on models of "
    "100M to 175B parameters."
)
PRETRAINING = (
    "Each size was pretrained once: the intervals of single models and the bootstrap leave out the "
    "variance of pretraining; the meta-regression has it only as scatter about its line."
)
PRETRAINED = PRETRAINING.partition(": ")[2]
"""The same of models of which it is not known how often they were pretrained."""
IN_NO_ERROR = (
    "The variance of pretraining is in no error of a single model; a slope has it only as scatter "
    "about its line."
)
"""The same of models that have no outcomes of items, and so no intervals of their own."""
UNTRAINED_AGAIN = "the interval of a single model leaves out the variance of training."
UNTRAINED_AGAIN_GIVEN = "the variance of training is in no error of a single model."
"""What is said of models with one seed, with intervals of their own and without."""
UNMATCHED = "Not at equal compute: one arm is trained longer than the other."
EQUAL_STEPS = (
    "Equal steps are not equal rows or sub-words where tasks differ in batch and length; equal tokens "
    "are equal sub-words."
)
UNKNOWN_COMPUTE = (
    "Compute is not known: the rows of these arms name no budget, and one may be trained longer than "
    "the other."
)

COLLAPSED = "Collapsed runs are"
AT_CHANCE = "At chance in English, where a gap is small by itself"


def cautions(study: Study, measured: Measured) -> list[str]:
    """Sentences that hold for every measured answer on scores of target tasks."""
    notes = of_grid(study)
    in_english = {e.task for e in measured.english}
    for dead, said in (
        (measured.hopeless & in_english, "At chance in English for every model and left out"),
        (
            measured.hopeless - in_english,
            "At chance for every model under all arms that are compared, and left out",
        ),
    ):
        if dead:
            notes.append(f"{said}: {', '.join(sorted(dead))}.")
    for at_chance, said in (
        (True, AT_CHANCE),
        (None, "Not known to be above chance in English"),
    ):
        some = sorted(
            f"{e.model} on {e.task} ({e.arm})"
            for e in measured.english
            if e.metric == study.primary[e.task]
            and e.at_chance is at_chance
            and e.task not in measured.hopeless
            and e.model not in study.controls
        )
        if some:
            notes.append(f"{said}: {', '.join(some)}.")
    proxies = [f"{t} on {i.proxy_train}" for t, i in study.tasks.items() if i.proxy_train]
    if proxies:
        notes.append(f"Trained by proxy: {', '.join(sorted(proxies))}.")
    return [*study.notes, *notes, of_pretraining(study), *of_source(study)]


def of_pretraining(study: Study) -> str:
    """What the intervals leave out of pretraining."""
    if study.source != "rows":
        return PRETRAINING
    return f"{PRETRAINED[0].upper()}{PRETRAINED[1:]}" if study.items else IN_NO_ERROR


def of_source(study: Study) -> list[str]:
    """What a study on made data is no evidence of."""
    return [LAB_SENTENCE] if study.source == "lab" else []


def of_grid(study: Study) -> list[str]:
    """Cells that the study lacks."""
    if not study.missing:
        return []
    return [f"Partial: cells of the grid without scores: {len(study.missing)}."]


def of_runs(runs: Iterable[Collapsed], *, counted: bool = True) -> list[str]:
    """Runs that ended at chance, with their number; ``counted`` in an answer, or left out of it."""
    named = [
        f"{c.model}/{c.arm}/{c.task}{f' in {c.language}' if c.zero_shot else ''} seed {c.seed}"
        for c in runs
    ]
    are = "counted" if counted else "left out"
    return [f"{COLLAPSED} {are} ({len(named)}): {', '.join(named)}."] if named else []


def of_compute(study: Study, gap: str) -> list[str]:
    """What is known of the training of two arms, beside the budget that they have in common."""
    plain = gap.removesuffix(ENGLISH)
    if plain.endswith("_equal_steps"):
        return [EQUAL_STEPS]
    if study.source == "rows":
        return [UNKNOWN_COMPUTE] if plain in (*UNEQUAL, "joint_sequential") else []
    return [UNMATCHED] if plain in UNEQUAL else []


def of_seeds(estimates: Iterable[Estimate]) -> list[str]:
    """A sentence where all estimates, or those of some models, are of a single seed."""
    found = list(estimates)
    single = [e for e in found if e.seeds == 1]
    if not single:
        return []
    said = UNTRAINED_AGAIN if any(e.ci_low is not None for e in found) else UNTRAINED_AGAIN_GIVEN
    if len(single) == len(found):
        return [f"{ONE_SEED}{said}"]
    return [f"One seed of {', '.join(sorted({e.model for e in single}))}: {said}"]


def behind(measured: Measured, answer: Answer, gap: str) -> list[Estimate]:
    """The estimates over tasks of an answer's models; where it has none, all of its gap."""
    of_gap = [e for e in measured.estimates if (e.gap, e.task, e.scale) == (gap, "mean", "raw")]
    return [e for e in of_gap if e.model in answer.models] or of_gap


def languages_of(measured: Measured, gap: str) -> frozenset[str]:
    """The languages beside English that a gap is over, on tasks that are not at chance."""
    alive = (c for c in measured.contrasts if c.task not in measured.hopeless)
    return frozenset(c.language for c in alive if plain_gap(c.gap) == gap) - {AVERAGE, "en"}


def of_languages(answers: Sequence[Answer], languages: Collection[str]) -> list[Answer]:
    """The answers; those from a single language support nothing on languages."""
    if len(languages) != 1:
        return list(answers)
    said = f"Not sufficient: one language ({next(iter(languages))}); nothing here speaks of others."
    return [replace(a, supported=False, reason=f"{said} {a.reason}".strip()) for a in answers]


def with_notes(answer: Answer, notes: Sequence[str]) -> Answer:
    """The answer with sentences after its reason."""
    return replace(answer, reason=" ".join(s for s in (answer.reason, *notes) if s))
