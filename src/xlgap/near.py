"""Near-duplicates between two collections of texts: an exact join on hashed character shingles.

A text becomes the set of its character n-grams (*shingles*) after :func:`normal`; two texts are near-
duplicates when the Jaccard similarity of their sets, |A & B| / |A | B|, is at least a threshold.
Character n-grams need no words, hence no spaces: they serve Thai, Chinese and Japanese like English.

The join is exact, unlike MinHash with locality-sensitive hashing: candidates come from prefix filtering
(Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007, "Scaling up all pairs similarity
search"), which loses none, and each is verified. Sets A and B with Jaccard similarity t or more have at
least ``ceil(t |A|)`` shingles in common, hence k of them among the first ``|A| - ceil(t |A|) + k`` of
A, and likewise of B, in whatever common order; with the rarest first, few other texts have k of these.
``benchmarks/leakage.py`` compares it with datasketch.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

THRESHOLD = 0.6
"""Least Jaccard similarity of near-duplicates; chosen on real data, see ``docs/leakage.md``."""
LEAST_WEIGHT = 32
"""Characters, see :func:`weight`, of the shortest text that is compared: about six words. Shorter ones
recur by nature ("Thank you .")."""
SHINGLE, WIDE_SHINGLE = 4, 2
"""Characters of a shingle; of a text most of whose characters are wide ones, which say more each."""
_SHARED = 4  # k: of so many shingles among the rarest, a candidate pair has each
_HASH_BITS, _ROW_BITS = 40, 23  # of one 64-bit key: a shingle's hash below its text's number
_BATCH = 4096  # texts that are compared at once
_PAIRS = 2_000_000  # candidate pairs that are held at once
_VERIFIED = 20_000  # pairs whose shingles are held at once
_SEEDS = {SHINGLE: 0x9E3779B97F4A7C15, WIDE_SHINGLE: 0xC2B2AE3D27D4EB4F}

Ints = Any  # a one-dimensional numpy array of whole numbers


@dataclass(frozen=True)
class Near:
    """A pair of near-duplicates: places in the two collections, and their similarity."""

    left: int
    right: int
    similarity: float


class _Kept(dict[int, int | None]):
    """What :func:`normal` keeps of each code point: letters, marks and digits."""

    def __missing__(self, code: int) -> int | None:
        self[code] = code if unicodedata.category(chr(code))[0] in "LMN" else None
        return self[code]


_KEPT = _Kept()


def normal(text: str) -> str:
    """``text`` in NFKC and case-folded, without white space, punctuation and symbols.

    Tokenised and plain sentences become equal, and so do full-width and other compatible forms. Digits
    stay: what differs in a year is not the same.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded).translate(_KEPT)


def weight(normalised: str) -> int:
    """Characters of a text, a wide one (Chinese, Japanese, Korean) for three: how much it says."""
    if normalised.isascii():
        return len(normalised)
    return len(normalised) + 2 * _wide(normalised)


def _wide(normalised: str) -> int:
    return sum(unicodedata.east_asian_width(character) in "WF" for character in normalised)


def shingle_size(normalised: str) -> int:
    """Characters of the shingles of a text that :func:`normal` made."""
    narrow = normalised.isascii() or 2 * _wide(normalised) <= len(normalised)
    return SHINGLE if narrow else WIDE_SHINGLE


def shingles(normalised: str) -> frozenset[str]:
    """The shingles of a text that :func:`normal` made; the text itself where it is shorter than one."""
    size = shingle_size(normalised)
    return frozenset(normalised[i : i + size] for i in range(max(1, len(normalised) - size + 1)))


def jaccard(a: str, b: str) -> float:
    """Similarity of two texts that :func:`normal` made, 0 to 1, from shingles that are not hashed."""
    left, right = shingles(a), shingles(b)
    return len(left & right) / len(left | right)


