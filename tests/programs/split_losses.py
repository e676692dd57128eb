"""Train and predict with networks in one piece and split, on two processes, and write what was found.

usage: split_losses.py OUT.json SCRATCH TOKENIZER FOLDER; under torchrun

FOLDER has a checkpoint of each family; see tests/e2e/test_split_models.py. Of each case and way OUT has
losses, dev scores, predictions of rows of two sizes, and the sum of the weights that were kept.
"""

import sys
from pathlib import Path

import losses
import torch
from families import KINDS, rows

from xlgap.adapter_params import LoraParams
from xlgap.evaluation.predict import Predictor, predict
from xlgap.models.adapters import add_adapters, load_kept
from xlgap.models.blueprint import hub_blueprint
from xlgap.models.checkpoint_files import TensorFile
from xlgap.models.encode import Window, encode
from xlgap.models.network import Network, hub_encoder, load_state, make_head
from xlgap.models.shares import can_be_called, is_partitioned
from xlgap.models.size import size_of
from xlgap.models.tokenizer import load_tokenizer
from xlgap.stages.split import shared, split_network, stored
from xlgap.stages.start import Start
from xlgap.tasks.base import Rank
from xlgap.training.data import TaskData
from xlgap.training.engine import process_group
from xlgap.training.trainer import PhaseSettings, train_phase
from xlgap.training.zero import ZeroPlan

CASES = {
    "encoder": ("XLM-R", "tag", None, "fp32"),
    "encoder-decoder": ("mT5", "span", None, "fp32"),
    "decoder": ("BLOOM", "classify", None, "fp32"),
    "decoder in bf16": ("BLOOM", "choose", None, "bf16"),
    "shared tables": ("mDeBERTa", "classify", None, "fp32"),
    "dual encoder": ("Qwen3", "rank", None, "fp32"),
    "adapters": ("Qwen3", "classify", LoraParams(rank=4, dropout=0.1), "fp32"),
}
"""Of each the family, the kind of task, adapters, and the precision."""
WINDOW = Window(max_length=40, stride=12)
SEED = 3


def main(out, scratch, tokenizer, folder):
    tokenizer = load_tokenizer(Path(tokenizer))
    with process_group(threads=1):
        found = {
            name: {
                way: run(
                    *case, tokenizer, Path(folder), Path(scratch) / name / way, split=way == "split"
                )
                for way in ("whole", "split")
            }
            for name, case in CASES.items()
        }
        losses.write(out, found)


def run(family, kind, lora, precision, tokenizer, folder, scratch, *, split):
    kind, place = KINDS[kind], str(folder / family)
    start = Start("start", None, tokenizer, {}, blueprint=lambda: hub_blueprint(place, None))
    plan = ZeroPlan(stage=3, learning_rate=1e-2, split=split, precision=precision)
    how = Predictor(tokenizer=tokenizer, window=WINDOW, token_budget=90, share=shared(split=split))

    def head(encoder):
        return make_head(kind, encoder, seed=SEED)

    def made(plan, **kept):
        if split:
            return split_network(start, head, plan, lora=lora, seed=SEED, **kept)
        encoder = hub_encoder(place, None)
        if lora is not None:
            add_adapters(encoder, lora, seed=SEED)
        return Network(encoder, head(encoder))

    examples = encode(kind, rows(kind), tokenizer, WINDOW)
    data, scores = TaskData(examples, pad=tokenizer.pad), []

    def score(network):
        found = predict(network, kind, rows(kind), how)
        scores.append(found)
        return float(len(scores) == 2)  # the second of three evaluations is the best

    seen = losses.Losses()
    settings = PhaseSettings(
        steps=6, batch_rows=4, micro_rows=2 if isinstance(kind, Rank) else 1, token_budget=400,
        evaluations=3, select="dev", seed=5,
        zero=plan,
    )  # fmt: skip
    result, weights = train_phase(
        lambda: made(plan), data, settings, evaluate=score, observer=seen, scratch=scratch
    )
    assert result.best_step == 4
    network = trained(weights, made, split=split)
    with can_be_called(network):
        predicted = [predict(network, kind, part, how) for part in (rows(kind), rows(kind)[:1])]
    state = load_state(weights.path) if split else weights
    return {
        "losses": seen.values,
        "dev": scores,
        "predictions": predicted,
        "kept": {name: float(value.double().abs().sum()) for name, value in state.items()},
        "size": size_of(network).total,
        "shared": is_partitioned(network),
        "causal": getattr(network.head, "causal", None),
    }


def trained(weights, made, *, split):
    """A network with the weights that training has left."""
    if not split:
        network = made(None)
        load_kept(network, weights, "weights")
        return network
    assert isinstance(weights, TensorFile)
    plan = ZeroPlan(stage=3, learning_rate=0.0, split=True)
    kept = stored(weights)
    return made(plan, encoder_kept=kept.under("encoder."), head_kept=kept.under("head."))


if __name__ == "__main__":
    torch.manual_seed(0)
    main(*sys.argv[1:])
