"""The report as one HTML page: a part a question, then what stands behind all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources

from xlgap.analysis import words
from xlgap.analysis.answers.cautions import LAB_SENTENCE
from xlgap.analysis.answers.measured import MEASURED
from xlgap.analysis.answers.series import SHARES
from xlgap.analysis.counted import counted
from xlgap.analysis.known import NARROW
from xlgap.analysis.learned import in_words
from xlgap.analysis.published.answers import DISAGREE
from xlgap.analysis.published.gap import DOUBTFUL
from xlgap.analysis.result import Analysis
from xlgap.analysis.rows import GAP_WORDS, Answer, EnglishScore, Estimate
from xlgap.analysis.scaling import FEWEST_MODELS
from xlgap.analysis.sentence import beyond, headline, leading, why_not
from xlgap.records import Source
from xlgap.report.canvas import Drawing
from xlgap.report.changes import what_would_change
from xlgap.report.essentials import Captioned, captioned, main_answers, main_figures
from xlgap.report.grids import Grid
from xlgap.report.method import method
from xlgap.report.notes import Noted, noted
from xlgap.report.register import LISTINGS, Place, shown_tables

TEMPLATE = "report.html.j2"
SIDES: tuple[Source, Source] = ("measured", "published")


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one source says to a question.

    Attributes:
        sentence: the answer.
        level: the measured gap itself, in a sentence; empty without one.
        beyond: the measured range and a size beyond it, in two sentences; empty where not asked for.
        figures: on the page, of what answers.
        change: what would change the answer, in sentences.
        reasons: what to bear in mind of the answer that leads.
        more_reasons: what else is said of others, and of which.
        disagree: in how many notes beside them sources disagree.
    """

    source: Source
    sentence: str
    level: str
    beyond: tuple[str, ...]
    figures: tuple[Captioned, ...]
    change: tuple[str, ...]
    reasons: tuple[str, ...]
    more_reasons: tuple[tuple[str, str], ...]
    disagree: int


Rows = tuple[tuple[Answer, Noted], ...]
"""Answers, each with where its method or reason stands."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question's part of the page.

    Attributes:
        beside: figures on the page besides those of what answers.
        method: how it is answered, in a paragraph.
        answers, notes: rows of its table, and their methods and reasons, once each.
        more_answers, more_notes, figures, tables: the same and all else, in the appendix.
    """

    number: int
    text: str
    sides: tuple[Side, ...]
    beside: tuple[Captioned, ...]
    method: str
    answers: Rows
    notes: tuple[str, ...]
    more_answers: Rows
    more_notes: tuple[str, ...]
    figures: tuple[Captioned, ...]
    tables: tuple[Grid, ...]


