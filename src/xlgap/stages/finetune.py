"""Stage: fine-tune a cell for every seed and write its predictions."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.cell import Cell
from xlgap.config import ScratchModel
from xlgap.evaluation.predict import predict
from xlgap.formats import atomic_dir, write_json, write_jsonl
from xlgap.models.network import Network
from xlgap.models.size import size_of
from xlgap.stages.fit import Fitted, fit
from xlgap.stages.observe import StopSignal, TrainingObserver, progress_bar
from xlgap.stages.recipe import predictor, recipe, train_digest, zero_plan
from xlgap.stages.start import Start, arm_start
from xlgap.stages.study import Study
from xlgap.stages.track import Timing, open_tracker, run_digest, usage, write_journal
from xlgap.tasks import get_task
from xlgap.tracking.base import Tracker
from xlgap.training.engine import agreed, process_group, rank
from xlgap.training.zero import deepspeed_config


def finetune(study: Study, model: str, arm: str, task: str) -> None:
    """``xlgap finetune MODEL ARM TASK``: predictions of every seed and language, and ``cell.json``.

    A seed whose weights exist under their train digest is not trained again.

    Raises:
        UnknownNameError: the grid has no such cell.
    """
    cell = study.grid.cell(f"{model}-{arm}-{task}")
    out = layout.predictions(task, model, arm)
    with process_group(threads=study.params.train.threads):
        stop = StopSignal()
        if rank() != 0:
            for seed in study.params.study.seeds:
                _one_seed(study, cell, seed, None, stop)
            return
        with atomic_dir(out) as folder:
            facts = [_one_seed(study, cell, seed, folder, stop) for seed in study.params.study.seeds]
            write_json(folder / "cell.json", _cell_facts(cell, facts))


def _one_seed(
    study: Study, cell: Cell, seed: int, folder: Path | None, stop: StopSignal
) -> dict[str, Any]:
    stop.check(seed)
    start = arm_start(cell.model, cell.arm, seed=seed)
    name = f"{cell.key} seed {seed}"
    tags = {"xlgap.model": cell.model, "xlgap.arm": cell.arm.name, "xlgap.task": cell.task.name}
    trained = train_digest(study, cell.model, start.digest, cell.phases, seed)
    key = run_digest(study, cell, seed, trained=trained)
    tracker = open_tracker(study, name=name, digest=key, kind="cell", tags=tags)
    with stop.listening(), progress_bar() as display, tracker as run:
        observer = TrainingObserver(name, stop, run, display)
        fitted = fit(study, cell.model, start, cell.phases, seed=seed, observer=observer)
        predicted = time.monotonic()
        if folder is not None:
            _predict(study, cell, fitted.network, start, folder / f"seed{seed}")
        agreed(True)
        timing = observer.timing(evaluate=time.monotonic() - predicted)
        facts = _seed_facts(start, fitted, seed)
        _track(study, cell, run, facts, timing, folder)
        if rank() == 0:
            write_journal(cell.key, seed, digest=fitted.digest, timing=timing, run_id=run.run_id)
    return facts


def _predict(study: Study, cell: Cell, network: Network, start: Start, folder: Path) -> None:
    """One file a language."""
    params, task = study.params, cell.task
    layers: int = network.encoder.config.num_hidden_layers  # type: ignore[union-attr, assignment]
    how = predictor(task, params, start.tokenizer, layers)
    for language in cell.eval_languages(params):
        rows = study.rows(task.name, "test", language)
        write_jsonl(folder / f"{language}.jsonl", predict(network, task.kind, rows, how))


def _seed_facts(start: Start, fitted: Fitted, seed: int) -> dict[str, Any]:
    """Deterministic facts of one seed."""
    return {
        "seed": seed,
        "digest": fitted.digest,
        "start": start.digest,
        "phases": list(fitted.phases),
        "size": asdict(size_of(fitted.network)),
        "encoder": start.facts["size"],
        "tokenizer": start.tokenizer.digest,
        "pretrained_tokens": start.facts.get("training", {}).get("tokens"),
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


def _track(
    study: Study,
    cell: Cell,
    run: Tracker,
    facts: dict[str, Any],
    timing: Timing,
    folder: Path | None,
) -> None:
    """Everything about the run that is no step metric."""
    params = study.params
    size, encoder = facts["size"], facts["encoder"]
    run.params(
        {
            "model": cell.model,
            "arm": cell.arm.name,
            "regime": cell.arm.spec.regime,
            "intermediate": " ".join(cell.arm.spec.intermediate),
            "train_language": cell.arm.train_language,
            "task": cell.task.name,
            "trained_on": cell.trained_on,
            "seed": facts["seed"],
            "zero_stage": params.train.zero_stage,
            "precision": params.train.precision,
            "tokenizer": facts["tokenizer"],
            "start_digest": facts["start"],
            "train_digest": facts["digest"],
            **settings(study, cell),
            **{f"architecture.{k}": encoder[k] for k in ("layers", "d_model", "d_ff", "heads")},
            **{f"architecture.{k}": encoder[k] for k in ("vocabulary", "positions")},
        }
    )
    run.metrics({**_size_metrics(size, encoder), **_compute_metrics(facts, encoder), **usage(timing)})
    for phase in cell.phases:
        for name in phase.tasks:
            found = study.manifest(name)["splits"]["train"][phase.language]
            run.dataset(
                name=f"{name}/train/{phase.language}",
                digest=found["sha256"][:16],
                context="training",
                rows=found["rows"],
            )
    for language in cell.eval_languages(params):
        found = study.manifest(cell.task.name)["splits"]["test"][language]
        run.dataset(
            name=f"{cell.task.name}/test/{language}",
            digest=found["sha256"][:16],
            context="evaluation",
            rows=found["rows"],
        )
    if cell.phases:
        numbers = recipe(get_task(cell.trained_on), params, cell.model)
        run.document(deepspeed_config(zero_plan(params, numbers)), name="deepspeed.json")
    if folder is not None:
        run.artifact(folder / f"seed{facts['seed']}", folder="predictions")


def settings(study: Study, cell: Cell) -> dict[str, Any]:
    """What a cell is trained with and on how many rows, to find its run by.

    The phase on the target task (or its proxy) has plain names, such as ``learning_rate``; those before
    it have their task's name in front. ``test_rows`` is the sum over the languages of the cell.
    """
    params, model = study.params, study.params.models[cell.model]
    tested = study.manifest(cell.task.name)["splits"]["test"]
    found: dict[str, Any] = {
        "test_rows": sum(tested[code]["rows"] for code in cell.eval_languages(params))
    }
    for phase in (*cell.arm.warm_phases, *cell.phases):
        for name in phase.tasks:
            numbers, splits = recipe(get_task(name), params, cell.model), study.manifest(name)["splits"]
            own = model.dropout if isinstance(model, ScratchModel) else "the checkpoint's"
            start = "" if name == cell.trained_on else f"{name}."
            found |= {
                f"{start}learning_rate": numbers.learning_rate,
                f"{start}epochs": numbers.epochs,
                f"{start}batch_rows": numbers.batch_rows,
                f"{start}max_length": numbers.max_length,
                f"{start}dropout": own if numbers.dropout is None else numbers.dropout,
                f"{start}train_rows": splits["train"][phase.language]["rows"],
                f"{start}dev_rows": splits["dev"][phase.select_language]["rows"],
            }
    return found


def _size_metrics(size: dict[str, Any], encoder: dict[str, Any]) -> dict[str, float]:
    return {
        "params_total": encoder["total"],
        "params_nonembedding": encoder["nonembedding"],
        "params_trainable": size["trainable"],
        "params_input_embedding": encoder["input_embedding"],
        "params_head": size["total"] - encoder["total"],
    }


def _compute_metrics(facts: dict[str, Any], encoder: dict[str, Any]) -> dict[str, float]:
    """Tokens and model FLOPs of the target phases; 6 per parameter and token (Kaplan et al. 2020)."""
    tokens = sum(phase["tokens"] for phase in facts["phases"])
    padded = sum(phase["padded_tokens"] for phase in facts["phases"])
    found: dict[str, float] = {
        "train_tokens": tokens,
        "train_tokens_padded": padded,
        "train_steps": sum(phase["steps"] for phase in facts["phases"]),
        "model_flops": 6.0 * encoder["nonembedding"] * tokens,
    }
    if padded:
        found["padding_ratio"] = 1 - tokens / padded
    if facts["pretrained_tokens"] is not None:
        found["pretrained_tokens"] = facts["pretrained_tokens"]
    return found
