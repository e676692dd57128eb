"""A process of two that train together, which ends in some way.

usage: ends.py HOW, with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT
"""

import os
import signal
import sys
import time

from xlgap.errors import DataError, XlgapError
from xlgap.training.engine import barrier
from xlgap.training.watchdog import together

HANG = 5.0


def stop():
    os.kill(os.getpid(), signal.SIGSTOP)


def main(how):
    first = os.environ["RANK"] == "0"
    if how == "stopped before" and not first:
        stop()
    with together(threads=1, hang_seconds=HANG):
        if how == "both refuse":
            barrier()
            raise DataError("both refuse")
        if how == "stopped within" and not first:
            stop()
        if how == "first stopped" and first:
            stop()
        if how == "one fails":
            if first:
                raise KeyError("one fails")
            barrier()
        if how == "first is long" and first:
            time.sleep(HANG + 3)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except XlgapError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
