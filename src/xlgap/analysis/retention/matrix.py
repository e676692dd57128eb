"""Earlier tasks after later phases: the retention matrix, and one estimate a model.

*Retention* of an earlier task is its score after the last phase minus its score just after its own;
*backward transfer* the mean of that over the earlier tasks of a run that learns them one after another
(Lopez-Paz and Ranzato 2017, Gradient episodic memory for continual learning, NeurIPS, eq. 3). Both
scores are of the same items and the same seeds, so that draws and errors are of the difference.

Shapes: R resamples.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.bootstrap import Draws, TaskItems, Value, deviation, draws, numbered
from xlgap.analysis.chance import STANDARD_ERRORS
from xlgap.analysis.contrasts import Key
from xlgap.analysis.retention.rows import Head, RetentionScore
from xlgap.analysis.scales import chance_corrected

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
ENGLISH = "en"
PARTS = ("model", "arm", "target", "task", "head", "phase")
POINT = ("arm", "target", "head", "phase")


class Entry(NamedTuple):
    """One entry of a matrix, languages and seeds aside."""

    model: str
    arm: str
    target: str
    task: str
    head: Head
    phase: int


def untrained(entry: Entry) -> Entry:
    """What the probe of an untrained encoder scores in place of ``entry``."""
    return entry._replace(head="untrained", phase=0)


@dataclass(frozen=True)
class RetentionData:
    """What a study has measured of its earlier tasks.

    Attributes:
        scores: of all runs.
        items: columns model, arm, target, task, language, seed, head, phase, item, group, s0 .. s2.
        values: of each earlier task the ``value`` function of its metric; of ``mlm`` the mean loss.
        parallel: earlier tasks whose item ids mean the same sentence in every language.
        confidence, resamples, seed: of the intervals.
    """

    scores: tuple[RetentionScore, ...]
    items: pd.DataFrame
    values: Mapping[str, Value]
    parallel: frozenset[str]
    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0

    @cached_property
    def table(self) -> dict[Entry, dict[str, dict[int, RetentionScore]]]:
        """Scores by entry, language and seed."""
        found: dict[Entry, dict[str, dict[int, RetentionScore]]] = defaultdict(
            lambda: defaultdict(dict)
        )
        for s in self.scores:
            found[Entry(*(getattr(s, part) for part in PARTS))][s.language][s.seed] = s
        return {entry: dict(languages) for entry, languages in found.items()}

    @cached_property
    def _drawn(self) -> Draws:
        """Draws of every entry and language: items of one task are resampled together."""
        if self.items.empty:
            return Draws({}, self.resamples, self.seed)
        point_n, points = numbered(self.items, POINT)
        names = np.array(["|".join(map(str, point)) for point in points])
        frame = self.items.assign(metric="", arm=names[point_n])
        of_task = {
            str(task): TaskItems(
                frame=part, metric="", value=self.values[str(task)], parallel=task in self.parallel
            )
            for task, part in frame.groupby("task", sort=True)
        }
        needed = {_key(entry, language) for entry, found in self.table.items() for language in found}
        return draws(of_task, needed=needed, resamples=self.resamples, seed=self.seed)

    def mean(self, entry: Entry, languages: Sequence[str], *, corrected: bool = False) -> float | None:
        """Mean score of an entry over languages and seeds; ``None`` where chance is not known."""
        of_entry = self.table[entry]
        values = [_value(s, corrected) for code in languages for s in of_entry[code].values()]
        known = [v for v in values if v is not None]
        return None if len(known) < len(values) or not known else float(np.mean(known))

    def draws(
        self, entry: Entry, languages: Sequence[str], *, corrected: bool = False
    ) -> Floats | None:
        """Draws [R] of :meth:`mean`, seeds weighted alike in all entries of an arm."""
        if (entry, corrected) not in self._asked:
            self._asked[entry, corrected] = self._over_seeds(entry, corrected=corrected)
        means = [self._asked[entry, corrected].get(_key(entry, code)) for code in languages]
        there = [values for values in means if values is not None]
        if len(there) < len(means):
            return None
        total: Floats = np.mean(there, axis=0)
        return total

    def by_seed(self, entry: Entry, languages: Sequence[str]) -> dict[int, tuple[float, Floats]]:
        """Each seed's chance-corrected mean over languages, and its draws [R]; of seeds with both."""
        found: dict[int, list[tuple[float, Floats]]] = defaultdict(list)
        for code in languages:
            seeds, values = self._drawn.by_seed.get(_key(entry, code), ((), np.empty((0, 0))))
            for i, seed in enumerate(seeds):
                score = self.table[entry][code][seed]
                value = _value(score, corrected=True)
                if value is not None and score.chance is not None:
                    corrected = chance_corrected(values[:, i], score.chance)
                    found[seed].append((value, np.asarray(corrected)))
        return {
            seed: (float(np.mean([v for v, _ in of])), np.mean([drawn for _, drawn in of], axis=0))
            for seed, of in found.items()
            if len(of) == len(languages)
        }

    @cached_property
    def _asked(self) -> dict[tuple[Entry, bool], dict[Key, Floats]]:
        """Draws of entries, means over seeds, that were asked for before."""
        return {}

    def _over_seeds(self, entry: Entry, *, corrected: bool) -> dict[Key, Floats]:
        """Draws [R] of the mean over seeds in each language of an entry that has it."""
        cells: dict[Key, Floats] = {}
        for code, scores in self.table[entry].items():
            key = _key(entry, code)
            if key not in self._drawn.by_seed:
                continue
            seeds, values = self._drawn.by_seed[key]
            if corrected:
                levels = [scores[seed].chance for seed in seeds]
                if any(level is None or level >= 100 for level in levels):
                    continue
                values = np.asarray(chance_corrected(values, np.asarray(levels, dtype=np.float64)))
            cells[key] = values
        return self._drawn.over_seeds(cells, arm=entry.arm)


