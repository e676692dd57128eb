"""Encoded examples in one Arrow file, mapped into memory: encoded once, read by every training.

A value of a list column is read where it lies in the file, which the operating system keeps once for
all processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from xlgap.errors import DataError
from xlgap.formats import atomic_path
from xlgap.models.encode import Example

if TYPE_CHECKING:
    import pyarrow

_WIDTH = b"marks_width"


def write_examples(examples: Sequence[Example], path: Path) -> None:
    """Write examples into the Arrow file ``path``, which appears whole or not at all."""
    import pyarrow as pa

    tokens, kinds = pa.list_(pa.list_(pa.int32())), pa.list_(pa.list_(pa.int8()))
    width = max((e.marks.shape[1] for e in examples if e.marks.ndim == 2), default=1)
    table = pa.table(
        {
            "row": pa.array([e.row for e in examples], pa.int64()),
            "begin": pa.array([e.begin for e in examples], pa.int32()),
            "sequences": pa.array([list(e.sequences) for e in examples], tokens),
            "types": pa.array([list(e.types) for e in examples], kinds),
            "labels": pa.array([e.labels for e in examples], pa.list_(pa.int64())),
            "marks": pa.array([e.marks.ravel() for e in examples], pa.list_(pa.int32())),
        }
    ).replace_schema_metadata({_WIDTH: str(width)})
    with atomic_path(path) as temporary, pa.ipc.new_file(temporary, table.schema) as file:
        file.write_table(table, max_chunksize=max(1, len(examples)))


class Encoded(Sequence[Example]):
    """The examples of a file that :func:`write_examples` wrote.

    Raises:
        DataError: the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        try:
            table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
            table.validate(full=True)
            columns = {name: table.column(name).chunk(0) for name in table.column_names}
            self._row, self._begin = _array(columns["row"]), _array(columns["begin"])
            self._sequences, self._types = _Nested(columns["sequences"]), _Nested(columns["types"])
            self._labels, self._marks = _Lists(columns["labels"]), _Lists(columns["marks"])
            self._width = int(table.schema.metadata[_WIDTH])
        except (pa.ArrowException, OSError, KeyError, TypeError, IndexError) as error:
            raise DataError(f"{path}: damaged; remove it and run the command again.") from error

    def __len__(self) -> int:
        return len(self._row)

    @property
    def lengths(self) -> list[list[int]]:
        """Sub-words of each sequence of each example."""
        return self._sequences.sizes()

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Those of all examples, one after another."""
        return self._labels.values

    @property
    def sub_words(self) -> npt.NDArray[np.int32]:
        """Those of all sequences of all examples, one after another."""
        return self._sequences.values

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = range(len(self))[index]  # a negative one counts from the end; one beyond it is an error
        marks = self._marks[at]
        return Example(
            row=int(self._row[at]),
            sequences=self._sequences[at],
            labels=self._labels[at],
            marks=marks if self._width == 1 else marks.reshape(-1, self._width),
            begin=int(self._begin[at]),
            types=self._types[at],
        )


class _Lists:
    """A column of lists: element ``i`` is a view of its values."""

    def __init__(self, column: pyarrow.ListArray) -> None:
        self._bounds, self._values = _array(column.offsets), _array(column.values)

    def __getitem__(self, index: int) -> npt.NDArray[Any]:
        return self._values[self._bounds[index] : self._bounds[index + 1]]

    @property
    def values(self) -> npt.NDArray[Any]:
        """Of all elements."""
        return self._values[self._bounds[0] : self._bounds[-1]]

    def sizes(self) -> list[int]:
        """How many values each element has."""
        found: list[int] = np.diff(self._bounds).tolist()
        return found


class _Nested:
    """A column of lists of lists: element ``i`` is a tuple of views."""

    def __init__(self, column: pyarrow.ListArray) -> None:
        self._bounds, self._lists = _array(column.offsets), _Lists(column.values)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[Any], ...]:
        return tuple(self._lists[i] for i in range(self._bounds[index], self._bounds[index + 1]))

    @property
    def values(self) -> npt.NDArray[Any]:
        """Of all lists."""
        return self._lists.values

    def sizes(self) -> list[list[int]]:
        """How many values each list of each element has."""
        sizes, bounds = self._lists.sizes(), self._bounds.tolist()
        return [sizes[begin:end] for begin, end in pairwise(bounds)]


def _array(column: pyarrow.Array) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = column.to_numpy(zero_copy_only=True)
    return found
