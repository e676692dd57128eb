"""From a trained network to prediction rows: one a row of the data, whatever its windows.

Prediction rows by kind: ``{id, label}`` (classify: the label's name; choose: the index),
``{id, tags}``, ``{id, text}``, ``{id, match}``, mined ones ``{id, match, score}``,
``{id, ranked}``: the ids of the best candidates, the best first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xlgap.evaluation import mine
from xlgap.evaluation.rank import Pool, own_candidates
from xlgap.evaluation.share import ALONE, Share
from xlgap.evaluation.sweep import Pooling, Setting, settings
from xlgap.models.causal import is_causal, whole
from xlgap.models.collate import collate
from xlgap.models.encode import Example, Window, encode, encode_queries
from xlgap.models.network import Network
from xlgap.models.packed import on_device
from xlgap.models.tokenizer import Tokenizer
from xlgap.tasks.base import Candidate, Choose, Classify, Kind, Mine, Rank, Retrieve, Row, Span, Tag

MAX_ANSWER = 30  # sub-words, as in the official scripts
N_BEST = 20
AT_ONCE = 1 << 16  # candidates of a pool that are held as sub-words

Array = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


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
        threshold: margin from which on a mined pair counts.
        pool: candidates that are ranked, see :func:`embed_pool`; those of the rows themselves where
            there is none, as on dev.
        share: who predicts; of several ranks all call the same functions with the same rows, and have
            the same predictions.
    """

    tokenizer: Tokenizer
    window: Window
    token_budget: int
    layer: int = 1
    pooling: Pooling = "mean"
    centred: bool = False
    threshold: float = 0.0
    pool: Pool | None = None
    share: Share = ALONE


def predict(network: Network, kind: Kind, rows: Sequence[Row], predictor: Predictor) -> list[Row]:
    """Prediction rows in the order of ``rows``."""
    with _inference(network):
        return _predict(kind, network, rows, predictor)


def predict_swept(
    network: Network, rows: Sequence[Row], predictor: Predictor
) -> dict[Setting, list[Row]]:
    """Predictions for a retrieval task by layer and pooling, from one forward pass a batch."""
    with _inference(network):
        english = _embed_swept(network, [{"text": row["english"]} for row in rows], predictor)
        foreign = _embed_swept(network, rows, predictor)
    return {how: _matches(rows, english[how], foreign[how]) for how in english}


def embed_pool(network: Network, kind: Rank, rows: Sequence[Row], predictor: Predictor) -> Pool:
    """The candidates of all languages as vectors: once for all languages of the queries."""
    with _inference(network):
        return _pool(network, kind, rows, predictor)


def tune_threshold(network: Network, rows: Sequence[Row], predictor: Predictor) -> mine.Threshold:
    """The threshold of a mining task with the best F1 on ``rows``, dev rows of one language."""
    with _inference(network):
        pairs = mine.mine(*_sides(network, rows, predictor))
    return mine.tune(pairs, {row["id"]: row["match"] for row in rows if row["match"]})


@contextmanager
def _inference(network: Network) -> Iterator[None]:
    """A block in which the network predicts; it trains on afterwards if it did before."""
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            yield
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
    batches = _batches(examples, predictor.token_budget)

    def computed(indices: npt.NDArray[np.int64]) -> Array:
        batch = collate([examples[i] for i in indices], pad=predictor.tokenizer.pad)
        values: Array = forward(on_device(batch, device)).float().cpu().numpy()
        return values

    for indices, of_batch in zip(batches, predictor.share.over(batches, computed), strict=True):
        for i, value in zip(indices, of_batch, strict=True):
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
    return best_answers(kind, rows, examples, logits)


