"""What a cell's MLflow run is told from the cell's outs: settings, sizes, data, predictions, scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from xlgap.cell import Cell
from xlgap.config import ScratchModel
from xlgap.data.sources import has_dev
from xlgap.planning.memory import weight_bytes
from xlgap.planning.work import training_operations
from xlgap.records import Score
from xlgap.stages.identity import evaluated
from xlgap.stages.learned import event_tags
from xlgap.stages.recipe import phase_recipe
from xlgap.stages.study import Study
from xlgap.tasks import get_task
from xlgap.tracking.base import Tracker


def describe(
    run: Tracker, study: Study, cell: Cell, facts: dict[str, Any], *, predictions: Path | None
) -> None:
    """Tell ``run`` everything but its scores.

    Args:
        run: of the cell and of the seed of ``facts``.
        study: of the cell.
        cell: what was trained and evaluated.
        facts: the seed's entry of ``cell.json``; of a best-of cell it says which arm was chosen.
        predictions: the folder of the cell's predictions; None in a process that wrote none.
    """
    size, encoder = facts["size"], facts["encoder"]
    trained = cell
    if cell.chosen:
        trained = study.grid.cell(f"{cell.model}-{facts['chosen']}-{cell.task.name}")
        run.params({"chosen": facts["chosen"]})
    run.params(
        {
            "model": cell.model,
            "arm": cell.arm.name,
            "regime": cell.arm.spec.regime,
            "intermediate": " ".join(trained.arm.spec.intermediate),
            "preliminary": " ".join(name for phase in cell.preliminary for name in phase.tasks),
            "train_language": cell.arm.train_language,
            "task": cell.task.name,
            "trained_on": cell.trained_on,
            "seed": facts["seed"],
            "precision": study.params.train.precision,
            "tokenizer": facts["tokenizer"],
            "start_digest": facts["start"],
            "train_digest": facts["digest"],
            **settings(study, trained),
            **mixture(trained),
            **evaluated(study, cell),
            **_adapted(study, cell),
            **{f"architecture.{k}": encoder[k] for k in ("layers", "d_model", "d_ff", "heads")},
            **{f"architecture.{k}": encoder[k] for k in ("vocabulary", "positions", "tied")},
            **{f"component.{path}": count for path, count in size["per_component"].items()},
        }
    )
    sizes = _size_metrics(size, encoder, adapters=facts.get("adapters"))
    run.metrics({**sizes, **_compute_metrics(facts), **operations(facts)})
    run.tags(event_tags([facts.get("warm", {}), *facts["phases"]]))
    for phase in cell.phases:
        for name in phase.tasks:
            _dataset(run, study, name, "train", phase.language, context="training")
    for language in cell.eval_languages(study.params):
        _dataset(run, study, cell.task.name, "test", language, context="evaluation")
    if predictions is not None:
        run.artifact(predictions / f"seed{facts['seed']}", folder="predictions")


def _dataset(run: Tracker, study: Study, task: str, split: str, language: str, *, context: str) -> None:
    found = study.manifest(task)["splits"][split][language]
    run.dataset(
        name=f"{task}/{split}/{language}",
        digest=found["sha256"][:16],
        context=context,
        rows=found["rows"],
    )


def settings(study: Study, cell: Cell) -> dict[str, Any]:
    """What a cell is trained with and on how many rows, to find its run by.

    The phase on the target task (or its proxy) has plain names, such as ``learning_rate``; those before
    it have their task's name in front, those of a few-shot phase ``shots``. ``test_rows`` is the sum
    over the languages of the cell.
    """
    params, model = study.params, study.params.models[cell.model]
    tested = study.manifest(cell.task.name)["splits"]["test"]
    found: dict[str, Any] = {
        "test_rows": sum(tested[code]["rows"] for code in cell.eval_languages(params))
    }
    for phase in (*cell.arm.warm_phases, *cell.phases):
        for name in phase.tasks:
            numbers = phase_recipe(phase, get_task(name), params, cell.model)
            rows = study.training_facts(name, phase)["rows"]
            own = model.dropout if isinstance(model, ScratchModel) else "the checkpoint's"
            start = "" if name == cell.trained_on else f"{name}."
            start += "" if phase.shots is None else "shots."
            found |= {
                f"{start}learning_rate": numbers.learning_rate,
                f"{start}epochs": numbers.epochs,
                f"{start}batch_rows": numbers.batch_rows,
                f"{start}max_length": numbers.max_length,
                f"{start}dropout": own if numbers.dropout is None else numbers.dropout,
                **({} if numbers.micro_rows is None else {f"{start}micro_rows": numbers.micro_rows}),
                f"{start}train_rows": rows if phase.shots is None else phase.shots,
            }
            if phase.selects and has_dev(get_task(phase.dev_of(name)), params.study.source):
                selecting = study.manifest(phase.dev_of(name))["splits"]["dev"]
                found[f"{start}dev_rows"] = selecting[phase.select_language]["rows"]
            if phase.select_task is not None:
                found[f"{start}selected_on"] = phase.select_task
    return found


def mixture(cell: Cell) -> dict[str, Any]:
    """What an arm mixes and how long it trains, where its recipes do not say it."""
    spec = cell.arm.spec
    found: dict[str, Any] = {}
    if spec.sampling is not None:
        found = {f"sampling.{k}": v for k, v in asdict(spec.sampling).items() if v is not None}
    if spec.mlm_rate is not None:
        found["mlm_rate"] = spec.mlm_rate
    if spec.budget is not None:
        unit = "steps" if spec.budget.tokens is None else "tokens"
        found[f"budget.{unit}"] = getattr(spec.budget, unit)
    return found


def score_metrics(cell: Cell, scores: Sequence[Score]) -> dict[str, float]:
    """The scores of one seed of a cell by metric and language, and each metric's mean."""
    values = {f"{s.metric}_{s.language}": s.value for s in scores}
    for name in cell.task.metrics:
        values[f"{name}_mean"] = float(np.mean([s.value for s in scores if s.metric == name]))
    return values


