"""Train the cells of a study of XCOPA from one small encoder, and print what became of the heads.

usage: two_phases.py TOKENIZER.json OUT.json, in a directory with a params.yaml and prepared tasks
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from xlgap.evaluation.predict import predict
from xlgap.models.ladder import scratch_config
from xlgap.models.network import make_head, scratch_encoder
from xlgap.models.tokenizer import load_tokenizer
from xlgap.stages.fit import fit
from xlgap.stages.recipe import predictor
from xlgap.stages.start import Start
from xlgap.stages.study import Study
from xlgap.tasks import get_task
from xlgap.training.engine import process_group

SEED = 3


class Silent:
    """Hears of steps and says nothing."""

    def on_start(self, step, *, steps):
        pass

    def on_step(self, step, *, steps, loss, learning_rate):
        pass

    def on_saving(self) -> None: ...

    def on_evaluation(self, step, score):
        pass

    def on_event(self, name, sentence):
        pass

    def stop_requested(self):
        return False


def head(network):
    return network.head.out.weight.detach().flatten().tolist()


def distance(a, b):
    """The largest difference of two encoders' weights."""
    return max(float((v - b[k]).abs().max()) for k, v in a.items() if v.is_floating_point())


def main(tokenizer_path, out):
    study, tokenizer = Study.here(), load_tokenizer(Path(tokenizer_path))
    shape = study.params.models["nano"].model_dump(include={"layers", "width", "heads", "feed_forward"})
    config = scratch_config(**shape, vocabulary=tokenizer.size, positions=64)
    start = Start("start", lambda: scratch_encoder(config, seed=1), tokenizer, {})
    task = get_task("xcopa")
    first, last = study.grid.cell("nano-direct_en-xcopa").phases
    trainings = {
        "whole": (first, last),
        "first": (first,),
        "new_head": (first, replace(last, keeps_head=False)),
        "alone": study.grid.cell("nano-copa_en-xcopa").phases,
        "again": (first, last),
    }
    with process_group(threads=1):
        fitted = {
            name: fit(study, "nano", start, phases, seed=SEED, observer=Silent())
            for name, phases in trainings.items()
        }
        rows = study.rows("xcopa", "test", "et")
        how = predictor(task, study.params, tokenizer, 1)
        predicted = predict(fitted["whole"].network, task.kind, rows, how)
    encoders = {name: found.network.encoder.state_dict() for name, found in fitted.items()}
    untrained = start.encoder().state_dict()
    new = make_head(task.kind, start.encoder(), seed=SEED).out.weight.detach()
    found = {
        "drawn": new.flatten().tolist(),
        "heads": {name: head(found.network) for name, found in fitted.items()},
        "choices": {name: found.network.head.choices for name, found in fitted.items()},
        "phases": {name: list(found.phases) for name, found in fitted.items()},
        "reused": {name: found.reused for name, found in fitted.items()},
        "digests": {name: found.digest for name, found in fitted.items()},
        "moved": {name: distance(encoder, untrained) for name, encoder in encoders.items()},
        "apart": distance(encoders["whole"], encoders["first"]),
        "predicted": predicted,
    }
    Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
