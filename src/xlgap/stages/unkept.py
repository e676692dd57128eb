"""Final weights where none are kept: they stay until the outs of the stages that need them are there.

A stage claims the weights of each of its seeds, so that a stop loses none of them, and gives them up
once its out is in its place; weights that nobody claims any more go. Weights from the time when they
were kept have no claim, and stay.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from xlgap import layout
from xlgap.training.engine import rank

CLAIMS = "claims"


@contextmanager
def one_training_of(folder: Path) -> Iterator[None]:
    """One training of a digest at a time; of several ranks the first holds the lock."""
    if rank() != 0:
        yield
        return
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        yield


def claim(folder: Path, owner: str, *, trained: bool) -> None:
    """Note that ``owner`` needs the weights in ``folder``; inside of :func:`one_training_of`.

    Args:
        folder: of the weights.
        owner: the stage, by its model, arm and task.
        trained: whether they were trained just now; found ones are claimed if somebody else has.
    """
    claims = folder / CLAIMS
    if rank() == 0 and (trained or claims.is_dir()):
        claims.mkdir(exist_ok=True)
        (claims / owner).touch()


def give_up(digests: Iterable[str], owner: str) -> None:
    """Weights that ``owner`` alone has claimed go: its out holds all that was needed of them."""
    if rank() != 0:
        return
    for folder in map(layout.weights, digests):
        with one_training_of(folder):
            claims = folder / CLAIMS
            (claims / owner).unlink(missing_ok=True)
            if claims.is_dir() and not any(claims.iterdir()):
                shutil.rmtree(folder)
