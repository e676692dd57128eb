"""Speed of evaluation: prediction of one model over all languages of XNLI's test set.

    XLGAP_DATA=DIR python benchmarks/evaluation.py [--rows N] [--tokens N] [--layers N] [--width N]

Three ways with the same from-scratch encoder, the same rows and the same memory (padded sub-words in a
batch), tokenising included:

- padded: a loop over languages, each sequence padded to the recipe's longest, 128 sub-words;
- sorted: a loop over languages, length-sorted batches padded to their own longest sequence;
- ours: length-sorted batches of all languages together, see :mod:`xlgap.evaluation.pooled`.

All must predict the same label for every row; the head's biases are set so that each label is predicted
about equally often, or equality would say little. Each way runs ``--repeats`` times, in turn; printed
are the least processor seconds (on one thread: what else runs on the machine would disturb a clock on
the wall) and, as the figure that counts, padded / ours; only ratios mean anything. The gain is that of
sub-words not padded, so it grows with the tokenizer's vocabulary (32,000 here, learned from XNLI's own
test text) and, up to a point, with the rows.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from xlgap.data.prepare import cap
from xlgap.data.released import VARIABLE
from xlgap.data.sources import load
from xlgap.evaluation.pooled import predict_languages
from xlgap.evaluation.predict import Predictor, predict
from xlgap.models.collate import collate
from xlgap.models.encode import Window, encode
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, make_head, scratch_encoder
from xlgap.models.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from xlgap.tasks import get_task
from xlgap.tasks.base import Classify, Row

TASK = get_task("xnli")
VOCABULARY = 32_000
LENGTH = TASK.recipe.max_length
Data = dict[str, list[Row]]
Labels = dict[str, list[str]]


@dataclass(frozen=True)
class Setting:
    """A model and how it predicts."""

    network: Network
    predictor: Predictor
    labels: tuple[str, ...]


def real_rows(directory: Path) -> Data:
    """All test rows."""
    loaded = load(TASK, "test", TASK.eval_languages, source="release", data_dir=directory)
    return {code: found.rows for code, found in loaded.items()}


def tokenizer_of(data: Data) -> Tokenizer:
    """A tokenizer of the ladder's kind, trained on the rows' own text."""
    texts = (row[key] for rows in data.values() for row in rows for key in ("text", "text_b"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        train_tokenizer(dict.fromkeys(texts), path, vocabulary=VOCABULARY)
        return load_tokenizer(path)


def setting(data: Data, tokenizer: Tokenizer, *, layers: int, width: int, tokens: int) -> Setting:
    """An untrained encoder of the ladder, its label biases balanced on some of the rows."""
    assert isinstance(TASK.kind, Classify)
    config = scratch_config(
        layers=layers, width=width, heads=width // 32, feed_forward=4 * width,
        vocabulary=tokenizer.size, positions=LENGTH,
    )  # fmt: skip
    encoder = scratch_encoder(config, seed=0)
    network = Network(encoder, make_head(TASK.kind, encoder, seed=0)).eval()
    predictor = Predictor(tokenizer=tokenizer, window=Window(max_length=LENGTH), token_budget=tokens)
    made = Setting(network, predictor, TASK.kind.labels)
    sample = [row for rows in data.values() for row in rows[:20]]
    with torch.inference_mode():
        logits = np.concatenate(padded_logits(made, sample))
        last = [m for m in network.head.modules() if isinstance(m, torch.nn.Linear)][-1]
        last.bias -= torch.from_numpy(np.median(logits, axis=0))
    return made


def padded_logits(made: Setting, rows: Sequence[Row]) -> list[np.ndarray]:
    """Logits of batches in the order of ``rows``, every sequence ``LENGTH`` sub-words long."""
    tokenizer, window = made.predictor.tokenizer, made.predictor.window
    examples = encode(TASK.kind, rows, tokenizer, window)
    step = made.predictor.token_budget // LENGTH
    found = []
    for begin in range(0, len(examples), step):
        batch = collate(examples[begin : begin + step], pad=tokenizer.pad)
        short = LENGTH - batch["input_ids"].shape[1]
        pad = torch.nn.functional.pad
        batch["input_ids"] = pad(batch["input_ids"], (0, short), value=tokenizer.pad)
        batch["attention_mask"] = pad(batch["attention_mask"], (0, short))
        found.append(made.network.logits(batch).float().cpu().numpy())
    return found


def padded(made: Setting, data: Data) -> Labels:
    """The loop over languages that pads to the longest."""
    with torch.inference_mode():
        return {
            code: [made.labels[int(k)] for k in np.concatenate(padded_logits(made, rows)).argmax(1)]
            for code, rows in data.items()
        }


def one_by_one(made: Setting, data: Data) -> Labels:
    """A language at a time, in length-sorted batches."""
    return {
        code: [p["label"] for p in predict(made.network, TASK.kind, rows, made.predictor)]
        for code, rows in data.items()
    }


def ours(made: Setting, data: Data) -> Labels:
    """All languages at once."""
    found = predict_languages(made.network, TASK.kind, data, made.predictor)
    return {code: [p["label"] for p in rows] for code, rows in found.items()}


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    words.add_argument("--rows", type=int, default=200, help="rows of each language")
    words.add_argument("--tokens", type=int, default=4096, help="padded sub-words in a batch")
    words.add_argument("--layers", type=int, default=4)
    words.add_argument("--width", type=int, default=128)
    words.add_argument("--repeats", type=int, default=2)
    arguments = words.parse_args()
    torch.set_num_threads(1)
    directory = os.environ.get(VARIABLE)
    if not directory:
        words.error(f"set {VARIABLE} to the directory of release files")
    whole = real_rows(Path(directory))
    tokenizer = tokenizer_of(whole)
    data = {code: cap(rows, arguments.rows) for code, rows in whole.items()}
    shape = {"layers": arguments.layers, "width": arguments.width}
    made = setting(data, tokenizer, **shape, tokens=arguments.tokens)
    ways: dict[str, Callable[[Setting, Data], Labels]] = {
        "padded": padded, "sorted": one_by_one, "ours": ours,
    }  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, Labels] = {}
    for _ in range(arguments.repeats):
        for name, way in ways.items():
            began = time.process_time()
            found[name] = way(made, data)
            seconds[name].append(time.process_time() - began)
    assert found["ours"] == found["padded"], "one pool of all languages predicts something else"
    assert found["sorted"] == found["padded"], "length-sorted batches predict something else"
    counts = Counter(label for labels in found["ours"].values() for label in labels)
    total = sum(counts.values())
    assert min(counts.values()) > total / 20 and len(counts) == 3, f"labels not varied: {counts}"  # noqa: PT018
    least = {name: min(values) for name, values in seconds.items()}
    shares = ", ".join(f"{label} {100 * n / total:.0f}%" for label, n in counts.most_common())
    print(f"{total} rows in {len(data)} languages, the same predictions in three ways ({shares})")
    for name, value in least.items():
        print(f"{name:7} {value:7.2f} s, {total / value:6.0f} rows a second")
    print(f"padded / sorted: {least['padded'] / least['sorted']:.2f}")
    print(f"padded / ours:   {least['padded'] / least['ours']:.2f}")


if __name__ == "__main__":
    main()
