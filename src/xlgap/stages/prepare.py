"""Stages of the data: prepare a task, validate it, make the corpus, index what arms read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xlgap import layout
from xlgap.cell import Cell
from xlgap.data.shots import require_rows
from xlgap.data.sources import has_dev
from xlgap.errors import ConfigError
from xlgap.formats import JSON, digest, write_json
from xlgap.graph import needs_corpus, needs_tokenizer
from xlgap.regimes.base import Phase
from xlgap.retained import retained_cells, scored_sets, scored_splits
from xlgap.stages.study import Study
from xlgap.tasks import get_task
from xlgap.tasks.base import Mine, Rank


def prepare(study: Study, task: str) -> None:
    """``xlgap prepare TASK``: rows of every split and language, in the schema of the task's kind."""
    from xlgap.data.prepare import prepare as prepare_task

    _require_entry(study, task)
    prepare_task(get_task(task), study.params, layout.prepared(task), data_dir=study.data_dir())


def validate(study: Study, task: str) -> None:
    """``xlgap validate TASK``: the task's expectation suite over its prepared rows.

    Results and Data Docs go to an MLflow run of their own, also when an expectation is not met.

    Raises:
        DataError: a file is not the one that was prepared.
        ExpectationError: the first expectation that is not met.
    """
    from xlgap.checks.validate import validate as validate_task
    from xlgap.data.prepare import require_as_prepared
    from xlgap.stages.track import open_tracker

    _require_entry(study, task)
    prepared, out, docs = layout.prepared(task), layout.checks(task), layout.data_docs(task)
    require_as_prepared(prepared, study.manifest(task))
    proxy = get_task(task).proxy_train
    key = digest(study.manifest(task))
    with open_tracker(study, name=f"validate {task}", digest=key, kind="validation") as run:
        try:
            validate_task(
                get_task(task),
                study.params,
                prepared,
                out,
                docs=docs,
                proxy=None if proxy is None else layout.prepared(proxy),
            )
        finally:
            for path in (out, docs):
                if path.exists():
                    run.artifact(path, folder="checks" if path == out else "data_docs")


def corpus(study: Study) -> None:
    """``xlgap corpus``: the pretraining text and the ladder's tokenizer.

    A study of hub checkpoints alone has no tokenizer, and text only where an arm mixes it into its
    training: both outs then say so.
    """
    from xlgap.data.corpus import prepare_corpus
    from xlgap.models.tokenizer import train_tokenizer

    if not needs_corpus(study.params):
        note: JSON = {"languages": {}, "source": study.params.study.source, "needed": False}
        write_json(layout.CORPUS / "manifest.json", note)
        write_json(layout.TOKENIZER.parent / "none.json", note)
        return
    again = scored_sets(study.params, study.grid)
    prepare_corpus(study.params, layout.CORPUS, data_dir=study.data_dir(), again=again)
    if not needs_tokenizer(study.params):
        write_json(layout.TOKENIZER.parent / "none.json", {"needed": False})
        return
    lines = (line for code in study.params.languages.pretraining for line in corpus_lines(code))
    text = (part for line in lines for part in line.split("\t"))
    train_tokenizer(text, layout.TOKENIZER, vocabulary=study.params.pretrain.vocabulary)


def corpus_lines(language: str) -> list[str]:
    """The lines of the corpus in one language."""
    text = (layout.CORPUS / f"{language}.txt").read_text(encoding="utf8")
    return text.split("\n")[:-1]