def _key(entry: Entry, language: str) -> Key:
    arm = "|".join(str(getattr(entry, part)) for part in POINT)
    return Key(entry.model, arm, entry.task, language)


def _value(score: RetentionScore, corrected: bool) -> float | None:
    if not corrected:
        return score.value
    if score.chance is None or score.chance >= 100:
        return None
    return float(chance_corrected(score.value, score.chance))


@dataclass(frozen=True)
class Change:
    """A number and its draws [R]; ``None`` where there are none."""

    value: float
    draws: Floats | None

    @property
    def stderr(self) -> float | None:
        """Over items and seeds, paired; draws of a ratio without a value stay out."""
        return None if self.draws is None else deviation(self.draws)


class Compared(NamedTuple):
    """Two entries of a run and the languages that they are compared in."""

    after: Entry
    before: Entry
    codes: Sequence[str]


def change(data: RetentionData, after: Entry, before: Entry, codes: Sequence[str]) -> Change:
    """An entry minus another of the same run, over ``codes``."""
    late, early = data.mean(after, codes), data.mean(before, codes)
    assert late is not None
    assert early is not None
    drawn = data.draws(after, codes), data.draws(before, codes)
    both = None if drawn[0] is None or drawn[1] is None else drawn[0] - drawn[1]
    return Change(late - early, both)


def corrected_ratio(data: RetentionData, pairs: Sequence[Compared]) -> Change | None:
    """The ratio of chance-corrected means over ``pairs``, after to before, in percent.

    ``None`` where before is not surely above chance, by two standard errors, in each of them, or chance
    is not known: a ratio to something near 0 says nothing.
    """
    if any(at_chance(data, pair.before, pair.codes) for pair in pairs):
        return None
    late, early = (
        _corrected([(c.after, c.codes) for c in pairs], data),
        _corrected([(c.before, c.codes) for c in pairs], data),
    )
    if late is None or early is None or late.draws is None or early.draws is None:
        return None
    positive = np.where(early.draws > 0, early.draws, np.nan)
    return Change(100 * late.value / early.value, 100 * late.draws / positive)


def _corrected(entries: Sequence[tuple[Entry, Sequence[str]]], data: RetentionData) -> Change | None:
    """The mean of chance-corrected scores."""
    means = [data.mean(entry, codes, corrected=True) for entry, codes in entries]
    drawn = [data.draws(entry, codes, corrected=True) for entry, codes in entries]
    known = [v for v in means if v is not None]
    there = [v for v in drawn if v is not None]
    if len(known) < len(means) or len(there) < len(drawn):
        return None
    return Change(float(np.mean(known)), np.mean(there, axis=0))


def at_chance(data: RetentionData, entry: Entry, codes: Sequence[str]) -> bool:
    """Whether an entry is not above chance by two standard errors; not where that cannot be told."""
    found = _corrected([(entry, codes)], data)
    if found is None or found.draws is None:
        return False
    return found.value <= STANDARD_ERRORS * deviation(found.draws)