class NearIndex:
    """A collection of texts in which near-duplicates of others are looked up.

    Args:
        texts: made by :func:`normal`; none is empty.
        threshold: least similarity, above 0.

    Attributes:
        measured: pairs whose similarity was worked out so far; of all pairs a vanishing part.
    """

    def __init__(self, texts: Sequence[str], threshold: float) -> None:
        import scipy.sparse

        assert 0 < threshold <= 1, f"a Jaccard similarity lies between 0 and 1, got {threshold}"
        self._texts, self._threshold = texts, threshold
        self.measured = 0
        rows, hashes = _hashed(texts)
        self._vocabulary, inverse, frequency = np.unique(
            hashes, return_inverse=True, return_counts=True
        )
        self._rank = np.empty(len(self._vocabulary), dtype=np.int64)
        self._rank[np.argsort(frequency, kind="stable")] = np.arange(len(self._vocabulary))
        rows, ranks, position = _ordered(rows, self._rank[inverse])
        self._sizes = np.bincount(rows, minlength=len(texts))
        first = position < self._prefix(self._sizes)[rows]
        order = np.argsort(ranks[first], kind="stable")
        self._postings = rows[first][order]
        self._starts = np.searchsorted(
            ranks[first][order], np.arange(len(self._vocabulary) + 1), side="left"
        )
        shape = (len(texts), len(self._vocabulary))
        self._matrix = scipy.sparse.csr_array(
            (np.ones(len(rows), dtype=np.int32), (rows, ranks)), shape=shape
        )

    def _prefix(self, sizes: Ints) -> Ints:
        """How many of its rarest shingles a set is known by."""
        common = self._common(sizes)
        return sizes - common + np.minimum(common, _SHARED)

    def _common(self, sizes: Ints) -> Ints:
        """Least number of shingles that a set has in common with one as similar as asked."""
        return np.ceil(self._threshold * sizes - 1e-9).astype(np.int64)

    def matches(self, texts: Sequence[str]) -> list[Near]:
        """The pairs of one of ``texts`` (left) and one of the index (right), in their order.

        Args:
            texts: made by :func:`normal`; none is empty.
        """
        if not self._texts:
            return []
        return [
            Near(start + left, right, similarity)
            for start in range(0, len(texts), _BATCH)
            for left, right, similarity in self._batch(texts[start : start + _BATCH])
        ]

    def _batch(self, texts: Sequence[str]) -> Iterator[tuple[int, int, float]]:
        import scipy.sparse

        rows, hashes = _hashed(texts)
        sizes = np.bincount(rows, minlength=len(texts))
        place = np.minimum(np.searchsorted(self._vocabulary, hashes), len(self._vocabulary) - 1)
        known = self._vocabulary[place] == hashes
        # what the index lacks is the rarest of all: it counts in the prefix, and finds nothing
        rows, ranks, position = _ordered(rows, np.where(known, self._rank[place] + 1, 0))
        first = (position < self._prefix(sizes)[rows]) & (ranks > 0)
        shape = (len(texts), len(self._vocabulary))
        held = ranks > 0
        matrix = scipy.sparse.csr_array(
            (np.ones(int(held.sum()), dtype=np.int32), (rows[held], ranks[held] - 1)), shape=shape
        )
        for left, right in self._candidates(rows[first], ranks[first] - 1, sizes):
            self.measured += len(left)
            shared = matrix[left].multiply(self._matrix[right]).sum(axis=1)
            # a hair below, since two shingles may have one hash: what is found is measured again
            enough = shared >= (self._threshold - 0.02) * (sizes[left] + self._sizes[right] - shared)
            for i, j in zip(left[enough].tolist(), right[enough].tolist(), strict=True):
                similarity = jaccard(texts[i], self._texts[j])
                if similarity >= self._threshold:
                    yield i, j, similarity

    def _candidates(self, rows: Ints, ranks: Ints, sizes: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Pairs that share enough of their rarest shingles and are about as large, each once."""
        found = self._starts[ranks + 1] - self._starts[ranks]
        total = np.cumsum(found)
        start = 0
        while start < len(rows):
            before = total[start - 1] if start else 0
            end = max(start + 1, int(np.searchsorted(total, before + _PAIRS, side="right")))
            if end < len(rows):  # whole texts, so that a pair comes once
                whole = int(np.searchsorted(rows, rows[end], side="left"))
                end = whole if whole > start else int(np.searchsorted(rows, rows[start], side="right"))
            counts = found[start:end]
            offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            left = np.repeat(rows[start:end], counts)
            right = self._postings[np.repeat(self._starts[ranks[start:end]], counts) + offset]
            small = np.minimum(sizes[left], self._sizes[right])
            large = np.maximum(sizes[left], self._sizes[right])
            near = small >= self._threshold * large - 1e-9
            pairs, often = _counted((left[near] << 32) | right[near])
            least = np.minimum(sizes[pairs >> 32], self._sizes[pairs & 0xFFFFFFFF])
            pairs = pairs[often >= np.minimum(self._common(least), _SHARED)]
            for part in range(0, len(pairs), _VERIFIED):
                chunk = pairs[part : part + _VERIFIED]
                yield chunk >> 32, chunk & 0xFFFFFFFF
            start = end


def _hashed(texts: Sequence[str]) -> tuple[Ints, Ints]:
    """The number of its text and the hash of every shingle; each once a text, ordered by both."""
    assert len(texts) < 1 << _ROW_BITS, f"at most {1 << _ROW_BITS} texts are compared at once"
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    size = np.fromiter(map(shingle_size, texts), dtype=np.int64, count=len(texts))
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    rows = np.repeat(np.arange(len(texts)), lengths)
    ends = np.cumsum(lengths)[rows]
    place = np.arange(len(codes))
    first = place == ends - lengths[rows]
    sized = np.where(first & (lengths[rows] < size[rows]), lengths[rows], size[rows])
    keys = []
    for width in range(1, SHINGLE + 1):
        start = place[(sized == width) & (place + width <= ends)]
        value = np.full(len(start), _SEEDS.get(width, width), dtype=np.uint64)
        for step in range(width):
            value = (value ^ codes[start + step].astype(np.uint64)) * np.uint64(0xFF51AFD7ED558CCD)
            value ^= value >> np.uint64(29)
        keys.append(
            (rows[start] << _HASH_BITS) | (value >> np.uint64(64 - _HASH_BITS)).astype(np.int64)
        )
    unique, _ = _counted(np.concatenate(keys))
    return unique >> _HASH_BITS, unique & ((1 << _HASH_BITS) - 1)


def _counted(values: Ints) -> tuple[Ints, Ints]:
    """``values`` in order, each once, and how often; faster than ``np.unique``, which hashes them."""
    if not len(values):
        return values, values
    found = np.sort(values)
    first = np.flatnonzero(np.concatenate([[True], found[1:] != found[:-1]]))
    return found[first], np.diff(np.append(first, len(found)))


def _ordered(rows: Ints, ranks: Ints) -> tuple[Ints, Ints, Ints]:
    """Texts and ranks of their shingles, lowest first, and the place of each in its text."""
    keys = np.sort((rows << _HASH_BITS) | ranks)
    rows, ranks = keys >> _HASH_BITS, keys & ((1 << _HASH_BITS) - 1)
    return rows, ranks, np.arange(len(rows)) - np.searchsorted(rows, rows, side="left")
