"""Training without padding against what users would otherwise run: useful sub-words a second.

    python benchmarks/training.py [--kind nli|qa] [--examples N] [--rounds N] [--seeds N] [--json]

The same encoder of 12.5M parameters, the same made examples and as many of them go through

- ``padded``: a plain loop over a transformers model, every row padded to the maximum;
- ``dynamic``: the same, each batch padded to its longest row;
- ``grouped``: transformers' Trainer, ``train_sampling_strategy="group_by_length"``;
- ``packed``: this project's loop, which computes no padding, in steps drawn at random;

in turn, round after round, with torch's fused AdamW, fp32, clipping at 1, dropout 0.1, one thread (on a
GPU: that GPU). Needs ``accelerate`` for the Trainer. Lengths are drawn from :data:`LENGTHS`. A time is
the median over rounds of processor seconds, on a GPU of wall seconds. ``--seeds`` compares the loss on
held-out examples after training with as many seeds each.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    Trainer,
    TrainingArguments,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)
from transformers.trainer_callback import TrainerCallback

from xlgap.models.encode import Example
from xlgap.models.network import Network, make_head, scratch_encoder
from xlgap.models.packed import on_device, packs
from xlgap.tasks.base import Classify
from xlgap.training.data import TaskData
from xlgap.training.engine import device, drawn_from, process_group
from xlgap.training.trainer import PhaseSettings, train_phase
from xlgap.training.zero import ZeroPlan

LENGTHS = {
    "nli": (
        128,
        (13, 20, 23, 25, 27, 29, 31, 33, 35, 36, 38, 40, 41, 43, 45, 47, 50, 52, 55, 60, 85),
    ),
    "qa": (
        384,
        (36, 93, 112, 123, 130, 136, 142, 150, 157, 164, 172,
         180, 188, 198, 208, 220, 235, 257, 285, 340, 384),
    ),
}  # fmt: skip
"""By kind the maximum, and the vigintiles of lengths from the shortest to the longest row, of XNLI and
SQuAD (``benchmarks/lengths.py``)."""
SHAPE = {
    "vocab_size": 30000, "hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4,
    "intermediate_size": 1024, "max_position_embeddings": 386, "type_vocab_size": 1, "pad_token_id": 1,
}  # fmt: skip
PAD, FIRST = 1, 5
ROWS, RATE, BUDGET = 32, 3e-4, 1 << 16
CLUES = 40
"""Sub-words of each label: one stands in a row among words that say nothing."""
KIND = Classify(labels=("entailment", "neutral", "contradiction"), pair=True)
ARMS = ("padded", "dynamic", "grouped", "packed")


@dataclass(frozen=True)
class Done:
    """One pass over the examples: seconds, sub-words of text and computed, and the weights."""

    seconds: float
    useful: int
    computed: int
    model: nn.Module


def drawn_lengths(kind: str, count: int, random: np.random.Generator) -> np.ndarray:
    """Lengths by the quantiles of :data:`LENGTHS`."""
    parts = LENGTHS[kind][1]
    at = random.uniform(0, len(parts) - 1, count)
    return np.interp(at, np.arange(len(parts)), parts).round().astype(int)


def made_examples(kind: str, count: int, seed: int) -> list[Example]:
    """Rows of random words with a clue of their label among them."""
    random = np.random.default_rng(seed)
    found = []
    for number, length in enumerate(drawn_lengths(kind, count, random)):
        label = int(random.integers(len(KIND.labels)))
        words = random.integers(FIRST + CLUES * len(KIND.labels), SHAPE["vocab_size"], length - 2)
        clue = FIRST + CLUES * label + int(random.integers(CLUES))
        words[random.integers(len(words))] = clue
        row = np.concatenate([[0], words, [2]]).astype(np.int32)
        found.append(Example(number, (row,), np.array([label])))
    return found


def rows_of(examples: Sequence[Example], longest: int | None) -> dict[str, Tensor]:
    """Padded tensors for transformers' models, to ``longest`` or to the longest row."""
    width = longest or max(e.length for e in examples)
    ids = torch.full((len(examples), width), PAD)
    for row, example in enumerate(examples):
        ids[row, : example.length] = torch.from_numpy(example.sequences[0].astype(np.int64))
    labels = torch.tensor([int(e.labels[0]) for e in examples])
    return {"input_ids": ids, "attention_mask": (ids != PAD).long(), "labels": labels}


