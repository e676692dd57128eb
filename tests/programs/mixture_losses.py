"""Train a tiny mixture of tasks and text for a few steps, once a way; run alone or under torchrun.

usage: mixture_losses.py OUT.json SCRATCH STAGE[+bf16][+kill][+recompute] ...

Writes the losses of each way, sums of the weights of heads and encoder, and the facts. With ``kill``
the training is stopped half way and run again, with ``recompute`` activations are computed again in
backward.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from losses import VOCABULARY, Losses, sub_words, tagged, tiny_encoder, write

from xlgap.errors import Interrupted
from xlgap.models.encode import Example
from xlgap.models.network import Network, make_heads
from xlgap.models.tokenizer import Tokenizer
from xlgap.regimes.base import Sampling
from xlgap.tasks.base import Choose, Classify, Rank, Span, Tag
from xlgap.training.data import Line, MaskedText, TaskData
from xlgap.training.engine import process_group, rank
from xlgap.training.mixing import draw, with_text
from xlgap.training.parts import Course, Part
from xlgap.training.trainer import PhaseSettings, train_phase
from xlgap.training.zero import ZeroPlan

STEPS, TEXT = 12, 4
KINDS = {
    "choose": Choose(choices=2),
    "classify": Classify(labels=("a", "b", "c")),
    "rank": Rank(pool=("en",), query_length=8, pair=False),
    "span": Span(),
    "tag": Tag(tags=("O", "A", "B"), bio=False),
}
TOKENIZER = Tokenizer(None, pad=1, unk=3, eos=2, mask=VOCABULARY - 1, size=VOCABULARY, digest="")


class Stopped(Losses):
    """Asks for a stop after half of the steps."""

    def stop_requested(self):
        return len(self.values) == STEPS // 2


def task_data(kind, count=24):
    random = np.random.default_rng(len(kind))
    if kind == "tag":
        return TaskData(tagged(count), pad=1)
    made = []
    for i in range(count):
        several = 2 if kind in {"choose", "rank"} else 1
        sequences = tuple(sub_words(random, int(random.integers(4, 10))) for _ in range(several))
        labels = np.asarray([1, 2] if kind == "span" else [int(sequences[0][0]) % 2], np.int64)
        made.append(Example(i, sequences, labels if kind != "rank" else np.empty(0, np.int64)))
    return TaskData(made, pad=1)


def course():
    random = np.random.default_rng(1)
    lines = [Line(sub_words(random, 9)) for _ in range(30)]
    text = MaskedText(lines, TOKENIZER, fraction=0.3, seed=2)
    parts = [
        Part(
            name=name, data=data, batch_rows=6, learning_rate=rate, warmup_steps=2,
            weight_decay=0.01, seed=(5, number),
        )
        for number, (name, data, rate) in enumerate(
            [*((k, task_data(k), 3e-3) for k in KINDS), ("mlm", text, 1e-3)]
        )
    ]  # fmt: skip
    tasks = draw([24] * len(KINDS), Sampling(rule="uniform"), steps=STEPS - TEXT, seed=4)
    return Course(tuple(parts), with_text(tasks, text=len(KINDS), steps=STEPS, seed=4))


def network():
    encoder = tiny_encoder(initializer_range=0.02)
    return Network(encoder, make_heads(KINDS, encoder, seed=0, text=True))


def dev(made):
    """Something that reads each head in turn, as selection on dev rows does."""
    batch = task_data("classify").batch(np.arange(4), step=0)
    with torch.no_grad():
        return float(made.reading("classify").logits(batch).float().sum())


def train(way, scratch):
    stage, *flags = way.split("+")
    settings = PhaseSettings(
        token_budget=40,
        evaluations=2,
        select="last",
        seed=5,
        zero=ZeroPlan(
            stage=int(stage),
            learning_rate=3e-3,
            precision="bf16" if "bf16" in flags else "fp32",
            activation_checkpointing="recompute" in flags,
        ),
    )
    losses = Losses()
    if "kill" in flags:
        losses = Stopped()
        try:
            train_phase(network(), course(), settings, evaluate=dev, observer=losses, scratch=scratch)
        except Interrupted:
            again = Losses()
            again.values, losses = losses.values, again
    result, weights = train_phase(
        network(), course(), settings, evaluate=dev, observer=losses, scratch=scratch
    )
    if rank() != 0:
        return None
    # a bias whose gradient is nothing but rounding, which Adam blows up, is left out
    sums = {k: float(w.double().abs().sum()) for k, w in weights.items() if not k.endswith("bias")}
    return {
        "losses": losses.values,
        "heads": {key: total for key, total in sums.items() if key.startswith("head.")},
        "encoder": sum(total for key, total in sums.items() if key.startswith("encoder.")),
        "order": course().order.tolist(),
        "mixed": result.mixed,
        "tokens": result.tokens,
        "dev": [score for _, score in result.dev],
    }


def main(out, scratch, *ways):
    with process_group(threads=1):
        found = {way: train(way, Path(scratch) / way) for way in ways}
        write(out, found)


if __name__ == "__main__":
    main(*sys.argv[1:])
