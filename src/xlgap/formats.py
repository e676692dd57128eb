"""Reading and writing files: JSON lines, canonical JSON, digests, atomic replacement, ``.xz``.

Everything that a stage leaves on disk goes through :func:`atomic_path` or :func:`atomic_dir`, so that
half a file is never taken for a result.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import json
import lzma
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from xlgap.errors import DataError, ResultError

JSON = Any  # what json.loads returns
Row = Mapping[str, Any]
Shape = Any
"""What JSON must be: a type; a list of one shape, that of every entry; or an object of shapes by key.

The key ``str`` stands for every key. An object may have other keys, too.
"""

UNFINISHED = "xlgap-unfinished-"
"""Stands in the names of directories that are being made, and in no others."""
_KINDS = {
    dict: "an object", list: "a list", str: "a text", int: "a whole number", float: "a number",
    bool: "true or false", type(None): "nothing",
}  # fmt: skip


def canonical(value: JSON) -> str:
    """``value`` as JSON text with sorted keys and no spaces: equal values give equal text.

    Raises:
        ValueError: a number that JSON does not have: NaN, or an infinite one.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def finite(value: JSON) -> JSON:
    """``value`` with null for every number that JSON does not have: what is not known is null.

    >>> finite({"dev": [(1, float("nan")), (2, 50.0)]})
    {'dev': [[1, None], [2, 50.0]]}
    """
    if isinstance(value, Mapping):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def digest(value: JSON, length: int = 16) -> str:
    """The first ``length`` hex digits of the SHA-256 of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:length]


def file_digest(path: Path, length: int = 16) -> str:
    """The first ``length`` hex digits of the SHA-256 of a file's bytes."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()[:length]


def dir_digest(path: Path, length: int = 16) -> str:
    """One digest over the names and bytes of all files below ``path``."""
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.name != ".gitignore")
    return digest({str(p.relative_to(path)): file_digest(p, 64) for p in files}, length)


@contextmanager
def atomic_path(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it replaces ``path``, on error it goes.

    ``durable``: the disk has it, and its name, before this ends: neither a crash of the machine nor a
    power cut leaves a file without its bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp gives 0600; a result is an ordinary file
        if durable:
            sync(temporary)
        temporary.replace(path)
        if durable:
            sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_dir(path: Path) -> Iterator[Path]:
    """Yield an empty directory beside ``path``; on success it replaces ``path``, on error it goes.

    One that a kill left there goes, too: what depends on the whole folder would read it. One that a
    running process is making stays, and so does whatever else lies there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.{UNFINISHED}*"):
        _remove_abandoned(left)
    temporary, held = _held_dir(path)
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o777 & ~mask)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(held)


def finished(path: Path) -> Path:
    """Where a file of :func:`atomic_dir` is once the directory has its name; others are where they are.

    >>> str(finished(Path("results/.cell.xlgap-unfinished-x1/seed1")))
    'results/cell/seed1'
    """
    return Path(*(re.sub(rf"^\.(.+)\.{UNFINISHED}.*$", r"\1", part) for part in path.parts))


@contextmanager
def one_writer_of(path: Path) -> Iterator[None]:
    """In the block no other process that asks for the same ``path`` is in its own; a kill gives it up.

    Locks ``.NAME.lock`` beside it. On a file system without locks several may be in it.
    """
    # The lock file stays: whoever waits has it open, and would go on with a removed one while the next
    # process makes and locks another.
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a") as held:
        with suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _held_dir(path: Path) -> tuple[Path, int]:
    """A new directory beside ``path`` and the descriptor that locks it; a kill gives the lock up."""
    while True:
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.{UNFINISHED}", dir=path.parent))
        # Another process may take it for abandoned before it is locked: then there is a next one.
        with suppress(FileNotFoundError):
            held = os.open(temporary, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks: nothing is taken away
                fcntl.flock(held, fcntl.LOCK_EX)
            if temporary.is_dir():
                return temporary, held
            os.close(held)


def _remove_abandoned(left: Path) -> None:
    """Remove an unfinished directory unless the process that makes it is still there."""
    try:
        held = os.open(left, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    with suppress(OSError):  # locked by its maker, or on a file system without locks: it stays
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(left, ignore_errors=True)
    os.close(held)


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Write ``text`` atomically, as UTF-8 with the newlines it has."""
    with atomic_path(path, durable=durable) as temporary:
        temporary.write_text(text, encoding="utf8", newline="")


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: JSON, *, indent: int | None = 1, durable: bool = False) -> None:
    """Write ``value`` atomically as JSON with sorted keys.

    Args:
        path: the file.
        value: what JSON has.
        indent: spaces; ``None`` for one long line, which is written several times as fast.
        durable: as of :func:`atomic_path`.

    Raises:
        ResultError: a number that JSON does not have; it names the file and the place.
    """
    try:
        text = json.dumps(value, indent=indent, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:
        _refuse_no_number(value, path)
        raise
    write_text(path, text + "\n", durable=durable)


def _refuse_no_number(value: JSON, where: object) -> None:
    wrong = _no_number(value)
    if wrong is not None:
        place, found = wrong
        raise ResultError(
            f"{where}: not written: {place} is {found}, a number that JSON does not have; what is not "
            "known must be null: see what made it, and run it again."
        )


def _no_number(value: JSON, at: str = "") -> tuple[str, float] | None:
    """Place and value of the first number in ``value`` that JSON does not have."""
    if isinstance(value, float):
        return None if math.isfinite(value) else (at or "it", value)
    parts: Iterable[tuple[str, JSON]] = ()
    if isinstance(value, Mapping):
        parts = ((f"{at}.{key}".removeprefix("."), entry) for key, entry in value.items())
    elif isinstance(value, list | tuple):
        parts = ((f"{at}[{number}]", entry) for number, entry in enumerate(value))
    return next(filter(None, (_no_number(entry, place) for place, entry in parts)), None)


def read_json(path: Path, shape: Shape = None, *, remedy: str = "fetch or make it again") -> JSON:
    """Read a JSON file (``.xz`` allowed), of a ``shape`` where one is given.

    Args:
        path: the file.
        shape: of what is in it.
        remedy: what is to be done about a file that is not so; nothing is said where it is empty.

    Raises:
        DataError: not JSON, or of another shape; it names the file and the place.
    """
    text = read_text(path)
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}: not valid JSON at line {error.lineno}, column {error.colno} ({error.msg}); "
            f"the file may be truncated{remedy and ': '}{remedy}."
        ) from error
    except (ValueError, RecursionError) as error:  # a number or a depth beyond Python's
        raise _beyond(path, error, remedy) from error
    wrong = None if shape is None else _misfit(found, shape)
    if wrong:
        raise DataError(f"{path}: {wrong}; the file is damaged{remedy and ': '}{remedy}.")
    return found


