"""Question 4: is the intermediate task retained after training on the target task?

The primary answer is the kept head's in English. The probe beside it tells whether what is lost is
knowledge or only the fit of head and encoder; the masked loss, what is lost of pretraining.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from xlgap.analysis.answers.cautions import (
    of_grid,
    of_languages,
    of_pretraining,
    of_seeds,
    of_source,
)
from xlgap.analysis.answers.level import level_answer
from xlgap.analysis.answers.refitted import refitted_answers, with_runs
from xlgap.analysis.answers.series import Series, series_answers, series_of
from xlgap.analysis.measure import Measured
from xlgap.analysis.retention.kept import Kept
from xlgap.analysis.retention.matrix import ENGLISH, Compared, Entry, RetentionData, untrained
from xlgap.analysis.retention.refit import PRIMARY, runs_in
from xlgap.analysis.rows import GAP_WORDS, Answer
from xlgap.analysis.study import Study
from xlgap.analysis.words import number

QUESTION = 4
UNITS = {
    "retention_ratio": "percent",
    "retention_mlm": "nats a masked sub-word",
    "retention_mlm_others": "nats a masked sub-word",
}
NOT_RUN = (
    "Not run in this study: retention needs the intermediate task scored again after the target task "
    "('evaluation.retention')."
)
NOTHING = "No arm with an English intermediate stage was scored again on a classification task."
DEAD = (
    "Not sufficient: at chance just after its own phase for every model, so that nothing of it can be "
    "lost: {}."
)
ABSENT = "Not measured: no earlier task was scored again in English."
FORGETTING = "Below 0 is forgetting."
LOSS = "Above 0 is forgetting: the loss of pretraining's head on text that no model saw."
RATIO = (
    "A ratio of chance-corrected scores, only of models whose score before is above chance by two "
    "standard errors on each task: 100 is kept in full, 0 is chance."
)
ORDERED = (
    "Runs whose intermediate tasks follow one another, each from just after its own phase to the end "
    "of all; runs that train on them at once have no order and are not in it."
)
AT_ONCE = (
    "Runs that train on their intermediate tasks at once: what training on the target takes of each, "
    "and no backward transfer."
)
DEV = (
    "Scored on dev rows, which have chosen the checkpoint before, so that it is a little too good: {}."
)


def retention_answers(study: Study, measured: Measured) -> list[Answer]:
    """Level and slope against size of all that was measured of retention."""
    data = study.retention
    if data is None:
        return [_none(NOT_RUN, study)]
    if not any(found.estimates or found.dead for found in measured.kept):
        return [_none(NOTHING, study)]
    return [a for found in measured.kept for a in _answers(study, measured, data, found)]


def _none(reason: str, study: Study) -> Answer:
    return Answer(
        question=QUESTION,
        quantity="not measured",
        source="measured",
        method="none",
        reason=" ".join([reason, *of_grid(study), *of_source(study)]),
        key=f"{QUESTION}.none",
    )


def _answers(study: Study, measured: Measured, data: RetentionData, found: Kept) -> list[Answer]:
    """Of one quantity; of one that was not asked for, none."""
    if not found.estimates and found.gap != PRIMARY:
        return []
    series = _series(study, measured, data, found)
    made = [level_answer(series), *series_answers(series, brief=found.gap != PRIMARY)]
    made += refitted_answers(measured.refits, series, levels=True)
    runs = runs_in(found, measured.collapsed)
    made = [with_runs(answer, runs, measured.refits) for answer in made]
    elsewhere = found.languages - {ENGLISH}
    return of_languages(made, elsewhere)


def _series(study: Study, measured: Measured, data: RetentionData, found: Kept) -> Series:
    series = series_of(
        measured.estimates, measured.draws, gap=found.gap, scale="raw", question=QUESTION,
        quantity=GAP_WORDS[found.gap], confidence=study.confidence,
    )  # fmt: skip
    return replace(
        series,
        unit=UNITS.get(found.gap, series.unit),
        absent=DEAD.format(", ".join(found.dead)) if found.dead else ABSENT,
        notes=(*series.notes, *_notes(data, found), *_cautions(study, found)),
    )


def _cautions(study: Study, found: Kept) -> list[str]:
    """What holds for other measured answers, of the cells that this one is made of."""
    said = [*of_grid(study), *of_seeds(found.estimates)]
    return [*said, of_pretraining(study), *of_source(study)]


def _notes(data: RetentionData, found: Kept) -> Iterator[str]:
    if found.gap == "retention_ratio":
        yield RATIO
    else:
        yield LOSS if found.gap.startswith("retention_mlm") else FORGETTING
    if found.gap == "backward":
        yield ORDERED
    if found.gap == "retention_joint":
        yield AT_ONCE
    if found.dead and found.estimates:
        yield (
            "At chance just after its own phase for every model, so that nothing of it can be lost, "
            f"and left out: {', '.join(found.dead)}."
        )
    if found.at_chance:
        yield f"At chance just after its own phase, and counted: {', '.join(found.at_chance)}."
    if found.left_out:
        yield f"Left out: {', '.join(found.left_out)}."
    if found.not_shared:
        yield f"Not scored again for all models, and left out: {', '.join(map(str, found.not_shared))}."
    pairs = [pair for of_model in found.pairs.values() for pair in of_model]
    if on_dev := sorted({pair.after.task for pair in pairs if _on_dev(data, pair)}):
        yield DEV.format(", ".join(on_dev))
    if "probe" in found.gap and pairs:
        yield _beside_untrained(data, pairs)


def _on_dev(data: RetentionData, pair: Compared) -> bool:
    of_entry = data.table[pair.after]
    return any(s.split == "dev" for code in pair.codes for s in of_entry[code].values())


def _beside_untrained(data: RetentionData, pairs: Sequence[Compared]) -> str:
    """What the probes of ``pairs`` score before and after, and those of an untrained encoder there."""
    before = _level(data, [(pair.before, pair.codes) for pair in pairs])
    after = _level(data, [(pair.after, pair.codes) for pair in pairs])
    random = [(untrained(pair.after), pair.codes) for pair in pairs]
    known = all(set(codes) <= set(data.table.get(entry, {})) for entry, codes in random)
    beside = (
        f"on an untrained encoder {_level(data, random)}"
        if known
        else "not all of that was scored on an untrained encoder"
    )
    return f"The probe scores {before} before and {after} after, on average over models; {beside}."


def _level(data: RetentionData, entries: Sequence[tuple[Entry, Sequence[str]]]) -> str:
    means = [data.mean(entry, codes) for entry, codes in entries]
    return number(float(np.mean([m for m in means if m is not None])))
