"""Stage: fine-tune a cell for every seed and write its predictions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.cell import Cell, Grid
from xlgap.errors import ConfigError
from xlgap.evaluation.pooled import can_pool, predict_languages
from xlgap.evaluation.predict import embed_pool, predict
from xlgap.formats import atomic_dir, write_json, write_jsonl
from xlgap.models.adapters import adapter_parameters
from xlgap.models.network import Network
from xlgap.models.shares import can_be_called
from xlgap.models.size import size_of
from xlgap.stages.describe import describe, operations
from xlgap.stages.engine_plan import cell_plan, engine_params, phase_plan, predictions
from xlgap.stages.fit import Fitted, fit
from xlgap.stages.identity import run_digest, run_name, run_tags
from xlgap.stages.observe import StopSignal, TrainingObserver, progress_bar
from xlgap.stages.recipe import predictor, recipe, retrieval_block, train_digest
from xlgap.stages.selection import Selection
from xlgap.stages.split import shared
from xlgap.stages.start import Start, arm_start
from xlgap.stages.study import Study
from xlgap.stages.track import open_tracker, peak_source, usage, utilisation, write_journal
from xlgap.stages.unkept import give_up
from xlgap.tasks import get_task
from xlgap.tasks.base import Rank
from xlgap.tracking.base import Tracker
from xlgap.training.engine import agreed, barrier, rank, world_size
from xlgap.training.watchdog import together, watched
from xlgap.training.zero import deepspeed_config


def finetune(study: Study, model: str, arm: str, task: str) -> None:
    """``xlgap finetune MODEL ARM TASK``: predictions of every seed and language, and ``cell.json``.

    A seed whose weights exist under their train digest is not trained again.

    Raises:
        UnknownNameError: the grid has no such cell.
    """
    cell = trained_cell(study.grid, f"{model}-{arm}-{task}")
    out, train = layout.predictions(task, model, arm), study.params.train
    with together(threads=train.threads, hang_seconds=train.hang_seconds):
        stop = StopSignal()
        if rank() != 0:
            for seed in study.params.study.seeds:
                _one_seed(study, cell, seed, None, stop)
            return
        with atomic_dir(out) as folder:
            facts = [_one_seed(study, cell, seed, folder, stop) for seed in study.params.study.seeds]
            write_json(folder / "cell.json", _cell_facts(cell, facts))
        give_up((of_seed["digest"] for of_seed in facts), cell.key)


def trained_cell(study_grid: Grid, key: str) -> Cell:
    """The cell with ``key``, which is fine-tuned or predicted as it is.

    Raises:
        ConfigError: it is chosen among others.
        UnknownNameError: the grid has no such cell.
    """
    cell = study_grid.cell(key)
    if cell.chosen:
        raise ConfigError(
            f"cell '{key}' trains nothing, it is chosen among {', '.join(cell.arm.spec.choices)}; run "
            f"'xlgap choose {cell.task.name}'."
        )
    return cell


def _one_seed(
    study: Study, cell: Cell, seed: int, folder: Path | None, stop: StopSignal
) -> dict[str, Any]:
    stop.check(seed)
    start = arm_start(study.params, cell.model, cell.arm, seed=seed)
    name = run_name(cell, seed)
    trained = train_digest(study, cell.model, start.digest, cell.phases, seed)
    key = run_digest(study, cell, seed, trained=trained)
    tracker = open_tracker(study, name=name, digest=key, kind="cell", tags=run_tags(cell))
    with stop.listening(), progress_bar() as display, tracker as run:
        observer = TrainingObserver(name, stop, run, display)
        fitted = fit(
            study,
            cell.model,
            start,
            cell.phases,
            seed=seed,
            observer=observer,
            scored=cell.task.kind,
            owner=cell.key,
        )
        predicted = time.monotonic()
        if folder is not None or fitted.split:
            with _all_predict(study, split=fitted.split), can_be_called(fitted.network):
                place = folder and folder / f"seed{seed}"
                _predict(study, cell, fitted.network, start, place, split=fitted.split)
        agreed(True)
        timing = observer.timing(evaluate=time.monotonic() - predicted)
        facts = _seed_facts(start, fitted, seed)
        describe(run, study, cell, facts, predictions=folder)
        planned = _track_training(study, cell, run, facts)
        kept = fitted.checkpoint_bytes
        written = {} if kept is None else {"checkpoint_measured_bytes": float(kept)}
        run.metrics(usage(timing) | written | _of_peak(study, facts, observer))
        if rank() == 0:
            journal = partial(write_journal, cell.key, seed, timing=timing, figures=planned | written)
            journal(digest=fitted.digest, run_id=run.run_id)
    return facts


@contextmanager
def _all_predict(study: Study, *, split: bool) -> Iterator[None]:
    """Watch that predictions go on, where all processes make them together.

    Raises:
        TryAgainError: another process is gone.
    """
    if not split:  # others wait for the first one, as long as it takes
        yield
        return
    with watched(study.params.train.hang_seconds) as watchdog, watchdog.modules("the predictions"):
        yield
        watchdog.beat("the end of the predictions")
        barrier()


def _predict(
    study: Study,
    cell: Cell,
    network: Network,
    start: Start,
    folder: Path | None,
    *,
    split: bool = False,
) -> None:
    """One file a language, and what was selected on other rows than those scored.

    All ranks predict with a network that is split; those without a folder write nothing.
    """
    params, task = study.params, cell.task
    layers: int = network.encoder.config.num_hidden_layers  # type: ignore[union-attr, assignment]
    block = retrieval_block(params, cell.model, layers)
    how = predictor(task, params, start.tokenizer, block, share=shared(split=split))
    if isinstance(task.kind, Rank):
        codes = task.kind.pool
        candidates = [row for code in codes for row in study.rows(task.name, "candidates", code)]
        how = replace(how, pool=embed_pool(network, task.kind, candidates, how))
    select = Selection(study, cell, network, how)
    rows = {code: study.rows(task.name, "test", code) for code in cell.eval_languages(params)}
    pooled = predict_languages(network, task.kind, rows, how) if can_pool(task.kind) else {}
    for language, of_one in rows.items():
        found = pooled.get(language) or select.predicted(language)
        found = found or predict(network, task.kind, of_one, select.how(language))
        if folder is not None:
            write_jsonl(folder / f"{language}.jsonl", found)
    for name, facts in select.facts().items():
        if folder is not None:
            write_json(folder / name, facts)


def _seed_facts(start: Start, fitted: Fitted, seed: int) -> dict[str, Any]:
    """Deterministic facts of one seed."""
    adapters = adapter_parameters(fitted.network)
    return {
        "seed": seed,
        "digest": fitted.digest,
        "start": start.digest,
        "phases": list(fitted.phases),
        "size": asdict(size_of(fitted.network)),
        "encoder": start.facts["size"],
        "tokenizer": start.tokenizer.digest,
        "pretrained_tokens": start.facts.get("training", {}).get("tokens"),
        **({} if start.warm is None else {"warm": dict(start.warm)}),
        **({"adapters": adapters} if adapters else {}),
    }


def _cell_facts(cell: Cell, seeds: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "model": cell.model,
        "arm": cell.arm.name,
        "regime": cell.arm.spec.regime,
        "train_language": cell.arm.train_language,
        "task": cell.task.name,
        "trained_on": cell.trained_on if cell.phases else None,
        "seeds": seeds,
    }


def _track_training(study: Study, cell: Cell, run: Tracker, facts: dict[str, Any]) -> dict[str, float]:
    """How the engine was told to train, which no out holds; returns what the planner predicts."""
    train = study.params.train
    names = ("zero_stage", "offload_optimizer", "offload_parameters", "micro_batch_tokens")
    told = {"world_size": world_size()} | {name: getattr(train, name) for name in names}
    peak = peak_source()
    run.params(told if peak is None else told | {"peak_source": peak})
    if not cell.phases:
        return {}
    plan = cell_plan(study, cell)
    numbers = recipe(get_task(cell.trained_on), study.params, cell.model)
    zero, token_budget = phase_plan(cell.phases[-1], study.params, cell.model, numbers)
    found = predictions(plan, facts, zero, on_dev=numbers.select == "dev")
    run.params(engine_params(zero, token_budget))
    run.metrics(found)
    run.document(deepspeed_config(zero), name="deepspeed.json")
    return found


def _of_peak(study: Study, facts: dict[str, Any], observer: TrainingObserver) -> dict[str, float]:
    """Of the steps that this process did: others may be an earlier one's, or found done.

    Of a training that was resumed all steps count as equally large.
    """
    if not observer.steps:
        return {}
    share = observer.steps / sum(phase["steps"] for phase in facts["phases"])
    flops = {name: share * number for name, number in operations(facts).items()}
    return utilisation(**flops, timing=observer.timing(), precision=study.params.train.precision)
