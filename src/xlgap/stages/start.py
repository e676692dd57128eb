"""The weights that a training starts from: pretrained, or after an arm's intermediate phases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.cell import Arm
from xlgap.config import Params
from xlgap.errors import ResultError
from xlgap.formats import JSON, read_json
from xlgap.models.adapters import ADAPTERS, adapter_shape, load_adapters
from xlgap.models.aliases import Encoder
from xlgap.models.blueprint import Blueprint, folder_blueprint, hub_blueprint
from xlgap.models.checkpoint_files import TensorFile, Tensors
from xlgap.models.network import hub_encoder, load_encoder
from xlgap.models.quantised import require_library
from xlgap.models.tokenizer import Tokenizer, hub_tokenizer, load_tokenizer

POINTER = "pointer.json"


@dataclass(frozen=True)
class Start:
    """Weights to start from.

    Attributes:
        digest: of everything they depend on.
        encoder: makes a fresh copy of the encoder.
        tokenizer: of the model.
        facts: what the stage that made them wrote about them: size, tokens seen.
        warm: steps and sub-words, padding left out, of an arm's phases before the target task, and what
            they have learned nothing of.
        blueprint: makes the encoder without weights, and says where these are; of what has files.
    """

    digest: str
    encoder: Callable[[], Encoder]
    tokenizer: Tokenizer
    facts: JSON
    warm: Mapping[str, Any] | None = None
    blueprint: Callable[[], Blueprint] | None = None


def pretrained_start(params: Params, model: str) -> Start:
    """The pretrained weights of ``model``, or its hub checkpoint.

    Raises:
        ConfigError: its base is to be of few bits, and the library for that is not there.
        ResultError: the model's ``pretrain`` stage has not run.
    """
    folder, held = layout.pretrained(model), _held(params, model)
    if (folder / POINTER).is_file():
        facts = read_json(folder / POINTER)
        repo, revision = facts["model"]["hub"], facts["model"].get("revision")
        return Start(
            facts["digest"],
            lambda: hub_encoder(repo, revision, **held),
            hub_tokenizer(repo, revision),
            facts,
            blueprint=lambda: hub_blueprint(repo, revision),
        )
    if not (folder / "facts.json").is_file():
        raise ResultError(f"{folder}: no weights there; run 'dvc repro pretrain@{model}' first.")
    facts = read_json(folder / "facts.json")
    encoder = partial(hub_encoder, str(folder.resolve()), None, **held) if held else None
    return Start(
        facts["digest"],
        encoder or partial(load_encoder, folder),
        load_tokenizer(layout.TOKENIZER),
        facts,
        blueprint=partial(folder_blueprint, folder),
    )


def _held(params: Params, model: str) -> dict[str, Any]:
    """How the base below adapters is held, where it is in few bits."""
    lora = params.models[model].lora
    if lora is None or lora.bits is None:
        return {}
    require_library()
    return {"bits": lora.bits, "precision": params.train.precision}


def arm_start(params: Params, model: str, arm: Arm, *, seed: int) -> Start:
    """The weights that the cells of ``arm`` start from; of a model with adapters, with these.

    Raises:
        ResultError: the arm's ``warmstart`` stage has not run.
    """
    start = pretrained_start(params, model)
    if not arm.warm_phases:
        return start
    folder = layout.warm(model, arm.name) / f"seed{seed}"
    if not (folder / "facts.json").is_file():
        raise ResultError(
            f"{folder}: no weights there; run 'dvc repro warmstart@{model}-{arm.name}' first."
        )
    facts = read_json(folder / "facts.json", {"phases": [{"steps": int, "tokens": int}]})
    return replace(
        start,
        digest=facts["digest"],
        encoder=lambda: _warm_encoder(start, folder),
        blueprint=lambda: _warm_blueprint(start, folder),
        warm=_warm_facts(facts["phases"]),
    )


def _warm_facts(phases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    done: dict[str, Any] = {unit: sum(phase[unit] for phase in phases) for unit in ("steps", "tokens")}
    nothing = [of_task for phase in phases for of_task in phase.get("learned_nothing", ())]
    return done | ({"learned_nothing": nothing} if nothing else {})


def _warm_encoder(start: Start, folder: Path) -> Encoder:
    adapted = (folder / ADAPTERS).is_file()
    return load_adapters(start.encoder(), folder) if adapted else load_encoder(folder)


def _warm_blueprint(start: Start, folder: Path) -> Blueprint:
    kept = folder / ADAPTERS
    if not kept.is_file():
        return folder_blueprint(folder)
    assert start.blueprint is not None, "a pretrained start has files"
    adapted = start.blueprint().with_adapters(adapter_shape(folder), seed=0)
    return adapted.over(Tensors.of([TensorFile(kept)], str(kept)))
