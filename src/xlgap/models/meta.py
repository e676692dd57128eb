"""What is fine-tuned of a model, without weights: on the meta device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from xlgap.models.aliases import Encoder
from xlgap.models.network import untrained


def encoder_on_meta(fields: Mapping[str, Any]) -> Encoder:
    """The encoder that a study trains of the model that the mapping of a ``config.json`` describes."""
    from transformers import AutoConfig

    with torch.device("meta"):
        return untrained(AutoConfig.for_model(**fields))


def encoder_fields(encoder: Encoder) -> dict[str, Any]:
    """Its configuration as the mapping of a ``config.json`` has it, defaults among it."""
    fields: dict[str, Any] = encoder.config.to_dict()  # type: ignore[union-attr, operator]
    return fields


def linear_shapes(module: nn.Module) -> dict[tuple[str, int, int], int]:
    """How many linear layers there are of a last part of their names, inputs and outputs."""
    return dict(
        Counter(
            (name.rpartition(".")[2], part.in_features, part.out_features)
            for name, part in module.named_modules()
            if isinstance(part, nn.Linear)
        )
    )
