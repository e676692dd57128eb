"""Lengths of real rows in sub-words, which ``benchmarks/training.py`` draws its rows from.

    XLGAP_DATA=... python benchmarks/lengths.py

English test rows of XNLI and training rows of SQuAD, from the release files below XLGAP_DATA, encoded
as the tasks encode them with a tokenizer of 30,000 sub-words that is trained on the English texts of
several tasks. Prints the vigintiles, and the share of text in random batches of 32 that are padded to
the maximum, to their longest row, and sorted by length.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from xlgap.data.sources import load
from xlgap.models.encode import Window, encode
from xlgap.models.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from xlgap.tasks import get_task
from xlgap.tasks.base import Row, Split

TASKS: dict[str, tuple[Split, int]] = {"xnli": ("test", 128), "squad": ("train", 384)}
READ: tuple[tuple[str, Split], ...] = (
    *((name, split) for name, (split, _) in TASKS.items()),
    ("mnli", "train"),
    ("anli_plus", "train"),
    ("mlqa", "test"),
    ("tydiqa", "test"),
    ("pawsx", "train"),
)
"""What the tokenizer is trained on."""
VOCABULARY, ROWS = 30_000, 32


def texts(row: Row) -> list[str]:
    """What a row has to read."""
    return [value for value in row.values() if isinstance(value, str) and " " in value.strip()]


def share(lengths: np.ndarray, longest: int | None) -> float:
    """Text over computed sub-words in batches, padded to ``longest`` or to each batch's longest row."""
    batches = [lengths[i : i + ROWS] for i in range(0, len(lengths), ROWS)]
    return float(lengths.sum() / sum(len(b) * (longest or int(b.max())) for b in batches))


def english(name: str, split: Split, data: Path) -> list[Row]:
    """The task's English rows."""
    return load(get_task(name), split, ["en"], source="release", data_dir=data)["en"].rows


def measure(name: str, data: Path, tokenizer: Tokenizer) -> str:
    """One line on a task."""
    split, longest = TASKS[name]
    rows = english(name, split, data)
    examples = encode(get_task(name).kind, rows, tokenizer, Window(max_length=longest))
    lengths = np.random.default_rng(0).permutation([e.length for e in examples])
    parts = np.quantile(lengths, np.linspace(0, 1, 21), method="nearest")
    return (
        f"{name}: {len(rows):,} rows, {len(examples):,} sequences; vigintiles {parts.tolist()}; of the "
        f"computed sub-words text is {share(lengths, longest):.2f} padded to {longest}, "
        f"{share(lengths, None):.2f} padded to the longest of {ROWS}, "
        f"{share(np.sort(lengths), None):.2f} sorted"
    )


def main() -> int:
    """Measure and print."""
    data = Path(os.environ["XLGAP_DATA"])
    lines = [t for name, split in READ for row in english(name, split, data) for t in texts(row)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        train_tokenizer(lines, path, vocabulary=VOCABULARY)
        tokenizer = load_tokenizer(path)
    for name in TASKS:
        print(measure(name, data, tokenizer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
