"""What the trainer trains on: fine-tuning examples of a task, or packed text with masked sub-words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from xlgap.errors import DataError
from xlgap.models.collate import collate
from xlgap.models.encode import IGNORE, Example
from xlgap.models.network import Batch
from xlgap.models.tokenizer import Tokenizer
from xlgap.training.batches import Index


class TrainingData(Protocol):
    """Examples that the trainer asks for by index."""

    @property
    def lengths(self) -> Sequence[int]:
        """Sub-words of each example, all its sequences padded to the longest one."""

    def supervised(self, indices: Index) -> int:
        """How many terms the loss of these examples sums; the same on all ranks."""

    def batch(self, indices: Index, *, step: int) -> Batch:
        """Tensors of these examples, on the CPU."""


@dataclass(frozen=True)
class TaskData:
    """The encoded training rows of a task."""

    examples: Sequence[Example]
    pad: int

    @property
    def lengths(self) -> Sequence[int]:
        """Sub-words times sequences of each example."""
        return [e.length * len(e.sequences) for e in self.examples]

    def supervised(self, indices: Index) -> int:
        """Labelled sub-words for tagging, rows otherwise."""
        examples = [self.examples[i] for i in indices]
        if examples[0].per_sub_word:
            return sum(int((e.labels != IGNORE).sum()) for e in examples)
        return len(examples)

    def batch(self, indices: Index, *, step: int) -> Batch:
        """Padded tensors; the step does not matter."""
        return collate([self.examples[i] for i in indices], pad=self.pad)


@dataclass(frozen=True)
class MaskedText:
    """Packed sequences ``[n, L]`` of which a fixed share is masked anew at every step.

    Of the masked positions 80% become the mask token, 10% another sub-word, 10% stay (Devlin et al.
    2019). The draw depends on ``seed``, the step and the sequence alone.
    """

    sequences: npt.NDArray[np.int32]
    tokenizer: Tokenizer
    fraction: float
    seed: int

    @property
    def lengths(self) -> Sequence[int]:
        """All the same."""
        return [self.sequences.shape[1]] * len(self.sequences)

    @property
    def _per_sequence(self) -> int:
        length: int = self.sequences.shape[1]
        return max(1, round(self.fraction * length))

    def supervised(self, indices: Index) -> int:
        """Masked positions."""
        return len(indices) * self._per_sequence

    def batch(self, indices: Index, *, step: int) -> Batch:
        """``input_ids``, ``attention_mask`` and ``labels`` ``[B, L]``."""
        ids = self.sequences[indices].astype(np.int64)
        labels = np.full_like(ids, IGNORE)
        mask = self.tokenizer.mask
        assert mask is not None, "masked language modelling needs a tokenizer with a mask token"
        first_word = self.tokenizer.unk + 1  # special tokens come first
        for row, index in enumerate(indices):
            random = np.random.default_rng((self.seed, step, int(index)))
            where = random.choice(ids.shape[1], self._per_sequence, replace=False)
            labels[row, where] = ids[row, where]
            draw = random.random(len(where))
            ids[row, where[draw < 0.8]] = mask
            other = where[draw >= 0.9]
            ids[row, other] = random.integers(first_word, self.tokenizer.size - 1, len(other))
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.ones(ids.shape, dtype=torch.int64),
            "labels": torch.from_numpy(labels),
        }


def pack(lines: Iterable[str], tokenizer: Tokenizer, *, length: int) -> npt.NDArray[np.int32]:
    """Lines, each ended by ``</s>``, one after another, cut into sequences ``[n, length]``.

    A tab in a line parts a pair (a sentence and its translation, say): both parts are ended by
    ``</s>``. No sub-word is padding; the rest that does not fill a sequence is dropped.

    Raises:
        DataError: the text does not fill one sequence.
    """
    parts = [part for line in lines for part in line.split("\t")]
    encodings = tokenizer.fast.encode_batch(parts, add_special_tokens=False)
    flat = np.fromiter(
        (i for e in encodings for i in (*e.ids, tokenizer.eos)), dtype=np.int32, count=-1
    )
    count = len(flat) // length
    if count == 0:
        raise DataError(
            f"the corpus has {len(flat)} sub-words, fewer than one sequence of {length}; raise "
            "'pretrain.corpus_lines' or lower 'pretrain.sequence_length'."
        )
    return flat[: count * length].reshape(count, length)
