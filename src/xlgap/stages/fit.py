"""Running the phases of an arm or a cell: from start weights to final ones, kept under their digest.

The *train digest* covers everything that the weights depend on, so that a training is done once,
whoever needs it: a proxy's retrieval task reuses the model trained on the proxy. How a training is
spread over ranks and micro-batches is not in it: it changes weights by rounding, and where there is
dropout by another draw of it. Of ranking it is: there the loss is over what stands in one micro-batch.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from xlgap import layout
from xlgap.config import Params
from xlgap.data.shots import shots
from xlgap.data.sources import has_dev
from xlgap.errors import DataError, TrainingError
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.predict import Predictor, predict
from xlgap.formats import atomic_dir, read_json, write_json
from xlgap.models.encode import Example, encode
from xlgap.models.network import (
    Network,
    State,
    encoder_state,
    load_state,
    make_head,
    save_state,
    set_dropout,
)
from xlgap.models.tokenizer import Tokenizer
from xlgap.regimes.base import Phase
from xlgap.stages.recipe import (
    Recipe,
    phase_recipe,
    predictor,
    train_digest,
    window,
    zero_plan,
)
from xlgap.stages.start import Start
from xlgap.stages.study import Study
from xlgap.tasks.base import Kind, Rank, Row, Task
from xlgap.training.data import TaskData
from xlgap.training.engine import agreed, barrier, device, rank, world_size
from xlgap.training.trainer import Observer, PhaseResult, PhaseSettings, train_phase


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
        """The weights, on the CPU."""
        return {name: tensor.cpu() for name, tensor in self.network.state_dict().items()}


def fit(
    study: Study,
    model: str,
    start: Start,
    phases: Sequence[Phase],
    *,
    seed: int,
    observer: Observer,
    scored: Kind | None = None,
) -> Fitted:
    """Run ``phases`` from ``start``, or load what an equal training left.

    Args:
        study: with the tasks' rows and recipes.
        model: name of the model.
        start: the weights that training begins with.
        phases: in order; none leaves the encoder as it is.
        seed: of new heads, order and dropout.
        observer: told what happens.
        scored: what is predicted next; where there is no phase, the network gets the head of this
            kind, which must be one of which nothing is drawn at random.

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
    layout.WEIGHTS.mkdir(exist_ok=True)
    with _alone(folder):
        reused = agreed((folder / "facts.json").is_file())
        if not reused:
            _train(study, model, start, phases, seed=seed, observer=observer, key=key)
        return _load(study, start, phases[-1], folder, key, reused=reused)


