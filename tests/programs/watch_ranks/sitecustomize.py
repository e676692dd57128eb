"""Watches what the ranks of a training read and write, and makes rank 1 the last to read its weights.

Python imports a file of this name at its start where the folder is on PYTHONPATH. An audit hook
(PEP 578) sees files opened and renamed, in a program that knows nothing of it. In the directory of the
environment variable WATCH_RANKS, ``rank<k>`` lists what that rank renamed, ``read<k>`` says that it
came to the final weights' facts.

Rank 1 opens the facts after rank 0 has, and then waits for the folder to be removed, at most two
seconds: had rank 0 not to wait for it, the folder would be gone.
"""

import os
import sys
import time
from pathlib import Path

PATIENCE = 2.0  # rank 0 has read the facts and has nothing left to do but to remove the folder
START = 60.0
MARKS = Path(os.environ.get("WATCH_RANKS", "."))
RANK = os.environ.get("RANK")


def watch(event, arguments):
    """The hook; what it does itself to files is none of what it looks at."""
    if event == "os.rename":
        with (MARKS / f"rank{RANK}").open("a") as log:
            log.write(f"{arguments[1]}\n")
    elif event == "open" and isinstance(arguments[0], str | Path) and str(arguments[1]).startswith("r"):
        path = Path(arguments[0])
        if path.match("weights/*/facts.json"):
            read(path.parent)


def read(folder):
    """A rank is about to read the facts in ``folder``."""
    if RANK == "1":
        wait(lambda: (MARKS / "read0").exists(), START)
        wait(lambda: not folder.exists(), PATIENCE)
    (MARKS / f"read{RANK}").touch()


def wait(happened, seconds):
    """Wait until something has happened, or for so many seconds."""
    end = time.monotonic() + seconds
    while not happened() and time.monotonic() < end:
        time.sleep(0.01)


if "WATCH_RANKS" in os.environ and RANK is not None:
    sys.addaudithook(watch)
