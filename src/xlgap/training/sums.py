"""Gradients of a step's micro-batches but for the last, added up in fp32.

A number in bf16 has 8 bits: of micro-batches that are alike every addition after the 256th is lost.
From stage 1 DeepSpeed adds up in fp32 when it is told to; in stage 0 it leaves that to autograd.
The last one is added by autograd, before DeepSpeed sums over processes, to the sum of the others as it
is in bf16. That is one rounding more, of 2^-8 of the sum at most, however many micro-batches there are:
where they are alike and more than 256, the last may be lost, and no other.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from xlgap.training.zero import ZeroPlan


class Sums:
    """Those of one step; nothing where the gradients have them themselves."""

    def __init__(self, engine: Any, plan: ZeroPlan) -> None:
        by_autograd = plan.stage == 0 and plan.precision == "bf16"
        self._trained: list[nn.Parameter] = (
            [p for p in engine.module.parameters() if p.requires_grad] if by_autograd else []
        )
        self._sums: dict[nn.Parameter, Tensor] = {}

    def take(self) -> None:
        """After a micro-batch that others follow: its gradients go into the sums."""
        for parameter in self._trained:
            if parameter.grad is None:
                continue
            if parameter in self._sums:
                self._sums[parameter] += parameter.grad
            else:
                self._sums[parameter] = parameter.grad.to(torch.float32)
            parameter.grad = None

    def give(self) -> None:
        """Before the last one: the sums become gradients, to which it adds its own."""
        for parameter, summed in self._sums.items():
            parameter.grad = summed.to(parameter.dtype)
        self._sums.clear()
