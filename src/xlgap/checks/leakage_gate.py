"""What a study must keep apart, and its verdict: training sets, test sets, exceptions.

The gate is asked for each cell; cells of one arm and task read and are scored on the same rows whatever
their model, and a training set is compared with a test set once for all of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xlgap.cell import Cell, Grid
from xlgap.checks.leakage import THRESHOLD, Leak, Place, Rows, generated, leaks, passages
from xlgap.checks.leakage_known import KNOWN, Known
from xlgap.config import Params
from xlgap.errors import LeakageError
from xlgap.tasks import get_task

_SHOWN = 3  # pairs that the sentence names

Asked = Mapping[Place, frozenset[Place]]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was compared and found.

    Attributes:
        asked: by training set, the test sets that it must be free of.
        leaks: pairs that no exception covers.
        excused: by exception, the pairs that it covers.
        stale: exceptions that cover nothing in data that the study reads in full.
    """

    asked: Asked
    leaks: Sequence[Leak]
    excused: Mapping[Known, Sequence[Leak]]
    stale: Sequence[Known]


def reads(cell: Cell) -> Iterator[Place]:
    """The sets that a cell's weights come from: training rows, dev rows that choose a checkpoint."""
    for phase in (*cell.arm.warm_phases, *cell.phases):
        for name in phase.tasks:
            yield Place(name, "train", phase.language)
            if get_task(name).recipe.select == "dev":
                yield Place(name, "dev", phase.select_language)


def must_be_apart(study_grid: Grid, params: Params) -> Asked:
    """By training set, the test sets that a cell which reads it is scored on.

    Where test sets are translations of each other it is the item that must be unknown: the sets of all
    languages of the study then count, whichever the cell is scored in.
    """
    found: dict[Place, set[Place]] = defaultdict(set)
    seen = set()
    for cell in study_grid.cells:
        if (cell.arm.name, cell.task.name) in seen:
            continue
        seen.add((cell.arm.name, cell.task.name))
        codes = cell.eval_languages(params)
        if cell.task.parallel:
            codes = tuple(c for c in params.languages.evaluation if c in cell.task.eval_languages)
        for place in reads(cell):
            found[place] |= {Place(cell.task.name, "test", code) for code in codes}
    return {place: frozenset(found[place]) for place in sorted(found)}


def judge(
    asked: Asked,
    read: Callable[[Place], Rows],
    *,
    source: str,
    known: Sequence[Known] = KNOWN,
) -> Verdict:
    """Compare all that must be apart.

    Args:
        asked: see :func:`must_be_apart`.
        read: gives the rows of a set.
        source: where the rows come from. Of generated rows (``lab``) only equal ones are leaks: their
            sentences differ in one word by design.
        known: the documented exceptions.
    """
    tests = {place: read(place) for place in sorted({p for places in asked.values() for p in places})}
    trains = [read(place) for place in asked]
    free = source == "lab"
    found = leaks(
        trains,
        tests.values(),
        lambda train, test: test in asked[train],
        threshold=1.0 if free else THRESHOLD,
        units=generated if free else passages,
    )
    applicable = [exception for exception in known if exception.source == source]
    excused: dict[Known, list[Leak]] = {exception: [] for exception in applicable}
    left: list[Leak] = []
    for leak in found:
        covering = next((e for e in applicable if e.covers(leak)), None)
        (left if covering is None else excused[covering]).append(leak)
    for exception, pairs in excused.items():
        if not exception.allows(items(pairs)):
            left += pairs
    whole = {rows.place for rows in (*trains, *tests.values()) if rows.whole}
    stale = [e for e, pairs in excused.items() if not pairs and _in_full(e, asked, whole)]
    used = {e: pairs for e, pairs in excused.items() if pairs and e.allows(items(pairs))}
    return Verdict(asked=asked, leaks=sorted(left), excused=used, stale=stale)


def _in_full(exception: Known, asked: Asked, whole: set[Place]) -> bool:
    """Whether all that an exception is about is read, and nothing of it left out."""
    return all(
        test in asked.get(train, ()) and {train, test} <= whole
        for train in exception.train_sets()
        for test in exception.test_sets()
    )


def items(pairs: Iterable[Leak]) -> dict[str, int]:
    """How many test items of each language there are among ``pairs``."""
    found = {(p.test.language, p.test_id) for p in pairs}
    return dict(sorted(Counter(language for language, _ in found).items()))


def report(verdict: Verdict) -> dict[str, Any]:
    """``leakage.json``: what was compared, and which exceptions let what pass."""
    return {
        "passed": not (verdict.leaks or verdict.stale),
        "threshold": THRESHOLD,
        "compared": {
            str(train): {
                task: " ".join(sorted(test.language for test in tests if test.task == task))
                for task in sorted({test.task for test in tests})
            }
            for train, tests in sorted(verdict.asked.items())
        },
        "known": [
            {
                **{k: v for k, v in asdict(exception).items() if k != "texts"},
                "items": items(pairs),
                "pairs": len(pairs),
            }
            for exception, pairs in verdict.excused.items()
        ],
    }


def require_clean(verdict: Verdict, *, listed: str) -> None:
    """Stop a study that leaks, with the pairs named.

    Args:
        verdict: of the study.
        listed: where all pairs stand.

    Raises:
        LeakageError: a leak without an exception, more of them than one allows, or a stale exception.
    """
    if verdict.leaks:
        raise LeakageError(_leaking(verdict.leaks, listed))
    if verdict.stale:
        exception, others = verdict.stale[0], len(verdict.stale) - 1
        raise LeakageError(
            f"the exception {exception} covers nothing any more, though all that it names was read"
            + (f" ({others} more are as stale)" if others else "")
            + "; remove it from checks/leakage_known.py."
        )


def _leaking(found: Sequence[Leak], listed: str) -> str:
    items = {(leak.test.task, leak.test.language, leak.test_id) for leak in found}
    tasks = sorted({leak.test.task for leak in found})
    shown, more = "; ".join(map(str, _one_each(found))), len(found) - _SHOWN
    return (
        f"training data hold near-duplicates of {len(items)} test items of {', '.join(tasks)}: {shown}"
        + (f"; and {more} more pairs, all in {listed}" if more > 0 else "")
        + "; take these rows out of the training set, or document the pair of data sets with a reason "
        "and a bound in checks/leakage_known.py."
    )


def _one_each(found: Sequence[Leak]) -> list[Leak]:
    """The first pairs of different items, those with the same id before those found by their text."""
    best: dict[tuple[str, str], Leak] = {}
    for leak in sorted(found, key=lambda leak: (leak.by, -leak.similarity, leak)):
        best.setdefault((leak.test.task, leak.test_id), leak)
    ordered = [*best.values(), *(leak for leak in found if leak not in best.values())]
    return ordered[:_SHOWN]
