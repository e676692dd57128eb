"""Start two processes of fault_training.py as a stage starts its own, and end as the stage would.

usage: supervised.py FOLDER [NAME=VALUE ...]
"""

import sys
from pathlib import Path

from xlgap.errors import XlgapError
from xlgap.launch.decide import Launch
from xlgap.launch.supervise import supervise_again

PROGRAM = Path(__file__).with_name("fault_training.py")
TORCHRUN = (
    *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"),
    *("--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0"),
)


def say(sentence):
    print(sentence, file=sys.stderr)


def main(folder, *words):
    command = (*TORCHRUN, str(PROGRAM), folder, *words)
    launch = Launch(launcher="torchrun", command=command, local=2, one_node=True)
    try:
        supervise_again(lambda: launch, Path(folder) / "launch", say=say)
    except XlgapError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
