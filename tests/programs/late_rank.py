"""The last rank comes late to a barrier; every rank writes when it came and when it left.

usage: torchrun late_rank.py OUT
"""

import sys
import time
from pathlib import Path

import torch.distributed as dist

from xlgap.training.engine import barrier, rank, world_size


def main(out):
    dist.init_process_group("gloo")
    dist.barrier()
    if rank() == world_size() - 1:
        time.sleep(1)
    came = time.monotonic()  # one clock for all processes of a machine
    barrier()
    Path(out, str(rank())).write_text(f"{came} {time.monotonic()}")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
