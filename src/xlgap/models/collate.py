"""Examples to a padded batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from xlgap.models.encode import IGNORE, Example
from xlgap.models.network import Batch


def collate(examples: Sequence[Example], *, pad: int) -> Batch:
    """Pad to the longest sequence.

    Returns:
        ``input_ids`` and ``attention_mask`` ``[B, L]``; ``labels`` ``[rows, 1 or 2]``, or ``[B, L]``
        where an example has one label a sub-word.
    """
    sequences = [s for example in examples for s in example.sequences]
    longest = max(len(s) for s in sequences)
    ids = np.full((len(sequences), longest), pad, np.int64)
    mask = np.zeros((len(sequences), longest), np.int64)
    for i, sequence in enumerate(sequences):
        ids[i, : len(sequence)] = sequence
        mask[i, : len(sequence)] = 1
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask),
        "labels": torch.from_numpy(_labels(examples, longest)),
    }


def _labels(
    examples: Sequence[Example], longest: int
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    if not examples[0].per_sub_word:
        return np.stack([example.labels for example in examples])
    labels = np.full((len(examples), longest), IGNORE, np.int64)
    for i, example in enumerate(examples):
        labels[i, : len(example.labels)] = example.labels
    return labels
