"""Whether the scores, chance and standard errors of anyone's table are in per cents, as they must be.

A score of at most 1 may be a share, or of a model that has learnt next to nothing. What stands beside
it tells which, and shares are refused; where nothing does, a sentence says how it was read.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from xlgap.analysis.words import plain
from xlgap.errors import DataError
from xlgap.records import Score
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Choose, Classify

WHOLE = ("accuracy", "em")
"""Metrics that are a share of items: their standard error is that of a binomial."""
GUESSED = 5.0
"""Chance in per cents from which on no model scores at most 1 by learning nothing."""
CHOICE = 10.0
"""Chance in per cents of a choice among ten: below, it may be that of an F1 or of a retrieval."""
MANY = 1e6
"""Items from which on a standard error is that of a share sooner than of so large a test set."""
ACCIDENT = 1e-3
"""Probability below which values are no multiples of 1/n by accident."""
LIKE = 2.5
"""Factor up to which two standard errors are alike: items may be clustered."""


def check_units(scores: Sequence[Score]) -> tuple[str, ...]:
    """Refuse what is in shares; sentences on what may be.

    Raises:
        DataError: scores, chance or standard errors of a task in a metric are surely shares.
    """
    groups: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for s in scores:
        groups[s.task, s.metric].append(s)
    notes: list[str] = []
    for (task, metric), group in sorted(groups.items()):
        what = f"{task} in {metric}"
        notes += _values(what, group)
        notes += _chances(what, group)
        notes += _errors(what, group)
    return tuple(notes)


def _values(what: str, group: Sequence[Score]) -> list[str]:
    """Scores of each model, or of one of its arms: rows that come from one hand."""
    scored = [s for s in group if s.value > 0]
    models = _by(scored, lambda s: s.model)
    small = _small(models)
    rest = [s for s in scored if s.model not in small]
    arms = {
        k: rows for k, rows in _small(_by(rest, lambda s: f"{s.model}, {s.arm}")).items() if rows[1:]
    }
    every = len(small) == len(models)
    for name, rows in (*small.items(), *arms.items()):
        why = _shares(rows)
        if why:
            said = _the_scores([] if every else [name], what)
            raise DataError(
                f"column 'value': {said} are shares (none above 1, {why}), but scores are from 0 to "
                "100; multiply them by 100, and chance and stderr where these are shares, too."
            )
    odd = {*small, *(f"{s.model} in {s.language} ({s.arm})" for s in rest if _shares_by_chance([s]))}
    if not odd:
        return []
    said = _the_scores([] if every else sorted(odd), what)
    return [
        f"{said[0].upper()}{said[1:]} are at most 1 and were read as per cents, near 0; if they are "
        "shares, multiply them by 100."
    ]


def _the_scores(names: Sequence[str], what: str) -> str:
    """Those of some, or of all where none is named."""
    return f"the scores of {', '.join(names)} on {what}" if names else f"the scores on {what}"


def _by(scores: Sequence[Score], key: Callable[[Score], str]) -> dict[str, list[Score]]:
    found: dict[str, list[Score]] = defaultdict(list)
    for s in scores:
        found[key(s)].append(s)
    return found


def _small(groups: Mapping[str, list[Score]]) -> dict[str, list[Score]]:
    """Those without any score above 1."""
    return {name: rows for name, rows in groups.items() if all(s.value <= 1 for s in rows)}


def _shares_by_chance(rows: Sequence[Score]) -> bool:
    """Whether scores of at most 1 are so far below guessing, which they are not as shares."""
    levels = [_guessing(s) for s in rows]
    beside = [100 * s.value / at for s, at in zip(rows, levels, strict=True) if at]
    small = all(s.value <= 1 for s in rows)
    return small and median(levels) >= GUESSED and median(beside) >= 0.5


def _shares(rows: Sequence[Score]) -> str:
    """Why the scores of one model, none above 1, are shares; empty where that cannot be known."""
    if _shares_by_chance(rows):
        return f"where guessing gives {plain(_guessing(rows[0]))}"
    counts = [(s, s.n_items) for s in rows if s.n_items and s.metric in WHOLE]
    if counts and _multiples(counts):
        return f"and multiples of 1/{counts[0][1]}, the items that there are"
    known = [(s.value, s.stderr, n) for s, n in counts if s.stderr and s.value < 1]
    if known:
        off = [
            median(math.log(e / (unit * math.sqrt(v / per * (1 - v / per) / n))) for v, e, n in known)
            for unit, per in ((100, 100), (100, 1), (1, 1))
        ]  # in per cents; shares beside errors in per cents; both in shares
        nearest = min(range(3), key=lambda i: abs(off[i]))
        if nearest and abs(off[nearest]) < math.log(LIKE):
            return f"with the standard errors of shares of {known[0][2]:,} items"
    return ""


def _guessing(score: Score) -> float:
    """What guessing scores in per cents: as the row says, else as the task has it; 0 if unknown."""
    if score.chance is not None and score.chance > 1:
        return score.chance
    return _by_task(score)


def _by_task(score: Score) -> float:
    """What guessing among a task's labels or choices scores in per cents; 0 where that is unknown."""
    if score.metric != "accuracy" or score.task not in task_names():
        return 0.0
    match get_task(score.task).kind:
        case Classify(labels=labels):
            return 100 / len(labels)
        case Choose(choices=choices):
            return 100 / choices
    return 0.0


