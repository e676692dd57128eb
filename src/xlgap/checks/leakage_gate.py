"""What a study must keep apart, and its verdict: training sets, test sets, exceptions.

The gate is asked for each cell; cells of one arm and task read and are scored on the same rows whatever
their model, and a training set is compared with a test set once for all of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from typing import Any

from xlgap.cell import Cell, Grid
from xlgap.checks.leakage import (
    Leak,
    Place,
    Rows,
    generated,
    leaks,
    lineage,
    passages,
    translations,
    whole_passage,
    whole_row,
)
from xlgap.checks.leakage_known import MEASURED, Known
from xlgap.checks.leakage_own import exceptions
from xlgap.config import Params
from xlgap.errors import LeakageError
from xlgap.near import THRESHOLD
from xlgap.regimes.base import Phase
from xlgap.retained import held_back, retained_cells
from xlgap.tasks import get_task
from xlgap.tasks.base import Mine

_SHOWN = 3  # pairs that the sentence names
TRANSLATED = "translated"
"""In place of the split of training rows that are translations of English ones."""

Asked = Mapping[Place, frozenset[Place]]
Read = Callable[[Place], Rows]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was compared and found.

    Attributes:
        asked: by training set, the test sets that it must be free of.
        leaks: those that no exception covers.
        excused: by exception, those of pairs of row and item all of whose leaks are covered.
        stale: exceptions that cover nothing in the very data that they were measured on.
    """

    asked: Asked
    leaks: Sequence[Leak]
    excused: Mapping[Known, Sequence[Leak]]
    stale: Sequence[Known]


def reads(cell: Cell) -> Iterator[Place]:
    """The sets that a cell's weights come from: training rows, dev rows that choose a checkpoint.

    Of a few-shot phase all rows that shots may be among; of a translated one the translations, and the
    English rows that they are of, whatever became of their texts.
    """
    return _read_by((*cell.arm.warm_phases, *cell.phases))


def _read_by(phases: Iterable[Phase]) -> Iterator[Place]:
    for phase in phases:
        for name in phase.tasks:
            yield Place(name, "train", phase.rows_language)
            if phase.translated:
                yield Place(name, TRANSLATED, phase.language)
            if phase.selects and get_task(name).recipe.select == "dev":
                yield Place(phase.dev_of(name), "dev", phase.select_language)


def counted(study_grid: Grid, cell: Cell) -> Iterator[Place]:
    """The sets that a cell counts as trained on: those it reads, or that any of its choices does.

    A best-of cell also reads the dev rows that its choice is made by, which of a recipe that keeps its
    last checkpoint have chosen nothing before.
    """
    for each in study_grid.choices(cell) or (cell,):
        yield from reads(each)
    if cell.chosen:
        last = cell.phases[-1]
        yield Place(last.selected_on, "dev", last.select_language)


def scored_again(study_grid: Grid, params: Params) -> Iterator[tuple[Place, Place]]:
    """Pairs of a set that is read from an earlier task's phase on and a set of that task's scored rows.

    What is learnt later of the very rows that an earlier task is scored on would pass for retention;
    rows of its own phase, or of a probe's English ones, that are among them for what there is to lose.
    Of the task's own dev rows that is known where they are what is scored. Items of a parallel task are
    the same in all its languages.
    """
    again = params.evaluation.retention
    probed = again is not None and again.probe_rows
    for asked in retained_cells(params, study_grid):
        warm = asked.cell.arm.warm_phases
        for name in asked.tasks:
            own = max(number for number, phase in enumerate(warm) if name in phase.tasks)
            scored = [Place(name, split, code) for split, code in held_back(name, params)]
            fitted = (Place(name, "train", "en"),) if probed else ()
            for place in (*fitted, *_read_by(warm[own : own + 1])):
                kept = (o for o in scored if (o.task, o.split) != (place.task, place.split))
                yield from ((place, other) for other in kept)
            for place in _read_by((*warm[own + 1 :], *asked.cell.phases)):
                yield from ((place, other) for other in scored)


def must_be_apart(study_grid: Grid, params: Params, read: Read) -> Asked:
    """By training set, the test sets that a cell which reads it is scored on, or scored on again.

    It is the item that must be unknown: test sets in other languages of the study count, too, where
    they are translations of those that the cell is scored on, or have items of them, by issued ids.
    A task of mining has no training set of its own; its dev pairs set the threshold for its test pairs
    in the same language. A best-of cell counts as trained on what any of its choices is.

    Args:
        study_grid: the study's cells.
        params: of the study.
        read: gives the rows of a set.
    """
    ids = cache(lambda place: frozenset[str]().union(*map(lineage, read(place).rows)))
    found: dict[Place, set[Place]] = defaultdict(set)
    seen = set()
    for cell in study_grid.cells:
        if (cell.arm.name, cell.task.name) in seen:
            continue
        seen.add((cell.arm.name, cell.task.name))
        name, codes = cell.task.name, cell.eval_languages(params)
        scored = {Place(name, "test", code) for code in codes}
        have = [c for c in params.languages.evaluation if c in cell.task.eval_languages]
        others = {Place(name, "test", code) for code in have} - scored
        if others and not cell.task.parallel:
            tested = frozenset[str]().union(*map(ids, scored))
            others = {place for place in others if ids(place) & tested}
        for place in counted(study_grid, cell):
            found[place] |= scored | others
        if isinstance(cell.task.kind, Mine):
            for code in codes:
                found[Place(name, "dev", code)].add(Place(name, "test", code))
    for place, again in scored_again(study_grid, params):
        found[place].add(again)
    return {place: frozenset(found[place]) for place in sorted(found)}


