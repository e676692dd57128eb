"""What the trainer trains on: fine-tuning examples of a task, or packed text with masked sub-words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt
import torch

from xlgap.errors import DataError
from xlgap.models.aliases import Batch
from xlgap.models.collate import collate, token_types
from xlgap.models.encode import IGNORE, Example, Ids, Types
from xlgap.models.encoded import Encoded
from xlgap.models.packed import packing
from xlgap.models.reads import labelled
from xlgap.models.tokenizer import Tokenizer
from xlgap.training.batches import Index

_AT_ONCE = 2**24


class TrainingData(Protocol):
    """Examples that the trainer asks for by index."""

    @property
    def lengths(self) -> Sequence[int]:
        """Sub-words of each example, all its sequences padded to the longest one."""

    @property
    def sequences_of(self) -> Sequence[Sequence[int]]:
        """Sub-words of each sequence of each example."""

    def supervised(self, indices: Index) -> int:
        """How many terms the loss of these examples sums; the same on all ranks."""

    def batch(self, indices: Index, *, step: int) -> Batch:
        """Tensors of these examples, on the CPU."""

    def constant_loss(self, passes: Sequence[Index]) -> float:
        """The least mean loss of one answer for all examples, in nats.

        Args:
            passes: the examples of some forward passes, which matter where these are compared.
        """


@dataclass(frozen=True)
class TaskData:
    """The encoded training rows of a task."""

    examples: Sequence[Example]
    pad: int

    @cached_property
    def lengths(self) -> Sequence[int]:
        """Sub-words of each example, all its sequences padded to the longest one."""
        return [max(of) * len(of) for of in self.sequences_of]

    @cached_property
    def sequences_of(self) -> Sequence[Sequence[int]]:
        """Sub-words of each sequence of each example."""
        if isinstance(self.examples, Encoded):
            return self.examples.lengths
        return [[len(s) for s in e.sequences] for e in self.examples]

    def supervised(self, indices: Index) -> int:
        """Labelled sub-words for tagging, rows otherwise."""
        examples = [self.examples[i] for i in indices]
        if examples[0].per_sub_word:
            return sum(int((e.labels != IGNORE).sum()) for e in examples)
        return len(examples)

    def batch(self, indices: Index, *, step: int) -> Batch:
        """Padded tensors; the step does not matter."""
        return collate([self.examples[i] for i in indices], pad=self.pad)

    def constant_loss(self, passes: Sequence[Index]) -> float:
        """The entropy of classes, of tags, or of where answers begin and end, over all examples.

        Choices are scored one by one, so that the best is to like all of them alike; so it is of what
        is ranked, among those of a forward pass.
        """
        first, labels = self.examples[0], _all_labels(self.examples)
        if len(first.sequences) > 1 and len(first.labels):
            return math.log(len(first.sequences))
        if len(first.labels) == 0:
            return fmean(math.log(n) for of in passes for n in self._candidates(of))
        if first.per_sub_word:
            return entropy(counted(labels[labels != IGNORE]))
        columns = labels.reshape(len(self.examples), -1)
        return fmean(entropy(counted(column)) for column in columns.T)

    def _candidates(self, indices: Index) -> list[int]:
        """Among how many each of a forward pass is ranked: of candidates that are equal one counts."""
        texts = [self.examples[i].sequences[1].tobytes() for i in indices]
        times = Counter(texts)
        return [len(texts) + 1 - times[text] for text in texts]


@dataclass(frozen=True)
class Line:
    """Sub-words of a line, special ones included, and their token types; ``None``: all are 0."""

    ids: Ids
    types: Types | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class EncodedLines(Sequence[Line]):
    """Lines of a file of encoded examples, one sequence each."""

    examples: Encoded

    def __len__(self) -> int:
        return len(self.examples)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        example = self.examples[index]
        return Line(example.sequences[0], example.types[0] if example.types else None)


@dataclass(frozen=True)
class MaskedText:
    """Lines of text of which a fixed share of sub-words is masked anew at every step.

    Of the masked positions 80% become the mask token, 10% another sub-word, 10% stay (Devlin et al.
    2019). The draw depends on ``seed``, the step and the line alone; special tokens are never masked:
    those of ``special``, or, as in the ladder's tokenizer, all up to the unknown one.
    """

    sequences: Sequence[Line]
    tokenizer: Tokenizer
    fraction: float
    seed: int
    special: frozenset[int] | None = None

    @cached_property
    def lengths(self) -> Sequence[int]:
        """Sub-words of each line."""
        return [size for (size,) in self.sequences_of]

    @cached_property
    def sequences_of(self) -> Sequence[Sequence[int]]:
        """Sub-words of each line, which is one sequence."""
        if isinstance(self.sequences, EncodedLines):
            return self.sequences.examples.lengths
        return [[len(s)] for s in self.sequences]

    def supervised(self, indices: Index) -> int:
        """Masked positions."""
        return sum(self._count(self.sequences[i].ids) for i in indices)

    def _count(self, sequence: Ids) -> int:
        words = len(self._words(sequence))
        return min(words, max(1, round(self.fraction * words)))

    def _words(self, sequence: Ids) -> npt.NDArray[np.int64]:
        """Where a line has sub-words that may be masked."""
        if self.special is None:
            return np.flatnonzero(sequence > self.tokenizer.unk)
        return np.flatnonzero(~np.isin(sequence, list(self.special)))

    def batch(self, indices: Index, *, step: int) -> Batch:
        """``input_ids``, ``attention_mask`` and ``labels`` ``[B, L]``; ``token_type_ids`` of pairs."""
        lengths = [len(self.sequences[i]) for i in indices]
        longest = max(lengths)
        ids = np.full((len(indices), longest), self.tokenizer.pad, np.int64)
        mask = np.zeros_like(ids)
        labels = np.full_like(ids, IGNORE)
        for row, index in enumerate(indices):
            sequence = self.sequences[index].ids
            ids[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = 1
            self._mask(ids[row], labels[row], sequence, (self.seed, step, int(index)))
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask),
            **token_types([self.sequences[i].types for i in indices], longest),
            **packing(lengths, longest),
            **labelled(labels, lengths),
            "labels": torch.from_numpy(labels),
        }

    def constant_loss(self, passes: Sequence[Index]) -> float:
        """The entropy of the sub-words that may be masked, over all lines."""
        counts = counted(_all_sub_words(self.sequences))
        special = range(self.tokenizer.unk + 1) if self.special is None else self.special
        counts[[word for word in special if word < len(counts)]] = 0
        return entropy(counts)

    def _mask(
        self,
        ids: npt.NDArray[np.int64],
        labels: npt.NDArray[np.int64],
        sequence: Ids,
        key: tuple[int, int, int],
    ) -> None:
        """Mask one line in place."""
        assert self.tokenizer.mask is not None, "masked language modelling needs a mask token"
        random = np.random.default_rng(key)
        first_word = self.tokenizer.unk + 1  # nearly all special tokens come first
        where = random.choice(self._words(sequence), self._count(sequence), replace=False)
        labels[where] = ids[where]
        draw = random.random(len(where))
        ids[where[draw < 0.8]] = self.tokenizer.mask
        other = where[draw >= 0.9]
        ids[other] = random.integers(first_word, self.tokenizer.size - 1, len(other))


def counted(values: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """How often each number from 0 is among ``values``, some million at once."""
    counts = np.zeros(int(values.max(initial=0)) + 1, np.int64)
    for begin in range(0, len(values), _AT_ONCE):
        counts += np.bincount(values[begin : begin + _AT_ONCE], minlength=len(counts))
    return counts


def entropy(counts: npt.NDArray[np.int64]) -> float:
    """Of a distribution that was counted, in nats: the mean loss of the best answer to all alike.

    >>> entropy(np.asarray([2, 0, 2])) == math.log(2)
    True
    """
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _all_labels(examples: Sequence[Example]) -> npt.NDArray[np.int64]:
    """Of all examples, one after another."""
    if isinstance(examples, Encoded):
        return examples.labels
    return np.concatenate([example.labels for example in examples])


def _all_sub_words(lines: Sequence[Line]) -> Ids:
    """Of all lines, one after another."""
    if isinstance(lines, EncodedLines):
        return lines.examples.sub_words
    return np.concatenate([line.ids for line in lines])


def encode_lines(lines: Iterable[str], tokenizer: Tokenizer, *, length: int) -> list[Line]:
    """One sequence a line, at most ``length`` sub-words; a longer line becomes several.

    A tab in a line parts a pair (a sentence and its translation, say), which is encoded as the
    fine-tuning tasks encode theirs, ``<s> a </s> b </s>`` and its token types; a pair that is too long
    is cut.

    Raises:
        DataError: there is no text.
    """
    pairs: list[tuple[str, str]] = []
    singles: list[str] = []
    for line in lines:
        first, tab, second = line.partition("\t")
        if tab:
            pairs.append((first, second))
        else:
            singles.append(first)
    tokenizer.fast.enable_truncation(length)
    try:
        found = [_line(e) for e in tokenizer.fast.encode_batch(pairs)]
        for encoding in tokenizer.fast.encode_batch(singles):
            found += [_line(e) for e in (encoding, *encoding.overflowing)]
    finally:
        tokenizer.fast.no_truncation()
    sequences = [line for line in found if (line.ids > tokenizer.unk).any()]
    if not sequences:
        raise DataError("the corpus has no sub-word to learn; raise 'pretrain.corpus_lines'.")
    return sequences


def line_examples(lines: Iterable[Line]) -> list[Example]:
    """Lines as examples of one sequence without a label."""
    none = np.empty(0, np.int64)
    return [
        Example(row, (line.ids,), none, types=() if line.types is None else (line.types,))
        for row, line in enumerate(lines)
    ]


def _line(encoding: Any) -> Line:
    types = np.asarray(encoding.type_ids, np.int8)
    return Line(np.asarray(encoding.ids, np.int32), types if types.any() else None)
