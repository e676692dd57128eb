"""The head of a dual encoder: one encoder for queries and candidates, trained on its own batch.

Shape letters: B sequences, L sub-words, D width, N rows of a micro-batch, each of which is two
sequences, its query and its right candidate.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from xlgap.models.aliases import Batch
from xlgap.models.causal import whole

INITIAL_SCALE = 100.0  # as in the official script


class RankHead(nn.Module):
    """Unit vectors of sequences, and the loss of telling a query's candidate from the others'.

    The vector is the state that :func:`~xlgap.models.causal.whole` reads, at length 1; the official
    script has the encoder's pooler, a dense layer and a tanh, in between. Nothing here is drawn at
    random: the one parameter is the scale of the similarities.
    """

    reads = "whole"
    idle_sequences = 2  # for Heads: a query and its candidate

    def __init__(self, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.logit_scale = nn.Parameter(torch.full((1,), INITIAL_SCALE))

    def forward(self, hidden_BLD: Tensor, batch: Batch) -> Tensor:
        """Vectors ``[B, D]`` of length 1."""
        return F.normalize(whole(hidden_BLD, batch, causal=self.causal).float(), dim=-1)

    def loss(self, vectors_BD: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy over the candidates of the micro-batch, summed over its rows.

        From a query to the candidates, not the other way round. Sequences alternate: query, candidate.
        A candidate that is the right one's equal, sub-word for sub-word, is left out: it is no wrong
        answer, and dropout alone would tell the two apart. The official script leaves it in; there rows
        come in random order, while here those of one paragraph, which are of like length, often meet.
        """
        queries_ND, candidates_ND = vectors_BD[0::2], vectors_BD[1::2]
        similar_NN = self.logit_scale.float() * (queries_ND @ candidates_ND.T)
        ids_NL = batch["input_ids"][1::2]
        equal_NN = (ids_NL[:, None] == ids_NL[None]).all(-1)
        equal_NN.fill_diagonal_(False)
        right_N = torch.arange(len(queries_ND), device=similar_NN.device)
        return F.cross_entropy(similar_NN.masked_fill(equal_NN, -torch.inf), right_N, reduction="sum")
