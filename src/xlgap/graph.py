"""The mapping that ``dvc.yaml`` iterates, made from ``params.yaml``; and the directories of studies.

``dvc.yaml`` is written by hand; which cells it has stands in ``graph.yaml``, written by ``make graph``.
A study file ``studies/NAME.yaml`` becomes the directory ``studies/NAME`` with the merged
``params.yaml``, its ``graph.yaml`` and a copy of ``dvc.yaml``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from xlgap import layout
from xlgap.alone import alone
from xlgap.arms import wanted_translations
from xlgap.cell import Arm, Cell, Grid, grid
from xlgap.checkout import checkout_root, model_directory
from xlgap.config import Params, ScratchModel, load_params
from xlgap.data import released
from xlgap.data.sources import has_dev
from xlgap.errors import ConfigError
from xlgap.formats import write_text
from xlgap.mapping import read_mapping
from xlgap.models.catalogue import pinned_revision
from xlgap.regimes.base import Translations, trained_on
from xlgap.retained import Retained, retained_cells, scored_sets, scored_splits
from xlgap.tasks import get_task

HEADER = "# Written by 'make graph' from params.yaml. Do not edit.\n"


def graph_mapping(
    params: Params, *, root: str, files: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What ``graph.yaml`` holds: the items of every ``foreach`` of ``dvc.yaml``.

    Args:
        params: of the study.
        root: path from the study's directory to the checkout.
        files: digests of the release files that the study reads, see
            :func:`~xlgap.data.released.release_digests`; None where it reads none or they are unknown.

    Raises:
        ConfigError: see :func:`~xlgap.cell.grid`; also a hub checkpoint without a commit.
    """
    study_grid, read = grid(params), files or {}
    again = retained_cells(params, study_grid)
    unread = {"unread": rows} if (rows := scored_sets(params, study_grid)) else {}
    wanted = wanted_translations({arm.name: arm.spec for arm in study_grid.arms})
    items = {
        "root": root,
        "prepare": {name: _prepare_item(name, params, study_grid, read) for name in params.all_tasks},
        "translate": _translate_items(wanted, root),
        # DVC wants a path where there is none: one that the stages depend on in any case
        "translated": (layout.TRANSLATED if wanted else layout.PREPARED).as_posix(),
        "corpus": {"needed": needs_corpus(params), **unread, **_files(released.CORPUS, read)},
        "pretrain": {m: {"model": m, "entry": pretraining_entry(params, m)} for m in params.models},
        "warmstart": {
            f"{model}-{arm.name}": {"model": model, "arm": arm.name, "text": _text(model, arm)}
            for model in params.models
            for arm in study_grid.arms_of(model)
        },
        "finetune": {cell.key: _cell_item(cell, params) for cell in study_grid.trained},
        "heldout": _heldout_items(params, unread),
        "retention": {
            found.cell.key: {
                "model": found.cell.model,
                "arm": found.cell.arm.name,
                "task": found.cell.task.name,
                "asked": _asked(found, params),
            }
            for found in again
        },
        "earlier": {
            f"{found.cell.arm.name}-{found.cell.task.name}": _scored(found, params) for found in again
        },
        "evaluation": params.evaluation.of_cells,
        "choose": _choose_items(study_grid),
        "score": _score_items(study_grid),
    }
    return {"graph": items}  # one key: DVC merges this mapping with params.yaml


def pretraining_entry(params: Params, model: str) -> dict[str, Any]:
    """What pretraining reads of a model's entry: no number of fine-tuning; a checkpoint's commit.

    Also whether a checkpoint's own head of masked language modelling is wanted, for arms with text.

    Raises:
        ConfigError: a hub checkpoint without a commit.
    """
    spec = params.models[model]
    if isinstance(spec, ScratchModel):
        return spec.pretraining
    revision = pinned_revision(spec.hub, spec.revision, key=f"models.{model}.revision")
    pinned = {"hub": spec.hub} if revision is None else {"hub": spec.hub, "revision": revision}
    return {**pinned, "masked_head": True} if mixes_text(params) else pinned


def needs_corpus(params: Params) -> bool:
    """Whether some model is pretrained here, or some arm mixes pretraining text into its training."""
    return mixes_text(params) or needs_tokenizer(params)


def mixes_text(params: Params) -> bool:
    """Whether some arm mixes pretraining text into its training."""
    return any(entry.mlm_rate is not None for entry in params.arms.values())


def needs_tokenizer(params: Params) -> bool:
    """Whether some model is pretrained here, with a tokenizer of the study's own."""
    return any(isinstance(model, ScratchModel) for model in params.models.values())


