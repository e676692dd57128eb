"""The head of masked language modelling.

Shape letters: B sequences, L sub-words, D width, P masked positions, V sub-words of the vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from xlgap.models.aliases import Batch
from xlgap.models.encode import IGNORE
from xlgap.models.reads import LABELLED


class MaskedHead(nn.Module):
    """Masked-language-model scores at masked positions, output embedding tied to the input's."""

    reads = "labelled"

    def __init__(self, width: int, vocabulary: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, hidden_BLD: Tensor, batch: Batch, embedding_VD: Tensor) -> Tensor:
        """Cross-entropy summed over the P masked positions."""
        logits_PV, labels_P = self.scores(hidden_BLD, batch, embedding_VD)
        return F.cross_entropy(logits_PV, labels_P, reduction="sum")

    def scores(self, hidden_BLD: Tensor, batch: Batch, embedding_VD: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[P, V]`` and right sub-words ``[P]`` of the masked positions, line by line."""
        places_P = batch.get(LABELLED)
        if places_P is None:
            places_P = (batch["labels"] != IGNORE).flatten().nonzero()[:, 0]
        hidden_PD = self.norm(F.gelu(self.dense(hidden_BLD.flatten(0, 1)[places_P])))
        logits_PV = F.linear(hidden_PD, embedding_VD, self.bias)
        return logits_PV.float(), batch["labels"].flatten()[places_P]
