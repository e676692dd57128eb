"""Weights that are written into a safetensors file one tensor at a time, never whole in memory."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from xlgap.errors import ResultError
from xlgap.formats import atomic_path
from xlgap.models.checkpoint_files import Tensors

_NUMBER = 4  # bytes of fp32


def write_tensors(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    tensors: Iterable[tuple[str, Tensor]],
    *,
    durable: bool = True,
) -> str:
    """Write tensors in fp32 as a safetensors file, which is there when all of it is written.

    Its bytes are those that :func:`~xlgap.models.network.save_state` writes of them.

    Args:
        path: of the file.
        shapes: of all tensors.
        tensors: names and values, in the order of their names.
        durable: as of :func:`~xlgap.formats.atomic_path`.

    Returns:
        SHA-256 of the bytes that were written.

    Raises:
        ResultError: the disk did not take it.
    """
    names, sha = sorted(shapes), hashlib.sha256()
    try:
        with atomic_path(path, durable=durable) as temporary, temporary.open("wb") as file:
            header, written = _header(names, shapes), []
            file.write(header)
            sha.update(header)
            for name, tensor in tensors:
                value = tensor.detach().to("cpu", torch.float32).contiguous()
                assert tuple(value.shape) == tuple(shapes[name]), name
                data = value.reshape(-1).numpy().data
                file.write(data)
                sha.update(data)
                written.append(name)
            assert written == names, "not the tensors whose shapes were given, in their order"
    except OSError as error:
        raise ResultError(f"{path}: {error}; make room on the disk, then run this again.") from error
    return sha.hexdigest()


def _header(names: Iterable[str], shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    entries, begin = {}, 0
    for name in names:
        end = begin + _NUMBER * math.prod(shapes[name])
        entries[name] = {"dtype": "F32", "shape": list(shapes[name]), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def copy_tensors(found: Tensors, path: Path) -> None:
    """Write all of ``found`` into a file, one after another.

    Raises:
        ResultError: the disk did not take it.
    """
    shapes = found.shapes
    write_tensors(path, shapes, ((name, found.read(name)) for name in sorted(shapes)))
