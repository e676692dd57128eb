"""Rows to sub-word sequences: one function a kind of task, no torch.

A row becomes one or more :class:`Example`; a long row of a tagging or span task becomes several
windows, so that nothing is truncated away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt

from xlgap.errors import TrainingError
from xlgap.models.tokenizer import PairFrame, Tokenizer, pair_frame
from xlgap.tasks.base import Candidate, Choose, Classify, Kind, Mine, Rank, Retrieve, Row, Span, Tag

Ids = npt.NDArray[np.int32]
Types = npt.NDArray[np.int8]
IGNORE = -100  # a position without a label


@dataclass(frozen=True)
class Example:
    """One window of one row.

    Attributes:
        row: index of the row.
        sequences: sub-word ids, special tokens included; one sequence, one per choice, or a query and
            its candidate.
        labels: what the loss compares with: a class or choice index ``[1]``, a tag index per sub-word
            ``[L]`` (``IGNORE`` elsewhere), or the positions of the first and last answer sub-word
            ``[2]``; empty for retrieval and ranking.
        marks: where predictions are read: per sub-word the index of the token that starts there
            (tag; a causal model's scores there are of that token's last sub-word) or -1; per sub-word
            its character offsets in the context (span, ``[L, 2]``), -1 outside.
        begin: which sub-word of the context is the window's first (span).
        types: token types of each sequence, as the tokenizer's post-processor gives them; none where
            all of them are 0.
    """

    row: int
    sequences: tuple[Ids, ...]
    labels: npt.NDArray[np.int64]
    marks: Ids = field(default_factory=lambda: np.empty(0, np.int32))
    begin: int = 0
    types: tuple[Types, ...] = ()

    @property
    def length(self) -> int:
        """Sub-words of the longest sequence."""
        return max(len(s) for s in self.sequences)

    @property
    def per_sub_word(self) -> bool:
        """Whether every sub-word has a label of its own."""
        return self.marks.ndim == 1 and len(self.marks) > 0


@dataclass(frozen=True, kw_only=True)
class Window:
    """Limits of one sequence.

    Attributes:
        max_length: sub-words in all, special ones included.
        stride: sub-words of a long context from the start of a window to that of the next one, as
            ``doc_stride`` in the official scripts; what a window has room for, where that is less.
    """

    max_length: int
    stride: int = 128


def encode(kind: Kind, rows: Sequence[Row], tokenizer: Tokenizer, window: Window) -> list[Example]:
    """All examples of ``rows``, in order.

    Raises:
        TrainingError: the window is too short for the question of a span task.
    """
    return _encode(kind, rows, tokenizer, window)


@singledispatch
def _encode(kind: Any, rows: Sequence[Row], tokenizer: Tokenizer, window: Window) -> list[Example]:
    raise AssertionError(f"no encoding for {kind!r}")


def _ids(values: Sequence[int]) -> Ids:
    return np.asarray(values, np.int32)


def _labels(*values: int) -> npt.NDArray[np.int64]:
    return np.asarray(values, np.int64)


_AT_ONCE = 1024  # texts that are held with all that the library knows of each sub-word


@dataclass(frozen=True)
class _Piece:
    """Sub-words of one sequence, and their token types."""

    ids: Ids
    types: Types


def _example(
    row: int, pieces: Sequence[_Piece], labels: npt.NDArray[np.int64], **place: Any
) -> Example:
    """The example of some sequences; types are kept where one of them is not 0."""
    types = tuple(piece.types for piece in pieces)
    kept = types if any(of.any() for of in types) else ()
    return Example(row, tuple(piece.ids for piece in pieces), labels, types=kept, **place)


def _cut(tokenizer: Tokenizer, texts: list[Any], window: Window) -> list[_Piece]:
    """Encode texts or pairs, cutting the longer side first where they pass the window.

    The library's own truncation keeps what it cuts off, of a pair each piece of one side with each of
    the other: gigabytes for some thousand long contexts.
    """
    return [
        _shortened(encoding, window.max_length)
        for begin in range(0, len(texts), _AT_ONCE)
        for encoding in tokenizer.fast.encode_batch(texts[begin : begin + _AT_ONCE])
    ]


def _shortened(encoding: Any, length: int) -> _Piece:
    """The first sub-words of each side, special ones kept, ``length`` in all."""
    ids, types = _ids(encoding.ids), np.asarray(encoding.type_ids, np.int8)
    if len(ids) <= length:
        return _Piece(ids, types)
    side = np.asarray([-1 if number is None else number for number in encoding.sequence_ids])
    special, first, second = (np.flatnonzero(side == number) for number in (-1, 0, 1))
    a, b = longest_first(len(first), len(second), length - len(special))
    kept = np.sort(np.concatenate([special, first[:a], second[:b]]))
    return _Piece(ids[kept], types[kept])


def longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """Sub-words that two sides keep: the longer one loses, then both; an odd one is the longer's.

    >>> longest_first(3, 90, 20), longest_first(90, 80, 21), longest_first(90, 0, 20)
    ((3, 17), (11, 10), (20, 0))
    """
    short, long = sorted((first, second))
    short = min(short, room // 2)
    long = min(long, room - short)
    return (long, short) if first > second else (short, long)


@_encode.register
def _(kind: Classify, rows: Sequence[Row], tokenizer: Tokenizer, window: Window) -> list[Example]:
    texts = [(r["text"], r["text_b"]) if kind.pair else r["text"] for r in rows]
    index = {label: i for i, label in enumerate(kind.labels)}
    pieces = _cut(tokenizer, texts, window)
    return [
        _example(i, (piece,), _labels(index[row["label"]]))
        for i, (row, piece) in enumerate(zip(rows, pieces, strict=True))
    ]


@_encode.register
def _(kind: Choose, rows: Sequence[Row], tokenizer: Tokenizer, window: Window) -> list[Example]:
    texts = [(r["text"], choice) for r in rows for choice in r["choices"]]
    pieces = _cut(tokenizer, texts, window)
    n = kind.choices
    return [
        _example(i, pieces[i * n : (i + 1) * n], _labels(row["label"])) for i, row in enumerate(rows)
    ]


@_encode.register
def _(
    kind: Retrieve | Mine, rows: Sequence[Row], tokenizer: Tokenizer, window: Window
) -> list[Example]:
    pieces = _cut(tokenizer, [r["text"] for r in rows], window)
    return [_example(i, (piece,), _labels()) for i, piece in enumerate(pieces)]


@_encode.register
def _(kind: Rank, rows: Sequence[Row], tokenizer: Tokenizer, window: Window) -> list[Example]:
    """Two sequences a row: its query and its right candidate."""
    queries = _cut_queries(kind, rows, tokenizer, window)
    candidates = _cut_candidates(Candidate(pair=kind.pair), rows, tokenizer, window)
    return [
        _example(i, pieces, _labels()) for i, pieces in enumerate(zip(queries, candidates, strict=True))
    ]


def encode_queries(
    kind: Rank, rows: Sequence[Row], tokenizer: Tokenizer, window: Window
) -> list[Example]:
    """The queries alone, cut at ``query_length``, or at the window where that is shorter."""
    pieces = _cut_queries(kind, rows, tokenizer, window)
    return [_example(i, (piece,), _labels()) for i, piece in enumerate(pieces)]


def _cut_queries(kind: Rank, rows: Sequence[Row], tokenizer: Tokenizer, window: Window) -> list[_Piece]:
    shorter = Window(max_length=min(kind.query_length, window.max_length))
    return _cut(tokenizer, [row["text"] for row in rows], shorter)


@_encode.register
def _(kind: Candidate, rows: Sequence[Row], tokenizer: Tokenizer, window: Window) -> list[Example]:
    pieces = _cut_candidates(kind, rows, tokenizer, window)
    return [_example(i, (piece,), _labels()) for i, piece in enumerate(pieces)]


def _cut_candidates(
    kind: Candidate, rows: Sequence[Row], tokenizer: Tokenizer, window: Window
) -> list[_Piece]:
    """In a pair the longer side, as a rule the context, is cut first.

    A pair is encoded in prediction as it is in training. The official script does so in training alone;
    in LAReQA's inference it runs sentence and context together and encodes them as one text.
    """
    texts = [(r["candidate"], r["context"]) if kind.pair else r["candidate"] for r in rows]
    return _cut(tokenizer, texts, window)


@_encode.register
def _(kind: Tag, rows: Sequence[Row], tokenizer: Tokenizer, window: Window) -> list[Example]:
    index = {tag: i for i, tag in enumerate(kind.tags)}
    encodings = tokenizer.fast.encode_batch(
        [row["tokens"] for row in rows], is_pretokenized=True, add_special_tokens=False
    )
    room = window.max_length - 2
    bos, eos = _frame(tokenizer)
    examples = []
    for i, (row, encoding) in enumerate(zip(rows, encodings, strict=True)):
        ids, starts = _token_starts(encoding, len(row["tokens"]), tokenizer.unk, room)
        for begin, end in _pieces(starts, room):
            piece_ids = _ids([bos, *ids[begin:end], eos])
            marks = _ids([-1, *starts[begin:end], -1])
            tags = np.full(len(piece_ids), IGNORE, np.int64)
            for position in np.flatnonzero(marks >= 0):
                tags[position] = index.get(row["tags"][marks[position]], IGNORE)  # open sets: unseen
            examples.append(Example(i, (piece_ids,), tags, marks))
    return examples


def _frame(tokenizer: Tokenizer) -> tuple[int, int]:
    """The ids that the post-processor puts before and after a single text; where none, the end's."""
    probe = tokenizer.fast.encode("a")
    inside = [k for k, side in enumerate(probe.sequence_ids) if side is not None]
    begin, end = (inside[0], inside[-1]) if inside else (len(probe.ids), len(probe.ids))
    before, after = probe.ids[:begin], probe.ids[end + 1 :]
    return (before[0] if before else tokenizer.eos), (after[-1] if after else tokenizer.eos)


