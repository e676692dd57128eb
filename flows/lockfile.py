"""DVC's locks and its ``dvc.lock``, without the seconds that they cost a study of many stages.

To run one stage DVC reads the entries of all stages; to record it, it reads and writes the whole file
again, comments and all: a CPU second at 7,700 lines, during which no other stage can start or end;
and who waits for DVC's lock looks every half second. :func:`install` has a process read and replace
its own stage's lines, which gives the same bytes, and sleep until the lock is free. It also has files
replaced as a whole, so that a process that is killed leaves none cut short.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from xlgap.errors import ResultError

_TOP = "schema: '2.0'\nstages:\n"
_STAGES = re.compile(r"(?>  [\w.@-]+:\n(?>    .*\n)++)*+")
_HEAD = re.compile(r"^  ([\w.@-]+):\n", re.MULTILINE)


def is_plain(text: str) -> bool:
    """Whether a lock file is a list of stages and nothing else, as DVC writes it: no comments."""
    return text.startswith(_TOP) and _STAGES.fullmatch(text, len(_TOP)) is not None


class Entries(Mapping[str, Any]):
    """What a lock file holds for each stage, parsed and validated when it is asked for."""

    def __init__(self, text: str) -> None:
        """Take a text for which :func:`is_plain` holds."""
        heads = list(_HEAD.finditer(text, len(_TOP)))
        ends = [*(head.start() for head in heads[1:]), len(text)]
        self.lines = {h[1]: text[h.start() : end] for h, end in zip(heads, ends, strict=True)}

    def __getitem__(self, name: str) -> Any:
        from dvc.dvcfile import Lockfile
        from dvc.utils.serialize import parse_yaml

        text = _TOP + self.lines[name]
        return Lockfile.validate(parse_yaml(text, "dvc.lock"), "dvc.lock")["stages"][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)


def replace_stage(text: str, name: str, lines: str) -> str | None:
    """A lock file with other lines for one stage, which goes to the end where it is new.

    Args:
        text: the lock file, or nothing.
        name: the stage.
        lines: its entry as DVC writes it, see :func:`stage_lines`.

    Returns:
        The text, or None where the file is not plain: then DVC must rewrite it.
    """
    text = text or _TOP
    if not is_plain(text):
        return None
    start = text.find(f"\n  {name}:\n", len(_TOP) - 1) + 1
    if not start:
        return text + lines
    after = _HEAD.search(text, start + 1)
    return text[:start] + lines + (text[after.start() :] if after else "")


def stage_lines(name: str, entry: Mapping[str, Any]) -> str | None:
    """What DVC writes for a stage; None where that depends on the rest of the file (anchors)."""
    from dvc.utils.serialize import dumps_yaml

    text = dumps_yaml({"schema": "2.0", "stages": {name: entry}})
    if not text.startswith(f"{_TOP}  {name}:\n") or not is_plain(text) or re.search(r" [&*]id\d", text):
        return None
    return text.removeprefix(_TOP)


def lines_of(text: str, name: str) -> str | None:
    """The lines of one stage in a lock file; None where it has none, or is not plain."""
    if not is_plain(text):
        return None
    return Entries(text).lines.get(name)


def write_lines(path: Path, name: str, lines: str) -> None:
    """Give a lock file other lines for one stage, or new ones.

    Raises:
        ResultError: the file is not as DVC writes it.
    """
    old = _text(path)
    new = replace_stage(old, name, lines) if _HEAD.findall(lines) == [name] else None
    if new is None or not is_plain(new):
        raise ResultError(
            f"{path}: has comments or marks of a conflict, or the lines for {name!r} are none of "
            "DVC's; bring the file back from git."
        )
    if new != old:
        with _replacing(path) as file:
            file.write(new)


@cache
def install() -> None:
    """Change DVC in this process."""
    import dvc.rwlock
    from dvc.dvcfile import Lockfile
    from dvc.lock import Lock

    dvc.rwlock._edit_rwlock = _editing(dvc.rwlock._edit_rwlock)
    Lockfile.load = _reading(Lockfile.load)
    Lockfile.dump_stages = _recording(Lockfile.dump_stages)
    Lock.lock = _waiting(Lock.lock)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf8") if path.exists() else ""


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file to write in place of ``path``, which it replaces at the end of the block."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf8") as file:
        yield file
    partial.replace(path)


@dataclass
class _WholeFiles:
    """As much of a DVC file system as ``rwlock`` takes; what it writes is there as a whole."""

    files: Any

    def join(self, *parts: str) -> str:
        return str(self.files.join(*parts))

    def open(self, path: str, mode: str = "r", **kwargs: Any) -> Any:
        return _replacing(Path(path)) if mode == "w" else self.files.open(path, mode, **kwargs)


def _editing(by_dvc: Callable[..., Any]) -> Callable[..., Any]:
    """``rwlock``'s list of who reads and writes what, never cut short."""

    def edit(folder: str, files: Any, hardlink: bool) -> Any:
        return by_dvc(folder, _WholeFiles(files), hardlink)

    return edit


def _reading(by_dvc: Callable[..., Any]) -> Callable[..., Any]:
    """``Lockfile.load`` that leaves the entries unread until they are asked for."""

    def load(self: Any, **kwargs: Any) -> Any:
        text = _text(Path(self.path))
        if kwargs or not is_plain(text):
            return by_dvc(self, **kwargs)
        return {"schema": "2.0", "stages": Entries(text)}

    return load


def _recording(by_dvc: Callable[..., None]) -> Callable[..., None]:
    """``Lockfile.dump_stages`` that replaces the lines of one stage, at once or not at all."""

    def dump_stages(self: Any, stages: Sequence[Any], **kwargs: Any) -> None:
        from dvc.stage.serialize import to_lockfile

        path = Path(self.path).resolve()
        old, new = _text(path), None
        if len(stages) == 1:
            ((name, entry),) = to_lockfile(stages[0], **kwargs).items()
            lines = stage_lines(name, entry)
            new = replace_stage(old, name, lines) if lines else None
        if new is None:
            by_dvc(self, stages, **kwargs)
        elif new != old:
            with _replacing(path) as file:
                file.write(new)
            self.repo.scm_context.track_file(self.relpath)

    return dump_stages


def _waiting(by_dvc: Callable[[Any], None]) -> Callable[[Any], None]:
    """``Lock.lock`` that sleeps until the lock is free, where it is to wait at all."""

    def lock(self: Any) -> None:
        from dvc.lock import LockError

        while self._wait:
            try:
                self._do_lock()
            except LockError:
                _until_free(self.lockfile)
            else:
                return
        by_dvc(self)

    return lock


def _until_free(file: str) -> None:
    """Wait until nobody holds a lock file."""
    import fcntl

    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)
