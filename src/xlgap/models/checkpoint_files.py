"""Tensors of safetensors files, read one at a time: of a network that no process holds whole.

A file is read where a tensor stands in it and nowhere else, without mapping it into memory. The format:
eight bytes with the length of a header, the header in JSON with type, shape and place of each tensor,
then their bytes (https://huggingface.co/docs/safetensors).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from xlgap.checkout import model_place
from xlgap.errors import DataError
from xlgap.formats import read_json

TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
    "BOOL": torch.bool,
}  # fmt: skip
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_MOST_HEADER = 100_000_000  # bytes, as in the format's own reader


@dataclass(frozen=True)
class _Place:
    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class TensorFile:
    """A safetensors file."""

    path: Path

    @cached_property
    def _places(self) -> dict[str, _Place]:
        """Where tensors stand, from the beginning of the file."""
        try:
            with self.path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                if length > _MOST_HEADER:
                    raise ValueError("its header is too long")
                header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            places = {name: _place(entry, 8 + length) for name, entry in header.items()}
            most = max((place.end for place in places.values()), default=8 + length)
            if self.path.stat().st_size < most:
                raise ValueError(f"it ends before its {most} bytes")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(
                f"{self.path}: damaged weights ({error}); fetch or make the file again."
            ) from error
        return places

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """By name, of every tensor.

        Raises:
            DataError: the file is not there, or damaged.
        """
        return {name: place.shape for name, place in self._places.items()}

    def read(self, name: str) -> Tensor:
        """One tensor, in the type that it is stored in.

        Raises:
            DataError: the file is damaged.
        """
        place = self._places[name]
        if place.end == place.begin:
            return torch.empty(place.shape, dtype=place.dtype)
        held = bytearray(place.end - place.begin)
        with self.path.open("rb", buffering=0) as file:
            file.seek(place.begin)
            view, done = memoryview(held), 0
            while done < len(held):
                found = file.readinto(view[done:])
                if not found:
                    raise DataError(f"{self.path}: it ends inside of {name}; fetch or make it again.")
                done += found
        return torch.frombuffer(held, dtype=place.dtype).view(place.shape)


def _place(entry: Mapping[str, Any], start: int) -> _Place:
    begin, end = entry["data_offsets"]
    shape, dtype = tuple(entry["shape"]), TYPES[entry["dtype"]]
    if end - begin != math.prod(shape) * dtype.itemsize or begin < 0:
        raise ValueError("a tensor's shape is not that of its bytes")
    return _Place(dtype, shape, start + begin, start + end)


@dataclass(frozen=True)
class Tensors:
    """Tensors of one or several files, by the names that a network has for them.

    Attributes:
        files: by that name, the file and its name there.
        where: what they are from, for errors.
    """

    files: Mapping[str, tuple[TensorFile, str]]
    where: str

    @classmethod
    def of(cls, files: Iterable[TensorFile], where: str) -> Tensors:
        """All tensors of ``files``, as they are named there."""
        found = {name: (file, name) for file in files for name in file.shapes}
        return cls(found, where)

    def under(self, prefix: str) -> Tensors:
        """Those whose names begin with ``prefix``, by the rest of their names."""
        found = {n.removeprefix(prefix): of for n, of in self.files.items() if n.startswith(prefix)}
        return Tensors(found, self.where)

    def __contains__(self, name: object) -> bool:
        return name in self.files

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """By name, of every tensor."""
        return {name: file.shapes[of] for name, (file, of) in self.files.items()}

    def read(self, name: str) -> Tensor:
        """One tensor, in the type that it is stored in."""
        file, of = self.files[name]
        return file.read(of)


def folder_tensors(folder: Path) -> Tensors:
    """Those of a directory: of one file, or of those that an index names.

    Raises:
        DataError: there are none, or one is damaged.
    """
    if (folder / SINGLE).is_file():
        return Tensors.of([TensorFile(folder / SINGLE)], str(folder))
    if not (folder / INDEX).is_file():
        raise DataError(
            f"{folder}: there is neither {SINGLE} nor {INDEX}, and other formats, which can run code, "
            "are not read; name a directory with a converted copy."
        )
    named = read_json(folder / INDEX, {"weight_map": {str: str}})["weight_map"]
    files = {name: TensorFile(folder / Path(name).name) for name in set(named.values())}
    for name, file in named.items():
        if name not in files[file].shapes:
            raise DataError(f"{folder / file}: it lacks {name}, which {INDEX} says that it has.")
    return Tensors({name: (files[file], name) for name, file in named.items()}, str(folder))


def hub_tensors(repo: str, revision: str | None) -> Tensors:
    """Those of a hub checkpoint, whose files are fetched where they are not there yet.

    Args:
        repo: hub repository, or a directory.
        revision: a commit of it.

    Raises:
        DataError: it cannot be had, has no safetensors, or a file is damaged.
    """
    from transformers.utils import cached_file

    place = Path(model_place(repo))
    if place.is_dir():
        return folder_tensors(place)
    try:
        missing = {"_raise_exceptions_for_missing_entries": False}
        found = cached_file(repo, SINGLE, revision=revision, **missing)
        if found is None:
            found = cached_file(repo, INDEX, revision=revision)
            named = read_json(Path(found), {"weight_map": {str: str}})["weight_map"]
            for file in sorted(set(named.values())):
                cached_file(repo, file, revision=revision)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"the weights of '{repo}' cannot be loaded: {reason}") from error
    return folder_tensors(Path(found).parent)
