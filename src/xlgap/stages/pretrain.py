"""Stage: masked-language-model pretraining of a ladder model, or the pointer to a hub checkpoint."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from xlgap import layout
from xlgap.checkout import model_place
from xlgap.config import HubModel, Params, PretrainParams, ScratchModel
from xlgap.errors import TrainingError, unknown
from xlgap.formats import atomic_dir, digest, dir_digest, file_digest, read_json, write_json
from xlgap.graph import pretraining_entry
from xlgap.models.aliases import Encoder, State
from xlgap.models.blueprint import hub_blueprint
from xlgap.models.checkpoint_files import TensorFile
from xlgap.models.checkpoint_head import hub_masked_head
from xlgap.models.heads import MLM
from xlgap.models.ladder import scratch_config
from xlgap.models.masked import MaskedHead
from xlgap.models.network import (
    MASKED_HEAD,
    Network,
    encoder_state,
    hub_encoder,
    save_encoder,
    save_state,
    scratch_encoder,
    state_of,
)
from xlgap.models.size import size_of
from xlgap.models.tokenizer import Tokenizer, hub_tokenizer, load_tokenizer
from xlgap.planning.figures import model_figures
from xlgap.planning.hardware import HOST_SHARE
from xlgap.planning.memory import model_states, weight_bytes
from xlgap.planning.tables import count, size
from xlgap.stages.encoded import text_lines
from xlgap.stages.engine_plan import pretrain_plan
from xlgap.stages.learned import told
from xlgap.stages.observe import StopSignal, TrainingObserver, progress_bar
from xlgap.stages.start import POINTER
from xlgap.stages.study import Study
from xlgap.stages.track import open_tracker, usage, write_journal
from xlgap.stages.unkept import one_training_of
from xlgap.training.data import MaskedText
from xlgap.training.engine import agreed, device, drawn_from, rank
from xlgap.training.facts import PhaseResult
from xlgap.training.trainer import PhaseSettings, train_phase
from xlgap.training.watchdog import together


def pretrain(study: Study, model: str) -> None:
    """``xlgap pretrain MODEL``: weights in ``models/pretrained/MODEL``.

    Raises:
        UnknownNameError: the study has no such model.
        ConfigError: a checkpoint without a commit.
    """
    models = study.params.models
    if model not in models:
        raise unknown("model", model, models)
    spec = models[model]
    if isinstance(spec, HubModel):
        if rank() == 0:
            entry = pretraining_entry(study.params, model)
            _point_to_hub(entry, model, whole=_has_room(study.params, model))
    else:
        _pretrain_scratch(study, spec, model)


def _has_room(params: Params, model: str) -> bool:
    """Whether a whole checkpoint is loaded here."""
    shape = model_figures(model, params).shape
    memory = HOST_SHARE * psutil.virtual_memory().total
    return params.train.split != "on" and (shape is None or weight_bytes(shape.parameters) <= memory)


def _point_to_hub(entry: dict[str, Any], model: str, *, whole: bool) -> None:
    """Check that the checkpoint loads, and write which bytes it is; its masked head, if it is wanted.

    Of one that this machine has no memory for, or that is not ``whole`` anywhere, every tensor is
    looked for and none is loaded.

    Raises:
        DataError: it cannot be loaded, or has no such head.
    """
    repo, revision = entry["hub"], entry.get("revision")
    encoder = hub_encoder(repo, revision) if whole else hub_blueprint(repo, revision).encoder
    tokenizer = hub_tokenizer(repo, revision)
    held = dir_digest(Path(model_place(repo))) if revision is None else revision
    masked_head = hub_masked_head(repo, revision) if entry.get("masked_head") else None
    with atomic_dir(layout.pretrained(model)) as folder:
        write_json(
            folder / POINTER,
            {
                "model": entry,
                "digest": digest({"hub": repo, "revision": held, "tok": tokenizer.digest}),
                "size": asdict(size_of(encoder)),
                "tokenizer": tokenizer.digest,
            },
        )
        if masked_head is not None:
            save_state(masked_head, folder / MASKED_HEAD)


def _pretrain_scratch(study: Study, spec: ScratchModel, model: str) -> None:
    _require_memory(study, spec, model)
    numbers = study.params.pretrain
    tokenizer = load_tokenizer(layout.TOKENIZER)
    config = scratch_config(
        layers=spec.layers,
        width=spec.width,
        heads=spec.heads,
        feed_forward=spec.feed_forward,
        vocabulary=tokenizer.size,
        positions=numbers.positions,
    ) | {"hidden_dropout_prob": spec.dropout, "attention_probs_dropout_prob": spec.dropout}
    encoder = scratch_encoder(config, seed=numbers.seed)
    entry = pretraining_entry(study.params, model)
    trained = numbers.model_dump() | {"precision": study.params.train.precision}
    key = digest(
        {
            "model": entry,
            "pretrain": trained if spec.pretrained else {"config": config, "seed": numbers.seed},
            "corpus": dir_digest(layout.CORPUS),
            "tokenizer": tokenizer.digest,
        }
    )
    facts: dict[str, Any] = {
        "digest": key,
        "model": entry,
        "tokenizer": tokenizer.digest,
        "size": asdict(size_of(encoder)),
        "pretrained": spec.pretrained,
    }
    if not spec.pretrained:
        if rank() == 0:
            save_encoder(encoder, layout.pretrained(model), facts)
        return
    train = study.params.train
    with (
        together(threads=train.threads, hang_seconds=train.hang_seconds),
        one_training_of(layout.weights(key)),
    ):
        alike = _pretrained_alike(study, model, key)
        if agreed(alike is not None):
            if alike is not None and rank() == 0:
                _copy(alike, layout.pretrained(model))
            return
        made = partial(scratch_encoder, config, seed=numbers.seed)
        result, state = _train(study, spec, model, made, tokenizer, key)
        if rank() == 0:
            rare = ("skipped", "learned_nothing")
            known = {k: v for k, v in asdict(result).items() if v is not None or k not in rare}
            facts |= {"training": known}
            encoder.load_state_dict(encoder_state(state))
            save_encoder(encoder, layout.pretrained(model), facts, masked_head=state_of(state, "head."))
            shutil.rmtree(layout.scratch(key), ignore_errors=True)
        agreed(True)


def _pretrained_alike(study: Study, model: str, key: str) -> Path | None:
    """Another model of the study with these very weights, which fine-tunes them otherwise."""
    for other in study.params.models:
        folder = layout.pretrained(other)
        file = folder / "facts.json"
        if other != model and file.is_file() and read_json(file)["digest"] == key:
            return folder
    return None


def _copy(alike: Path, folder: Path) -> None:
    with atomic_dir(folder) as temporary:
        shutil.copytree(alike, temporary, dirs_exist_ok=True)


def _require_memory(study: Study, spec: ScratchModel, model: str) -> None:
    """Stop before weights are drawn that this machine's memory cannot hold.

    Training on a CPU also keeps gradients and optimizer states there, whatever the ZeRO stage and the
    number of processes on the machine.

    Raises:
        TrainingError: the model is too large.
    """
    total = model_figures(model, study.params).params_total
    assert total is not None, model
    whole = spec.pretrained and device() == "cpu"
    needed = model_states(total).device if whole else weight_bytes(total)
    there = psutil.virtual_memory().total
    if needed > there:
        what = "its weights, gradients and optimizer states" if whole else "its weights"
        raise TrainingError(
            f"model '{model}' has {count(total)} parameters: {what} take {size(needed)}, "
            f"and this machine has {size(there)} of memory; make 'models.{model}' smaller."
        )


def _train(
    study: Study,
    spec: ScratchModel,
    model: str,
    encoder: Callable[[], Encoder],
    tokenizer: Tokenizer,
    key: str,
) -> tuple[PhaseResult, State]:
    """Train what ``encoder`` makes; facts, and the final weights with the head's."""
    numbers = study.params.pretrain
    sequences = text_lines(study.params, tokenizer)
    data = MaskedText(sequences, tokenizer, fraction=numbers.mask_fraction, seed=numbers.seed)

    def network() -> Network:
        made = encoder()
        with drawn_from(numbers.seed):
            return Network(made, MaskedHead(spec.width, tokenizer.size))

    settings = _settings(study, spec, model, data.lengths)
    stop = StopSignal()
    tracker = open_tracker(study, name=f"pretrain {model}", digest=key, kind="pretrain")
    with stop.listening(), progress_bar() as display, tracker as run:
        run.params({"model": model, **spec.pretraining, **numbers.model_dump()})
        run.dataset(
            name="corpus",
            digest=file_digest(layout.CORPUS / "manifest.json"),
            context="pretraining",
            rows=len(data.sequences),
        )
        observer = TrainingObserver(f"pretrain {model}", stop, run, display)
        result, state = train_phase(
            network,
            data,
            settings,
            evaluate=None,
            observer=observer,
            scratch=layout.scratch(key) / "pretrain",
        )
        assert not isinstance(state, TensorFile), "rungs of the ladder are not split"
        result = told(result, MLM, observer)
        timing = observer.timing()
        run.metrics({"tokens": result.tokens, **usage(timing)})
        if rank() == 0:
            where = f"pretrain-{model}"
            write_journal(where, numbers.seed, digest=key, timing=timing, run_id=run.run_id)
    return result, state


def _settings(study: Study, spec: ScratchModel, model: str, lengths: Sequence[int]) -> PhaseSettings:
    """Steps and batch such that all sizes see ``pretrain.tokens`` sub-words, padding left out."""
    numbers, train = study.params.pretrain, study.params.train
    zero, token_budget = pretrain_plan(
        study.params,
        model,
        learning_rate=learning_rate(numbers, spec),
        weight_decay=numbers.weight_decay,
        beta2=0.98,
    )
    mean = sum(lengths) / len(lengths)
    rows = max(1, round(numbers.batch_tokens / mean))
    steps = max(1, math.ceil(numbers.tokens / (rows * mean)))
    return PhaseSettings(
        steps=steps,
        warmup_steps=round(numbers.warmup_fraction * steps),
        batch_rows=rows,
        token_budget=max(token_budget, numbers.sequence_length),
        evaluations=0,
        select="last",
        seed=numbers.seed,
        zero=zero,
        checkpoint_seconds=train.checkpoint_seconds,
        hang_seconds=train.hang_seconds,
    )


def learning_rate(numbers: PretrainParams, spec: ScratchModel) -> float:
    """The model's own peak rate, or the study's."""
    return spec.learning_rate if spec.learning_rate is not None else numbers.learning_rate
