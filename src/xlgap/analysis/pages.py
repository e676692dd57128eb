"""The report as one HTML page: a part a question, then what stands behind all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from xlgap.analysis import words
from xlgap.analysis.answers import MEASURED
from xlgap.analysis.canvas import Drawing
from xlgap.analysis.cautions import LAB_SENTENCE
from xlgap.analysis.changes import what_would_change
from xlgap.analysis.grids import Grid
from xlgap.analysis.known import NARROW
from xlgap.analysis.method import method
from xlgap.analysis.notes import Noted, noted
from xlgap.analysis.published_gap import DOUBTFUL
from xlgap.analysis.register import LISTINGS, Place, shown_tables
from xlgap.analysis.result import Analysis
from xlgap.analysis.rows import GAP_WORDS, Answer, EnglishScore, Estimate
from xlgap.analysis.scaling import FEWEST_MODELS
from xlgap.analysis.series import SHARES
from xlgap.records import Source

TEMPLATE = "report.html.j2"
SIDES: tuple[Source, Source] = ("measured", "published")


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one source says to a question.

    Attributes:
        sentence: the answer.
        level: the measured gap itself, in a sentence; empty without one.
        beyond: the measured range and a size beyond it, in two sentences; empty where not asked for.
        change: what would change the answer, in sentences.
        reasons: what to bear in mind.
    """

    source: Source
    sentence: str
    level: str
    beyond: tuple[str, ...]
    figures: tuple[Drawing, ...]
    change: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question's part of the page.

    Attributes:
        method: how it is answered, in a paragraph.
        answers: the rows of its first table, each with where its method or reason stands.
        notes: those methods and reasons, once each.
        tables: those below.
    """

    number: int
    text: str
    sides: tuple[Side, ...]
    method: str
    answers: tuple[tuple[Answer, Noted], ...]
    notes: tuple[str, ...]
    tables: tuple[Grid, ...]


def render(analysis: Analysis, figures: Mapping[str, Drawing]) -> str:
    """The page as text."""
    import jinja2

    source = resources.files("xlgap.analysis") / "templates" / TEMPLATE
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": words.number,
        "signed": words.signed,
        "short": lambda value: "–" if value is None else words.short_number(value),
        "figure": _inline,
    }
    tables = shown_tables(analysis)
    page: str = environment.from_string(source.read_text(encoding="utf8")).render(
        analysis=analysis,
        questions=[question(analysis, figures, q, tables.get(q, ())) for q in words.QUESTIONS],
        tables=tables,
        files=[f"{listing.name}.csv" for listing in LISTINGS],
        parts=_parts(analysis, tables),
        doubtful=DOUBTFUL,
        lab=LAB_SENTENCE if analysis.source == "lab" else "",
        intervals=words.intervals,
        sizes=words.sizes,
        trend=words.trend,
        fewest=FEWEST_MODELS,
    )
    return page


def _parts(analysis: Analysis, tables: Mapping[Place, Sequence[Grid]]) -> list[tuple[str, str]]:
    """Identifier and name of the parts behind the questions that this page has."""
    parts: list[tuple[str, str, bool]] = [
        ("english", "English scores", True),
        ("overall", "Overall scores", bool(tables.get("benchmark"))),
        ("diagnostic", "Diagnostic suites", bool(analysis.errors)),
        ("models", "Models", True),
        ("out", "Left out", True),
        ("leaks", "Leaks", bool(analysis.excused)),
        ("data", "Data and licences", bool(analysis.data)),
        ("sources", "Disagreeing sources", True),
        ("how", "How these numbers are made", True),
    ]
    return [(identifier, name) for identifier, name, there in parts if there]


def _inline(drawing: Drawing) -> str:
    """The SVG element alone, with words for those who cannot see it."""
    from markupsafe import Markup, escape

    svg = drawing.svg[drawing.svg.index("<svg") :]
    alt = escape(drawing.alt)
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{alt}"', 1))  # noqa: S704 (ours)


def question(
    analysis: Analysis, figures: Mapping[str, Drawing], number: int, tables: Sequence[Grid]
) -> Question:
    """What the page shows for one question; ``tables`` are those of its place."""
    mine = [a for a in analysis.answers if a.question == number]
    shown = [a for source in SIDES for a in mine if a.source == source and not a.key.endswith(".none")]
    rows, notes = noted([_how(a) for a in shown])
    return Question(
        number=number,
        text=words.QUESTIONS[number],
        sides=tuple(_side(analysis, figures, number, source, notes) for source in SIDES),
        method=method(mine, number),
        answers=tuple(zip(shown, rows, strict=True)),
        notes=notes,
        tables=tuple(t for t in tables if t.name != f"answers_{number}"),
    )


def _how(answer: Answer) -> str:
    """The method behind an answer, or the first reason why it is not supported."""
    return answer.method if answer.supported else words.sentences([answer.reason])[0]


def _side(
    analysis: Analysis,
    figures: Mapping[str, Drawing],
    number: int,
    source: Source,
    notes: Sequence[str],
) -> Side:
    """One source's half; a reason that leads or stands in a row or ``notes`` is not said again."""
    answers = [a for a in analysis.answers if (a.question, a.source) == (number, source)]
    of_answers = [a.figure for a in answers if a.figure is not None]
    beside = [d.name for d in figures.values() if (number, source) == d.beside]
    sentence = words.headline(analysis.answers, number, source)
    beyond = words.beyond(analysis.answers, number, source)
    return Side(
        source=source,
        sentence=sentence,
        level=level(analysis, number) if source == "measured" else "",
        beyond=beyond,
        figures=tuple(figures[n] for n in dict.fromkeys([*of_answers, *beside]) if n in figures),
        change=what_would_change(analysis, number, source),
        reasons=tuple(
            reason
            for reason in words.sentences(
                a.reason for a in answers if a.supported or a.estimate is None
            )
            if reason not in {sentence, *beyond, *notes} and not reason.startswith(NARROW)
        ),
    )


def level(analysis: Analysis, question: int) -> str:
    """The gap itself in the smallest and the largest model, in a sentence; empty without one.

    It names the models that are at chance in English on a task of the mean.
    """
    for gap, _ in MEASURED.get(question, ()):
        points = [e for e in analysis.estimates if (e.gap, e.task, e.scale) == (gap, "mean", "raw")]
        points.sort(key=lambda e: (e.params_total or 0, e.model))
        if points:
            said = ", ".join(
                f"{words.signed(e.value)} {words.interval_words(e.ci_low, e.ci_high)} in {e.model}"
                for e in dict.fromkeys((points[0], points[-1]))
            )
            name = GAP_WORDS[gap].partition(":")[0]
            said = f"{said} ({SHARES.get(gap, 'points')}, {points[0].note}, conditional on the models)"
            weak = _at_chance(analysis.english, points)
            flag = f"; at chance in English: {', '.join(weak)}" if weak else ""
            return f"{name[0].upper()}{name[1:]} itself: {said}{flag}."
    return ""


def _at_chance(english: Sequence[EnglishScore], means: Sequence[Estimate]) -> list[str]:
    """Models at chance in English on a task that ``means``, estimates over tasks, are over."""
    models = {e.model for e in means}
    weak = (e for e in english if e.at_chance and e.task in means[0].tasks and e.model in models)
    return list(dict.fromkeys(f"{e.model} on {e.task}" for e in weak))
