"""Running the phases of an arm or a cell: from start weights to final ones, kept under their digest.

The *train digest* covers everything that the weights depend on, so that a training is done once,
whoever needs it: a proxy's retrieval task reuses the model trained on the proxy. How a training is
spread over ranks and micro-batches is not in it: it changes weights by rounding, and where there is
dropout by another draw of it. Of ranking it is: there the loss is over what stands in one micro-batch.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.errors import ResultError
from xlgap.formats import atomic_dir, finite, read_json, write_json
from xlgap.models.adapters import add_adapters, is_adapted, kept_state, load_kept
from xlgap.models.aliases import Encoder, Head, State
from xlgap.models.checkpoint_files import TensorFile, Tensors
from xlgap.models.heads import MLM
from xlgap.models.network import (
    MASKED_HEAD,
    Network,
    encoder_state,
    load_state,
    make_head,
    make_heads,
    save_state,
)
from xlgap.models.packed import packs
from xlgap.models.tokenizer import Tokenizer
from xlgap.regimes.base import Phase, divisible
from xlgap.stages.checkpoint_size import largest_checkpoint
from xlgap.stages.course import phase_course
from xlgap.stages.dev import dev_scores
from xlgap.stages.engine_plan import is_split, phase_plan, predicting_plan
from xlgap.stages.learned import told
from xlgap.stages.recipe import phase_recipe, train_digest
from xlgap.stages.split import part_of, shared, split_network, stored
from xlgap.stages.start import POINTER, Start
from xlgap.stages.study import Study
from xlgap.stages.unkept import claim, one_training_of
from xlgap.tasks.base import Kind
from xlgap.training.engine import agreed, barrier, device, rank, release_memory
from xlgap.training.facts import PhaseResult
from xlgap.training.keeping import Weights
from xlgap.training.trainer import Observer, PhaseSettings, train_phase
from xlgap.training.zero import ZeroPlan

_FILE = "model.safetensors"


@dataclass(frozen=True)
class Fitted:
    """Final weights of a training and what is known about it.

    Attributes:
        digest: the train digest.
        network: encoder with the head of the last phase, where this process trains.
        phases: facts of each phase, in order.
        reused: whether the weights were found under their digest.
        split: whether the network is shared out over all processes.
        checkpoint_bytes: of the largest checkpoint that a phase wrote; ``None`` where none did.
    """

    digest: str
    network: Network
    phases: tuple[dict[str, Any], ...]
    reused: bool
    split: bool = False
    checkpoint_bytes: int | None = None

    def weights(self) -> Weights:
        """The weights, on the CPU; of adapters and head alone, where the others are not trained.

        Of a network that is split, their file.
        """
        if self.split:
            return TensorFile(layout.weights(self.digest) / _FILE)
        return kept_state(self.network)

    def stored_encoder(self) -> Tensors | None:
        """What is kept of an encoder that is split; ``None`` where it is in one piece."""
        found = self.weights() if self.split else None
        return stored(found).under("encoder.") if isinstance(found, TensorFile) else None


def fit(
    study: Study,
    model: str,
    start: Start,
    phases: Sequence[Phase],
    *,
    seed: int,
    observer: Observer,
    scored: Kind | None = None,
    owner: str | None = None,
) -> Fitted:
    """Run ``phases`` from ``start``, or load what an equal training left.

    Where weights are not kept, new ones stay until ``owner`` gives them up
    (:func:`~xlgap.stages.unkept.give_up`), or go at once where there is none.

    Args:
        study: with the tasks' rows and recipes.
        model: name of the model.
        start: the weights that training begins with.
        phases: in order; none leaves the encoder as it is.
        seed: of new heads, order and dropout.
        observer: told what happens.
        scored: what is predicted next; where there is no phase, the network gets the head of this
            kind, which must be one of which nothing is drawn at random.
        owner: the stage that needs the weights until its out is there.

    Raises:
        Interrupted: a signal asked for a stop; the state is saved.
        TrainingError: training failed.
    """
    if not phases and is_split(study.params, model):
        return _untrained_split(study, model, start, scored)
    if not phases:
        untrained = Network(start.encoder(), None)
        if scored is not None:
            untrained.head = make_head(scored, untrained.encoder, seed=0)
        return Fitted(start.digest, untrained.to(device()), (), reused=True)
    key = train_digest(study, model, start.digest, phases, seed)
    folder = layout.weights(key)
    with one_training_of(folder):
        reused = agreed((folder / "facts.json").is_file())
        written = None
        if not reused:
            written = _train(study, model, start, phases, seed=seed, observer=observer, key=key)
        fitted = _load(study, model, start, phases[-1], folder, key, reused=reused)
        fitted = replace(fitted, checkpoint_bytes=written)
        if study.params.train.keep == "none":
            if owner is not None:
                claim(folder, owner, trained=not reused)
            elif not reused and rank() == 0:
                shutil.rmtree(folder)
        return fitted


def fit_before_last(
    study: Study,
    model: str,
    start: Start,
    phases: Sequence[Phase],
    *,
    seed: int,
    observer: Observer,
) -> Fitted | None:
    """What the last phase goes on from: those before it, done once under a digest of their own.

    It is that of whatever training consists of them: an arm without shots or with fewer intermediate
    tasks. ``None`` where there are none, where they share a budget with the last, so that each is as
    long as all of them say, and where weights are not kept: a checkpoint of each phase is then what an
    interrupted training goes on from.
    """
    if study.params.train.keep != "all" or not divisible(phases):
        return None
    return fit(study, model, start, phases[:-1], seed=seed, observer=observer)


def _load(
    study: Study, model: str, start: Start, last: Phase, folder: Path, key: str, *, reused: bool
) -> Fitted:
    kept, split = folder / _FILE, is_split(study.params, model)
    if split:
        release_memory()  # of the training, before the shares that predict
        weights = TensorFile(kept)
        network = _split(
            study, model, start, last, predicting_plan(study.params, model), seed=0,
            encoder_kept=stored(weights).under("encoder."), head_kept=stored(weights).under("head."),
        )  # fmt: skip
    else:
        network = _network(study, model, start, last, seed=0)
        load_kept(network, load_state(kept), str(kept))
    facts = read_json(folder / "facts.json", {"phases": [{"pairs": int, "padded_pairs": int}]})
    barrier()  # every rank has read the weights before they may go
    return Fitted(key, network.to(device()), tuple(facts["phases"]), reused, split)


def _network(study: Study, model: str, start: Start, phase: Phase, *, seed: int) -> Network:
    """What a phase trains: the encoder to start from, its adapters and head drawn from ``seed``."""
    encoder, lora = start.encoder(), study.params.models[model].lora
    if lora is not None and not is_adapted(encoder):
        add_adapters(encoder, lora, seed=seed)
    return Network(encoder, _head(study, phase, encoder, seed=seed))


def _split(
    study: Study,
    model: str,
    start: Start,
    phase: Phase,
    plan: ZeroPlan,
    *,
    seed: int,
    text: State | None = None,
    **kept: Tensors | None,
) -> Network:
    """As :func:`_network`, shared out; ``text``: of the head of masked language modelling."""

    def head(encoder: Encoder) -> Head | None:
        made = _head(study, phase, encoder, seed=seed)
        if text is not None:
            Network(encoder, made).go_on_with_text(text)
        return made

    lora, hang_seconds = study.params.models[model].lora, study.params.train.hang_seconds
    return split_network(start, head, plan, lora=lora, seed=seed, hang_seconds=hang_seconds, **kept)


def _untrained_split(study: Study, model: str, start: Start, scored: Kind | None) -> Fitted:
    def head(encoder: Encoder) -> Head | None:
        return None if scored is None else make_head(scored, encoder, seed=0)

    plan, hang_seconds = predicting_plan(study.params, model), study.params.train.hang_seconds
    network = split_network(start, head, plan, lora=None, seed=0, hang_seconds=hang_seconds)
    return Fitted(start.digest, network, (), reused=True, split=True)


def _begun(
    study: Study,
    model: str,
    start: Start,
    phase: Phase,
    weights: Weights | None,
    plan: ZeroPlan,
    *,
    seed: int,
) -> Network:
    """What a phase begins with: ``weights`` of the one before, or else those of ``start``."""
    text = None if phase.mlm_rate is None else _text_head(model, weights)
    if plan.split:
        before = stored(weights) if isinstance(weights, TensorFile) else None
        return _split(
            study, model, start, phase, plan, seed=seed, text=text,
            encoder_kept=before and before.under("encoder."),
            head_kept=before.under("head.") if before and phase.keeps_head else None,
        )  # fmt: skip
    assert not isinstance(weights, TensorFile), "one phase is split, another is not"
    network = _network(study, model, start, phase, seed=seed)
    if weights is not None:
        load_kept(network.encoder, encoder_state(weights), "the phase before")
    if text is not None:
        network.go_on_with_text(text)
    if phase.keeps_head and weights is not None:
        load_kept(network, weights, "the phase before")
    return network


def _train(
    study: Study,
    model: str,
    start: Start,
    phases: Sequence[Phase],
    *,
    seed: int,
    observer: Observer,
    key: str,
) -> int | None:
    """All phases; writes the final weights under ``key``; returns what the largest checkpoint took."""
    before = fit_before_last(study, model, start, phases, seed=seed, observer=observer)
    weights: Weights | None = None if before is None else before.weights()
    facts = [] if before is None else list(before.phases)
    written = [] if before is None else [before.checkpoint_bytes]
    del before  # its network would take a device's memory from the next phase
    for number, phase in enumerate(phases):
        if number < len(facts):  # done, under the digest of its own
            continue
        result, weights = _one_phase(
            study,
            model,
            start.tokenizer,
            phases,
            number,
            partial(_begun, study, model, start, phase, weights, seed=seed),
            seed=seed,
            observer=observer,
            scratch=layout.scratch(key) / f"phase{number}",
        )
        result = told(result, phase.tasks[0], observer)
        known = {k: v for k, v in asdict(result).items() if v is not None}
        facts.append({**_told(phase), **finite(known)})
    observer.on_saving()
    if rank() == 0:
        with atomic_dir(layout.weights(key)) as folder:
            assert weights is not None
            if isinstance(weights, TensorFile):
                _link(weights.path, folder / _FILE)
            else:
                save_state(weights, folder / _FILE)
            write_json(folder / "facts.json", {"digest": key, "seed": seed, "phases": facts})
        written.append(largest_checkpoint(layout.scratch(key)))
        shutil.rmtree(layout.scratch(key), ignore_errors=True)
    agreed(True)
    return max((size for size in written if size is not None), default=None)


def _link(source: Path, place: Path) -> None:
    """The same file in another place: what is resumed from a checkpoint may need it where it is."""
    try:
        os.link(source, place)
    except OSError:  # a file system without links
        shutil.copyfile(source, place)


def _head(study: Study, phase: Phase, encoder: Encoder, *, seed: int) -> Head | None:
    """A new head for a phase, drawn from ``seed``, or those of a mixture by their names."""
    kinds = {name: study.task(name).kind for name in phase.tasks}
    if not phase.mixes:
        return make_head(kinds[phase.tasks[0]], encoder, seed=seed)
    return make_heads(kinds, encoder, seed=seed, text=phase.mlm_rate is not None)


def _text_head(model: str, weights: Weights | None) -> State:
    """The head of masked language modelling as the phase before left it, or else pretraining.

    Empty where pretraining has left none: of the untrained twin.

    Raises:
        ResultError: a checkpoint's stage was run when no arm needed its head.
    """
    before, folder = part_of(weights, f"head.{MLM}."), layout.pretrained(model)
    kept = folder / MASKED_HEAD
    if not kept.is_file() and (folder / POINTER).is_file():
        raise ResultError(f"{kept}: no such head; run 'dvc repro pretrain@{model}' to fetch it.")
    return before or (load_state(kept) if kept.is_file() else {})


def _told(phase: Phase) -> dict[str, Any]:
    """What it was, without what most phases are not: selected elsewhere, mixed, of a given length."""
    rare = ("select_task", "sampling", "mlm_rate", "budget", "shots", "translated")
    found = {k: v for k, v in asdict(phase).items() if k not in rare or v not in (None, False)}
    if phase.shots:
        del found["select_language"]
    return found


def _one_phase(
    study: Study,
    model: str,
    tokenizer: Tokenizer,
    phases: Sequence[Phase],
    number: int,
    network: Callable[[ZeroPlan], Network],
    *,
    seed: int,
    observer: Observer,
    scratch: Path,
) -> tuple[PhaseResult, Weights]:
    phase, params = phases[number], study.params
    numbers = phase_recipe(phase, study.task(phase.tasks[0]), params, model)
    zero, token_budget = phase_plan(phase, params, model, numbers)
    score, select = dev_scores(study, model, tokenizer, phase, shared(split=zero.split))
    settings = PhaseSettings(
        token_budget=token_budget,
        evaluations=params.train.evaluations if select == "dev" else 1,
        select=select,
        seed=seed,
        zero=zero,
        checkpoint_seconds=params.train.checkpoint_seconds,
        hang_seconds=params.train.hang_seconds,
    )
    first = [network(zero)]
    packed = packs(first[0].encoder)
    return train_phase(
        lambda: first.pop() if first else network(zero),
        phase_course(study, model, tokenizer, phases, number, seed=seed, packed=packed),
        settings,
        evaluate=score,
        observer=observer,
        scratch=scratch,
    )
