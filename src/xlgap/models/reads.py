"""The last block computes what it does after its attention of the sub-words alone that a head reads.

What follows attention in a block is done to each sub-word by itself. Of the last block only some states
are read: the first of a sequence by classification, the masked ones by masked language modelling, those
with a label by tagging. Loss and gradients are the same without the others, and the work is less: two
matrices of four times the width squared and one of the width squared, of twelve.

Shape letters: B sequences, L sub-words of the longest, T of all together, R that are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from xlgap.models.aliases import Batch
from xlgap.models.encode import IGNORE
from xlgap.models.packed import OFFSETS, begins, packs

LABELLED, PACKED_LABELLED = "labelled", "packed_labelled"
"""Entries of a batch, see :func:`labelled`."""
SHORTENED = frozenset({"xlm-roberta", "xlm-roberta-xl", "bert"})
"""Model types whose blocks hand attention's output and the block's input to one module."""


def labelled(labels_BL: npt.NDArray[np.int64], lengths: Sequence[int]) -> Batch:
    """Where labels stand, found here so that a GPU need not tell how many there are.

    Returns:
        ``labelled``: places ``[R]`` among ``B * L``, row by row; ``packed_labelled``: the same
        sub-words among the T packed ones.
    """
    places = np.flatnonzero(labels_BL != IGNORE)
    row, at = np.divmod(places, labels_BL.shape[1])
    return {
        LABELLED: torch.from_numpy(places),
        PACKED_LABELLED: torch.from_numpy(begins(lengths)[row] + at),
    }


def rows_read(
    head: nn.Module | None, encoder: nn.Module, batch: Batch, *, trains: bool
) -> Tensor | None:
    """The sub-words ``[R]`` among T whose last states ``head`` reads; ``None`` for all.

    Args:
        head: any.
        encoder: whose states they are.
        batch: packed.
        trains: a loss is computed, which reads no state without a label.
    """
    config: Any = encoder.config
    if config.model_type not in SHORTENED:
        return None
    what = getattr(head, "reads", None)
    if what == "whole" and not getattr(head, "causal", False):
        return batch[OFFSETS][:-1]
    if what == "labelled" and trains and not getattr(head, "causal", False):
        return batch.get(PACKED_LABELLED)
    return None


def make_shortenable(encoder: nn.Module) -> None:
    """Let the last block of an encoder heed an argument ``rows``, where its architecture allows it.

    It is an argument of the call, not a state of the encoder: to compute activations again repeats it.
    """
    module: Any = encoder
    if module.config.model_type not in SHORTENED or not packs(encoder):
        return
    attention = module.encoder.layer[-1].attention
    attention.register_forward_pre_hook(_note, with_kwargs=True)
    attention.output.register_forward_pre_hook(_select)


def _note(attention: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    attention.output.rows = named.get("rows")


def _select(output: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
    """Of what attention gives and of the block's input, both ``[1, T, D]``, the rows."""
    rows, output.rows = output.rows, None
    return None if rows is None else tuple(of.index_select(1, rows) for of in arguments)
