"""Encoded examples in a file: what is read is what was written, and damage is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xlgap.errors import DataError
from xlgap.models.encode import Example
from xlgap.models.encoded import Encoded, write_examples


def ids(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def types(*values: int) -> np.ndarray:
    return np.array(values, np.int8)


CHOICES = [
    Example(0, (ids(0, 5, 2), ids(0, 6, 7, 2)), np.array([1])),
    Example(3, (ids(0, 2), ids(0, 8, 2)), np.array([0]), types=(types(0, 1), types(0, 0, 1))),
]
TAGS = [
    Example(0, (ids(0, 5, 6, 2),), np.array([-100, 4, 3, -100]), marks=ids(-1, 0, 1, -1)),
    Example(1, (ids(0, 7, 2),), np.array([-100, 2, -100]), marks=ids(-1, 0, -1)),
]
SPANS = [
    Example(
        0, (ids(0, 5, 6, 2),), np.array([1, 2]), marks=ids(-1, 0, 3, -1, -1, 2, 9, -1).reshape(4, 2)
    ),
    Example(
        0, (ids(0, 7, 2),), np.array([0, 0]), marks=ids(-1, 4, -1, -1, 8, -1).reshape(3, 2), begin=2
    ),
]
SENTENCES = [Example(0, (ids(0, 4, 2),), np.empty(0, np.int64))]


def arrays(of: Example) -> list[np.ndarray]:
    return [*of.sequences, *of.types, of.labels, of.marks]


def same(one: Example, other: Example) -> bool:
    return (
        (one.row, one.begin, one.length, one.per_sub_word)
        == (other.row, other.begin, other.length, other.per_sub_word)
        and one.marks.shape == other.marks.shape
        and all(
            a.dtype == b.dtype and np.array_equal(a, b)
            for a, b in zip(arrays(one), arrays(other), strict=True)
        )
    )


@pytest.mark.parametrize("examples", [CHOICES, TAGS, SPANS, SENTENCES])
def test_examples_are_read_as_they_were_written(examples: list[Example], tmp_path: Path) -> None:
    write_examples(examples, tmp_path / "some.arrow")
    found = Encoded(tmp_path / "some.arrow")
    assert len(found) == len(examples)
    assert all(same(*pair) for pair in zip(examples, found, strict=True))
    assert same(found[-1], examples[-1])
    assert all(same(*pair) for pair in zip(found[:1], examples[:1], strict=True))
    assert found.lengths == [[len(s) for s in e.sequences] for e in examples]
    with pytest.raises(IndexError):
        found[len(examples)]


def test_what_is_read_is_not_written_to(tmp_path: Path) -> None:
    write_examples(TAGS, tmp_path / "some.arrow")
    with pytest.raises(ValueError, match="read-only"):
        Encoded(tmp_path / "some.arrow")[0].labels[0] = 1


@pytest.mark.parametrize("left", [0, 100, 900])
def test_a_file_that_was_cut_is_told(left: int, tmp_path: Path) -> None:
    path = tmp_path / "some.arrow"
    write_examples(TAGS, path)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(DataError, match=r"some\.arrow: damaged; remove it and run the command again"):
        Encoded(path)