def judge(
    asked: Asked,
    read: Read,
    *,
    source: str,
    known: Sequence[Known] | None = None,
    measured: Mapping[Place, str] = MEASURED,
) -> Verdict:
    """Compare all that must be apart.

    Args:
        asked: see :func:`must_be_apart`.
        read: gives the rows of a set.
        source: where the rows come from. Of generated rows (``lab``) only equal ones are leaks: their
            sentences differ in one word by design.
        known: the documented exceptions; all of them when ``None``.
        measured: digests of the files that these were measured on.
    """
    tests = {place: read(place) for place in sorted({p for places in asked.values() for p in places})}
    trains = [read(place) for place in asked]
    free = source == "lab"
    compare = partial(
        leaks,
        asked=lambda train, test: test in asked[train],
        threshold=1.0 if free else THRESHOLD,
    )
    found = compare(
        [rows for rows in trains if not isinstance(rows.kind, Mine)],
        tests.values(),
        units=generated if free else passages,
    ) + compare(
        [translations(rows) for rows in trains if isinstance(rows.kind, Mine)],
        [translations(rows) for rows in tests.values() if isinstance(rows.kind, Mine)],
        units=whole_row if free else whole_passage,
    )
    documented = exceptions() if known is None else known
    applicable = [exception for exception in documented if source in exception.sources]
    excused: dict[Known, list[Leak]] = {exception: [] for exception in applicable}
    left: list[Leak] = []
    for shared in _by_pair(found).values():
        covering = [next((e for e in applicable if e.covers(original(leak))), None) for leak in shared]
        uncovered = [leak for leak, e in zip(shared, covering, strict=True) if e is None]
        left += uncovered
        for leak, exception in zip(shared, covering, strict=True):
            if exception is not None and not uncovered:
                excused[exception].append(leak)
    for exception, pairs in excused.items():
        if not exception.allows(items(pairs)):
            left += pairs
    same = {r.place for r in (*trains, *tests.values()) if r.data and r.data == measured.get(r.place)}
    stale = [e for e, pairs in excused.items() if not pairs and _in_full(e, asked, same)]
    used = {e: pairs for e, pairs in excused.items() if pairs and e.allows(items(pairs))}
    return Verdict(asked=asked, leaks=sorted(left), excused=used, stale=stale)


def original(leak: Leak) -> Leak:
    """The leak as one of the English row of which the training row is a translation, if it is one."""
    place = leak.train
    if place.split != TRANSLATED:
        return leak
    return replace(leak, train=Place(place.task, "train", "en"))


def _by_pair(found: Iterable[Leak]) -> Mapping[tuple[Place, str, Place, str], list[Leak]]:
    pairs = defaultdict(list)
    for leak in found:
        pairs[leak.pair].append(leak)
    return pairs


def _in_full(exception: Known, asked: Asked, same: set[Place]) -> bool:
    """Whether all that an exception is about is read, as it was measured."""
    return all(
        test in asked.get(train, ()) and {train, test} <= same
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
                "pairs": len(_by_pair(pairs)),
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
            f"the exception {exception} covers nothing any more, though all that it names was read "
            "from the files that it was measured on"
            + (f" ({others} more are as stale)" if others else "")
            + "; remove it from checks/leakage_known.py or leakage_own.py."
        )


def _leaking(found: Sequence[Leak], listed: str) -> str:
    items = {(leak.test.task, leak.test.language, leak.test_id) for leak in found}
    tasks = sorted({leak.test.task for leak in found})
    shown, more = "; ".join(map(str, _one_each(found))), len(_by_pair(found)) - _SHOWN
    return (
        f"training data hold near-duplicates of {len(items)} test items of {', '.join(tasks)}: {shown}"
        + (f"; and {more} more pairs, all in {listed}" if more > 0 else "")
        + "; take these rows out of the training set, or document the pair of data sets with a reason "
        "and a bound in checks/leakage_own.py."
    )


def _one_each(found: Sequence[Leak]) -> list[Leak]:
    """The first pairs of different items, those with the same id before those found by their text."""
    ranked = sorted(found, key=lambda leak: (leak.by, -leak.similarity, leak))
    pairs = {leak.pair: leak for leak in reversed(ranked)}
    best = {(leak.test.task, leak.test_id): leak for leak in reversed(ranked)}
    first = sorted(best.values(), key=ranked.index)
    others = (pairs[pair] for pair in sorted(set(pairs) - {leak.pair for leak in first}))
    return [*first, *others][:_SHOWN]
