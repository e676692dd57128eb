"""The heads of a mixture: one for each task, and one for masked language modelling.

Shape letters: B sequences, L sub-words, D width, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from xlgap.errors import TrainingError
from xlgap.models.aliases import Batch
from xlgap.models.causal import is_causal
from xlgap.models.masked import MaskedHead
from xlgap.models.reads import LABELLED
from xlgap.models.shares import shape_of

MLM = "mlm"
"""What the head of masked language modelling is called among those of tasks."""


def masked_head(encoder: nn.Module, *, seed: int) -> MaskedHead:
    """A new head of masked language modelling for ``encoder``, drawn from ``seed``.

    Raises:
        TrainingError: the encoder is causal: its states do not know what stands right of a mask; or
            its table of sub-words, which is the output matrix, is of another width than its states.
    """
    if is_causal(encoder):
        raise TrainingError(
            f"{type(encoder).__name__} is a causal model, for which there is no masked language "
            "modelling; leave the arms with 'mlm_rate' out of its study."
        )
    table: Any = encoder.get_input_embeddings()  # type: ignore[operator]
    vocabulary, width = shape_of(table.weight)
    config: Any = encoder.config
    states = getattr(config, "hidden_size", None) or config.d_model
    if states != width:
        raise TrainingError(
            f"{type(encoder).__name__}: sub-words have {width} numbers and states {states}, so that "
            "masked language modelling cannot have the table of sub-words as its output matrix; leave "
            "the arms with 'mlm_rate' out of its study."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MaskedHead(width, vocabulary)


def head_loss(
    head: nn.Module, hidden_BLD: Tensor, batch: Batch, encoder: nn.Module, *, idle: bool = False
) -> Tensor:
    """The loss of a head, summed over what is supervised.

    Args:
        head: any.
        hidden_BLD: states of ``encoder``.
        batch: where they are from, with labels.
        encoder: whose embedding is the output matrix of masked language modelling.
        idle: leaves that matrix without a gradient: the large part of the work.
    """
    if isinstance(head, MaskedHead):
        embedding_VD: Tensor = encoder.get_input_embeddings().weight  # type: ignore[operator]
        masked: Tensor = head(hidden_BLD, batch, embedding_VD.detach() if idle else embedding_VD)
        return masked
    loss: Tensor = head.loss(head(hidden_BLD, batch), batch)  # type: ignore[operator]
    return loss


class Heads(nn.ModuleDict):
    """Heads by the name of their task, so that weights are called ``head.TASK.*``.

    A micro-batch is of one of them. The others are called, too, on one made-up state each and with
    weight 0: every head has a gradient in every step, so that all ranks reduce the same tensors, the
    order of modules that ZeRO-3 remembers stays the same, and the optimizer does the same in each of
    its stages. Without it ZeRO-3 steps a head that was not called by its last gradient again.
    """

    def loss(self, part: str, hidden_BLD: Tensor, batch: Batch, encoder: nn.Module) -> Tensor:
        """The loss of the head called ``part``, summed over what is supervised."""
        idle = [_idle(self[name], hidden_BLD, encoder) for name in self if name != part]
        return torch.stack([head_loss(self[part], hidden_BLD, batch, encoder), *idle]).sum()


def _idle(head: nn.Module, hidden_BLD: Tensor, encoder: nn.Module) -> Tensor:
    """0, with a gradient of 0 for each parameter of ``head``."""
    shape: Any = head
    rows = getattr(shape, "idle_sequences", 1)
    one: dict[str, Any] = {"dtype": torch.long, "device": hidden_BLD.device}
    batch = {
        "input_ids": torch.zeros(rows, 1, **one),
        "attention_mask": torch.ones(rows, 1, **one),
        "labels": torch.zeros(1, getattr(shape, "idle_labels", 1), **one),
        LABELLED: torch.zeros(1, **one),
    }
    state_BLD = hidden_BLD.new_ones(rows, 1, hidden_BLD.shape[-1])
    return 0.0 * head_loss(head, state_BLD, batch, encoder, idle=True)
