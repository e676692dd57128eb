"""The official submission layout: a study's predictions in it, and anyone's scored from it."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xlgap import layout, listings
from xlgap.cell import Cell, require_complete
from xlgap.data.released import VARIABLE
from xlgap.errors import ConfigError, DataError, ResultError, unknown
from xlgap.evaluation import ledger, official, official_read
from xlgap.evaluation.editions import EDITIONS, overall
from xlgap.evaluation.submission import Submission, official_name, score_folder
from xlgap.formats import atomic_dir, read_jsonl
from xlgap.records import EditionScore
from xlgap.stages.overall import as_table, overall_lines, tested_in
from xlgap.stages.study import Study, predictions
from xlgap.tasks import get_task
from xlgap.tasks.base import Task

COLUMNS = ("task", "language", "official", "corrected", "metrics")
EDITION_COLUMNS = ("edition", "level", "name", "official", "corrected", "of", "rows")


def export_official(
    study: Study, out: Path, *, model: str | None, arm: str | None, seed: int | None
) -> list[Path]:
    """Write ``<task>/test-<language>.*`` of each model, arm and seed; return where each one is.

    One alone, as the choice or the study leaves it, is ``out`` itself; of several each is
    ``OUT/<model>/<arm>/seed<k>``.

    Args:
        study: the study in the current directory.
        out: must be empty or absent; it is there as a whole or not at all.
        model: this one alone.
        arm: this one alone.
        seed: this one alone.

    Raises:
        ConfigError: ``out`` has something in it, or cannot be written.
        DataError: predictions are not of the prepared rows.
        UnknownNameError: the study has no such model, arm or seed.
        ResultError: it has no task of the layout, or a cell has no predictions.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"--official {out}: it is not empty; name a directory that is not there yet.")
    folders = {task.name: folder for folder, task in official.layout().items()}
    _check_choice(study, model=model, arm=arm, seed=seed)
    cells = [
        cell
        for cell in study.grid.cells
        if cell.task.name in folders and model in (None, cell.model) and arm in (None, cell.arm.name)
    ]
    if not cells:
        raise ResultError(
            f"none of the tasks asked for has an official layout; those that have one: "
            f"{', '.join(folders)}."
        )
    seeds = [k for k in study.params.study.seeds if seed in (None, k)]
    names = dict.fromkeys((cell.model, cell.arm.name) for cell in cells)
    places = {
        (*name, k): Path() if len(names) * len(seeds) == 1 else Path(*name, f"seed{k}")
        for name in names
        for k in seeds
    }
    require_complete([c.key for c in cells if not (predictions(c) / "cell.json").is_file()])
    try:
        with atomic_dir(out) as temporary:
            for cell in cells:
                study.manifest(cell.task.name)  # what it says of the rows is told afterwards
                for k in seeds:
                    place = temporary / places[cell.model, cell.arm.name, k]
                    _write_cell(study, cell, k, place / folders[cell.task.name])
    except OSError as error:
        raise ConfigError(
            f"--official {out}: cannot be written ({error.strerror}); name another directory."
        ) from error
    return [out / place for place in places.values()]


def export_notes(study: Study, folders: Sequence[Path]) -> Iterator[str]:
    """What of an export is not of a whole official test file, a sentence each task."""
    known = official.layout()
    for name in sorted({place.name for folder in folders for place in folder.iterdir()}):
        listed = study.manifest(known[name].name)["splits"].get("test", {})
        parts = [why for code, facts in listed.items() if (why := _part(known[name], code, facts))]
        if parts:
            others = f" and {len(parts) - 1} more" if len(parts) > 1 else ""
            yield (
                f"{name}: not of whole official test files ({parts[0]}{others}), so that no official "
                f"scorer takes it; score it with --data {layout.PREPARED}."
            )


def _part(task: Task, language: str, facts: Mapping[str, Any]) -> str:
    """What a language was tested on in place of the whole official file; empty where it was that."""
    if facts["rows"] != facts.get("released_rows", facts["rows"]):
        return f"{language}: {facts['rows']} of {facts['released_rows']} rows"
    files = facts.get("origin", {}).get("files", [])
    if files and files[0]["path"] != official_name(task, language):
        return f"{language}: {files[0]['path']}"
    return ""


def _check_choice(study: Study, *, model: str | None, arm: str | None, seed: int | None) -> None:
    if model is not None and model not in study.params.models:
        raise unknown("model", model, study.params.models)
    if arm is not None and arm not in study.params.arms:
        raise unknown("arm", arm, study.params.arms)
    if seed is not None and seed not in study.params.study.seeds:
        raise unknown("seed", str(seed), map(str, study.params.study.seeds))


