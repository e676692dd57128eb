"""Train a step of every head on every family, and write the losses; run alone or under torchrun.

usage: family_losses.py OUT.json SCRATCH STAGE TOKENIZER
"""

import sys
from pathlib import Path

import losses
import numpy as np
from families import CAUSAL, CONFIGS, KINDS, make, rows

from xlgap.adapter_params import LoraParams
from xlgap.models.adapters import add_adapters
from xlgap.models.encode import Window, encode
from xlgap.models.network import Network, make_heads
from xlgap.models.packed import packs
from xlgap.models.tokenizer import load_tokenizer
from xlgap.tasks.base import Retrieve
from xlgap.training.data import Line, MaskedText, TaskData
from xlgap.training.engine import process_group
from xlgap.training.parts import Course, Part
from xlgap.training.zero import ZeroPlan

HEADED = [name for name, kind in KINDS.items() if name not in ("retrieve", "mine")]
NOT_MASKED = (*CAUSAL, "RemBERT")
ADAPTED = ("XLM-R", "mT5", "Qwen3")
WINDOW = Window(max_length=40, stride=12)


def main(out, scratch, stage, tokenizer):
    tokenizer, found = load_tokenizer(Path(tokenizer)), {}
    with process_group(threads=1):
        for family, adapted in [*((name, False) for name in CONFIGS), *((n, True) for n in ADAPTED)]:
            name = f"{family} adapted" if adapted else family
            found[name] = train(family, int(stage), tokenizer, Path(scratch), adapted=adapted)
        losses.write(out, found)


def train(family, stage, tokenizer, scratch, *, adapted):
    encoder = make(family, tokenizer.size)
    base = {name: p.detach().clone() for name, p in encoder.named_parameters()}
    if adapted:
        add_adapters(encoder, LoraParams(rank=4), seed=2)
    kinds = {name: KINDS[name] for name in HEADED}
    network = Network(encoder, make_heads(kinds, encoder, seed=1, text=family not in NOT_MASKED))
    for module in network.modules():
        if hasattr(module, "p"):
            module.p = 0.0
    parts = [part(name, network, tokenizer) for name in network.head]
    order = [*range(len(parts)), 0]  # the first head again: after a step of each
    course = Course(tuple(parts), np.asarray(order, np.int64))
    zero = ZeroPlan(stage=stage, learning_rate=1e-2)
    how = losses.settings(token_budget=1000, zero=zero, checkpoint_seconds=1e6)
    of_steps, weights = losses.train(network, course, how, scratch)
    moved = {k.removeprefix("encoder."): w for k, w in weights.items() if k.startswith("encoder.")}
    return {
        "losses": dict(zip([*network.head, "again"], of_steps, strict=True)),
        "kept": losses.total(weights),
        "stayed": [k for k, p in base.items() if k in moved and bool((moved[k] == p).all())],
        "of_base": len(base.keys() & moved.keys()) / len(base),
        "others": sorted({k.split(".")[-3] for k in moved.keys() - base.keys()}),
    }


def part(name, network, tokenizer):
    """Four rows a step, two in a micro-batch.

    Of ranking the loss is over what stands in one: it is the same on one rank and on two where the
    middle two of the four are equal.
    """
    if name == "mlm":
        examples = encode(Retrieve(), rows(Retrieve()), tokenizer, WINDOW)
        data = MaskedText([Line(e.sequences[0]) for e in examples], tokenizer, fraction=0.3, seed=1)
    else:
        examples = encode(KINDS[name], rows(KINDS[name]), tokenizer, WINDOW)
        if name == "rank":
            long, *_, middle, short = sorted(examples, key=lambda e: -sum(map(len, e.sequences)))
            examples = [long, middle, middle, short]
        data = TaskData(examples, pad=tokenizer.pad)
    return Part(
        name=name,
        data=data,
        batch_rows=4,
        learning_rate=1e-2,
        micro_rows=2,
        seed=5,
        packed=packs(network.encoder),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
