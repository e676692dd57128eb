"""Training without padding against what users would otherwise run: useful sub-words a second.

    python benchmarks/training.py [--kind nli|qa] [--model small|large] [--precision fp32|bf16]
                                  [--examples N] [--rounds N] [--seeds N] [--json]

The same encoder (12.5M parameters, or the shape of XLM-R large), the same made examples and as many of
them, classified (nli) or with a span to find (qa), go through

- ``padded``: a plain loop over transformers' encoder, every row padded to the maximum;
- ``dynamic``: the same, each batch padded to its longest row;
- ``grouped``: transformers' Trainer, ``train_sampling_strategy="group_by_length"``;
- ``packed``: this project's loop, which computes no padding, in steps drawn at random;

in turn, round after round, from the same weights, with torch's fused AdamW, clipping at 1, dropout 0.1,
one thread (on a GPU: that GPU). In bf16 the first three have torch's autocast. Rows are those of
:mod:`training_rows`. A time is the median over rounds of processor seconds, on a GPU of wall seconds.
``--seeds`` compares the loss on held-out examples after training with as many seeds each.
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
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm
from transformers import Trainer, TrainingArguments, XLMRobertaConfig, XLMRobertaModel
from transformers.trainer_callback import TrainerCallback

from training_rows import LENGTHS, PAD, made_examples
from xlgap.models.encode import Example
from xlgap.models.network import Network, make_head, scratch_encoder
from xlgap.models.packed import on_device, packs
from xlgap.tasks.base import Classify, Span
from xlgap.training.data import TaskData
from xlgap.training.engine import device, drawn_from, process_group
from xlgap.training.trainer import PhaseSettings, train_phase
from xlgap.training.zero import ZeroPlan

SHAPES = {
    "small": {
        "vocab_size": 30000, "hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4,
        "intermediate_size": 1024, "max_position_embeddings": 386,
    },
    "large": {
        "vocab_size": 250002, "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
        "intermediate_size": 4096, "max_position_embeddings": 514,
    },
}  # fmt: skip
ROWS, BUDGET = 32, 1 << 16
RATES = {"small": 3e-4, "large": 1e-5}
ARMS = ("padded", "dynamic", "grouped", "packed")
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Setup:
    """What all arms train."""

    kind: str
    model: str
    precision: Precision

    @property
    def task(self) -> Classify | Span:
        """With the head that it has."""
        if self.kind == "qa":
            return Span()
        return Classify(labels=("entailment", "neutral", "contradiction"), pair=True)

    @property
    def shape(self) -> dict[str, int]:
        """Of the encoder."""
        return SHAPES[self.model] | {"type_vocab_size": 1, "pad_token_id": PAD}

    def autocast(self) -> AbstractContextManager[Any]:
        """In which passes of transformers' models are computed."""
        return torch.autocast(device(), torch.bfloat16, enabled=self.precision == "bf16")


@dataclass(frozen=True)
class Done:
    """One pass over the examples: seconds, sub-words of text and computed, and the weights."""

    seconds: float
    useful: int
    computed: int
    model: nn.Module


def rows_of(examples: Sequence[Example], longest: int | None) -> dict[str, Tensor]:
    """Padded tensors, to ``longest`` or to the longest row."""
    return padded(
        [e.sequences[0].tolist() for e in examples], [e.labels.tolist() for e in examples], longest
    )


def padded(
    rows: Sequence[list[int]], labels: Sequence[list[int]], longest: int | None
) -> dict[str, Tensor]:
    """What :class:`PlainModel` takes."""
    width = longest or max(map(len, rows))
    ids = torch.full((len(rows), width), PAD)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = torch.tensor(row)
    return {"input_ids": ids, "attention_mask": (ids != PAD).long(), "labels": torch.tensor(labels)}


