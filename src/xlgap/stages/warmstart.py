"""Stage: an arm's intermediate phases, trained once and shared by all its target tasks."""

from __future__ import annotations

from pathlib import Path

from xlgap import layout
from xlgap.cell import Arm
from xlgap.errors import unknown
from xlgap.formats import atomic_dir, write_json
from xlgap.models.adapters import save_adapters
from xlgap.models.network import save_encoder
from xlgap.stages.fit import fit
from xlgap.stages.observe import StopSignal, TrainingObserver, progress_bar
from xlgap.stages.recipe import train_digest
from xlgap.stages.start import POINTER, Start, pretrained_start
from xlgap.stages.study import Study
from xlgap.stages.track import open_tracker, usage, write_journal
from xlgap.stages.unkept import give_up
from xlgap.training.engine import rank
from xlgap.training.watchdog import together


def warmstart(study: Study, model: str, arm_name: str) -> None:
    """``xlgap warmstart MODEL ARM``: encoder weights a seed, or a pointer where there is no phase.

    The pointer holds the digest of the weights it points to: new weights make the arm's cells stale.

    Raises:
        UnknownNameError: the grid has no such pair.
        ResultError: the model was not pretrained.
    """
    arms = {arm.name: arm for arm in study.grid.arms_of(model)}
    if model not in study.params.models:
        raise unknown("model", model, study.params.models)
    if arm_name not in arms:
        raise unknown("arm", arm_name, arms)
    arm, out = arms[arm_name], layout.warm(model, arm_name)
    start = pretrained_start(study.params, model)
    if not arm.warm_phases:
        if rank() == 0:
            with atomic_dir(out) as folder:
                pointer = {"points_to": str(layout.pretrained(model)), "digest": start.digest}
                write_json(folder / POINTER, pointer)
        return
    train = study.params.train
    with together(threads=train.threads, hang_seconds=train.hang_seconds):
        stop = StopSignal()
        if rank() != 0:
            for seed in study.params.study.seeds:
                _one_seed(study, start, model, arm, seed, None, stop)
            return
        with atomic_dir(out) as folder:
            digests = [
                _one_seed(study, start, model, arm, seed, folder / f"seed{seed}", stop)
                for seed in study.params.study.seeds
            ]
        give_up(digests, _owner(model, arm))


def _owner(model: str, arm: Arm) -> str:
    return f"warm-{model}-{arm.name}"


def _one_seed(
    study: Study, start: Start, model: str, arm: Arm, seed: int, out: Path | None, stop: StopSignal
) -> str:
    """Train one seed and save it; returns its digest."""
    stop.check(seed)
    name = f"warm {model}-{arm.name} seed {seed}"
    digest = train_digest(study, model, start.digest, arm.warm_phases, seed)
    tracker = open_tracker(study, name=name, digest=digest, kind="warmstart")
    with stop.listening(), progress_bar() as display, tracker as run:
        observer = TrainingObserver(name, stop, run, display)
        owner = _owner(model, arm)
        fitted = fit(study, model, start, arm.warm_phases, seed=seed, observer=observer, owner=owner)
        timing = observer.timing()
        run.params({"model": model, "arm": arm.name, "seed": seed})
        done = {unit: sum(phase[unit] for phase in fitted.phases) for unit in ("steps", "tokens")}
        run.metrics({"train_steps": done["steps"], "train_tokens": done["tokens"], **usage(timing)})
        if out is not None:
            facts = {"digest": fitted.digest, "phases": list(fitted.phases)}
            lora, stored = study.params.models[model].lora, fitted.stored_encoder()
            if lora is None:
                save_encoder(fitted.network.encoder, out, facts, stored=stored)
            else:
                save_adapters(fitted.network.encoder, out, facts, lora=lora, stored=stored)
            write_journal(owner, seed, digest=fitted.digest, timing=timing, run_id=run.run_id)
    return fitted.digest
