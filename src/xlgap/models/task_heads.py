"""The heads of tasks that are learnt from labels.

They read the encoder's last state as it is: without BERT's pooler, and without the dense layer and the
tanh that stand before the output in the official heads for classification and multiple choice.

Shape letters: B sequences, L sub-words, D width, C classes or tags.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from xlgap.models.aliases import Batch
from xlgap.models.causal import whole, word_ends
from xlgap.models.dropout import Dropout
from xlgap.models.encode import IGNORE


class ClassifyHead(nn.Module):
    """Class scores from the sub-word that :func:`~xlgap.models.causal.whole` reads."""

    reads = "whole"

    def __init__(self, width: int, classes: int, dropout: float, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.dropout = Dropout(dropout)
        self.out = nn.Linear(width, classes)

    def forward(self, hidden_BLD: Tensor, batch: Batch) -> Tensor:
        """Logits ``[B, C]``."""
        read_BD = whole(hidden_BLD, batch, causal=self.causal)
        logits: Tensor = self.out(self.dropout(read_BD))
        return logits

    def loss(self, logits_BC: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy summed over sequences."""
        return F.cross_entropy(logits_BC.float(), batch["labels"][:, 0], reduction="sum")


class ChooseHead(nn.Module):
    """One score a sequence, from the sub-word that :func:`~xlgap.models.causal.whole` reads.

    The choices of a row stand one after another in the batch.
    """

    reads = "whole"

    def __init__(self, width: int, choices: int, dropout: float, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.choices = self.idle_sequences = choices
        self.dropout = Dropout(dropout)
        self.out = nn.Linear(width, 1)

    def forward(self, hidden_BLD: Tensor, batch: Batch) -> Tensor:
        """Logits ``[rows, choices]`` from ``B = rows * choices`` sequences."""
        read_BD = whole(hidden_BLD, batch, causal=self.causal)
        scores: Tensor = self.out(self.dropout(read_BD))
        return scores.view(-1, self.choices)

    def loss(self, logits_RC: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy summed over rows."""
        return F.cross_entropy(logits_RC.float(), batch["labels"][:, 0], reduction="sum")


class TagHead(nn.Module):
    """A tag a word, at its first sub-word.

    With a causal model the scores there are those of the word's last sub-word: they know the whole
    word and what stands to its left, and nothing to its right.
    """

    reads = "labelled"

    def __init__(self, width: int, tags: int, dropout: float, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.dropout = Dropout(dropout)
        self.out = nn.Linear(width, tags)

    def forward(self, hidden_BLD: Tensor, batch: Batch) -> Tensor:
        """Logits ``[B, L, C]``; of ``labels`` a causal model is told where words begin."""
        logits: Tensor = self.out(self.dropout(hidden_BLD))
        if self.causal:
            logits = logits.gather(1, word_ends(batch)[..., None].expand_as(logits))
        return logits

    def loss(self, logits_BLC: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy summed over labelled sub-words."""
        labels = batch["labels"].flatten()
        return F.cross_entropy(
            logits_BLC.flatten(0, 1).float(), labels, ignore_index=IGNORE, reduction="sum"
        )


class SpanHead(nn.Module):
    """Scores of every sub-word as the first and as the last of the answer.

    The question stands before the context, so that the states of a causal model know it too; as the
    first of the answer it scores a sub-word without having read on. Position 0 says that there is no
    answer. Its state knows nothing in a causal model, where outputs of their own give its scores from
    the last sub-word, whose state has read question and context.
    """

    idle_labels = 2  # for Heads: the first sub-word and the last

    def __init__(self, width: int, dropout: float, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.dropout = Dropout(dropout)
        self.out = nn.Linear(width, 4 if causal else 2)

    def forward(self, hidden_BLD: Tensor, batch: Batch) -> Tensor:
        """Logits ``[B, L, 2]``; padding is minus infinity."""
        return self.placed(self.out(self.dropout(hidden_BLD)).float(), batch)

    def placed(self, scores_BLO: Tensor, batch: Batch) -> Tensor:
        """Logits ``[B, L, 2]`` of what the linear map gives; padding is minus infinity."""
        if self.causal:
            none_B2 = whole(scores_BLO[..., 2:], batch, causal=True)
            scores_BLO = torch.cat([none_B2[:, None], scores_BLO[:, 1:, :2]], dim=1)
        padding = batch["attention_mask"] == 0
        return scores_BLO.masked_fill(padding[..., None], -torch.inf)

    def loss(self, logits_BL2: Tensor, batch: Batch) -> Tensor:
        """Mean of the two cross-entropies, summed over sequences."""
        first = F.cross_entropy(logits_BL2[..., 0], batch["labels"][:, 0], reduction="sum")
        last = F.cross_entropy(logits_BL2[..., 1], batch["labels"][:, 1], reduction="sum")
        return (first + last) / 2