def render(analysis: Analysis, figures: Mapping[str, Drawing]) -> str:
    """The page as text."""
    import jinja2

    source = resources.files("xlgap.report") / "templates" / TEMPLATE
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": words.number,
        "signed": words.signed,
        "counted": counted,
        "learned": in_words,
        "figure": _inline,
    }
    tables = shown_tables(analysis)
    page: str = environment.from_string(source.read_text(encoding="utf8")).render(
        analysis=analysis,
        questions=questions(analysis, figures, tables),
        disagree=_disagreeing(analysis.answers),
        tables=tables,
        files=[f"{listing.name}.csv" for listing in LISTINGS],
        parts=_parts(analysis, tables),
        doubtful=DOUBTFUL,
        lab=LAB_SENTENCE if analysis.source == "lab" else "",
        interval=words.interval_words,
        sizes=words.sizes,
        sized=[m.params_total for m in analysis.models if m.params_total],
        span=lambda some: words.size_span(min(some), max(some)),
        trend=words.trend,
        fewest=FEWEST_MODELS,
        bootstrapped=any(e.ci_low is not None for e in analysis.estimates),
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


def questions(
    analysis: Analysis, figures: Mapping[str, Drawing], tables: Mapping[Place, Sequence[Grid]]
) -> list[Question]:
    """What the page shows for each question; a caption stands under the first figure of its kind.

    Those on the pages come first, since print has no others.
    """
    said: dict[str, Drawing] = {}
    sides = {
        q: [_side(analysis, figures, q, source, said) for source in SIDES] for q in words.QUESTIONS
    }
    beside = {q: _beside(figures, q, sides[q], said) for q in words.QUESTIONS}
    return [
        _question(analysis, figures, q, sides[q], beside[q], tables.get(q, ()), said)
        for q in words.QUESTIONS
    ]


def _beside(
    figures: Mapping[str, Drawing], number: int, sides: Sequence[Side], said: dict[str, Drawing]
) -> tuple[Captioned, ...]:
    """The figures of a question's page that are not among those of what answers."""
    there = _shown(side.figures for side in sides)
    found = [
        d
        for source in SIDES
        for d in figures.values()
        if d.on_page and d.beside == (number, source) and d.name not in there
    ]
    return captioned(found, said)


def _shown(kinds: Iterable[Sequence[Captioned]]) -> set[str]:
    return {drawing.name for some in kinds for kind in some for drawing in kind.figures}


def _question(
    analysis: Analysis,
    figures: Mapping[str, Drawing],
    number: int,
    sides: Sequence[Side],
    beside: tuple[Captioned, ...],
    tables: Sequence[Grid],
    said: dict[str, Drawing],
) -> Question:
    mine = [a for a in analysis.answers if a.question == number]
    shown = {s: [a for a in mine if a.source == s and not a.key.endswith(".none")] for s in SIDES}
    first = [a for source in SIDES for a in main_answers(shown[source])]
    rest = [a for source in SIDES for a in shown[source] if a not in first]
    (rows, notes), (more_rows, more_notes) = (noted([_how(a) for a in some]) for some in (first, rest))
    there = _shown([*(side.figures for side in sides), beside])
    others = [f for s in SIDES for f in _figures(analysis, figures, number, s) if f.name not in there]
    known = {*notes, *more_notes}
    return Question(
        number=number,
        text=words.QUESTIONS[number],
        sides=tuple(
            replace(
                side,
                reasons=tuple(r for r in side.reasons if r not in known),
                more_reasons=tuple(pair for pair in side.more_reasons if pair[0] not in known),
            )
            for side in sides
        ),
        beside=beside,
        method=method(mine, number),
        answers=tuple(zip(first, rows, strict=True)),
        notes=notes,
        more_answers=tuple(zip(rest, more_rows, strict=True)),
        more_notes=more_notes,
        figures=captioned(others, said),
        tables=tuple(t for t in tables if t.name != f"answers_{number}"),
    )


def _how(answer: Answer) -> str:
    """The method behind an answer, or the first reason why it is not supported."""
    return answer.method if answer.supported else why_not(answer)


def _figures(
    analysis: Analysis, figures: Mapping[str, Drawing], number: int, source: Source
) -> list[Drawing]:
    """All figures of a question and source: those of its answers, and those beside them."""
    names = [a.figure for a in analysis.answers if (a.question, a.source) == (number, source)]
    names += [d.name for d in figures.values() if (number, source) == d.beside]
    return [figures[name] for name in dict.fromkeys(names) if name is not None and name in figures]


def _side(
    analysis: Analysis,
    figures: Mapping[str, Drawing],
    number: int,
    source: Source,
    said: dict[str, Drawing],
) -> Side:
    """One source's half; a reason that leads is not said again."""
    answers = [a for a in analysis.answers if (a.question, a.source) == (number, source)]
    sentence = headline(analysis.answers, number, source)
    farther = beyond(analysis.answers, number, source)
    names = (
        main_figures(answers, figures)
        or [d.name for d in figures.values() if (number, source) == d.beside][:1]
    )
    disagree = _disagreeing(answers)
    said_already = {sentence, *farther, *disagree}
    lead = leading(answers) or next(iter(answers), None)
    reasons = words.sentences([lead.reason] if lead is not None and _tells(lead) else [])
    more = _said_of_which([a for a in answers if _tells(a)])
    return Side(
        source=source,
        sentence=sentence,
        level=level(analysis, number) if source == "measured" else "",
        beyond=farther,
        figures=captioned((figures[name] for name in names), said),
        change=what_would_change(analysis, number, source),
        reasons=tuple(r for r in reasons if r not in said_already and not r.startswith(NARROW)),
        more_reasons=tuple(
            (text, which)
            for text, which in more.items()
            if text not in {*reasons, *said_already} and not text.startswith(NARROW)
        ),
        disagree=len(disagree),
    )


def _tells(answer: Answer) -> bool:
    """Whether the reason of an answer is read: a number that is not supported has it in its note."""
    return answer.supported or answer.estimate is None


def _said_of_which(answers: Sequence[Answer]) -> dict[str, str]:
    """Each different sentence of the reasons, and of which answers it is: the first and how many."""
    of: dict[str, list[str]] = {}
    for answer in answers:
        for text in words.sentences([answer.reason]):
            of.setdefault(text, []).append(answer.quantity)
    return {
        text: f"{which[0]}{f'; {len(which) - 1} more' if len(which) > 1 else ''}"
        for text, which in of.items()
    }


def _disagreeing(answers: Iterable[Answer]) -> list[str]:
    """Notes of answers on numbers that another source prints differently."""
    return [s for s in words.sentences(a.reason for a in answers) if s.startswith(DISAGREE)]


def level(analysis: Analysis, question: int) -> str:
    """The gap itself in the smallest and the largest model, in a sentence; empty without one.

    It names the models that are at chance in English on a task of the mean.
    """
    for gap, _ in MEASURED.get(question, ()):
        points = [e for e in analysis.estimates if (e.gap, e.task, e.scale) == (gap, "mean", "raw")]
        points.sort(key=lambda e: (e.params_total or 0, e.model))
        if points:
            ends = list(dict.fromkeys((points[0], points[-1])))
            said = ", ".join(f"{words.with_error(e)} in {e.model}" for e in ends)
            name = GAP_WORDS[gap].partition(":")[0]
            given = any(e.ci_low is None and e.stderr is not None for e in ends)
            error = "± one standard error, " if given else ""
            unit = SHARES.get(gap, "points")
            said = f"{said} ({unit}, {error}{points[0].note}, conditional on the models)"
            weak = _at_chance(analysis.english, points)
            flag = f"; at chance in English: {', '.join(weak)}" if weak else ""
            return f"{words.capital(name)} itself: {said}{flag}."
    return ""


def _at_chance(english: Sequence[EnglishScore], means: Sequence[Estimate]) -> list[str]:
    """Models at chance in English on a task that ``means``, estimates over tasks, are over."""
    models = {e.model for e in means}
    weak = (e for e in english if e.at_chance and e.task in means[0].tasks and e.model in models)
    return list(dict.fromkeys(f"{e.model} on {e.task}" for e in weak))
