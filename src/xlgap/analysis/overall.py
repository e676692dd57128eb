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
        notes=tuple(_notes(scores, len(rows))),
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


def _notes(scores: Sequence[EditionScore], rows: int) -> Iterator[str]:
    """What is missing, each once, with the rows that it is missing in unless it is all of them."""
    found: dict[str, list[str]] = {}
    for s in scores:
        if s.level == "overall" and s.missing:
            text = f"Tasks without a score: {', '.join(s.missing)}"
        elif s.level == "task" and s.missing and s.present:
            text = f"Languages that {s.name} lacks: {', '.join(s.missing)}"
        else:
            continue
        found.setdefault(text, []).append(f"{s.model} {s.arm}")
    for text, where in found.items():
        yield f"{text}." if len(where) == rows else f"{text} ({'; '.join(where)})."
