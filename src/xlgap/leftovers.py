"""Outs of stages that are no longer in a study's graph.

DVC leaves them where they are, and a stage that depends on a whole folder, such as
``results/predictions/TASK``, would hash them with the outs that it reads.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from xlgap import layout
from xlgap.alone import alone
from xlgap.arms import wanted_translations
from xlgap.cell import grid
from xlgap.config import load_params
from xlgap.retained import retained_cells

OUTS = (
    (layout.PREPARED, "*"),
    (layout.TRANSLATED, "*/*"),
    (layout.CHECKS, "*.json"),
    (layout.PRETRAINED, "*"),
    (layout.WARM, "*/*"),
    (layout.PREDICTIONS, "*/*"),
    (layout.HELDOUT, "*"),
    (layout.RETENTION, "*/*"),
    (layout.CHOSEN, "*"),
    (layout.SCORES, "*.csv"),
    (layout.ITEMS, "*.parquet"),
)
"""Folders of the outs of ``foreach`` stages, and how these are named in them."""


def remove_leftovers(study: Path, *, patience: float = 0.0) -> list[Path]:
    """Remove outs in the directory ``study`` whose task, model, arm or cell is no longer in its grid.

    Args:
        study: its directory.
        patience: seconds to wait for the end of a run that is going on.

    Returns:
        What was removed, relative to ``study``.

    Raises:
        ResultError: a run of the study is going on.
    """
    wanted = _wanted(study)
    left = [
        path.relative_to(study)
        for folder, pattern in OUTS
        for path in sorted((study / folder).glob(pattern))
        if path.name != ".gitignore" and _meant(path.relative_to(study)) not in wanted
    ]
    if left:
        with alone(study, patience=patience):
            for path in left:
                _remove(study / path)
    return left


def _meant(path: Path) -> Path:
    """The out that an unfinished one, ``.NAME.RANDOM``, was to become; any other is itself."""
    if not path.name.startswith("."):
        return path
    return path.with_name(path.name.removeprefix(".").rpartition(".")[0] or path.name)


def _wanted(study: Path) -> set[Path]:
    params = load_params(study / layout.PARAMS)
    study_grid = grid(params)
    cells, trained = study_grid.cells, study_grid.trained
    again = [found.cell for found in retained_cells(params, study_grid)]
    specs = {arm.name: arm.spec for arm in study_grid.arms}
    scored = {cell.task.name for cell in cells}
    return {
        *(place(task) for task in params.all_tasks for place in (layout.prepared, layout.checks)),
        *(layout.translated(*pair) for pair in wanted_translations(specs)),
        *(layout.pretrained(model) for model in params.models),
        *([layout.HELDOUT_TEXT] if again else []),
        *(layout.retention(cell.task.name, cell.model, cell.arm.name) for cell in again),
        *(layout.warm(cell.model, cell.arm.name) for cell in trained),
        *(layout.predictions(cell.task.name, cell.model, cell.arm.name) for cell in trained),
        *(layout.CHOSEN / cell.task.name for cell in cells if cell.chosen),
        *(place(task) for task in scored for place in (layout.scores, layout.items)),
    }


def _remove(path: Path) -> None:
    """Remove an out, and its folder when that was the last one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    if not [p for p in path.parent.iterdir() if p.name != ".gitignore"]:
        shutil.rmtree(path.parent)


def remove_everything(root: Path) -> None:
    """Remove what studies leave, in the checkout ``root`` and in the directories of its studies.

    Raises:
        ResultError: a run of one of them is going on; nothing is removed.
    """
    left = ("data", "models", "results", "report", "scratch", "weights", "journal")
    studies = [root, *(p.with_suffix("") for p in (root / "studies").glob("*.yaml"))]
    with contextlib.ExitStack() as stack:
        for folder in studies:
            if folder.is_dir():
                stack.enter_context(alone(folder))
        for name in (*left, "dvc.lock"):
            _clear(root / name)
        for path in (*studies[1:], *root.glob("mlflow.db*"), root / "mlartifacts", root / ".xlgap"):
            _clear(path)


def _clear(path: Path) -> None:
    """Remove a file or a folder where there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
