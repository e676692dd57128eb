"""The overall scores of the benchmark's editions as tables of the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xlgap.analysis import words
from xlgap.records import EditionScore


@dataclass(frozen=True, kw_only=True)
class OverallTable:
    """One edition: a row a model and arm; the fields that the report's tables have.

    Attributes:
        notes: what is missing in which rows, in sentences.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def overall_tables(scores: Sequence[EditionScore]) -> list[OverallTable]:
    """A table an edition: the whole first, then its groups, then its tasks."""
    return [
        _table([s for s in scores if s.edition == name]) for name in _unique(s.edition for s in scores)
    ]


def _unique(values: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _table(scores: Sequence[EditionScore]) -> OverallTable:
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
    return OverallTable(
        title=f"{title}: official / corrected{spread}, mean of what is present (n of N)",
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
    return f"{words.number(score.official)} / {words.number(score.corrected)}{spread}{part}"


def _notes(scores: Sequence[EditionScore]) -> Iterator[str]:
    tasks = [
        (f"Tasks without a score: {', '.join(s.missing)}", s)
        for s in scores
        if s.level == "overall" and s.missing
    ]
    yield from _each_once(tasks, scores)
    yield from lacking_languages(scores)


def lacking_languages(scores: Sequence[EditionScore]) -> Iterator[str]:
    """A sentence for each task of one edition that lacks languages, whatever the model and arm."""
    notes = [
        (f"{s.name} has {len(s.present)} of {len(s.present) + len(s.missing)} languages, missing: "
         f"{', '.join(s.missing)}", s)
        for s in scores
        if s.level == "task" and s.missing and s.present
    ]  # fmt: skip
    yield from _each_once(notes, scores)


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