def _adapted(study: Study, cell: Cell) -> dict[str, Any]:
    """What adapters a model is trained by, where it is."""
    lora = study.params.models[cell.model].lora
    if lora is None:
        return {}
    modules = "every linear layer" if lora.modules is None else " ".join(lora.modules)
    shape = {f"lora.{name}": getattr(lora, name) for name in ("rank", "alpha", "dropout")}
    return {**shape, "lora.modules": modules, **({"lora.bits": lora.bits} if lora.bits else {})}


def _size_metrics(
    size: dict[str, Any], encoder: dict[str, Any], *, adapters: int | None
) -> dict[str, float]:
    return {
        "params_total": encoder["total"],
        "params_nonembedding": encoder["nonembedding"],
        "log10_params_nonembedding": math.log10(encoder["nonembedding"]),
        "params_trainable": size["trainable"],
        "params_input_embedding": encoder["input_embedding"],
        "params_output_embedding": encoder["output_embedding"],
        "params_position_embedding": encoder["position_embedding"],
        "params_head": size["total"] - encoder["total"] - (adapters or 0),
        **({} if adapters is None else {"params_adapters": adapters}),
        "weights_bytes": weight_bytes(size["trainable"]),
    }


def operations(facts: dict[str, Any]) -> dict[str, float]:
    """Operations of the target phases as :mod:`xlgap.planning.work` counts them.

    ``model_flops`` are those of the sub-words themselves, ``hardware_flops`` those of padding, too.
    A frozen weight costs two thirds of a trained one: it has no gradient of its own.

    Args:
        facts: the seed's entry of ``cell.json``.
    """
    encoder, found = facts["encoder"], {}
    weighing = encoder["nonembedding"]
    if "adapters" in facts:
        weighing = round(2 / 3 * weighing) + facts["adapters"]
    for name, tokens, pairs in (
        ("model_flops", "tokens", "pairs"),
        ("hardware_flops", "padded_tokens", "padded_pairs"),
    ):
        found[name] = training_operations(
            weighing,
            layers=encoder["layers"],
            d_model=encoder["d_model"],
            tokens=sum(phase[tokens] for phase in facts["phases"]),
            pairs=sum(phase[pairs] for phase in facts["phases"]),
        )
    return found


def _compute_metrics(facts: dict[str, Any]) -> dict[str, float]:
    """Tokens and steps of the target phases."""
    tokens = sum(phase["tokens"] for phase in facts["phases"])
    padded = sum(phase["padded_tokens"] for phase in facts["phases"])
    found: dict[str, float] = {
        "train_tokens": tokens,
        "train_tokens_padded": padded,
        "train_steps": sum(phase["steps"] for phase in facts["phases"]),
    }
    if padded:
        found["padding_ratio"] = 1 - tokens / padded
    if "warm" in facts:
        found |= {f"warm_{unit}": facts["warm"][unit] for unit in ("steps", "tokens")}
    if facts["pretrained_tokens"] is not None:
        found["pretrained_tokens"] = facts["pretrained_tokens"]
    return found