def index(study: Study) -> None:
    """``xlgap index``: what training reads beside the rows of the target task itself.

    ``warmstart`` depends on its own arm's key of this file, ``finetune`` on that of its own arm and
    task, and so on exactly those bytes.

    Raises:
        DataError: a few-shot arm asks for more rows than a task has.
    """
    _check_shots(study)
    of_arm = {arm.name: _read_by(study, arm.warm_phases) for arm in study.grid.arms}
    tasks = study.params.tasks
    of_cell: dict[str, dict[str, Any]] = {name: {task: {} for task in tasks} for name in of_arm}
    for cell in study.grid.cells:  # models of the study read the same
        of_cell[cell.arm.name][cell.task.name] = _read_beside(study, cell)
    again = retained_cells(study.params, study.grid)
    scored = {(found.cell.arm.name, found.cell.task.name): found.tasks for found in again}
    asked: dict[str, Any] = {name: {} for name in of_arm}
    for (arm, task), names in scored.items():
        asked[arm][task] = {name: scored_again(study, name) for name in names}
    write_json(layout.INDEX, {"arms": of_arm, "cells": of_cell, "retention": asked})
    write_json(layout.ASKED_AGAIN, {found.cell.key: list(found.tasks) for found in again})


def _check_shots(study: Study) -> None:
    """Rows are there for all shots, which would otherwise be missed after all training before them."""
    for cell in study.grid.trained:
        for phase in cell.phases:
            if phase.shots is not None:
                for name in phase.tasks:
                    rows = study.training_facts(name, phase)["rows"]
                    require_rows(rows, phase.shots, task=name, language=phase.language)


def scored_again(study: Study, name: str) -> dict[str, Any]:
    """Digests of the rows of an earlier task that are scored, and that a probe is fitted to."""
    splits = study.manifest(name)["splits"]
    places = scored_splits(name, study.params).items()
    return {
        "train": splits["train"]["en"]["sha256"],
        "scored": {code: [split, splits[split][code]["sha256"]] for code, split in places},
    }


def _read_beside(study: Study, cell: Cell) -> dict[str, Any]:
    """What a cell's training and prediction depend on beside its train, dev and test rows.

    Preliminary tasks; the pool that is ranked, and how large a micro-batch is, over which the loss of a
    ranking task is taken; the dev rows that set a mining task's thresholds; the tags of an open set.
    """
    found: dict[str, Any] = {"preliminary": _read_by(study, cell.phases[:-1])}
    if isinstance(cell.task.kind, Rank | Mine):
        split = "candidates" if isinstance(cell.task.kind, Rank) else "dev"
        languages = study.manifest(cell.task.name)["splits"][split]
        found[split] = {code: entry["sha256"] for code, entry in languages.items()}
    return found | study.open_tags(cell.trained_on) | _spread(study, cell.task.name)


def _spread(study: Study, task: str) -> dict[str, int]:
    """How large a micro-batch is, where the loss is over what stands in one: ranking."""
    ranks = isinstance(get_task(task).kind, Rank)
    return {"micro_batch_tokens": study.params.train.micro_batch_tokens} if ranks else {}


def _read_by(study: Study, phases: Iterable[Phase]) -> dict[str, Any]:
    """What phases read: for each task and language digests of its rows, and its entry in the study.

    Of pretraining text, which is a dependency of its own, how it is cut and masked.
    """
    read: dict[str, Any] = {}
    pretrain = study.params.pretrain
    for phase in phases:
        if phase.mlm_rate is not None:
            read["text"] = {
                "languages": study.params.languages.pretraining,
                "sequence_length": pretrain.sequence_length,
                "mask_fraction": pretrain.mask_fraction,
            }
        for name in phase.tasks:
            selecting = study.manifest(phase.dev_of(name))["splits"]
            read[f"{name}/{phase.language}"] = {
                "version": study.params.task(name).version,
                "train": study.training_facts(name, phase)["sha256"],
                "dev": selecting["dev"][phase.select_language]["sha256"]
                if phase.selects and has_dev(get_task(phase.dev_of(name)), study.params.study.source)
                else None,
                "recipe": study.params.task(name).model_dump(),
                **study.open_tags(name),
                **_spread(study, name),
            }
    return read


def _require_entry(study: Study, task: str) -> None:
    get_task(task)  # an unknown name has its own error
    if task not in study.params.all_tasks:
        raise ConfigError(
            f"task '{task}' is not part of this study; add '{task}: {{}}' under 'tasks' or "
            f"'intermediate'. In the study: {', '.join(study.params.all_tasks)}."
        )
