"""One of the processes that train together: that it has come, and how it failed, for its supervisor."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from xlgap.errors import TryAgainError, XlgapError

FOLDER = "XLGAP_LAUNCH_FOLDER"
"""Where ranks that a supervisor has started leave word; several nodes share the file system."""
PATIENCE = 10.0
"""Seconds that a rank waits for the first one's word."""
STOP = signal.SIGUSR1
"""What ``srun`` passes on to its tasks; at SIGTERM it kills them."""


@dataclass(frozen=True)
class Word:
    """What one rank has left.

    Attributes:
        code: the exit code of an error of ours, 1 of any other exception.
        sentence: of the error.
        when: seconds since the epoch.
        adjusted: whether the next start does otherwise, see :class:`~xlgap.errors.TryAgainError`.
        follows: whether another rank's failure has caused it.
    """

    code: int
    sentence: str
    when: float
    adjusted: bool = False
    follows: bool = False


def come() -> None:
    """Note that this rank runs, and let :data:`STOP` be the SIGTERM that training listens to."""
    signal.signal(STOP, _stop)
    folder = _folder()
    if folder is not None:
        (folder / f"{_rank()}.here").touch()


def _stop(number: int, frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGTERM)


def tell(error: Exception) -> bool:
    """Leave word of an error; False where no supervisor asks for it, and it has to be printed here.

    An error of ours is one of all ranks as a rule: the others stay until the first has left word, since
    a launcher ends those that run when one has failed, and the first has a run to close. Not so one
    after which to try again: the first may wait for this very rank.
    """
    folder = _folder()
    if folder is None:
        return False
    ours = isinstance(error, XlgapError)
    code = error.exit_code if isinstance(error, XlgapError) else 1
    sentence = str(error) if ours else f"{type(error).__name__}: {error}"
    again = isinstance(error, TryAgainError)
    said = {name: getattr(error, name, False) for name in ("adjusted", "follows")}
    word = {"code": code, "sentence": sentence, **said}
    path = folder / f"{_rank()}.word"
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(word), encoding="utf8")
    unfinished.replace(path)
    if ours and not again:
        _wait_for(folder / "0.word")
    return ours


def _wait_for(path: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not path.exists() and path.parent.is_dir() and time.monotonic() < end:
        time.sleep(0.02)


def have_come(folder: Path) -> set[str]:
    """The ranks that :func:`come` has noted."""
    return {path.stem for path in folder.glob("*.here")}


def words(folder: Path) -> dict[str, Word]:
    """What ranks have left, by rank."""
    found = {}
    for path in folder.glob("*.word"):
        found[path.stem] = Word(
            **json.loads(path.read_text(encoding="utf8")), when=path.stat().st_mtime
        )
    return found


def _folder() -> Path | None:
    """The supervisor's folder, while it is there."""
    folder = Path(os.environ.get(FOLDER) or os.devnull)
    return folder if folder.is_dir() else None


def _rank() -> str:
    return os.environ.get("RANK", "0")
