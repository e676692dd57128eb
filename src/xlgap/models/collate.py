"""Examples to a padded batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from xlgap.models.aliases import Batch
from xlgap.models.encode import IGNORE, Example, Types
from xlgap.models.packed import packing
from xlgap.models.reads import labelled


def collate(examples: Sequence[Example], *, pad: int) -> Batch:
    """Pad to the longest sequence, and tell how to pack.

    Returns:
        ``input_ids`` and ``attention_mask`` ``[B, L]``, and ``token_type_ids`` where an example has
        types; ``labels`` ``[rows, 1 or 2]``, or ``[B, L]``
        where an example has one label a sub-word; what :func:`~xlgap.models.packed.packing` gives, and
        :func:`~xlgap.models.reads.labelled` of labels of sub-words.
    """
    sequences = [s for example in examples for s in example.sequences]
    lengths = [len(s) for s in sequences]
    longest, labels = max(lengths), _labels(examples, max(lengths))
    ids = np.full((len(sequences), longest), pad, np.int64)
    mask = np.zeros((len(sequences), longest), np.int64)
    for i, sequence in enumerate(sequences):
        ids[i, : len(sequence)] = sequence
        mask[i, : len(sequence)] = 1
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask),
        **token_types([t for e in examples for t in e.types or [None] * len(e.sequences)], longest),
        **packing(lengths, longest),
        **(labelled(labels, lengths) if examples[0].per_sub_word else {}),
        "labels": torch.from_numpy(labels),
    }


def token_types(types: Sequence[Types | None], longest: int) -> Batch:
    """``token_type_ids`` ``[B, L]``, 0 where there is none; nothing where no sequence has any."""
    if all(of is None for of in types):
        return {}
    padded = np.zeros((len(types), longest), np.int64)
    for i, of in enumerate(types):
        if of is not None:
            padded[i, : len(of)] = of
    return {"token_type_ids": torch.from_numpy(padded)}


def _labels(
    examples: Sequence[Example], longest: int
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    if not examples[0].per_sub_word:
        return np.stack([example.labels for example in examples])
    labels = np.full((len(examples), longest), IGNORE, np.int64)
    for i, example in enumerate(examples):
        labels[i, : len(example.labels)] = example.labels
    return labels