def _multiples(rows: Sequence[tuple[Score, int]]) -> bool:
    """Whether values are whole numbers of items as shares, not by accident, and not as per cents."""
    by_accident, missed = 1.0, 0
    for score, n in rows:
        _, _, decimals = repr(round(score.value, 6)).partition(".")
        half = 0.5 * 10.0 ** -len(decimals)
        if abs(score.value * n - round(score.value * n)) > half * n * 1.001:
            return False
        by_accident *= min(1.0, 2 * half * n)
        of_items = score.value * n / 100
        missed += abs(of_items - round(of_items)) > half * n / 100 * 1.001
    return by_accident < ACCIDENT and 2 * missed >= len(rows)


def _chances(what: str, group: Sequence[Score]) -> list[str]:
    """Chance below 1 beside scores in per cents."""
    low = [s for s in group if s.chance is not None and 0 < s.chance < 1]
    if not low or max(s.value for s in group) <= 1:
        return []
    column = [s.chance for s in low if s.chance is not None]
    high = [s.chance for s in group if s.chance is not None and s.chance > 1]
    advice = "multiply it by 100"
    start = f"column 'chance': {plain(column[0])} on {what} is a share"
    if all(100 * s.chance >= _by_task(s) / 2 > 0 for s in low if s.chance is not None):
        raise DataError(f"{start}, guessing gives {plain(_by_task(low[0]))} per cent there; {advice}.")
    if high and min(high) >= GUESSED and 100 * max(column) >= min(high) / 2:
        raise DataError(f"{start}, in other rows of it chance is {plain(high[0])}; {advice}.")
    above = median(s.value for s in group) >= 100 * median(column)
    if not above or 100 * median(column) < CHOICE:
        return []
    return [f"Chance on {what} is below 1 and was read as per cents; if it is a share, {advice}."]


def _errors(what: str, group: Sequence[Score]) -> list[str]:
    """Standard errors of shares beside scores in per cents."""
    rows = [(s.value, s.stderr, s.n_items) for s in group if s.stderr and 1 < s.value < 100]
    if not rows:
        return []
    advice = "multiply them by 100"
    counts = [(v, e, n) for v, e, n in rows if n] if group[0].metric in WHOLE else []
    if counts:
        ratio = median(e / math.sqrt(v * (100 - v) / n) for v, e, n in counts)
        if 1 / LIKE < 100 * ratio < LIKE:
            raise DataError(
                f"column 'stderr': the standard errors on {what} are shares, a hundredth of those of "
                f"{counts[0][2]:,} items, but scores are in per cents; {advice}."
            )
        return []
    if median(v * (100 - v) / e**2 for v, e, _ in rows) < MANY:
        return []
    return [
        f"The standard errors on {what} are those of more than a million items; if they are shares, "
        f"{advice}."
    ]
