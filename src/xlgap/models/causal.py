"""What the states of causal models know, and where a head reads them.

Shape letters: B sequences, L sub-words, D width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xlgap.errors import TrainingError
from xlgap.models.aliases import Batch, Encoder
from xlgap.models.encode import IGNORE
from xlgap.models.shares import can_be_called, is_partitioned


def is_causal(encoder: Encoder) -> bool:
    """Whether the states of ``encoder`` know only what stands to their left, as in BLOOM and XGLM.

    Its behaviour says so, whatever its architecture: the gradient of a state by an embedding that a
    mask hides from it is zero, exactly. Where its parameters are shared out, and so not there for a
    backward pass, another embedding that is hidden leaves the state as it is, bit for bit.

    Raises:
        TrainingError: the last state does not know the first sub-word either.
    """
    module: Any = encoder
    if is_partitioned(encoder):
        return _is_causal_by_change(module)
    was_training = module.training
    module.eval()
    with torch.inference_mode(mode=False), torch.enable_grad():
        embedding = module.get_input_embeddings()
        ids_BL = torch.arange(4, device=embedding.weight.device)[None]
        embedded_BLD = embedding(ids_BL).detach().requires_grad_()
        mask_BL = torch.ones_like(ids_BL)
        hidden_BLD = module(inputs_embeds=embedded_BLD, attention_mask=mask_BL).last_hidden_state
        ramp_D = torch.linspace(1, 2, hidden_BLD.shape[-1]).to(hidden_BLD)  # a norm hides a plain sum
        first_LD, last_LD = (
            torch.autograd.grad(hidden_BLD[0, at] @ ramp_D, embedded_BLD, retain_graph=True)[0][0]
            for at in (0, -1)
        )
    module.train(was_training)
    if not last_LD[0].any():
        raise _blind(encoder)
    return not first_LD[1:].any()


def _is_causal_by_change(module: Any) -> bool:
    was_training = module.training
    module.eval()

    with can_be_called(module), torch.no_grad():
        embedding = module.get_input_embeddings()
        ids_BL = torch.arange(4, device=next(module.parameters()).device)[None]
        embedded_BLD, mask_BL = embedding(ids_BL), torch.ones_like(ids_BL)

        def states(*order: int) -> Tensor:
            moved_BLD = embedded_BLD[:, list(order)]
            hidden = module(inputs_embeds=moved_BLD, attention_mask=mask_BL).last_hidden_state
            found: Tensor = hidden[0]
            return found

        first, others, itself = states(0, 1, 2, 3), states(0, 3, 1, 2), states(3, 1, 2, 3)
    module.train(was_training)
    if torch.equal(first[-1], itself[-1]):
        raise _blind(module)
    return torch.equal(first[0], others[0])


def _blind(encoder: Encoder) -> TrainingError:
    return TrainingError(
        f"{type(encoder).__name__}: the state of the last of four sub-words does not depend on the "
        "first, so that no head can read a whole text; choose a model whose sub-words see others."
    )


def whole(hidden_BLD: Tensor, batch: Batch, *, causal: bool) -> Tensor:
    """The state ``[B, D]`` that knows all of a sequence: the first; with a causal model the last.

    The last is that of the last sub-word that is not padding, on whichever side the padding is.
    """
    if not causal:
        return hidden_BLD[:, 0]
    return hidden_BLD[torch.arange(len(hidden_BLD), device=hidden_BLD.device), _last(batch)]


def _last(batch: Batch) -> Tensor:
    """Positions ``[B]`` of the last sub-words that are not padding."""
    mask_BL = batch["attention_mask"]
    return (mask_BL * torch.arange(1, mask_BL.shape[1] + 1, device=mask_BL.device)).argmax(1)


def word_ends(batch: Batch) -> Tensor:
    """Where the word ends that begins at a position, ``[B, L]``: before the next or the closing token.

    ``labels`` say where words begin; where none begins the value is some position of the sequence.
    """
    labels_BL = batch["labels"]
    length = labels_BL.shape[1]
    at_L = torch.arange(length, device=labels_BL.device)
    bounds_BL = (labels_BL != IGNORE) | (at_L == _last(batch)[:, None])
    next_BL = torch.where(bounds_BL, at_L, length).flip(1).cummin(1).values.flip(1)  # here or behind
    return (next_BL.roll(-1, 1) - 1) % length