def best_answers(
    kind: Span, rows: Sequence[Row], examples: Sequence[Example], logits: Sequence[Array]
) -> list[Row]:
    """The best answer of each row over all its windows, a part of its context, letter by letter.

    Where questions may have none, a row is left without (``""``) when its lowest score of position 0,
    first and last together, is above the best answer's, as in the official script of SQuAD v2.0
    (threshold 0). Elsewhere a row is never left without. An answer begins at a sub-word only in the
    window where that has the most context, as in the official scripts: where windows overlap, scores
    at the edge of one do not count.
    """
    best: list[tuple[float, str]] = [(-np.inf, "")] * len(rows)
    none = np.full(len(rows), np.inf)
    for example, scores, begins in zip(examples, logits, most_context(examples), strict=True):
        context = rows[example.row]["context"]
        none[example.row] = min(none[example.row], float(scores[0, 0] + scores[0, 1]))
        found = _best_span(example, scores, begins, context)
        if found is not None and found[0] > best[example.row][0]:
            best[example.row] = (found[0], context[found[1] : found[2]].strip())
    return [
        {"id": row["id"], "text": "" if kind.unanswerable and null > score else text}
        for row, (score, text), null in zip(rows, best, none, strict=True)
    ]


def most_context(examples: Sequence[Example]) -> list[Flags]:
    """Per sub-word of each window, whether it has the most context of all windows of its row there.

    Its context is what the window shows on its shorter side, and a hundredth of all that it shows of
    the row's context; the first window is taken of equal ones (the max-context rule of SQuAD's
    scripts). False outside the context.
    """
    found = [example.marks[:, 0] >= 0 for example in examples]
    windows: dict[int, list[int]] = {}
    for number, example in enumerate(examples):
        windows.setdefault(example.row, []).append(number)
    for numbers in windows.values():
        places = [examples[n].begin + np.arange(int(found[n].sum())) for n in numbers]
        context = np.full((len(numbers), 1 + max((p[-1] for p in places if len(p)), default=0)), -1.0)
        for shown, of in zip(context, places, strict=True):
            at, length = np.arange(len(of)), len(of)
            shown[of] = np.minimum(at, length - 1 - at) + 0.01 * length
        best = context.argmax(0)
        for i, (number, of) in enumerate(zip(numbers, places, strict=True)):
            found[number][found[number]] = best[of] == i
    return found


def _best_span(
    example: Example, scores: Array, begins: Flags, context: str
) -> tuple[float, int, int] | None:
    """Score and character range of the best answer among the n-best starts and ends of a window.

    It starts where ``begins`` says. A sub-word of white space alone neither begins nor ends one. Where
    no end of the n-best stands behind a start, the best start has the best end behind it; ``None``
    where none can begin.
    """
    marks = example.marks
    inside = np.array(
        [k for k, (a, b) in enumerate(marks) if a >= 0 and context[a:b].strip()], np.int64
    )
    allowed = inside[begins[inside]]
    if len(allowed) == 0:
        return None
    first = allowed[np.argsort(-scores[allowed, 0], kind="stable")[:N_BEST]]
    last = inside[np.argsort(-scores[inside, 1], kind="stable")[:N_BEST]]
    pairs = [(a, b) for a in first for b in last if a <= b < a + MAX_ANSWER]
    if not pairs:
        begin = first[0]
        near = inside[(inside >= begin) & (inside < begin + MAX_ANSWER)]
        pairs = [(begin, near[np.argmax(scores[near, 1])])]
    a, b = max(pairs, key=lambda pair: float(scores[pair[0], 0] + scores[pair[1], 1]))
    return float(scores[a, 0] + scores[b, 1]), int(marks[a, 0]), int(marks[b, 1])


@_predict.register
def _(kind: Retrieve, network: Network, rows: Sequence[Row], predictor: Predictor) -> list[Row]:
    english = embed(network, [{"text": row["english"]} for row in rows], predictor)
    foreign = embed(network, rows, predictor)
    return _matches(rows, english, foreign)


def _matches(rows: Sequence[Row], english: Array, foreign: Array) -> list[Row]:
    """The nearest foreign sentence of each English one."""
    nearest = np.argmax(english @ foreign.T, axis=1)
    return [
        {"id": row["id"], "match": rows[int(k)]["id"]} for row, k in zip(rows, nearest, strict=True)
    ]


