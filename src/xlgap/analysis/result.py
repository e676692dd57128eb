"""The whole analysis of a study and of the published scores, and its file.

``results/analysis/analysis.json`` holds everything that the report shows, so that the report can be
made again without the items. Numbers are rounded to six decimals: linear algebra differs in the last
bits between machines, results must not.

A new kind of rows is a field of :class:`Analysis` with a default of ``()`` and one entry of
``LISTINGS`` in :mod:`~xlgap.report.register`, which makes it ``tables/NAME.csv`` and, with ``shown``, a
table of its question's page and of ``tables/NAME.tex``::

    Listing(
        name="retention", kind=Retention, rows=lambda a: a.retention, place=4,
        title="Score on the intermediate task after the target task minus before",
        shown={"Model": "model", "Task": "task", "Change": change, "Interval": interval},
    )

A figure is a :class:`~xlgap.report.plots.Drawing` in :mod:`~xlgap.report.figures`, shown where an
answer names its file, or ``beside`` a question's answers.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from xlgap.analysis.answers.measured import measured_answers
from xlgap.analysis.claims.evidence import Evidence
from xlgap.analysis.claims.verdicts import ClaimVerdict, by_key, verdicts
from xlgap.analysis.diagnostic import ErrorRate
from xlgap.analysis.distance.rows import DistanceRow, measured_rows
from xlgap.analysis.distance.subwords import SubwordRow
from xlgap.analysis.excused import Excused
from xlgap.analysis.gains import GainRow
from xlgap.analysis.gap import gap_rows
from xlgap.analysis.item_tests import ItemTest, item_tests
from xlgap.analysis.learned import learned_nothing
from xlgap.analysis.licences import DataSet
from xlgap.analysis.measure import measure
from xlgap.analysis.published.answers import published_answers
from xlgap.analysis.published.disagreements import DisagreementRow, disagreements
from xlgap.analysis.published.distance import published_distances, published_slopes
from xlgap.analysis.refit import Refit
from xlgap.analysis.retention.entries import retention_rows
from xlgap.analysis.retention.rows import RetentionRow
from xlgap.analysis.rows import (
    Answer,
    Collapsed,
    EnglishScore,
    Estimate,
    GapRow,
    LanguageSlope,
    LearnedNothing,
)
from xlgap.analysis.sentence import of_refit
from xlgap.analysis.study import Study
from xlgap.analysis.tables import flat, write_rows
from xlgap.errors import ResultError
from xlgap.formats import read_json, write_json
from xlgap.records import EditionScore, Score

DECIMALS = 6
FILE = "analysis.json"


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of the study, for its table."""

    name: str
    family: str
    params_total: int | None
    params_nonembedding: int | None


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Everything that the report shows.

    Attributes:
        study, source: name of the study; ``lab``, ``release`` or ``hub``.
        confidence: of all intervals.
        models, tasks, arms, seeds: of the study.
        regimes: (arm, regime) of each arm.
        gaps, estimates, english, collapsed: measured, see :class:`~xlgap.analysis.measure.Measured`.
        controls: untrained twins among the models; they are in no slope.
        published_gaps, published_slopes: the same analysis of published scores.
        answers: to all five questions, measured first.
        left_out: (arm, task, reason) of undefined pairs.
        preliminary: (arm, task, tasks in order) of pairs with an English intermediate stage by recipe.
        missing: keys of cells without scores; the report is partial when there are any.
        editions: overall scores of the benchmark's editions, where the study has tasks of them.
        errors: of the tests of diagnostic suites.
        data: the data sets, with licence and citation.
        distances: the zero-shot loss over every measure of distance, measured and published.
        subwords: how the tokenizers split the study's test text.
        refits: measured slopes with parts of the study left out.
        excused: leaks of test items that documented exceptions let pass.
        claims: of papers, with this study's verdict.
        retention: entries of the retention matrices, where earlier tasks were scored again.
        gains: intermediate task x target task, with tests corrected over families.
        item_tests: two arms on the same items, run by run.
        disagreements: numbers that published sources print differently, and which one the gaps use.
        learned_nothing: runs whose training has learned nothing of a task.
    """

    study: str
    source: str
    confidence: float
    models: tuple[Model, ...]
    tasks: tuple[str, ...]
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    gaps: tuple[GapRow, ...]
    estimates: tuple[Estimate, ...]
    english: tuple[EnglishScore, ...]
    collapsed: tuple[Collapsed, ...]
    published_gaps: tuple[GapRow, ...]
    published_slopes: tuple[LanguageSlope, ...]
    answers: tuple[Answer, ...]
    regimes: tuple[tuple[str, str], ...] = ()
    controls: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str, str], ...] = ()
    preliminary: tuple[tuple[str, str, str], ...] = ()
    missing: tuple[str, ...] = ()
    editions: tuple[EditionScore, ...] = ()
    errors: tuple[ErrorRate, ...] = ()
    data: tuple[DataSet, ...] = ()
    excused: tuple[Excused, ...] = ()
    distances: tuple[DistanceRow, ...] = ()
    subwords: tuple[SubwordRow, ...] = ()
    refits: tuple[Refit, ...] = ()
    disagreements: tuple[DisagreementRow, ...] = ()
    retention: tuple[RetentionRow, ...] = ()
    gains: tuple[GainRow, ...] = ()
    item_tests: tuple[ItemTest, ...] = ()
    claims: tuple[ClaimVerdict, ...] = ()
    learned_nothing: tuple[LearnedNothing, ...] = ()


def analyse(study: Study, published: Sequence[Score]) -> Analysis:
    """Gaps, estimates and answers of a study, and of the published scores beside it."""
    measured = measure(study)
    gaps = gap_rows(published)
    slopes = published_slopes(published)
    printed = published_distances(published, confidence=study.confidence)
    answers = measured_answers(study, measured)
    answers += published_answers(gaps, slopes, published, printed, confidence=study.confidence)
    return rounded(
        Analysis(
            study=study.name,
            source=study.source,
            confidence=study.confidence,
            models=_models(study.scores),
            tasks=tuple(study.tasks),
            arms=tuple(study.arms),
            regimes=tuple((name, arm.regime) for name, arm in study.arms.items()),
            seeds=tuple(sorted({s.seed for s in study.scores if s.seed is not None})),
            gaps=measured.gaps,
            estimates=measured.estimates,
            english=measured.english,
            collapsed=measured.collapsed,
            published_gaps=tuple(gaps),
            published_slopes=tuple(slopes),
            answers=tuple(sorted(answers, key=lambda a: (a.question, a.source))),
            controls=tuple(sorted(study.controls)),
            left_out=study.left_out,
            preliminary=study.preliminary,
            missing=study.missing,
            distances=(*measured_rows(study), *printed),
            subwords=study.subwords,
            refits=measured.refits,
            disagreements=tuple(disagreements(published)),
            retention=() if study.retention is None else tuple(retention_rows(study.retention)),
            gains=measured.gains,
            item_tests=tuple(item_tests(measured.contrasts, study)),
            claims=verdicts(Evidence(answers=by_key(answers), study=study, measured=measured)),
            learned_nothing=tuple(learned_nothing(study.scores, measured.collapsed)),
        )
    )


def published_findings(scores: Sequence[Score]) -> list[Answer]:
    """The answers of published scores alone."""
    slopes, distances = published_slopes(scores), published_distances(scores)
    return published_answers(gap_rows(scores), slopes, scores, distances)


def _models(scores: Sequence[Score]) -> tuple[Model, ...]:
    found = {
        s.model: Model(
            name=s.model,
            family=s.family,
            params_total=s.params_total,
            params_nonembedding=s.params_nonembedding,
        )
        for s in scores
    }
    return tuple(sorted(found.values(), key=lambda m: (m.params_total or 0, m.name)))


def write_analysis(folder: Path, analysis: Analysis) -> None:
    """Write ``analysis.json``, tables as CSV and ``metrics.json`` into ``folder``.

    ``metrics.json`` holds the figures that are compared between versions of a study: each estimate over
    all tasks, and each supported level and slope.
    """
    analysis = rounded(analysis)
    write_json(folder / FILE, dataclasses.asdict(analysis), indent=None)
    for name, kind, rows in (
        ("gaps", GapRow, analysis.gaps),
        ("estimates", Estimate, analysis.estimates),
        ("distances", DistanceRow, analysis.distances),
        ("subwords", SubwordRow, analysis.subwords),
        ("disagreements", DisagreementRow, analysis.disagreements),
        ("retention", RetentionRow, analysis.retention),
        ("gains", GainRow, analysis.gains),
        ("claims", ClaimVerdict, analysis.claims),
    ):
        columns = [f.name for f in dataclasses.fields(kind)]
        write_rows(folder / f"{name}.csv", [flat(r) for r in rows], columns)
    write_json(folder / "metrics.json", metrics(analysis))


def metrics(analysis: Analysis) -> dict[str, Any]:
    """The measured figures that a person compares: English scores, gaps by model, levels, slopes."""
    english: dict[str, dict[str, float]] = {}
    for score in analysis.english:  # a task's primary metric and first arm come first
        english.setdefault(score.task, {}).setdefault(score.model, score.value)
    gaps: dict[str, dict[str, float]] = {}
    for e in analysis.estimates:
        if (e.task, e.scale) == ("mean", "raw"):
            gaps.setdefault(e.gap, {})[e.model] = e.value
    slopes = {
        a.key: a.estimate
        for a in analysis.answers
        if a.source == "measured" and a.supported and ".slope." in a.key
    }
    levels = {
        a.key: a.estimate
        for a in analysis.answers
        if a.source == "measured" and a.supported and a.key.endswith(".level") and not of_refit(a)
    }
    return {"english": english, "gap": gaps, "level": levels, "slope": slopes}


def read_analysis(folder: Path) -> Analysis:
    """Read what :func:`write_analysis` wrote.

    Raises:
        ResultError: no such file, or another version wrote it.
    """
    path = folder / FILE
    if not path.is_file():
        raise ResultError(f"{path}: no such file; run the stage 'analyse' first.")
    try:
        found: Analysis = _built(Analysis, read_json(path))
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(
            f"{path}: not written by this version of xlgap ({error!r}); run the stage 'analyse' again."
        ) from error
    return found


T = typing.TypeVar("T")


def rounded(value: T) -> T:
    """``value`` with every float in it rounded, containers and dataclasses included.

    A field that may be ``None`` is so in place of NaN and of infinities.
    """
    if isinstance(value, float):
        return typing.cast(T, round(value, DECIMALS) + 0.0)
    if isinstance(value, tuple | list):
        return typing.cast(T, type(value)(rounded(v) for v in value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        optional = _optional(type(value))
        changed = {
            name: None if name in optional and _no_number(found) else rounded(found)
            for name, found in ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        }
        return typing.cast(T, dataclasses.replace(value, **changed))
    return value


def _no_number(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


@lru_cache
def _optional(kind: Any) -> frozenset[str]:
    """The fields of a dataclass that may be ``None``."""
    hints = _hints(kind)
    return frozenset(name for name, hint in hints.items() if type(None) in typing.get_args(hint))


@lru_cache
def _hints(kind: Any) -> dict[str, Any]:
    """The types of a dataclass' fields; they are evaluated once."""
    return typing.get_type_hints(kind)


def _built(kind: Any, value: Any) -> Any:
    """JSON back into the type ``kind``: dataclasses, tuples and plain values."""
    if value is None:
        return None
    if isinstance(kind, types.UnionType):
        return _built(next(a for a in typing.get_args(kind) if a is not type(None)), value)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _record(kind, value)
    if typing.get_origin(kind) is tuple:
        parts = typing.get_args(kind)
        inner = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        return tuple(_built(k, v) for k, v in zip(inner, value, strict=True))
    return float(value) if kind is float else value


def _record(kind: Any, value: Mapping[str, Any]) -> Any:
    hints = _hints(kind)
    return kind(**{f.name: _built(hints[f.name], value[f.name]) for f in dataclasses.fields(kind)})