def _token_starts(encoding: Any, count: int, unk: int, room: int) -> tuple[list[int], list[int]]:
    """Sub-word ids and, per sub-word, the token that starts there (-1: continues one).

    A token without any sub-word, or with more than a window has ``room`` for, becomes the unknown
    token as in the official preprocessing: no token is lost, no window is without one.
    """
    of_token: list[list[int]] = [[] for _ in range(count)]
    for sub_word, word in zip(encoding.ids, encoding.word_ids, strict=True):
        of_token[word].append(sub_word)
    ids: list[int] = []
    starts: list[int] = []
    for token, found in enumerate(of_token):
        pieces = found if 0 < len(found) <= room else [unk]
        ids += pieces
        starts += [token] + [-1] * (len(pieces) - 1)
    return ids, starts


def _pieces(starts: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Cut a sentence into pieces of at most ``room`` sub-words, at the start of a token."""
    pieces, begin = [], 0
    while len(starts) - begin > room:
        end = begin + room
        while starts[end] < 0:
            end -= 1
        assert end > begin, "a token is longer than the room for it"
        pieces.append((begin, end))
        begin = end
    return [*pieces, (begin, len(starts))]


MAX_QUESTION = 64  # sub-words, as in the official scripts; in a short window half of it


@_encode.register
def _(kind: Span, rows: Sequence[Row], tokenizer: Tokenizer, window: Window) -> list[Example]:
    fast, frame = tokenizer.fast, pair_frame(tokenizer)
    questions = fast.encode_batch([r["question"] for r in rows], add_special_tokens=False)
    contexts = fast.encode_batch([r["context"] for r in rows], add_special_tokens=False)
    examples = []
    for i, (row, question, context) in enumerate(zip(rows, questions, contexts, strict=True)):
        asked = question.ids[: min(MAX_QUESTION, window.max_length // 2)]
        room = window.max_length - len(asked) - frame.size
        if room < 1 and context.ids:
            raise TrainingError(
                f"a window of {window.max_length} sub-words has no room for a context behind a "
                f"question of {len(asked)}; max_length must be at least {2 * frame.size + 1}."
            )
        answer = _answer_span(row, context.offsets)
        step = max(1, min(window.stride, room))
        for begin in range(0, max(1, len(context.ids)), step):
            end = min(begin + room, len(context.ids))
            examples.append(_window(i, frame, asked, context, begin, end, answer))
            if end == len(context.ids):
                break
    return examples


def _answer_span(row: Row, offsets: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """First and last sub-word of the first answer, or ``None`` when there is none."""
    if not row["answers"]["text"]:
        return None
    begin = row["answers"]["answer_start"][0]
    end = begin + len(row["answers"]["text"][0])
    inside = [k for k, (a, b) in enumerate(offsets) if a < end and b > begin]
    return (inside[0], inside[-1]) if inside else None


def _window(
    row: int,
    frame: PairFrame,
    question: Sequence[int],
    context: Any,
    begin: int,
    end: int,
    answer: tuple[int, int] | None,
) -> Example:
    """Sub-words ``begin`` to ``end`` of a context behind its question; no answer inside: position 0."""
    ids, types = frame.join(question, context.ids[begin:end])
    start = len(frame.before) + len(question) + len(frame.between)
    marks = np.full((len(ids), 2), -1, np.int32)
    if end > begin:
        marks[start : start + end - begin] = context.offsets[begin:end]
    first = last = 0
    if answer is not None and begin <= answer[0] and answer[1] < end:
        first, last = (start + position - begin for position in answer)
    piece = _Piece(_ids(ids), np.asarray(types, np.int8))
    return _example(row, (piece,), _labels(first, last), marks=marks, begin=begin)
