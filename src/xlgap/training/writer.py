"""Writing the files of a checkpoint in the background, from a copy in host memory.

DeepSpeed's own decoupled engines need its compiled writer and, of a model on the CPU, take no copy:
they hand on the memory that training goes on changing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, cast

import torch
from torch import Tensor

from xlgap.formats import sync
from xlgap.training.engine import out_of_memory
from xlgap.training.manifest import Written

_save = torch.save  # which the converter replaces, see xlgap.training.safe_load

Files = dict[str, Any]
"""What a rank writes, by the names of its files."""


class Collector:
    """In the place of an engine's ``checkpoint_engine``: keeps a copy of what it should write.

    Args:
        engine: DeepSpeed's, which says all else.
        shared: keys whose values nobody changes later, so that they need no copy.
        names: of the network's state, those to keep; all when ``None``.
    """

    def __init__(
        self, engine: Any, *, shared: frozenset[str], names: frozenset[str] | None = None
    ) -> None:
        self.files: Files = {}
        self.short: BaseException | None = None
        self._engine, self._shared, self._names = engine, shared, names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Nothing: folders are made when the files are written."""

    def save(self, state_dict: Mapping[str, Any], path: str) -> None:
        """Keep a copy; where there is no memory for it, say so in ``short`` and keep nothing."""
        seen: dict[Any, Tensor] = {}
        if self._names is not None and state_dict.get("module"):
            module = {k: v for k, v in state_dict["module"].items() if k in self._names}
            state_dict = {**state_dict, "module": module}
        try:
            self.files[Path(path).name] = {
                key: value if key in self._shared else _copied(value, seen)
                for key, value in state_dict.items()
            }
        except (RuntimeError, MemoryError) as error:  # the other ranks wait for this one to go on
            if not out_of_memory(error):
                raise
            self.short = error.with_traceback(None)


def _copied(value: Any, seen: dict[Any, Tensor]) -> Any:
    """``value`` with all tensors copied to the host; one that stands twice is copied once."""
    if isinstance(value, Tensor):
        place = value.untyped_storage().data_ptr(), value.storage_offset()
        key = (*place, value.shape, value.stride(), value.dtype)
        if key not in seen:
            seen[key] = value.detach().to("cpu", copy=True)
        return seen[key]
    if isinstance(value, dict):
        return {k: _copied(v, seen) for k, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copied(v, seen) for v in value)
    return value


class Writer:
    """Writes one checkpoint at a time. :meth:`wait` before the next one."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None

    @property
    def failed(self) -> bool:
        """Whether the last files could not be written; False while they are being written."""
        return self._error is not None

    def start(self, folder: Path, files: Files, done: Callable[[dict[str, Written]], None]) -> None:
        """Write ``files`` into ``folder``, then call ``done``, in another thread."""
        assert self._thread is None, "the last checkpoint was not waited for"
        self._error = None
        self._thread = threading.Thread(
            target=self._write, args=(folder, files, done), name="checkpoint", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # no memory for another thread
            self._thread = None
            self._write(folder, files, done)

    def fail(self, error: OSError) -> None:
        """There is nothing to write, because of ``error``."""
        self._error = error

    def _write(self, folder: Path, files: Files, done: Callable[[dict[str, Written]], None]) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            done({name: write_file(content, folder / name) for name, content in files.items()})
            sync(folder)
            sync(folder.parent)
        except OSError as error:
            for name in files:
                with contextlib.suppress(OSError):
                    (folder / name).unlink(missing_ok=True)
            self._error = error

    def busy(self, *, seconds: float) -> bool:
        """Whether files are still being written after so long."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is not None and self._thread.is_alive()

    def wait(self) -> OSError | None:
        """Wait until the files are there; why they could not be written, where they are not."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        return error


class _Hashing:
    """A file that knows the checksum of what was written into it.

    An error of the disk is raised by :meth:`close`: raised through torch's writer, it ends the process.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._sha, self._bytes = hashlib.sha256(), 0
        self._error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of ``data``, which is bytes or a buffer."""
        view = memoryview(data).cast("B")
        self._sha.update(view)
        self._bytes += len(view)
        begin = 0
        while self._error is None and begin < len(view):
            try:
                begin += self._file.write(view[begin:]) or 0
            except OSError as error:
                self._error = error
        return len(view)

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self, *, durable: bool) -> Written:
        """Wait for the disk, if ``durable``.

        Raises:
            OSError: it did not take everything.
        """
        with self._file:
            if self._error is not None:
                raise self._error
            if durable:
                os.fsync(self._file.fileno())
        return Written(bytes=self._bytes, sha256=self._sha.hexdigest())


def write_file(content: Any, path: Path | str, *, durable: bool = True) -> Written:
    """``torch.save`` that says what the disk said, and if ``durable`` ends when the disk has it.

    Raises:
        OSError: the disk did not take it.
    """
    file = _Hashing(Path(path))
    _save(content, cast(IO[bytes], file))
    return file.close(durable=durable)
