"""The report: one HTML file with its figures inside, answers as JSON, tables and figures as files.

The same analysis gives the same bytes on every day: nothing of date, host or run is in it.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from html import escape
from pathlib import Path

from xlgap.analysis.result import Analysis
from xlgap.analysis.rows import Answer
from xlgap.analysis.tables import write_rows
from xlgap.formats import write_bytes, write_json, write_text
from xlgap.report.canvas import Drawing
from xlgap.report.figures import drawings
from xlgap.report.grids import csv_text
from xlgap.report.latex import latex
from xlgap.report.pages import render
from xlgap.report.register import LISTINGS, shown_tables

POINTER = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{study}: not complete</title></head>
<body><p>The study “{study}” is not complete and has no full report. Its
<a href="{page}">partial report</a> is made from the cells that are complete.</p></body></html>
"""
"""Stands in the place of the full report of a study that is not complete."""


def write_report(out_dir: Path, analysis: Analysis) -> Path:
    """Write ``index.html``, ``answers.json``, ``tables`` and ``figures``.

    Figures are there as SVG and PNG, tables as CSV, those of the page as LaTeX, too.

    Args:
        out_dir: files of the same name in it are replaced, one by one and each at once.
        analysis: what to show; with ``missing`` cells the report says on top that it is partial.

    Returns:
        The path of ``index.html``.
    """
    figures = drawings(analysis)
    for drawing in figures.values():
        write_text(out_dir / "figures" / drawing.name, drawing.svg)
        write_bytes((out_dir / "figures" / drawing.name).with_suffix(".png"), drawing.png)
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


def _existing(answer: Answer, figures: Mapping[str, Drawing]) -> Answer:
    """The answer, without the name of a figure that could not be drawn."""
    return answer if answer.figure in figures else dataclasses.replace(answer, figure=None)


def write_tables(folder: Path, analysis: Analysis) -> None:
    """The rows behind the report as CSV; the tables of the page as CSV and LaTeX."""
    for listing in LISTINGS:
        columns, records = listing.records(analysis)
        write_rows(folder / f"{listing.name}.csv", records, columns)
    rows = {listing.name for listing in LISTINGS}
    for grid in (g for grids in shown_tables(analysis).values() for g in grids):
        write_text(folder / f"{grid.name}.tex", latex(grid))
        if grid.name not in rows:
            write_text(folder / f"{grid.name}.csv", csv_text(grid))
