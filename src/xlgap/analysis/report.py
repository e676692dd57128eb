"""The report: one HTML file with its figures inside, answers as JSON, tables as CSV, figures as SVG.

The same analysis gives the same bytes on every day: nothing of date, host or run is in it.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from xlgap.analysis import words
from xlgap.analysis.answers import LAB_SENTENCE, MEASURED
from xlgap.analysis.chance import STANDARD_ERRORS
from xlgap.analysis.diagnostic import ErrorRate, error_tables
from xlgap.analysis.distance_rows import DistanceRow
from xlgap.analysis.excused import Excused
from xlgap.analysis.figures import drawings
from xlgap.analysis.licences import DataSet
from xlgap.analysis.overall import overall_tables
from xlgap.analysis.plots import Drawing
from xlgap.analysis.published_gap import DOUBTFUL
from xlgap.analysis.result import Analysis
from xlgap.analysis.rows import (
    GAP_WORDS,
    Answer,
    EnglishScore,
    Estimate,
    GapRow,
    LanguageSlope,
    Scale,
)
from xlgap.analysis.scaling import FEWEST_MODELS
from xlgap.analysis.subwords import SubwordRow
from xlgap.analysis.tables import write_rows
from xlgap.formats import write_json, write_text
from xlgap.records import EditionScore, Source

TEMPLATE = "report.html.j2"
LOSSES = "published_loss_by_language.svg"
"""Shown beside the answers to question 2, though none is read off it."""
POINTER = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{study}: not complete</title></head>
<body><p>The study “{study}” is not complete and has no full report. Its
<a href="{page}">partial report</a> is made from the cells that are complete.</p></body></html>
"""
"""Stands in the place of the full report of a study that is not complete."""
AT_CHANCE = {True: "; at chance", False: "", None: "; not known to be above chance"}
SIDES: tuple[Source, Source] = ("measured", "published")


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table of the report: one row a model, one column a task."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_report(out_dir: Path, analysis: Analysis) -> Path:
    """Write ``index.html``, ``answers.json``, ``tables/*.csv`` and ``figures/*.svg``.

    Args:
        out_dir: files of the same name in it are replaced, one by one and each at once.
        analysis: what to show; with ``missing`` cells the report says on top that it is partial.

    Returns:
        The path of ``index.html``.
    """
    figures = drawings(analysis)
    for drawing in figures.values():
        write_text(out_dir / "figures" / drawing.name, drawing.svg)
    write_tables(out_dir / "tables", analysis)
    shown = [_existing(a, figures) for a in analysis.answers]
    write_json(out_dir / "answers.json", [dataclasses.asdict(a) for a in shown])
    page = out_dir / "index.html"
    write_text(page, render(analysis, figures))
    return page


