"""Chunks in tag sequences, as seqeval counts them.

A chunk is a maximal run of tags that belong together: an entity (``B-X I-X``) with BIO tags, a run of
equal tags otherwise. Both follow the start and end rules of CoNLL-2000's ``conlleval``, which seqeval's
default mode implements:

- BIO tags: seqeval 1.2.2 (and every version before it).
- Plain tags such as ``NOUN``: seqeval 0.0.12, which made the published XTREME numbers. It reads the
  first letter of a tag as its prefix, so a tag that begins with ``S`` (``SCONJ``, ``SYM``) is always a
  chunk of its own. seqeval 1.2.2 cuts that letter off and then takes ``CCONJ`` and ``SCONJ`` for one
  type; it is not followed here.

Arrays: N tokens of all sentences, in order, with one ``O`` after each sentence; S sentences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_OUTSIDE = "O"


class Vocabulary(NamedTuple):
    """What the chunk rules know of each tag: its prefix letter and its type."""

    number: dict[str, int]
    prefix: NDArray[np.str_]
    type: Ints

    @classmethod
    def of(cls, tags: set[str], *, bio: bool) -> Vocabulary:
        """The vocabulary of ``tags``; ``O`` is always in it, at index 0."""
        ordered = [_OUTSIDE, *sorted(tags - {_OUTSIDE})]
        types = [_type(tag, bio=bio) for tag in ordered]
        of_type = {name: i for i, name in enumerate(dict.fromkeys(types))}
        return cls(
            number={tag: i for i, tag in enumerate(ordered)},
            prefix=np.array([tag[:1] for tag in ordered]),
            type=np.array([of_type[name] for name in types], dtype=np.int64),
        )


class Ends(NamedTuple):
    """Chunks by the position after their last token. All arrays are [N + 1] or [N].

    Attributes:
        is_end: whether a chunk ends before this position.
        begin: where that chunk begins.
        type: its type.
    """

    is_end: Flags
    begin: Ints
    type: Ints


def _type(tag: str, *, bio: bool) -> str:
    return tag.split("-", maxsplit=1)[-1] if bio else tag


def flatten(sentences: Sequence[Sequence[str]], vocabulary: Vocabulary) -> Ints:
    """Tag indices of all sentences, [N], with one ``O`` after each."""
    number = vocabulary.number
    return np.array([number[t] for tags in sentences for t in (*tags, _OUTSIDE)], dtype=np.int64)


def chunk_ends(tags_n: Ints, vocabulary: Vocabulary) -> Ends:
    """The chunks of ``tags_n``; its last element must be ``O``."""
    kind = vocabulary.type[tags_n]
    kind_before = np.concatenate([[vocabulary.type[0]], kind[:-1]])
    changed = kind != kind_before

    def now(letters: str) -> Flags:
        return np.isin(vocabulary.prefix, list(letters))[tags_n]

    def before(letters: str) -> Flags:
        return np.concatenate([[_OUTSIDE in letters], now(letters)[:-1]])

    starts = now("BS") | (before("ESO") & now("EI")) | (~now("O.") & changed)
    ends = before("ES") | (before("BI") & now("BSO")) | (~before("O.") & changed)
    positions = np.arange(len(tags_n), dtype=np.int64)
    last_start = np.maximum.accumulate(np.where(starts, positions, 0))
    begin = np.concatenate([[0], last_start[:-1]])
    return Ends(is_end=ends, begin=begin, type=kind_before)


def chunk_counts(gold: Ends, predicted: Ends, sentence_n: Ints, sentences: int) -> NDArray[np.float64]:
    """Chunks in both, predicted and gold ones of each sentence, [S, 3].

    Args:
        gold: chunks of N positions.
        predicted: chunks of the same positions.
        sentence_n: the sentence of each position.
        sentences: S.
    """
    both = (
        gold.is_end & predicted.is_end & (gold.begin == predicted.begin) & (gold.type == predicted.type)
    )
    columns = (both, predicted.is_end, gold.is_end)
    return np.stack([np.bincount(sentence_n, weights=c, minlength=sentences) for c in columns], axis=-1)
