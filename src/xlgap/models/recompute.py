"""Activation checkpointing: states inside a block are computed again in backward, not kept.

Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost" (arXiv 1604.06174).
"""

from __future__ import annotations

from typing import Any

from torch import nn

from xlgap.errors import TrainingError


def recompute_activations(encoder: nn.Module) -> None:
    """Keep of every block its input alone while training; dropout draws the same masks again.

    Raises:
        TrainingError: transformers cannot do it for the architecture.
    """
    if not getattr(encoder, "supports_gradient_checkpointing", False):
        raise TrainingError(
            f"{type(encoder).__name__} cannot compute activations again in backward; "
            "train it without 'activation_checkpointing', in smaller micro-batches."
        )
    config: Any = encoder.config
    if getattr(config, "use_cache", False):  # of keys and values, which nothing reads in training
        config.use_cache = False
    encoder.activation_checkpointing_enable({"use_reentrant": False})  # type: ignore[operator]
    encoder.disable_input_require_grads()  # type: ignore[operator]