def write_partial_report(report: Path, partial: Path, analysis: Analysis) -> Path:
    """Write the report of an incomplete study to ``partial``, in place of the full one in ``report``.

    A full report that is there was made from other scores: it goes, as DVC removes what a stage is to
    write anew, and ``report/index.html`` says where the partial one is. DVC takes both away again
    before the next full report.

    Args:
        report: directory of the full report.
        partial: a directory inside it.
        analysis: of the complete cells.

    Returns:
        The path of the partial report's ``index.html``.
    """
    page = write_report(partial, analysis)
    notice = POINTER.format(study=escape(analysis.study), page=page.relative_to(report).as_posix())
    write_text(report / "index.html", notice)
    for path in report.iterdir():
        if path not in {partial, report / "index.html"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return page


def _existing(answer: Answer, figures: dict[str, Drawing]) -> Answer:
    """The answer, without the name of a figure that could not be drawn."""
    return answer if answer.figure in figures else dataclasses.replace(answer, figure=None)


def write_tables(folder: Path, analysis: Analysis) -> None:
    """The rows behind the report as CSV."""
    tables: tuple[tuple[str, type[Any], Sequence[Any]], ...] = (
        ("answers", Answer, analysis.answers),
        ("estimates", Estimate, analysis.estimates),
        ("gaps_measured", GapRow, analysis.gaps),
        ("gaps_published", GapRow, analysis.published_gaps),
        ("english_scores", EnglishScore, analysis.english),
        ("overall_scores", EditionScore, analysis.editions),
        ("diagnostic_error_rates", ErrorRate, analysis.errors),
        ("published_slopes", LanguageSlope, analysis.published_slopes),
        ("distances", DistanceRow, analysis.distances),
        ("subwords", SubwordRow, analysis.subwords),
        ("data_sets", DataSet, analysis.data),
        ("excused_leaks", Excused, analysis.excused),
    )
    for name, kind, rows in tables:
        columns = [f.name for f in dataclasses.fields(kind)]
        write_rows(folder / f"{name}.csv", [_flat(row) for row in rows], columns)


def _flat(row: Any) -> dict[str, Any]:
    """A row for CSV: names joined by spaces, points as ``code:distance:loss``."""

    def text(value: Any) -> Any:
        if not isinstance(value, tuple):
            return value
        return " ".join(":".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in value)

    return {f.name: text(getattr(row, f.name)) for f in dataclasses.fields(row)}


def render(analysis: Analysis, figures: dict[str, Drawing]) -> str:
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
        "first_sentence": lambda text: words.sentences([text])[0],
    }
    page: str = environment.from_string(source.read_text(encoding="utf8")).render(
        analysis=analysis,
        questions=[_question(analysis, figures, q) for q in words.QUESTIONS],
        english=english_grid(analysis.english),
        editions=overall_tables(analysis.editions),
        errors=error_tables(analysis.errors),
        controls=controls(analysis),
        gaps=[gap_grid(analysis, gap) for gap in _gaps_shown(analysis)],
        disagreements=disagreements(analysis.published_gaps),
        doubtful=DOUBTFUL,
        lab=LAB_SENTENCE if analysis.source == "lab" else "",
        interval=words.interval_words,
        sizes=words.sizes,
        trend=words.trend,
        fewest=FEWEST_MODELS,
    )
    return page


def _inline(drawing: Drawing) -> str:
    """The SVG element alone, with words for those who cannot see it."""
    from markupsafe import Markup, escape

    svg = drawing.svg[drawing.svg.index("<svg") :]
    alt = escape(drawing.alt)
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{alt}"', 1))  # noqa: S704 (ours)


def _question(analysis: Analysis, figures: dict[str, Drawing], question: int) -> dict[str, Any]:
    """What the template shows for one question: for each side a sentence, figures and answers."""
    sides: list[dict[str, Any]] = []
    for source in SIDES:
        answers = [a for a in analysis.answers if (a.question, a.source) == (question, source)]
        names = [n for n in dict.fromkeys(a.figure for a in answers) if n in figures and n is not None]
        if question == 2 and source == "published" and LOSSES in figures:
            names.append(LOSSES)
        sides.append(
            {
                "source": source,
                "sentence": words.headline(analysis.answers, question, source),
                "level": level(analysis, question) if source == "measured" else "",
                "figures": [figures[name] for name in names],
                "answers": [a for a in answers if not a.key.endswith(".none")],
                "reasons": words.sentences(
                    a.reason for a in answers if a.supported or a.estimate is None
                ),
            }
        )
    every = [a for side in sides for a in side["answers"]]
    return {
        "number": question,
        "text": words.QUESTIONS[question],
        "sides": sides,
        "answers": every,
    }


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
            said = f"{said} (points, {points[0].note}, conditional on the models)"
            weak = _at_chance(analysis.english, points)
            flag = f"; at chance in English: {', '.join(weak)}" if weak else ""
            return f"{name[0].upper()}{name[1:]} itself: {said}{flag}."
    return ""


def _at_chance(english: Sequence[EnglishScore], means: Sequence[Estimate]) -> list[str]:
    """Models at chance in English on a task that ``means``, estimates over tasks, are over."""
    tasks = means[0].note.removeprefix("mean over ").split(", ")
    models = {e.model for e in means}
    weak = (e for e in english if e.at_chance and e.task in tasks and e.model in models)
    return list(dict.fromkeys(f"{e.model} on {e.task}" for e in weak))