def _write_cell(study: Study, cell: Cell, seed: int, place: Path) -> None:
    place.mkdir(parents=True)
    for language in cell.eval_languages(study.params):
        gold = study.rows(cell.task.name, "test", language)
        source = predictions(cell) / f"seed{seed}" / f"{language}.jsonl"
        found = read_jsonl(source)
        try:
            text = official.written(cell.task, gold, found)
            official_read.read(cell.task, gold, text)
        except DataError as error:
            raise DataError(f"{source}, {error}") from error
        path = place / official.file_name(cell.task, language)
        path.write_text(text, encoding="utf8", newline="")


def score_predictions(folder: Path, data: Path | None) -> tuple[Submission, tuple[EditionScore, ...]]:
    """Scores of a folder in the official layout, and of the editions that it has tasks of.

    Args:
        folder: of anyone's system.
        data: release files, or a study's ``data/prepared``; the directory that ``XLGAP_DATA`` names
            when ``None``.

    Raises:
        DataError, ResultError: see :func:`~xlgap.evaluation.submission.score_folder`.
    """
    if data is None:
        value = os.environ.get(VARIABLE, "")
        if not value:
            raise DataError(
                f"predictions are scored on release files: set {VARIABLE} to the directory that holds "
                "them, or give it, or a study's data/prepared, as --data."
            )
        data = Path(value)
    if not data.is_dir():
        raise DataError(f"--data {data}: no such directory; name the one with the test data.")
    found = score_folder(folder, data)
    tested = {**tested_in(data), **found.tested}
    rows: list[EditionScore] = []
    for edition in EDITIONS.values():
        if set(found.scores) & set(edition.tasks):
            rows += overall(edition, [found.scores], model=str(folder), arm="", tested=tested)
    return found, tuple(rows)


def print_submission(folder: Path, data: Path | None, *, as_json: bool) -> None:
    """``xlgap score --predictions``: every score of a folder; what it lacks goes to stderr.

    Args:
        folder: see :func:`score_predictions`.
        data: the same.
        as_json: everything as JSON, with the same notes.

    Raises:
        ResultError: after the scores of the others are printed: some of its files cannot be scored.
    """
    found, rows = score_predictions(folder, data)
    notes = list(submission_notes(found))
    for note in notes:
        print(note, file=sys.stderr)
    if as_json:
        everything = {**asdict(found), "notes": notes, "editions": [asdict(row) for row in rows]}
        print(json.dumps(everything, indent=1, ensure_ascii=False))
    else:
        terminal = sys.stdout.isatty()
        listings.show(submission_table(found), COLUMNS, terminal=terminal)
        if rows:
            listings.show(as_table(rows), EDITION_COLUMNS, terminal=terminal)
            print("\n".join(overall_lines(rows)))
    if found.refused:
        sys.stdout.flush()
        raise ResultError(
            f"{folder}: not scored, and told above: {', '.join(found.refused)}; expected files of the "
            "official layout, mend them and score again."
        )


def submission_notes(found: Submission) -> Iterator[str]:
    """What is wrong or odd in files, what the folder lacks, and what is not scored, a sentence each."""
    yield from found.refused.values()
    for path, odd in found.odd.items():
        yield from (f"{path}: {each}." for each in odd)
    for task, names in found.missing.items():
        yield f"{task}: these files are missing: {', '.join(names)}."
    yield from _by_task("not scored", found.unscored)
    yield from _by_task("not comparable with official scores", found.stand_ins)


def _by_task(what: str, reasons: Mapping[str, str]) -> Iterator[str]:
    """A sentence a task: the first file with its reason, and the names of the others."""
    tasks: dict[str, dict[str, str]] = {}
    for path, why in reasons.items():
        name, file = path.split("/")
        tasks.setdefault(name, {})[file] = why
    for name, files in tasks.items():
        (file, why), *others = files.items()
        yield f"{name}: {what}: {', '.join([f'{file} ({why})', *(other for other, _ in others)])}."


def submission_table(found: Submission) -> list[dict[str, Any]]:
    """A line a task and language: both scores, and every metric by name."""
    rows: list[dict[str, Any]] = []
    for name, of_task in found.scores.items():
        task = get_task(name)
        for language, values in of_task.items():
            rows.append(
                {
                    "task": name,
                    "language": language,
                    "official": statistics.fmean(values[m] for m in ledger.official(task)),
                    "corrected": statistics.fmean(values[m] for m in ledger.corrected(task)),
                    "metrics": ", ".join(f"{m} {v:.2f}" for m, v in values.items()),
                }
            )
    return rows
