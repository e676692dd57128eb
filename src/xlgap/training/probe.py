"""A linear probe: the head of a task's kind, fitted to the frozen states of an encoder.

The heads of all kinds are one linear map, so that fitting one is a convex problem: multinomial logistic
regression for classes, choices and tags, two of them over the sub-words of a window for spans. It is
solved to the end by L-BFGS from zero, whatever the seed. The penalty is half the squared weights beside
the summed loss, biases free (the default, C = 1, of scikit-learn's logistic regression).

Shape letters: B sequences, L sub-words, D width, P positions that are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from xlgap.models.causal import whole
from xlgap.models.collate import collate
from xlgap.models.encode import IGNORE, Example
from xlgap.models.network import Batch, Encoder, Network, make_head
from xlgap.tasks.base import Choose, Classify, Kind, Tag

STEPS = 200
"""Of L-BFGS at most; it stops before where the gradient vanishes."""


def fit_probe(
    encoder: Encoder, kind: Kind, examples: Sequence[Example], *, pad: int, token_budget: int
) -> Network:
    """``encoder``, untouched, with a head of ``kind`` fitted to ``examples``.

    Args:
        encoder: its states are read, as it is.
        kind: of the task: one with a head that is trained.
        examples: encoded training rows.
        pad: id of padding.
        token_budget: padded sub-words in a forward pass.
    """
    head = make_head(kind, encoder, seed=0)
    assert head is not None, kind
    network = Network(encoder, head)
    network.eval()
    head.to(next(encoder.parameters()).device)
    causal = bool(getattr(head, "causal", False))
    with torch.no_grad():
        read = [
            _read(network.hidden(batch), batch, kind, causal=causal)
            for batch in _batches(encoder, examples, pad, token_budget)
        ]
        for parameter in head.parameters():
            parameter.zero_()
    _solve(head, read)
    return network


def _batches(
    encoder: Encoder, examples: Sequence[Example], pad: int, token_budget: int
) -> Iterator[Batch]:
    """All examples, the shortest first, within a budget of padded sub-words."""
    device = next(encoder.parameters()).device
    ordered = sorted(examples, key=lambda example: example.length)
    begin = 0
    while begin < len(ordered):
        end, longest = begin, 0
        while end < len(ordered):
            longest = max(longest, ordered[end].length)
            if end > begin and longest * sum(len(e.sequences) for e in ordered[begin : end + 1]) > (
                token_budget
            ):
                break
            end += 1
        batch = collate(ordered[begin:end], pad=pad)
        yield {name: value.to(device) for name, value in batch.items()}
        begin = end


def _read(hidden_BLD: Tensor, batch: Batch, kind: Kind, *, causal: bool) -> tuple[Tensor, Batch]:
    """The states that the head reads, and a batch that says so: of long ones only those are held."""
    if isinstance(kind, Classify | Choose):
        read_BD = whole(hidden_BLD, batch, causal=causal)
        one = torch.ones(len(read_BD), 1, dtype=torch.long, device=read_BD.device)
        return read_BD[:, None], {"attention_mask": one, "labels": batch["labels"]}
    if isinstance(kind, Tag) and not causal:
        tagged_BL = batch["labels"] != IGNORE
        return hidden_BLD[tagged_BL][None], {"labels": batch["labels"][tagged_BL][None]}
    return hidden_BLD, batch


def _solve(head: Any, read: Sequence[tuple[Tensor, Batch]]) -> None:
    """Fit the head to what it reads."""
    linear = next(module for module in head.modules() if isinstance(module, nn.Linear))
    solver = torch.optim.LBFGS(
        head.parameters(),
        max_iter=STEPS,
        tolerance_grad=1e-5,
        tolerance_change=1e-9,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        solver.zero_grad()
        total: Tensor = 0.5 * linear.weight.square().sum()
        for hidden, batch in read:
            total = total + head.loss(head(hidden, batch), batch)
        total.backward()  # type: ignore[no-untyped-call]
        return total

    solver.step(loss)  # type: ignore[no-untyped-call]