@_predict.register
def _(kind: Mine, network: Network, rows: Sequence[Row], predictor: Predictor) -> list[Row]:
    pairs = mine.mine(*_sides(network, rows, predictor))
    kept = {pair.foreign: pair for pair in pairs if pair.score >= predictor.threshold}
    return [
        {"id": row["id"], "match": kept[row["id"]].english, "score": round(kept[row["id"]].score, 6)}
        if row["id"] in kept
        else {"id": row["id"], "match": "", "score": 0.0}
        for row in rows
    ]


def _sides(network: Network, rows: Sequence[Row], predictor: Predictor) -> tuple[mine.Side, mine.Side]:
    """The foreign and the English sentences of a mining task."""
    found = []
    for side in ("foreign", "english"):
        own = [row for row in rows if row["side"] == side]
        vectors = embed(network, own, predictor)
        found.append(mine.Side([row["id"] for row in own], [row["text"] for row in own], vectors))
    return found[0], found[1]


def embed(network: Network, rows: Sequence[Row], predictor: Predictor) -> Array:
    """Unit-length vectors ``[rows, D]`` of the sentences of one side, as the predictor says."""
    causal = predictor.pooling == "cls" and is_causal(network.encoder)

    def pooled(batch: Any) -> torch.Tensor:
        hidden_BLD = network.hidden(batch, layer=predictor.layer)
        return _pooled(hidden_BLD, batch, predictor.pooling, causal=causal)

    examples = encode(Retrieve(), rows, predictor.tokenizer, predictor.window)
    return _unit(np.stack(_outputs(network, examples, predictor, pooled)), predictor)


def _embed_swept(network: Network, rows: Sequence[Row], predictor: Predictor) -> dict[Setting, Array]:
    """What :func:`embed` gives with each layer and pooling."""
    causal = is_causal(network.encoder)
    layers: int = network.encoder.config.num_hidden_layers  # type: ignore[union-attr, assignment]
    swept = settings(layers)

    def pooled(batch: Any) -> torch.Tensor:
        blocks = network.layers(batch)
        of_each = [_pooled(blocks[how.layer - 1], batch, how.pooling, causal=causal) for how in swept]
        return torch.stack(of_each, dim=1)

    examples = encode(Retrieve(), rows, predictor.tokenizer, predictor.window)
    vectors_NSD = np.stack(_outputs(network, examples, predictor, pooled))
    return {how: _unit(vectors_NSD[:, s].copy(), predictor) for s, how in enumerate(swept)}


def _pooled(hidden_BLD: torch.Tensor, batch: Any, pooling: Pooling, *, causal: bool) -> torch.Tensor:
    if pooling == "cls":
        return whole(hidden_BLD, batch, causal=causal)
    mask_BL1 = batch["attention_mask"][..., None].to(hidden_BLD.dtype)
    mean_BD: torch.Tensor = (hidden_BLD * mask_BL1).sum(1) / mask_BL1.sum(1)
    return mean_BD


def _unit(vectors: Array, predictor: Predictor) -> Array:
    if predictor.centred:
        vectors -= vectors.mean(axis=0)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Array = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit


@_predict.register
def _(kind: Rank, network: Network, rows: Sequence[Row], predictor: Predictor) -> list[Row]:
    pool = predictor.pool or _pool(network, kind, own_candidates(rows), predictor)
    queries = encode_queries(kind, rows, predictor.tokenizer, predictor.window)
    vectors_QD = np.stack(_outputs(network, queries, predictor, network.logits))
    ranked = pool.ranked(vectors_QD)
    return [{"id": row["id"], "ranked": found} for row, found in zip(rows, ranked, strict=True)]


def _pool(network: Network, kind: Rank, rows: Sequence[Row], predictor: Predictor) -> Pool:
    candidate = Candidate(pair=kind.pair)
    parts = (rows[i : i + AT_ONCE] for i in range(0, len(rows), AT_ONCE))
    examples = (_encoded(candidate, part, predictor) for part in parts)
    vectors = [np.stack(_outputs(network, part, predictor, network.logits)) for part in examples]
    return Pool(tuple(row["id"] for row in rows), np.concatenate(vectors))