def fit_before_shots(
    study: Study,
    model: str,
    start: Start,
    phases: Sequence[Phase],
    *,
    seed: int,
    observer: Observer,
) -> Fitted | None:
    """What a few-shot training goes on from: the English one, done once for any number of shots.

    ``None`` where no few-shot phase comes last. The English training has a digest of its own, that of
    the arm without shots.
    """
    if phases[-1].shots is None:
        return None
    return fit(study, model, start, phases[:-1], seed=seed, observer=observer)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One training of a digest at a time; of several ranks the first holds the lock."""
    if rank() != 0:
        yield
        return
    with FileLock(f"{folder}.lock"):
        yield


def _load(study: Study, start: Start, last: Phase, folder: Path, key: str, *, reused: bool) -> Fitted:
    network = Network(start.encoder(), None)
    network.head = make_head(study.task(last.tasks[0]).kind, network.encoder, seed=0)
    network.load_state_dict(load_state(folder / "model.safetensors"))
    facts = read_json(folder / "facts.json", {"phases": [{"pairs": int, "padded_pairs": int}]})
    barrier()  # every rank has read the weights before they may go
    if study.params.train.keep == "none" and not reused and rank() == 0:
        shutil.rmtree(folder)
    return Fitted(key, network.to(device()), tuple(facts["phases"]), reused)


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
    shared = fit_before_shots(study, model, start, phases, seed=seed, observer=observer)
    weights: State | None = None if shared is None else shared.weights()
    facts = [] if shared is None else list(shared.phases)
    for number, phase in enumerate(phases):
        if number < len(facts):  # done, under the digest of its own
            continue
        network = Network(start.encoder(), None)
        if weights is not None:
            network.encoder.load_state_dict(encoder_state(weights))
        network.head = make_head(study.task(phase.tasks[0]).kind, network.encoder, seed=seed)
        if phase.keeps_head and weights is not None:
            network.load_state_dict(weights)
        result, weights = _one_phase(
            study,
            model,
            start.tokenizer,
            phase,
            network,
            seed=seed,
            observer=observer,
            scratch=layout.scratch(key) / f"phase{number}",
        )
        facts.append({**_told(phase), **asdict(result)})
    if rank() == 0:
        with atomic_dir(layout.weights(key)) as folder:
            assert weights is not None
            save_state(weights, folder / "model.safetensors")
            write_json(folder / "facts.json", {"digest": key, "seed": seed, "phases": facts})
        shutil.rmtree(layout.scratch(key), ignore_errors=True)
    agreed(True)


def _told(phase: Phase) -> dict[str, Any]:
    """What it was, without what most phases are not: selected elsewhere, mixed, of a given length."""
    rare = ("select_task", "sampling", "mlm_rate", "budget", "shots")
    found = {k: v for k, v in asdict(phase).items() if k not in rare or v is not None}
    if phase.shots:
        del found["select_language"]
    return found


def _one_phase(
    study: Study,
    model: str,
    tokenizer: Tokenizer,
    phase: Phase,
    network: Network,
    *,
    seed: int,
    observer: Observer,
    scratch: Path,
) -> tuple[PhaseResult, State]:
    (name,) = phase.tasks
    task, params = study.task(name), study.params
    numbers = phase_recipe(phase, task, params, model)
    if numbers.dropout is not None:
        set_dropout(network, numbers.dropout)
    rows = study.rows(name, "train", phase.language)
    if not rows:
        raise DataError(f"task '{name}' has no training row in '{phase.language}'.")
    if phase.shots is not None:
        rows = shots(rows, phase.shots, task=task, language=phase.language, seed=seed)
    examples = encode(task.kind, rows, tokenizer, window(task, params))
    if isinstance(task.kind, Rank):
        _require_negatives(examples, params, numbers, task)
    steps = max(1, math.ceil(numbers.epochs * len(examples) / numbers.batch_rows))
    settings = PhaseSettings(
        steps=steps,
        warmup_steps=numbers.warmup_of(steps),
        batch_rows=numbers.batch_rows,
        token_budget=params.train.micro_batch_tokens,
        micro_rows=numbers.micro_rows,
        evaluations=params.train.evaluations,
        select="dev" if numbers.select == "dev" else "last",
        seed=seed,
        zero=zero_plan(params, numbers),
        checkpoint_seconds=params.train.checkpoint_seconds,
    )
    score = None
    selecting = study.task(phase.selected_on)
    if phase.selects and has_dev(selecting, params.study.source):
        dev = study.rows(selecting.name, "dev", phase.select_language)
        how = predictor(selecting, params, tokenizer, 1)
        score = dev_scorer(selecting, dev, phase.select_language, how)
    return train_phase(
        network,
        TaskData(examples, tokenizer.pad),
        settings,
        evaluate=score,
        observer=observer,
        scratch=scratch,
    )


def _require_negatives(
    examples: Sequence[Example], params: Params, numbers: Recipe, task: Task
) -> None:
    """Two rows at least in a micro-batch: alone, a row's candidate has nothing to be told from."""
    if numbers.micro_rows == 1:
        raise TrainingError(
            f"task '{task.name}' learns to tell candidates of a micro-batch apart, which takes two "
            "rows: 'micro_rows' is 1; raise it."
        )
    longest = max(example.length * len(example.sequences) for example in examples)
    tokens = params.train.micro_batch_tokens
    rows = min(numbers.batch_rows, len(examples)) // world_size()
    if rows < 2 or tokens < 2 * longest:
        raise TrainingError(
            f"task '{task.name}' learns to tell candidates of a micro-batch apart, which takes "
            f"two rows: a device has {rows} of a batch, and 'train.micro_batch_tokens' is "
            f"{tokens}, its longest row {longest} sub-words; raise it to {2 * longest} or more, or "
            "'batch_rows'."
        )


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
