"""The loss of masked language modelling by a kept head, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from xlgap.models.aliases import Encoder
from xlgap.models.encode import IGNORE
from xlgap.models.masked import MaskedHead
from xlgap.models.network import Network, load_state
from xlgap.models.packed import on_device
from xlgap.training.data import MaskedText


@dataclass(frozen=True)
class KeptHead:
    """The head as it was when pretraining ended, on whatever encoder.

    Attributes:
        head: its layers.
        output: the output matrix ``[V, D]`` as it was then: the table of sub-words, which moves later.
    """

    head: MaskedHead
    output: Tensor

    @classmethod
    def load(cls, path: Path, pretrained: Encoder) -> KeptHead:
        """From a file that :func:`~xlgap.models.network.save_encoder` has written.

        Raises:
            DataError: it is damaged.
        """
        module: Any = pretrained
        output_VD = module.get_input_embeddings().weight.detach().clone()
        head = MaskedHead(output_VD.shape[1], output_VD.shape[0])
        head.load_state_dict(load_state(path))
        return cls(head.eval(), output_VD)

    def losses(
        self, encoder: Encoder, text: MaskedText, *, token_budget: int
    ) -> npt.NDArray[np.float64]:
        """For each line its summed loss (natural logarithm) and its masked sub-words, ``[N, 2]``.

        Args:
            encoder: as it is now.
            text: lines, masked as the first step of a training would.
            token_budget: padded sub-words in a forward pass.
        """
        network = Network(encoder, None)
        network.eval()
        device = next(encoder.parameters()).device
        head, output_VD = self.head.to(device), self.output.to(device)
        found = np.zeros((len(text.sequences), 2))
        order = np.argsort([-length for length in text.lengths], kind="stable")
        begin = 0
        while begin < len(order):
            indices = order[begin : begin + max(1, token_budget // text.lengths[int(order[begin])])]
            batch = on_device(text.batch(indices, step=0), device)
            with torch.inference_mode():
                logits_PV, labels_P = head.scores(network.hidden(batch), batch, output_VD)
                losses_P = F.cross_entropy(logits_PV, labels_P, reduction="none")
            masked_BL = batch["labels"] != IGNORE
            losses_BL = torch.zeros(masked_BL.shape, dtype=torch.float64, device=device)
            losses_BL[masked_BL] = losses_P.double()
            found[indices, 0] = losses_BL.sum(1).cpu().numpy()
            found[indices, 1] = masked_BL.sum(1).cpu().numpy()
            begin += len(indices)
        return found
