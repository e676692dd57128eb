"""Arithmetic that the last block leaves out, see :mod:`xlgap.models.reads`."""

from __future__ import annotations

from xlgap.planning.activations import block_of
from xlgap.planning.figures import ModelFigures
from xlgap.tasks.base import Choose, Classify, Kind, Rank


def read_share(kind: Kind, *, length: float) -> float:
    """Share of the sub-words of sequences of ``length`` whose last states the head of a kind reads.

    Of tags it is taken as all: it depends on the words.
    """
    return 1 / length if isinstance(kind, Classify | Choose | Rank) else 1.0


def left_out(figures: ModelFigures, *, tokens: float, read: float, trains: bool) -> float:
    """Operations on ``tokens`` sub-words, of which a share ``read`` is read; 0 of other architectures.

    Args:
        figures: of the model.
        tokens: sub-words computed.
        read: see :func:`read_share`.
        trains: whether there is a backward pass, twice the forward one.
    """
    shape = figures.shape
    if shape is None or not block_of(shape).shortens:
        return 0.0
    after = shape.width * (shape.attention_width + 2 * shape.feed_forward)
    return (6.0 if trains else 2.0) * after * tokens * (1 - read)
