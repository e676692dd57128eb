"""The head of masked language modelling that a hub checkpoint was pretrained with.

Shape letters: D width, V sub-words of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from xlgap.checkout import model_place
from xlgap.errors import DataError
from xlgap.models.aliases import State
from xlgap.models.masked import MaskedHead

_PARTS = (
    ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),  # RoBERTa, XLM-R
    ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias"),
    ("head.dense", "head.norm", "decoder.bias"),  # ModernBERT, which may leave biases out
)
"""What releases call the layer, the norm and the output's bias of such a head; BERT is the second."""
_CLOSE = 1e-3
"""Share of the largest logit that ours may differ by: a norm's epsilon, which releases differ in."""


def hub_masked_head(repo: str, revision: str | None) -> State:
    """The weights of a :class:`~xlgap.models.masked.MaskedHead` as the checkpoint has it.

    safetensors only, no remote code. It is tried on a few sub-words before it is returned.

    Raises:
        DataError: the checkpoint has no such head, or one of another form.
    """
    from transformers import AutoModelForMaskedLM

    try:
        model, info = AutoModelForMaskedLM.from_pretrained(
            model_place(repo),
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError) as error:
        raise _refused(repo, str(error).strip().splitlines()[0].rstrip(".:")) from error
    if info["missing_keys"]:
        raise _refused(repo, f"it lacks {min(info['missing_keys'])}")
    head = _head_of(model.state_dict(), model.get_input_embeddings().weight)
    if head is None or not _computes_the_same(head, model.eval()):
        raise _refused(repo, f"{type(model).__name__} has one of a form that is not known here")
    return dict(head.state_dict())


def _head_of(state: Mapping[str, Tensor], embedding_VD: Tensor) -> MaskedHead | None:
    vocabulary, width = embedding_VD.shape
    head = MaskedHead(width, vocabulary)
    for dense, norm, bias in _PARTS:
        if {f"{dense}.weight", f"{norm}.weight"} <= state.keys():
            zero_D, zero_V = torch.zeros(width), torch.zeros(vocabulary)
            head.load_state_dict(
                {
                    "dense.weight": state[f"{dense}.weight"],
                    "dense.bias": state.get(f"{dense}.bias", zero_D),
                    "norm.weight": state[f"{norm}.weight"],
                    "norm.bias": state.get(f"{norm}.bias", zero_D),
                    "bias": state.get(bias, zero_V),
                }
            )
            return head
    return None


@torch.inference_mode()
def _computes_the_same(head: MaskedHead, model: Any) -> bool:
    """Whether the logits are those of the model, whose output matrix may be none of its sub-words."""
    ids = torch.arange(4)[None]
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    wanted = model(**inputs).logits
    hidden_BLD = model.base_model(**inputs).last_hidden_state
    batch = {"labels": ids}  # each of them counts
    found, _ = head.scores(hidden_BLD, batch, model.get_input_embeddings().weight)
    return bool(F.l1_loss(found, wanted[0], reduction="none").max() <= _CLOSE * wanted.abs().max())


def _refused(repo: str, reason: str) -> DataError:
    return DataError(
        f"'{repo}' has no head of masked language modelling that training can go on with: {reason}; "
        "name a checkpoint that has one, or leave the arms with 'mlm_rate' out of its study."
    )
