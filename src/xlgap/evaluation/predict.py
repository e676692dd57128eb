"""From a trained network to prediction rows: one a row of the data, whatever its windows.

Prediction rows by kind: ``{id, label}`` (classify: the label's name; choose: the index),
``{id, tags}``, ``{id, text}``, ``{id, match}``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from xlgap.models.causal import is_causal, whole
from xlgap.models.collate import collate
from xlgap.models.encode import Example, Window, encode
from xlgap.models.network import Network
from xlgap.models.tokenizer import Tokenizer
from xlgap.tasks.base import Choose, Classify, Kind, Retrieve, Row, Span, Tag

MAX_ANSWER = 30  # sub-words, as in the official scripts
N_BEST = 20

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """Everything that prediction needs beside network and rows.

    Attributes:
        tokenizer: of the model.
        window: limits of one sequence.
        token_budget: padded sub-words in a batch.
        layer: transformer block whose output is pooled for retrieval, counted from 1.
        pooling: ``mean`` over the attention mask, or ``cls``: the one sub-word that knows the whole
            sentence, the first; of a causal model the last.
        centred: whether the mean vector of all sentences of a side, that is of its language, is taken
            off each of them before they are compared (Libovický, Rosa and Fraser 2020).
    """

    tokenizer: Tokenizer
    window: Window
    token_budget: int
    layer: int = 1
    pooling: Literal["mean", "cls"] = "mean"
    centred: bool = False


def predict(network: Network, kind: Kind, rows: Sequence[Row], predictor: Predictor) -> list[Row]:
    """Prediction rows in the order of ``rows``."""
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            return _predict(kind, network, rows, predictor)
    finally:
        network.train(was_training)


def _outputs(
    network: Network,
    examples: Sequence[Example],
    predictor: Predictor,
    forward: Callable[[Any], torch.Tensor],
) -> list[Array]:
    """The output of ``forward`` for each example, computed in length-sorted batches."""
    outputs: list[Array | None] = [None] * len(examples)
    device = next(network.parameters()).device
    for indices in _batches(examples, predictor.token_budget):
        batch = collate([examples[i] for i in indices], pad=predictor.tokenizer.pad)
        values = forward({k: v.to(device) for k, v in batch.items()}).float().cpu().numpy()
        for i, value in zip(indices, values, strict=True):
            outputs[i] = value
    return [o for o in outputs if o is not None]


def _batches(examples: Sequence[Example], budget: int) -> list[npt.NDArray[np.int64]]:
    """Every example once, the longest first, within a budget of padded sub-words."""
    size = np.asarray([e.length * len(e.sequences) for e in examples], np.int64)
    order = np.argsort(-size, kind="stable")
    batches, begin = [], 0
    while begin < len(order):
        rows = max(1, budget // int(size[order[begin]]))
        batches.append(order[begin : begin + rows])
        begin += rows
    return batches


@singledispatch
def _predict(kind: Any, network: Network, rows: Sequence[Row], predictor: Predictor) -> list[Row]:
    raise AssertionError(f"no prediction for {kind!r}")


def _encoded(kind: Kind, rows: Sequence[Row], predictor: Predictor) -> list[Example]:
    return encode(kind, rows, predictor.tokenizer, predictor.window)


@_predict.register
def _(kind: Classify, network: Network, rows: Sequence[Row], predictor: Predictor) -> list[Row]:
    logits = _outputs(network, _encoded(kind, rows, predictor), predictor, network.logits)
    return [
        {"id": row["id"], "label": kind.labels[int(np.argmax(scores))]}
        for row, scores in zip(rows, logits, strict=True)
    ]


@_predict.register
def _(kind: Choose, network: Network, rows: Sequence[Row], predictor: Predictor) -> list[Row]:
    logits = _outputs(network, _encoded(kind, rows, predictor), predictor, network.logits)
    return [
        {"id": row["id"], "label": int(np.argmax(scores))}
        for row, scores in zip(rows, logits, strict=True)
    ]


@_predict.register
def _(kind: Tag, network: Network, rows: Sequence[Row], predictor: Predictor) -> list[Row]:
    examples = _encoded(kind, rows, predictor)
    logits = _outputs(network, examples, predictor, network.logits)
    tags: list[list[str]] = [[""] * len(row["tokens"]) for row in rows]
    for example, scores in zip(examples, logits, strict=True):
        for position in np.flatnonzero(example.marks >= 0):
            tags[example.row][example.marks[position]] = kind.tags[int(np.argmax(scores[position]))]
    return [{"id": row["id"], "tags": found} for row, found in zip(rows, tags, strict=True)]


@_predict.register
def _(kind: Span, network: Network, rows: Sequence[Row], predictor: Predictor) -> list[Row]:
    examples = _encoded(kind, rows, predictor)
    logits = _outputs(network, examples, predictor, network.logits)
    best: list[tuple[float, str]] = [(-np.inf, "")] * len(rows)
    for example, scores in zip(examples, logits, strict=True):
        found = _best_span(example, scores)
        if found is not None and found[0] > best[example.row][0]:
            context = rows[example.row]["context"]
            best[example.row] = (found[0], context[found[1] : found[2]].strip())
    return [{"id": row["id"], "text": text} for row, (_, text) in zip(rows, best, strict=True)]


def _best_span(example: Example, scores: Array) -> tuple[float, int, int] | None:
    """Score and character range of the best answer among the n-best starts and ends of a window."""
    inside = np.flatnonzero(example.marks[:, 0] >= 0)
    if len(inside) == 0:
        return None
    first, last = (inside[np.argsort(-scores[inside, side], kind="stable")[:N_BEST]] for side in (0, 1))
    pairs = (
        (float(scores[a, 0] + scores[b, 1]), int(example.marks[a, 0]), int(example.marks[b, 1]))
        for a in first
        for b in last
        if a <= b < a + MAX_ANSWER
    )
    return max(pairs, default=None, key=lambda pair: pair[0])


@_predict.register
def _(kind: Retrieve, network: Network, rows: Sequence[Row], predictor: Predictor) -> list[Row]:
    english = embed(network, [{"text": row["english"]} for row in rows], predictor)
    foreign = embed(network, rows, predictor)
    nearest = np.argmax(english @ foreign.T, axis=1)
    return [
        {"id": row["id"], "match": rows[int(k)]["id"]} for row, k in zip(rows, nearest, strict=True)
    ]


def embed(network: Network, rows: Sequence[Row], predictor: Predictor) -> Array:
    """Unit-length vectors ``[rows, D]`` of the sentences of one side, as the predictor says."""
    causal = predictor.pooling == "cls" and is_causal(network.encoder)

    def pooled(batch: Any) -> torch.Tensor:
        hidden_BLD = network.hidden(batch, layer=predictor.layer)
        if predictor.pooling == "cls":
            return whole(hidden_BLD, batch, causal=causal)
        mask_BL1 = batch["attention_mask"][..., None].to(hidden_BLD.dtype)
        mean_BD: torch.Tensor = (hidden_BLD * mask_BL1).sum(1) / mask_BL1.sum(1)
        return mean_BD

    examples = encode(Retrieve(), rows, predictor.tokenizer, predictor.window)
    vectors = np.stack(_outputs(network, examples, predictor, pooled))
    if predictor.centred:
        vectors -= vectors.mean(axis=0)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Array = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit
