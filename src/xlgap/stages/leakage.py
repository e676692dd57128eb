"""Stage: no test item of a cell stands in what the cell is trained on."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from xlgap import layout
from xlgap.formats import write_json
from xlgap.regimes.base import Phase
from xlgap.stages.study import Study
from xlgap.tasks import get_task

if TYPE_CHECKING:
    from xlgap.checks.leakage import Place, Rows
    from xlgap.checks.leakage_gate import Verdict


def leakage(study: Study) -> None:
    """``xlgap leakage``: compare every training set of the study with the test sets it must not know.

    Writes ``results/leakage.json``, or of a study that leaks ``journal/leaks.json``, the list of all
    pairs, and nothing else.

    Raises:
        LeakageError: a leak that no exception covers, or a stale exception.
    """
    from xlgap.checks.leakage_gate import judge, must_be_apart, report, require_clean

    layout.LEAKAGE.unlink(missing_ok=True)  # an earlier verdict is none on these data

    @cache
    def read(place: Place) -> Rows:
        return _read(study, place)

    asked = must_be_apart(study.grid, study.params, read)
    verdict = judge(asked, read, source=study.params.study.source)
    _list_pairs(verdict, layout.LEAKS)
    require_clean(verdict, listed=layout.LEAKS.as_posix())
    write_json(layout.LEAKAGE, report(verdict))


def _read(study: Study, place: Place) -> Rows:
    from xlgap.checks.leakage import Rows
    from xlgap.checks.leakage_gate import TRANSLATED
    from xlgap.checks.leakage_known import files_digest

    task = get_task(place.task)
    if place.split == TRANSLATED:
        phase = Phase(tasks=(place.task,), language=place.language, translated=True)
        rows = study.training_rows(place.task, phase)
        return Rows(place=place, kind=task.kind, parallel=task.parallel, rows=rows)
    listed = study.manifest(place.task)["splits"][place.split][place.language]
    whole = listed["rows"] == listed.get("released_rows")
    return Rows(
        place=place,
        kind=task.kind,
        parallel=task.parallel,
        rows=study.rows(place.task, place.split, place.language),
        data=files_digest(listed.get("origin", {})) if whole else None,
    )


def _list_pairs(verdict: Verdict, path: Path) -> None:
    """All pairs that are no exception, or no file where there are none."""
    path.unlink(missing_ok=True)
    if verdict.leaks:
        places = ({"train": str(leak.train), "test": str(leak.test)} for leak in verdict.leaks)
        pairs = zip(verdict.leaks, places, strict=True)
        write_json(path, [{**asdict(leak), **place} for leak, place in pairs])
