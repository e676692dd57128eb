"""The overall scores of the benchmark's editions as tables of the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xlgap.analysis import words
from xlgap.analysis.counted import counted
from xlgap.records import EditionScore, official_words
from xlgap.report.grids import Grid

STAR = "*"
STARRED = (
    f"{STAR} of a task: not scored on all rows of the official test files; of a mean: some of its "
    "tasks are not, or lack languages."
)


def overall_tables(scores: Sequence[EditionScore]) -> list[Grid]:
    """A table an edition: the whole first, then its groups, then its tasks."""
    return [
        _table([s for s in scores if s.edition == name]) for name in _unique(s.edition for s in scores)
    ]


def _unique(values: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _table(scores: Sequence[EditionScore]) -> Grid:
    order = [
        (level, name)
        for level in ("overall", "group", "task")
        for name in _unique(s.name for s in scores if s.level == level)
    ]
    rows = list(dict.fromkeys((s.model, s.arm) for s in scores))
    cells = {(s.model, s.arm, s.level, s.name): s for s in scores}
    (title,) = _unique(s.name for s in scores if s.level == "overall")
    seeds = max(s.seeds for s in scores)
    spread = "" if seeds == 1 else f" ± standard deviation over {seeds} seeds"
    both = f"{official_words(scores)} / corrected{spread}"
    return Grid(
        name=f"overall_{scores[0].edition}",
        title=f"{title}: {both}, mean of what is present (n of N)",
        columns=("Arm", *(_head(level, name, scores) for level, name in order)),
        rows=tuple(
            (model, arm, *(_cell(cells[model, arm, level, name]) for level, name in order))
            for model, arm in rows
        ),
        notes=tuple(_notes(scores)),
    )


def _head(level: str, name: str, scores: Sequence[EditionScore]) -> str:
    metric = next(s.metric for s in scores if (s.level, s.name) == (level, name))
    return f"{name} ({metric})" if metric else name


def _cell(score: EditionScore) -> str:
    if score.official is None:
        return "–"
    spread = "" if score.spread is None else f" ± {words.number(score.spread)}"
    of = len(score.present) + len(score.missing)
    part = f" ({len(score.present)} of {of})" if score.missing else ""
    star = STAR if score.scored_on or score.lacking else ""
    return f"{words.number(score.official)} / {words.number(score.corrected)}{spread}{part}{star}"


def _notes(scores: Sequence[EditionScore]) -> Iterator[str]:
    if any(s.scored_on or s.lacking for s in scores):
        yield STARRED
    whole = [s for s in scores if s.level == "overall"]
    complete = [s for s in whole if not (s.missing or s.lacking or s.scored_on)]
    if not complete:
        yield f"None of these is a score of the whole of {whole[0].name}."
    elif len(complete) < len(whole):
        who = "; ".join(f"{s.model} {s.arm}" for s in complete)
        yield f"Of these only the scores of {who} are of the whole of {whole[0].name}."
    tasks = [
        (f"Tasks without a score: {', '.join(s.missing)}", s)
        for s in scores
        if s.level == "overall" and s.missing
    ]
    yield from _each_once(tasks, scores)
    yield from task_notes(scores)


def task_notes(scores: Sequence[EditionScore]) -> Iterator[str]:
    """For each task of one edition what languages it lacks, and what it is scored on.

    A sentence each, the same for all models and arms told once; of rows nothing where all are scored.
    """
    yield from _each_once(_lacking(scores), scores)
    yield from _each_once(_scored_on(scores), scores)


def _lacking(scores: Sequence[EditionScore]) -> list[tuple[str, EditionScore]]:
    return [
        (f"{s.name} has {len(s.present)} of "
         f"{counted(len(s.present) + len(s.missing), 'language')}, missing: {', '.join(s.missing)}", s)
        for s in scores
        if s.level == "task" and s.missing and s.present
    ]  # fmt: skip


def _scored_on(scores: Sequence[EditionScore]) -> list[tuple[str, EditionScore]]:
    return [
        (f"{s.name} is scored on {s.scored_on}", s) for s in scores if s.level == "task" and s.scored_on
    ]


def _each_once(
    notes: Sequence[tuple[str, EditionScore]], scores: Sequence[EditionScore]
) -> Iterator[str]:
    """Each note once, with the rows that it is of unless it is of all that have the task."""
    found: dict[str, list[EditionScore]] = {}
    for text, score in notes:
        found.setdefault(text, []).append(score)
    for text, of in found.items():
        name = of[0].name
        have = [s for s in scores if s.name == name and s.present]
        where = "; ".join(" ".join(filter(None, (s.model, s.arm))) for s in of)
        yield f"{text}." if len(of) == len(have) else f"{text} ({where})."