def english_grid(english: Sequence[EnglishScore]) -> Grid:
    """English score of each model on each task and arm without intermediate training."""
    columns = list(dict.fromkeys((e.task, e.arm, e.metric, e.language) for e in english))
    models = list(dict.fromkeys((e.params_total or 0, e.model) for e in english))
    cells = {(e.model, e.task, e.arm, e.metric): e for e in english}
    rows = []
    for _, model in sorted(models):
        found = [cells.get((model, task, arm, metric)) for task, arm, metric, _ in columns]
        rows.append((model, *(_english_cell(e) for e in found)))
    heads = tuple(
        f"{task} ({metric}, {arm}{'' if language == 'en' else ', mean over languages'})"
        for task, arm, metric, language in columns
    )
    return Grid(title="English scores", columns=heads, rows=tuple(rows))


def _english_cell(score: EnglishScore | None) -> str:
    if score is None:
        return "–"
    error = "" if score.stderr is None else f" ± {words.number(score.stderr)}"
    chance = ""
    if score.chance is not None:
        chance = (
            f"; chance {words.number(score.chance)}, corrected {words.number(score.chance_corrected)}"
        )
    often = "" if score.majority is None else f"; most frequent answer {words.number(score.majority)}"
    if score.per_word is not None:
        often += f", per word {words.number(score.per_word)}"
    flag = AT_CHANCE[score.at_chance]
    return f"{words.number(score.value)}{error}{chance}{often}{flag}"


def controls(analysis: Analysis) -> list[dict[str, str]]:
    """Each model against its untrained twin: difference, interval, and whether it is above 0."""
    rows = []
    for e in analysis.estimates:
        if (e.gap, e.scale) != ("control", "raw"):
            continue
        above = e.stderr is not None and e.value > STANDARD_ERRORS * e.stderr
        rows.append(
            {
                "model": e.model,
                "task": e.task,
                "note": e.note,
                "value": f"{words.signed(e.value)} ± {words.number(e.stderr)}",
                "interval": words.interval_words(e.ci_low, e.ci_high),
                "verdict": "above by two standard errors" if above else "not above",
            }
        )
    return rows


def _gaps_shown(analysis: Analysis) -> list[str]:
    have = {e.gap for e in analysis.estimates}
    return [gap for gaps in MEASURED.values() for gap, _ in gaps if gap in have]


def gap_grid(analysis: Analysis, gap: str) -> Grid:
    """One measured gap by model and task: raw with interval, chance-corrected, log-odds."""
    of_gap = [e for e in analysis.estimates if e.gap == gap]
    tasks = [*sorted({e.task for e in of_gap} - {"mean"}), "mean"]
    cells = {(e.model, e.task, e.scale): e for e in of_gap}
    models = sorted({(e.params_total or 0, e.model) for e in of_gap})
    rows = tuple(
        (f"{model} ({words.short_number(size)})", *(_gap_cell(cells, model, task) for task in tasks))
        for size, model in models
    )
    mean = next((e.note for e in of_gap if e.task == "mean"), "mean")
    return Grid(title=GAP_WORDS[gap], columns=(*tasks[:-1], mean), rows=rows)


def _gap_cell(cells: dict[tuple[str, str, Scale], Estimate], model: str, task: str) -> str:
    raw = cells.get((model, task, "raw"))
    if raw is None:
        return "–"
    text = f"{words.signed(raw.value)} {words.interval_words(raw.ci_low, raw.ci_high)}"
    corrected, odds = cells.get((model, task, "chance_corrected")), cells.get((model, task, "log_odds"))
    if corrected is not None:
        text += f"; corrected {words.signed(corrected.value)}"
    if odds is not None:
        text += f"; log-odds {words.signed(odds.value, 2)}"
    return text


def disagreements(gaps: Sequence[GapRow]) -> list[GapRow]:
    """Published averages, as printed, behind which another source prints another number."""
    return [
        row
        for row in gaps
        if " prints " in row.note
        and row.language == "avg"
        and row.scale == "raw"
        and row.gap in {"native", "english_gain"}
    ]