def _text(model: str, arm: Arm) -> str:
    """What an arm's warm start depends on beside the index: the text that it trains on, if any."""
    masked = any(phase.mlm_rate is not None for phase in arm.warm_phases)
    return (layout.CORPUS if masked else layout.pretrained(model)).as_posix()


def _prepare_item(
    name: str, params: Params, study_grid: Grid, read: Mapping[str, str]
) -> dict[str, Any]:
    task = get_task(name)
    section = "tasks" if name in params.tasks else "intermediate"
    return {
        "section": section,
        "trained_on": trained_on(task),
        "train": list(study_grid.trained_in(task)),
        **_files(name, read),
    }


def _files(reader: str, read: Mapping[str, str]) -> dict[str, str]:
    return {"files": read[reader]} if reader in read else {}


def _cell_item(cell: Cell, params: Params) -> dict[str, Any]:
    phases = cell.phases
    source = cell.trained_on if phases else cell.task.name
    manifest = (layout.prepared(source) / "manifest.json").as_posix()
    train = layout.rows(source, "train", phases[-1].language).as_posix() if phases else manifest
    dev = manifest
    if phases and not phases[-1].selects:
        dev = train
    elif phases and has_dev(get_task(phases[-1].selected_on), params.study.source):
        last = phases[-1]
        dev = layout.rows(last.selected_on, "dev", last.select_language).as_posix()
    return {
        "model": cell.model,
        "arm": cell.arm.name,
        "task": cell.task.name,
        "section": "tasks" if source in params.tasks else "intermediate",
        "trained_on": source,
        "train": train,
        "dev": dev,
    }


def _scored(found: Retained, params: Params) -> dict[str, dict[str, str]]:
    """By earlier task and language the split that is scored again."""
    return {name: dict(scored_splits(name, params)) for name in found.tasks}


def _asked(found: Retained, params: Params) -> dict[str, Any]:
    """What is scored again of a cell, and on how much; lines of text are a dependency of their own."""
    asked = params.evaluation.retention
    assert asked is not None
    return {
        "scored": _scored(found, params),
        "text": list(asked.languages or params.languages.evaluation),
        "rows": asked.rows,
        "probe_rows": asked.probe_rows,
        "batch_tokens": params.evaluation.batch_tokens,
    }


def _heldout_items(params: Params, unread: Mapping[str, Any]) -> dict[str, Any]:
    """One item where retention is asked for; DVC wants no stage else."""
    asked = params.evaluation.retention
    if asked is None:
        return {}
    return {"text": {"lines": asked.mlm_lines if needs_corpus(params) else 0, **unread}}


def _translate_items(wanted: Mapping[tuple[str, str], Translations], root: str) -> dict[str, Any]:
    """By task and language, what is translated, by what, and what that depends on."""
    items = {}
    for (task, language), source in wanted.items():
        # DVC wants a path where there is none: one that the stage depends on in any case
        reads = layout.rows(task, "train", "en").as_posix()
        code = "src/xlgap/data/translated.py"
        if source.hub is not None:
            code = "src/xlgap/models/translate.py"
            if model_directory(source.hub):
                reads = Path(root, source.hub).as_posix()
        elif source.file is not None:
            reads = Path(root, source.file.format(task=task, language=language)).as_posix()
        elif source.lab:
            reads = Path(root, "src/xlgap/lab").as_posix()
        by = {key: value for key, value in asdict(source).items() if value}
        items[f"{task}-{language}"] = {
            "task": task,
            "language": language,
            "by": by,
            "reads": reads,
            "code": Path(root, code).as_posix(),
        }
    return items


def _score_items(study_grid: Grid) -> dict[str, Any]:
    tasks = dict.fromkeys(cell.task.name for cell in study_grid.cells)
    chosen = {cell.task.name for cell in study_grid.cells if cell.chosen}
    return {
        task: {
            "cells": [cell.key for cell in study_grid.of_task(task)],
            # DVC wants a path where there is none: the one that the stage depends on in any case
            "chosen": ((layout.CHOSEN if task in chosen else layout.PREDICTIONS) / task).as_posix(),
        }
        for task in tasks
    }


def _choose_items(study_grid: Grid) -> dict[str, Any]:
    """By task, its best-of cells and what each is chosen from."""
    found: dict[str, dict[str, list[str]]] = {}
    for cell in study_grid.cells:
        if cell.chosen:
            choices = [choice.key for choice in study_grid.choices(cell)]
            found.setdefault(cell.task.name, {})[cell.key] = choices
    return {task: {"cells": cells} for task, cells in found.items()}