def _beyond(where: object, error: Exception, remedy: str) -> DataError:
    deep = isinstance(error, RecursionError)
    what = "lists or objects stand too deep in one another" if deep else "a number has too many digits"
    return DataError(f"{where}: {what}; the file is damaged{remedy and ': '}{remedy}.")


def _misfit(value: JSON, shape: Shape, at: str = "") -> str | None:
    """The first place where ``value`` is not of ``shape``, in words; None where there is none."""
    kind: Any = shape if isinstance(shape, type) else type(shape)
    if type(value) is not kind:
        return f"{at or 'it'} must be {_KINDS[kind]}, got {_KINDS[type(value)]}"
    parts: Iterable[tuple[str, JSON, Shape]] = ()
    if isinstance(shape, list):
        parts = ((f"{at}[{number}]", entry, shape[0]) for number, entry in enumerate(value))
    elif isinstance(shape, dict):
        parts = (
            (f"{at}.{name}".removeprefix("."), value.get(name), inner)
            for key, inner in shape.items()
            for name in (value if key is str else (key,))
        )
    return next(filter(None, (_misfit(part, inner, place) for place, part, inner in parts)), None)


def write_jsonl(path: Path, rows: Iterable[Row]) -> int:
    """Write ``rows`` atomically, one JSON object a line; returns how many.

    Raises:
        ResultError: a number that JSON does not have; it names the file, the line and the place.
    """
    count = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf8", newline="\n") as f:
        for row in rows:
            count += 1
            _refuse_no_number(row, f"{path}, line {count}")
            f.write(canonical(row) + "\n")
    return count


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines (``.xz`` allowed); a :class:`DataError` names file and line."""
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line:
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{path}, line {number}: not a JSON object ({error.msg}); "
                "the file may be truncated: fetch or make it again."
            ) from error
        except (ValueError, RecursionError) as error:  # a number or a depth beyond Python's
            raise _beyond(f"{path}, line {number}", error, "fetch or make it again") from error
        if not isinstance(row, dict):
            raise DataError(
                f"{path}, line {number}: expected a JSON object, got {type(row).__name__}; "
                "give one object a line."
            )
        rows.append(row)
    return rows


def read_text(path: Path) -> str:
    """The text of a file or, when only ``path`` + ``.xz`` exists, of that compressed file.

    Raises:
        DataError: no such file, a directory, a damaged ``.xz``, or bytes that are not UTF-8.
    """
    compressed = path if path.suffix == ".xz" else path.with_name(path.name + ".xz")
    try:
        if path.suffix != ".xz" and path.is_file():
            return path.read_bytes().decode("utf8")
        if compressed.is_file():
            with lzma.open(compressed) as f:
                return f.read().decode("utf8")
    except (lzma.LZMAError, EOFError) as error:
        raise DataError(
            f"{compressed}, line {_readable_lines(compressed) + 1}: damaged or truncated .xz "
            f"({error}), expected a whole one; fetch the file again."
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: byte {error.start} is not UTF-8 text; expected UTF-8: fetch the "
            "file again."
        ) from error
    for wrong in (path, compressed):
        if wrong.is_dir():
            raise DataError(
                f"{wrong}: expected a file, got a directory; put the file itself in its place."
            )
    raise DataError(f"{path}: no such file (nor {compressed.name} beside it).")


def _readable_lines(path: Path) -> int:
    """How many whole lines a damaged ``.xz`` gives before its damage."""
    decompressor, lines = lzma.LZMADecompressor(), 0
    with path.open("rb") as f, suppress(lzma.LZMAError, EOFError):
        while piece := f.read(1 << 10):
            lines += decompressor.decompress(piece).count(b"\n")
    return lines
