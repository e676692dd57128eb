"""What makes files a checkpoint: a manifest of each rank, which it writes last.

A checkpoint is a folder ``step<k>`` with the files of every rank, and ``rank<r>.json`` beside them: its
files with their sizes and SHA-256, and by how many ranks and in which ZeRO stage they were written. One
that a kill or a full disk cut short lacks a manifest and is no checkpoint; one whose bytes have changed
since does not pass :func:`damage`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from xlgap.errors import DataError, TrainingError
from xlgap.formats import file_digest, read_json, write_json

_FILES = {str: {"bytes": int, "sha256": str}}
_BESIDE = ("beside", "instead")
_SHAPE = {
    "rank": int,
    "world": int,
    "stage": int,
    "precision": str,
    "step": int,
    "skipped": [int],
    "files": _FILES,
}


@dataclass(frozen=True, kw_only=True)
class Topology:
    """How an engine's state is laid out: its ZeRO stage, its precision, and the number of ranks."""

    stage: Literal[0, 1, 2, 3]
    precision: Literal["fp32", "bf16"]
    world: int

    def __str__(self) -> str:
        several = "processes" if self.world > 1 else "process"
        return f"ZeRO stage {self.stage} on {self.world} {several}"

    def reads(self, written: Topology) -> bool:
        """Whether an engine loads what another has written as it is; in stage 0 all ranks have it."""
        alone = self.stage == written.stage == 0
        return self == written or (alone and self.precision == written.precision)


@dataclass(frozen=True, kw_only=True)
class Written:
    """Size and checksum of a file, taken from the bytes on their way into it."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Files beside a checkpoint, by name.

    Attributes:
        files: that it goes on from.
        instead: that stand in where those are damaged.
    """

    files: dict[str, Written] = field(default_factory=dict)
    instead: dict[str, Written] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """Of all of them."""
        return frozenset(self.files) | frozenset(self.instead)


def folder_of(place: Path, step: int) -> Path:
    """Where the checkpoint after ``step`` is.

    >>> folder_of(Path("scratch"), 12).as_posix()
    'scratch/step12'
    """
    return place / f"step{step}"


def steps_in(place: Path) -> list[int]:
    """The steps of all folders of checkpoints in ``place``, the newest first, complete or not."""
    names = (p.name.removeprefix("step") for p in place.glob("step*"))
    return sorted((int(name) for name in names if name.isdigit()), reverse=True)


def declare(
    folder: Path,
    *,
    rank: int,
    step: int,
    topology: Topology,
    skipped: tuple[int, ...],
    files: dict[str, Written],
    beside: Beside,
) -> None:
    """Write the manifest of a rank, when all its files are there.

    Args:
        folder: of the checkpoint.
        rank: whose manifest it is.
        step: after which it was written.
        topology: by what.
        skipped: steps that were left out.
        files: of the rank, in ``folder``.
        beside: files beside ``folder``.

    Raises:
        OSError: the disk did not take it.
    """
    known = {"rank": rank, "step": step, "skipped": list(skipped), **asdict(topology)}
    write_json(
        _path(folder, rank),
        {
            **known,
            "files": {k: asdict(v) for k, v in files.items()},
            "beside": {k: asdict(v) for k, v in beside.files.items()},
            "instead": {k: asdict(v) for k, v in beside.instead.items()},
        },
        durable=True,
    )


def finished(folder: Path) -> tuple[Topology, tuple[int, ...]] | None:
    """How a checkpoint was written, and which steps it left out.

    ``None`` where a rank has written no manifest: it is none yet, or never will be one.

    Raises:
        DataError: a manifest is damaged.
    """
    if not _path(folder, 0).is_file():
        return None
    first = _manifest(folder, 0)
    if not all(_path(folder, rank).is_file() for rank in range(first["world"])):
        return None
    for rank in range(1, first["world"]):
        _manifest(folder, rank)
    topology = Topology(**{key: first[key] for key in ("stage", "precision", "world")})
    return topology, tuple(first["skipped"])


def beside(folder: Path) -> Beside:
    """The files beside a checkpoint.

    Raises:
        DataError: its manifest is damaged.
    """
    found = _manifest(folder, 0)  # which may be older than checksums of such files
    files, instead = (
        {name: Written(**told) for name, told in found.get(key, {}).items()} for key in _BESIDE
    )
    return Beside(files=files, instead=instead)


def referred(place: Path) -> frozenset[str]:
    """Names of the files beside complete checkpoints in ``place``; damaged ones have none."""
    found: set[str] = set()
    for step in steps_in(place):
        with suppress(DataError):
            found |= beside(folder_of(place, step)).names
    return frozenset(found)


def left_out(place: Path) -> tuple[int, ...]:
    """Steps that complete checkpoints in ``place`` have left out, in order; damaged ones know none."""
    found: set[int] = set()
    for step in steps_in(place):
        with suppress(DataError):
            known = finished(folder_of(place, step))
            found.update(known[1] if known else ())
    return tuple(sorted(found))


def damage(folder: Path, ranks: range) -> str | None:
    """What is wrong with the files that ``ranks`` have written, in words; ``None`` if nothing is.

    Args:
        folder: of the checkpoint.
        ranks: whose files to look at.

    Raises:
        TrainingError: a file cannot be read, which may be mended.
    """
    for rank in ranks:
        try:
            files = _manifest(folder, rank)["files"]
        except DataError as error:
            return str(error)
        for name, told in files.items():
            if reason := harm(folder / name, Written(**told)):
                return reason
    return None


def harm(path: Path, told: Written) -> str | None:
    """What is wrong with a file, in words; ``None`` if it is what was ``told`` of it.

    Raises:
        TrainingError: it cannot be read, which may be mended.
    """
    with _readable(path):
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return f"{path} is gone"
        if size == told.bytes and file_digest(path, 64) == told.sha256:
            return None
    if size != told.bytes:
        return f"{path} has {size:,} of {told.bytes:,} bytes"
    return f"{path} has another checksum than when it was written"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say that a file cannot be read: it is not taken for a damaged one, which goes.

    Raises:
        TrainingError: it cannot.
    """
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be read ({error.strerror}): mend that and run the same command again, or "
            "remove the file to go on without it."
        ) from error


def _path(folder: Path, rank: int) -> Path:
    return folder / f"rank{rank}.json"


def _manifest(folder: Path, rank: int) -> dict[str, Any]:
    with _readable(_path(folder, rank)):
        found: dict[str, Any] = read_json(_path(folder, rank), _SHAPE, remedy="")
    there = [key for key in ("files", *_BESIDE) if key in found]
    read_json(_path(folder, rank), dict.fromkeys(there, _FILES), remedy="")
    for name, told in (entry for key in there for entry in found[key].items()):
        if other := sorted(told.keys() - _FILES[str].keys()):
            raise DataError(
                f"{_path(folder, rank)}: '{other[0]}' of {name} is not known here: another version has "
                "written it."
            )
    return found
