"""Running the phases of an arm or a cell: from start weights to final ones, kept under their digest.

The *train digest* covers everything that the weights depend on, so that a training is done once,
whoever needs it: a proxy's retrieval task reuses the model trained on the proxy. How a training is
spread over ranks and micro-batches is not in it: it changes weights by rounding, and where there is
dropout by another draw of it. Of ranking it is: there the loss is over what stands in one micro-batch.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from xlgap import layout
from xlgap.data.sources import has_dev
from xlgap.errors import ResultError, TrainingError
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.predict import Predictor, predict
from xlgap.formats import atomic_dir, finite, read_json, write_json
from xlgap.models.adapters import add_adapters, is_adapted, kept_state, load_kept
from xlgap.models.heads import MLM
from xlgap.models.network import (
    MASKED_HEAD,
    Encoder,
    Head,
    Network,
    State,
    encoder_state,
    load_state,
    make_head,
    make_heads,
    save_state,
    state_of,
)
from xlgap.models.packed import packs
from xlgap.models.tokenizer import Tokenizer
from xlgap.regimes.base import Phase, divisible
from xlgap.stages.course import phase_course
from xlgap.stages.engine_plan import phase_plan
from xlgap.stages.learned import told
from xlgap.stages.recipe import phase_recipe, predictor, train_digest
from xlgap.stages.start import POINTER, Start
from xlgap.stages.study import Study
from xlgap.stages.unkept import alone, claim
from xlgap.tasks.base import Kind, Row, Task
from xlgap.training.engine import agreed, barrier, device, rank
from xlgap.training.facts import PhaseResult
from xlgap.training.trainer import Observer, PhaseSettings, train_phase


@dataclass(frozen=True)
class Fitted:
    """Final weights of a training and what is known about it.

    Attributes:
        digest: the train digest.
        network: encoder with the head of the last phase, where this process trains.
        phases: facts of each phase, in order.
        reused: whether the weights were found under their digest.
    """

    digest: str
    network: Network
    phases: tuple[dict[str, Any], ...]
    reused: bool

    def weights(self) -> State:
        """The weights, on the CPU; of adapters and head alone, where the others are not trained."""
        return kept_state(self.network)


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
    if not phases:
        untrained = Network(start.encoder(), None)
        if scored is not None:
            untrained.head = make_head(scored, untrained.encoder, seed=0)
        return Fitted(start.digest, untrained.to(device()), (), reused=True)
    key = train_digest(study, model, start.digest, phases, seed)
    folder = layout.weights(key)
    with alone(folder):
        reused = agreed((folder / "facts.json").is_file())
        if not reused:
            _train(study, model, start, phases, seed=seed, observer=observer, key=key)
        fitted = _load(study, model, start, phases[-1], folder, key, reused=reused)
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
    network = _network(study, model, start, last, seed=0)
    kept = folder / "model.safetensors"
    load_kept(network, load_state(kept), str(kept))
    facts = read_json(folder / "facts.json", {"phases": [{"pairs": int, "padded_pairs": int}]})
    barrier()  # every rank has read the weights before they may go
    return Fitted(key, network.to(device()), tuple(facts["phases"]), reused)


def _network(study: Study, model: str, start: Start, phase: Phase, *, seed: int) -> Network:
    """What a phase trains: the encoder to start from, its adapters and head drawn from ``seed``."""
    encoder, lora = start.encoder(), study.params.models[model].lora
    if lora is not None and not is_adapted(encoder):
        add_adapters(encoder, lora, seed=seed)
    return Network(encoder, _head(study, phase, encoder, seed=seed))


def _begun(
    study: Study, model: str, start: Start, phase: Phase, weights: State | None, *, seed: int
) -> Network:
    """What a phase begins with: ``weights`` of the one before, or else those of ``start``."""
    network = _network(study, model, start, phase, seed=seed)
    if weights is not None:
        load_kept(network.encoder, encoder_state(weights), "the phase before")
    if phase.mlm_rate is not None:
        network.go_on_with_text(_text_head(model, weights))
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
) -> None:
    """All phases; writes the final weights under ``key``."""
    shared = fit_before_last(study, model, start, phases, seed=seed, observer=observer)
    weights: State | None = None if shared is None else shared.weights()
    facts = [] if shared is None else list(shared.phases)
    del shared  # its network would take a device's memory from the next phase
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
    if rank() == 0:
        with atomic_dir(layout.weights(key)) as folder:
            assert weights is not None
            save_state(weights, folder / "model.safetensors")
            write_json(folder / "facts.json", {"digest": key, "seed": seed, "phases": facts})
        shutil.rmtree(layout.scratch(key), ignore_errors=True)
    agreed(True)


def _head(study: Study, phase: Phase, encoder: Encoder, *, seed: int) -> Head | None:
    """A new head for a phase, drawn from ``seed``, or those of a mixture by their names."""
    kinds = {name: study.task(name).kind for name in phase.tasks}
    if not phase.mixes:
        return make_head(kinds[phase.tasks[0]], encoder, seed=seed)
    return make_heads(kinds, encoder, seed=seed, text=phase.mlm_rate is not None)


def _text_head(model: str, weights: State | None) -> State:
    """The head of masked language modelling as the phase before left it, or else pretraining.

    Empty where pretraining has left none: of the untrained twin.

    Raises:
        ResultError: a checkpoint's stage was run when no arm needed its head.
    """
    before, folder = state_of(weights or {}, f"head.{MLM}."), layout.pretrained(model)
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
    network: Callable[[], Network],
    *,
    seed: int,
    observer: Observer,
    scratch: Path,
) -> tuple[PhaseResult, State]:
    phase, params = phases[number], study.params
    score, select = _selection(study, model, tokenizer, phase)
    numbers = phase_recipe(phase, study.task(phase.tasks[0]), params, model)
    zero, token_budget = phase_plan(phase, params, model, numbers)
    settings = PhaseSettings(
        token_budget=token_budget,
        evaluations=params.train.evaluations if select == "dev" else 1,
        select=select,
        seed=seed,
        zero=zero,
        checkpoint_seconds=params.train.checkpoint_seconds,
        hang_seconds=params.train.hang_seconds,
    )
    first = [network()]
    packed = packs(first[0].encoder)
    return train_phase(
        lambda: first.pop() if first else network(),
        phase_course(study, model, tokenizer, phases, number, seed=seed, packed=packed),
        settings,
        evaluate=score,
        observer=observer,
        scratch=scratch,
    )


def _selection(
    study: Study, model: str, tokenizer: Tokenizer, phase: Phase
) -> tuple[Callable[[Network], float] | None, Literal["dev", "last"]]:
    """What is computed on dev rows during a phase, and whether it chooses the checkpoint.

    Of a mixture it is the mean over the tasks whose recipes choose by dev rows; over all that have dev
    rows where none does: then it is computed once, at the end. Text has no part in it.
    """
    params = study.params
    by_dev = {
        name: phase_recipe(phase, study.task(name), params, model).select == "dev"
        for name in phase.tasks
        if phase.selects and has_dev(study.task(phase.dev_of(name)), params.study.source)
    }
    chosen = [name for name, chooses in by_dev.items() if chooses] or list(by_dev)
    scorers = []
    for name in chosen:
        task = study.task(phase.dev_of(name))
        dev = study.rows(task.name, "dev", phase.select_language)
        how = predictor(task, params, tokenizer, 1)
        scorers.append((name, dev_scorer(task, dev, phase.select_language, how)))

    def score(network: Network) -> float:
        return fmean(of_task(network.reading(name)) for name, of_task in scorers)

    return (score if scorers else None), ("dev" if any(by_dev.values()) else "last")


def dev_scorer(
    task: Task, dev: Sequence[Row], language: str, how: Predictor
) -> Callable[[Network], float]:
    """The task's primary metric on its dev rows, as a function of the network."""
    if not dev:
        raise TrainingError(f"task '{task.name}' has no dev row in '{language}' to select by.")
    metric = get_metric(task.metrics[0], task)

    def score(network: Network) -> float:
        return metric.score(task, dev, predict(network, task.kind, dev, how), language)

    return score
