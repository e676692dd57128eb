"""A linear probe: the head of a task's kind, fitted to the frozen states of an encoder.

The heads of all kinds are one linear map, so that fitting one is a convex problem: multinomial logistic
regression for classes, choices and tags, two of them over the sub-words of a window for spans. It is
solved to the end by L-BFGS from zero, whatever the seed. The penalty is half the squared weights beside
the summed loss, biases free (the default, C = 1, of scikit-learn's logistic regression).

Shape letters: B sequences, L sub-words, D width, P positions that are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from xlgap.models.aliases import Batch, Encoder, Head
from xlgap.models.causal import whole, word_ends
from xlgap.models.collate import collate
from xlgap.models.encode import IGNORE, Example
from xlgap.models.network import Network, make_head
from xlgap.models.packed import on_device
from xlgap.models.task_heads import SpanHead
from xlgap.tasks.base import Choose, Classify, Kind, Tag

STEPS = 500
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
    _solve(kind, head, read)
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
        yield on_device(collate(ordered[begin:end], pad=pad), device)
        begin = end


def _read(hidden_BLD: Tensor, batch: Batch, kind: Kind, *, causal: bool) -> tuple[Tensor, Batch]:
    """The states that the head reads, in double precision, and what they are compared with.

    Of long sequences only the states that are read are held; of spans all.
    """
    labels = batch["labels"]
    if isinstance(kind, Classify | Choose):
        return whole(hidden_BLD, batch, causal=causal).double(), {"labels": labels[:, 0]}
    if isinstance(kind, Tag):
        if causal:  # what a word's head reads stands at its end
            ends_BLD = word_ends(batch)[..., None].expand_as(hidden_BLD)
            hidden_BLD = hidden_BLD.gather(1, ends_BLD)
        tagged_BL = labels != IGNORE
        return hidden_BLD[tagged_BL].double(), {"labels": labels[tagged_BL]}
    return hidden_BLD.double(), {"labels": labels, "attention_mask": batch["attention_mask"]}


def _loss(kind: Kind, head: Head, linear: nn.Linear, states: Tensor, batch: Batch) -> Tensor:
    """The cross-entropy of a kind's head, summed as in training."""
    logits, labels = linear(states), batch["labels"]
    if isinstance(head, SpanHead):
        logits_BL2 = head.placed(logits, batch)
        sides = (F.cross_entropy(logits_BL2[..., n], labels[:, n], reduction="sum") for n in (0, 1))
        return torch.stack(list(sides)).mean()
    if isinstance(kind, Choose):
        logits = logits.view(-1, kind.choices)
    return F.cross_entropy(logits, labels, reduction="sum")


def _solve(kind: Kind, head: Head, read: Sequence[tuple[Tensor, Batch]]) -> None:
    """Fit the one linear map of a head to what it reads.

    In double precision: near the optimum a sum in single precision is flat where weights still differ
    in their second digit.
    """
    (kept,) = (module for module in head.modules() if isinstance(module, nn.Linear))
    linear = nn.Linear(kept.in_features, kept.out_features, device=kept.weight.device).double()
    for parameter in linear.parameters():
        nn.init.zeros_(parameter)
    solver = torch.optim.LBFGS(
        linear.parameters(),
        max_iter=STEPS,
        tolerance_grad=1e-6,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        solver.zero_grad()
        total: Tensor = 0.5 * linear.weight.square().sum()
        for states, batch in read:
            total = total + _loss(kind, head, linear, states, batch)
        total.backward()  # type: ignore[no-untyped-call]
        return total

    solver.step(loss)  # type: ignore[no-untyped-call]
    kept.load_state_dict(linear.state_dict())