class PlainModel(nn.Module):
    """Transformers' encoder as it is, with the head and the weights that ours begins with."""

    def __init__(self, setup: Setup, seed: int) -> None:
        super().__init__()
        begun = begun_network(setup, seed)
        self.encoder = XLMRobertaModel(XLMRobertaConfig(**setup.shape), add_pooling_layer=False)
        self.encoder.load_state_dict(begun.encoder.state_dict())
        self.head: Any = begun.head

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """The mean loss of rows."""
        states = self.encoder(batch["input_ids"], attention_mask=batch["attention_mask"])
        scores = self.head(states.last_hidden_state, batch)
        return {"loss": self.head.loss(scores, batch) / len(batch["labels"])}


def begun_network(setup: Setup, seed: int) -> Network:
    """Before its first step."""
    encoder = scratch_encoder(setup.shape, seed=seed)
    return Network(encoder, make_head(setup.task, encoder, seed=seed))


def shuffled(examples: Sequence[Example], seed: int) -> Iterator[list[Example]]:
    """Batches in random order."""
    order = np.random.default_rng(seed).permutation(len(examples))
    for start in range(0, len(order), ROWS):
        yield [examples[i] for i in order[start : start + ROWS]]


def plain_loop(setup: Setup, examples: Sequence[Example], seed: int, *, longest: int | None) -> Done:
    """The loop that everybody writes."""
    model = PlainModel(setup, seed).to(device()).train()
    rate = RATES[setup.model]
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0, fused=True)
    steps = -(-len(examples) // ROWS)
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    computed, start = 0, now()
    with drawn_from(seed):
        for batch in shuffled(examples, seed):
            tensors = {k: v.to(device()) for k, v in rows_of(batch, longest).items()}
            with setup.autocast():
                loss = model(**tensors)["loss"]
            loss.backward()
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


def grouped_trainer(setup: Setup, examples: Sequence[Example], seed: int) -> Done:
    """Transformers' Trainer, batches of like lengths."""
    from datasets import Dataset

    rows = Dataset.from_dict(
        {
            "input_ids": [e.sequences[0].tolist() for e in examples],
            "answer": [e.labels.tolist() for e in examples],
            "length": [e.length for e in examples],
        }
    )
    computed = 0

    def collated(batch: list[dict[str, Any]]) -> dict[str, Tensor]:
        nonlocal computed
        found = padded([row["input_ids"] for row in batch], [row["answer"] for row in batch], None)
        computed += found["input_ids"].numel()
        return found

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, no_ranks():
        trainer = Trainer(
            model=PlainModel(setup, seed),
            args=TrainingArguments(
                output_dir=folder, per_device_train_batch_size=ROWS, num_train_epochs=1, seed=seed,
                learning_rate=RATES[setup.model], optim="adamw_torch_fused", max_grad_norm=1.0,
                save_strategy="no", logging_strategy="no", report_to=[], disable_tqdm=True,
                use_cpu=device() == "cpu", bf16=setup.precision == "bf16",
                train_sampling_strategy="group_by_length", length_column_name="length",
                remove_unused_columns=False,
            ),
            train_dataset=rows,
            data_collator=collated,
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

    def on_saving(self) -> None:
        """Nothing is kept."""

    def on_evaluation(self, step: int, score: float) -> None:
        """There is none."""

    def on_event(self, name: str, sentence: str) -> None:
        """Nothing should happen."""
        raise RuntimeError(sentence)

    def stop_requested(self) -> bool:
        """Whether to stop."""
        return False


def packed_loop(setup: Setup, examples: Sequence[Example], seed: int) -> Done:
    """This project's loop, as the stages call it."""
    made = begun_network(setup, seed).to(device())
    settings = PhaseSettings(
        steps=-(-len(examples) // ROWS),
        batch_rows=ROWS,
        token_budget=BUDGET,
        evaluations=0,
        select="last",
        seed=seed,
        zero=ZeroPlan(learning_rate=RATES[setup.model], precision=setup.precision),
    )
    watch, data = Watch(), TaskData(examples, PAD)
    with tempfile.TemporaryDirectory() as folder:
        course = settings.course(data, packed=packs(made.encoder))
        done, state = train_phase(
            made, course, settings, evaluate=None, observer=watch, scratch=Path(folder)
        )
    trained = begun_network(setup, seed)
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


def run(arm: str, setup: Setup, examples: Sequence[Example], seed: int) -> Done:
    """One pass of one arm."""
    longest = LENGTHS[setup.kind][0]
    loops: dict[str, Callable[[], Done]] = {
        "padded": lambda: plain_loop(setup, examples, seed, longest=longest),
        "dynamic": lambda: plain_loop(setup, examples, seed, longest=None),
        "grouped": lambda: grouped_trainer(setup, examples, seed),
        "packed": lambda: packed_loop(setup, examples, seed),
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
                total += float(model(**tensors)["loss"]) * len(some)
    return total / len(examples)


def measured(setup: Setup, examples: int, rounds: int, seeds: int) -> dict[str, Any]:
    """Speeds and their ratios where there are rounds, and losses by seed."""
    rows = made_examples(setup.kind, examples, seed=0)
    found: dict[str, Any] = {**asdict(setup), "examples": examples}
    if rounds:
        found |= speeds(setup, rows, rounds)
    if seeds:
        dev = made_examples(setup.kind, 512, seed=1)
        each = [(arm, seed) for seed in range(seeds) for arm in ("dynamic", "packed")]
        found["loss"] = {arm: [] for arm, _ in each}
        for arm, seed in tqdm(each, desc=f"{setup.kind}, losses", disable=None):
            found["loss"][arm].append(held_out_loss(run(arm, setup, rows, seed), dev))
    return found


def speeds(setup: Setup, rows: Sequence[Example], rounds: int) -> dict[str, Any]:
    """Of each arm, and the ratios of packed to the others."""
    passes: dict[str, list[Done]] = {arm: [] for arm in ARMS}
    for arm in tqdm(ARMS * rounds, desc=f"{setup.kind}, passes", disable=None):
        passes[arm].append(replace(run(arm, setup, rows, seed=0), model=nn.Identity()))
    speed = {a: d[0].useful / statistics.median(x.seconds for x in d) for a, d in passes.items()}
    return {
        "useful_tokens_per_second": {arm: round(value) for arm, value in speed.items()},
        "useful_share": {arm: d[0].useful / d[0].computed for arm, d in passes.items()},
        "packed_over": {arm: speed["packed"] / speed[arm] for arm in ARMS if arm != "packed"},
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Training without padding, in ratios.")
    parser.add_argument("--kind", choices=sorted(LENGTHS), action="append")
    parser.add_argument("--model", choices=sorted(SHAPES), default="small")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--examples", type=int, default=960)
    parser.add_argument("--rounds", type=int, default=3, help="0: no speeds")
    parser.add_argument("--seeds", type=int, default=0, help="2 or more; 0: no losses")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.rounds < 0 or options.seeds < 0 or options.seeds == 1:
        parser.error("--rounds takes 0 or more, --seeds 0 or at least 2")
    with process_group(threads=1):
        found = [
            measured(
                Setup(kind, options.model, options.precision),
                options.examples,
                options.rounds,
                options.seeds,
            )
            for kind in options.kind or sorted(LENGTHS)
        ]
    if options.json:
        print(json.dumps(found, indent=1))
        return 0
    for one in found:
        print(f"{one['kind']}, {one['examples']} examples")
        for arm in one.get("useful_share", ()):
            over = one["packed_over"].get(arm)
            told = f"   packed: {over:.2f} times" if over else ""
            share = one["useful_share"][arm]
            print(f"  {arm:8} {one['useful_tokens_per_second'][arm]:8,} /s, useful {share:.2f}{told}")
        for arm, losses in one.get("loss", {}).items():
            mean, sd = statistics.mean(losses), statistics.stdev(losses)
            each = " ".join(f"{loss:.4f}" for loss in losses)
            print(f"  {arm}: held-out loss {mean:.4f}, sd {sd:.4f} over {len(losses)} seeds: {each}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
