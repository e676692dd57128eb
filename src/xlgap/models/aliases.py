"""Names for what passes between the parts of a network."""

from __future__ import annotations

from torch import Tensor, nn

Batch = dict[str, Tensor]
"""Tensors of sequences by name: ``input_ids``, ``attention_mask``, ``labels`` and others."""
Encoder = nn.Module
Head = nn.Module
State = dict[str, Tensor]
"""Weights by the names of parameters."""
