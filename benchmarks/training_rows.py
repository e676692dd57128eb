"""Rows that :mod:`benchmarks.training` trains on: as long as real ones, of words that say nothing."""

from __future__ import annotations

import numpy as np

from xlgap.models.encode import Example

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
PAD, FIRST = 1, 5
WORDS = 30000
"""Sub-words that texts are made of."""
CLUES = 40
"""Sub-words of each label: one stands in a row among words that say nothing; of a span two, one where
it begins and one where it ends."""
UNTRUE = 0.2
"""The share of rows whose label, or span, is drawn at random: no training gets below their loss.
Without them losses end so near zero that the last steps of a seed decide about orders of magnitude."""


def drawn_lengths(kind: str, count: int, random: np.random.Generator) -> np.ndarray:
    """Lengths by the quantiles of :data:`LENGTHS`."""
    parts = LENGTHS[kind][1]
    at = random.uniform(0, len(parts) - 1, count)
    return np.interp(at, np.arange(len(parts)), parts).round().astype(int)


def made_examples(kind: str, count: int, seed: int) -> list[Example]:
    """Rows of random words with clues of what is to be found among them."""
    random = np.random.default_rng(seed)
    found = []
    for number, length in enumerate(drawn_lengths(kind, count, random)):
        words = random.integers(FIRST + CLUES * 3, WORDS, length - 2)
        if kind == "qa":
            labels = np.sort(random.choice(length - 2, 2, replace=False))
            words[labels] = FIRST + CLUES * np.arange(2) + random.integers(CLUES, size=2)
            if random.random() < UNTRUE:
                labels = np.sort(random.choice(length - 2, 2, replace=False))
            labels += 1  # behind <s>
        else:
            labels = random.integers(3, size=1)
            clue = FIRST + CLUES * int(labels[0]) + int(random.integers(CLUES))
            words[random.integers(len(words))] = clue
            if random.random() < UNTRUE:
                labels = random.integers(3, size=1)
        row = np.concatenate([[0], words, [2]]).astype(np.int32)
        found.append(Example(number, (row,), labels))
    return found