def graph_text(params: Params, directory: Path, *, read_files: bool = True) -> str:
    """The text of ``graph.yaml`` in a study's directory.

    Args:
        params: of the study.
        directory: the study's.
        read_files: look at the release files below ``XLGAP_DATA``; otherwise, and where it is not set,
            their digests are those that stand in ``graph.yaml``.

    Raises:
        ConfigError: see :func:`graph_mapping`.
        DataError: ``XLGAP_DATA`` names no directory.
    """
    root = checkout_root(directory)
    files: Mapping[str, str] = {}
    if params.study.source == "release":
        look = read_files and os.environ.get(released.VARIABLE)
        files = released.release_digests(params, root) if look else _recorded(directory / layout.GRAPH)
    mapping = graph_mapping(params, root=os.path.relpath(root, directory.resolve()), files=files)
    return HEADER + yaml.dump(mapping, Dumper=yaml.CSafeDumper, sort_keys=False, width=100)


def _recorded(path: Path) -> dict[str, str]:
    """The digests of release files in a ``graph.yaml``."""
    items = read_mapping(path)["graph"] if path.is_file() else {}
    readers = {**items.get("prepare", {}), released.CORPUS: items.get("corpus", {})}
    return {name: item["files"] for name, item in readers.items() if "files" in item}


def is_stale(directory: Path, params: Params | None = None, *, read_files: bool = True) -> bool:
    """Whether ``graph.yaml`` no longer fits ``params.yaml``, or ``dvc.yaml`` the checkout's.

    Args:
        directory: the study's.
        params: its parameters, where they are read already.
        read_files: see :func:`graph_text`.
    """
    params = params or load_params(directory / layout.PARAMS)
    found = directory / layout.GRAPH
    wanted = graph_text(params, directory, read_files=read_files)
    return not (_holds(found, wanted) and _holds(directory / "dvc.yaml", _stages(directory)))


def require_fresh(directory: Path, params: Params | None = None, *, read_files: bool) -> None:
    """Stop where DVC would run by a graph that was made of something else.

    Args:
        directory: the study's.
        params: its parameters, where they are read already.
        read_files: release files will be read, and must be those that the graph knows.

    Raises:
        ConfigError: ``graph.yaml`` does not fit ``params.yaml`` or the release files.
        DataError: see :func:`~xlgap.data.released.data_dir`.
    """
    params = params or load_params(directory / layout.PARAMS)
    if read_files:
        released.data_dir(params, checkout_root(directory))
    if is_stale(directory, params, read_files=read_files):
        files = " or the files below XLGAP_DATA" if params.study.source == "release" else ""
        raise ConfigError(
            f"graph.yaml was made before params.yaml{files} changed; run 'make graph', then this "
            "again: models, arms, tasks and languages are changed in params.yaml, not with '-S'."
        )


def write_graph(directory: Path, *, patience: float = 0.0) -> bool:
    """Write ``graph.yaml`` and ``dvc.yaml`` of a study's directory; returns whether one changed.

    Args:
        directory: the study's.
        patience: seconds to wait for the end of a run that is going on.

    Raises:
        ResultError: it would change under a run that is going on.
    """
    text = graph_text(load_params(directory / layout.PARAMS), directory)
    written = (
        write_if_changed(directory / "dvc.yaml", _stages(directory), patience=patience),
        write_if_changed(directory / layout.GRAPH, text, patience=patience),
    )
    return any(written)


def _stages(directory: Path) -> str:
    """The text of the checkout's ``dvc.yaml``.

    Raises:
        ConfigError: there is none.
    """
    path = checkout_root(directory) / "dvc.yaml"
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; bring it back with 'git checkout dvc.yaml'.")
    return path.read_text(encoding="utf8")


def stage_names(directory: Path) -> set[str]:
    """The stages of a study's graph, as DVC names them: ``corpus``, ``pretrain@xs``."""
    items = read_mapping(directory / layout.GRAPH)["graph"]
    names = set()
    for name, stage in read_mapping(directory / "dvc.yaml")["stages"].items():
        over = stage.get("foreach", "").removeprefix("${graph.").removesuffix("}")
        names |= {f"{name}@{key}" for key in items[over]} if over else {name}
    return names


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def write_if_changed(path: Path, text: str, *, patience: float = 0.0) -> bool:
    """Write a file of a study unless it holds ``text``; returns whether it did not.

    Args:
        path: in the study's directory.
        text: all of it.
        patience: seconds to wait for the end of a run that is going on.

    Raises:
        ResultError: it would change under a run that is going on.
    """
    if _holds(path, text):
        return False
    with alone(path.parent, patience=patience):
        write_text(path, text)
    return True