def plain_model(seed: int) -> nn.Module:
    """The encoder with transformers' own classification head."""
    with drawn_from(seed):
        config = XLMRobertaConfig(**SHAPE, num_labels=len(KIND.labels))
        return XLMRobertaForSequenceClassification(config).to(device())


def shuffled(examples: Sequence[Example], seed: int) -> Iterator[list[Example]]:
    """Batches in random order."""
    order = np.random.default_rng(seed).permutation(len(examples))
    for start in range(0, len(order), ROWS):
        yield [examples[i] for i in order[start : start + ROWS]]


def plain_loop(examples: Sequence[Example], seed: int, *, longest: int | None) -> Done:
    """The loop that everybody writes."""
    model = plain_model(seed).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0, fused=True)
    steps = -(-len(examples) // ROWS)
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    computed, start = 0, now()
    with drawn_from(seed):
        for batch in shuffled(examples, seed):
            tensors = {k: v.to(device()) for k, v in rows_of(batch, longest).items()}
            model(**tensors).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            decay.step()
            computed += tensors["input_ids"].numel()
    return Done(now() - start, useful(examples), computed, model)


class Clock(TrainerCallback):
    """Seconds between the Trainer's first and last step."""

    seconds = 0.0

    def on_train_begin(self, *args: Any, **more: Any) -> None:
        """Start."""
        self.seconds = -now()

    def on_train_end(self, *args: Any, **more: Any) -> None:
        """Stop."""
        self.seconds += now()


@contextmanager
def no_ranks() -> Iterator[None]:
    """Hide our process group, beside which the Trainer would start one of its own."""
    hidden = {n: os.environ.pop(n) for n in ("RANK", "LOCAL_RANK", "WORLD_SIZE") if n in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def grouped_trainer(examples: Sequence[Example], seed: int) -> Done:
    """Transformers' Trainer, batches of like lengths."""
    from datasets import Dataset

    rows = Dataset.from_dict(
        {
            "input_ids": [e.sequences[0].tolist() for e in examples],
            "labels": [int(e.labels[0]) for e in examples],
            "length": [e.length for e in examples],
        }
    )
    computed = 0

    def padded(batch: list[dict[str, Any]]) -> dict[str, Tensor]:
        nonlocal computed
        width = max(len(row["input_ids"]) for row in batch)
        ids = torch.full((len(batch), width), PAD)
        for at, row in enumerate(batch):
            ids[at, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
        computed += ids.numel()
        labels = torch.tensor([row["labels"] for row in batch])
        return {"input_ids": ids, "attention_mask": (ids != PAD).long(), "labels": labels}

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, no_ranks():
        trainer = Trainer(
            model=plain_model(seed),
            args=TrainingArguments(
                output_dir=folder, per_device_train_batch_size=ROWS, num_train_epochs=1, seed=seed,
                learning_rate=RATE, optim="adamw_torch_fused", max_grad_norm=1.0, save_strategy="no",
                logging_strategy="no", report_to=[], disable_tqdm=True, use_cpu=device() == "cpu",
                train_sampling_strategy="group_by_length", length_column_name="length",
            ),
            train_dataset=rows,
            data_collator=padded,
            callbacks=[clock],
        )  # fmt: skip
        trainer.train()
    return Done(clock.seconds, useful(examples), computed, trainer.model)


class Watch:
    """Seconds between our first and last step."""

    seconds = 0.0

    def on_start(self, step: int, *, steps: int) -> None:
        """Start."""
        self.seconds = -now()

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None:
        """Stop after the last one."""
        if step == steps:
            self.seconds += now()

    def on_evaluation(self, step: int, score: float) -> None:
        """There is none."""

    def stop_requested(self) -> bool:
        """Whether to stop."""
        return False


def packed_loop(examples: Sequence[Example], seed: int) -> Done:
    """This project's loop, as the stages call it."""
    encoder = scratch_encoder(SHAPE, seed=seed)
    network = Network(encoder, make_head(KIND, encoder, seed=seed)).to(device())
    settings = PhaseSettings(
        steps=-(-len(examples) // ROWS),
        batch_rows=ROWS,
        token_budget=BUDGET,
        evaluations=0,
        select="last",
        seed=seed,
        zero=ZeroPlan(learning_rate=RATE),
    )
    watch, data = Watch(), TaskData(examples, PAD)
    with tempfile.TemporaryDirectory() as folder:
        course = settings.course(data, packed=packs(encoder))
        done, state = train_phase(
            network, course, settings, evaluate=None, observer=watch, scratch=Path(folder)
        )
    trained = Network(scratch_encoder(SHAPE, seed=seed), make_head(KIND, encoder, seed=seed))
    trained.load_state_dict(state)
    return Done(watch.seconds, done.tokens, done.padded_tokens, trained.to(device()))


def now() -> float:
    """Processor seconds, or wall seconds of a GPU whose work is done."""
    if device() == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def useful(examples: Sequence[Example]) -> int:
    """Sub-words of text."""
    return sum(e.length for e in examples)


def run(arm: str, kind: str, examples: Sequence[Example], seed: int) -> Done:
    """One pass of one arm."""
    loops: dict[str, Callable[[], Done]] = {
        "padded": lambda: plain_loop(examples, seed, longest=LENGTHS[kind][0]),
        "dynamic": lambda: plain_loop(examples, seed, longest=None),
        "grouped": lambda: grouped_trainer(examples, seed),
        "packed": lambda: packed_loop(examples, seed),
    }
    return loops[arm]()


def held_out_loss(done: Done, examples: Sequence[Example]) -> float:
    """Mean cross entropy of examples that were not trained on."""
    model, total = done.model.eval(), 0.0
    with torch.inference_mode():
        for start in range(0, len(examples), ROWS):
            some = examples[start : start + ROWS]
            if isinstance(model, Network):
                batch = TaskData(some, PAD).batch(np.arange(len(some)), step=0)
                total += float(model(on_device(batch, device()), 1.0))
            else:
                tensors = {k: v.to(device()) for k, v in rows_of(some, None).items()}
                total += float(model(**tensors).loss) * len(some)
    return total / len(examples)


def measured(kind: str, examples: int, rounds: int, seeds: int) -> dict[str, Any]:
    """Speeds and their ratios, and losses by seed."""
    rows = made_examples(kind, examples, seed=0)
    passes: dict[str, list[Done]] = {arm: [] for arm in ARMS}
    for _ in range(rounds):
        for arm in ARMS:
            passes[arm].append(run(arm, kind, rows, seed=0))
    speed = {a: d[0].useful / statistics.median(x.seconds for x in d) for a, d in passes.items()}
    found: dict[str, Any] = {
        "kind": kind,
        "examples": examples,
        "useful_tokens_per_second": {arm: round(value) for arm, value in speed.items()},
        "useful_share": {arm: d[0].useful / d[0].computed for arm, d in passes.items()},
        "packed_over": {arm: speed["packed"] / speed[arm] for arm in ARMS if arm != "packed"},
    }
    if seeds:
        dev = made_examples(kind, 512, seed=1)
        found["loss"] = {
            arm: [held_out_loss(run(arm, kind, rows, seed), dev) for seed in range(seeds)]
            for arm in ("dynamic", "packed")
        }
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Training without padding, in ratios.")
    parser.add_argument("--kind", choices=sorted(LENGTHS), action="append")
    parser.add_argument("--examples", type=int, default=960)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with process_group(threads=1):
        found = [
            measured(kind, options.examples, options.rounds, options.seeds)
            for kind in options.kind or sorted(LENGTHS)
        ]
    if options.json:
        print(json.dumps(found, indent=1))
        return 0
    for one in found:
        print(f"{one['kind']}, {one['examples']} examples")
        for arm in ARMS:
            over = one["packed_over"].get(arm)
            told = f"   packed: {over:.2f} times" if over else ""
            share = one["useful_share"][arm]
            print(f"  {arm:8} {one['useful_tokens_per_second'][arm]:8,} /s, useful {share:.2f}{told}")
        for arm, losses in one.get("loss", {}).items():
            mean, sd = statistics.mean(losses), statistics.stdev(losses)
            print(f"  {arm}: held-out loss {mean:.4f}, sd {sd:.4f} over {len(losses)} seeds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
