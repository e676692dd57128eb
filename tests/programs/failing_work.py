"""Work of several processes with the disk, which fails on the second one.

usage: torchrun failing_work.py OUT
"""

import json
import sys
from pathlib import Path

from xlgap.training.engine import gathered, process_group, rank
from xlgap.training.watchdog import Watchdog


def work():
    if rank() == 1:
        raise KeyError("lost")
    return rank()


with process_group(threads=1):
    try:
        Watchdog(0).patiently(work, "reading what is there")
        found = "nothing was raised"
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    told = gathered(found)
    if rank() == 0:
        Path(sys.argv[1]).write_text(json.dumps(told))
