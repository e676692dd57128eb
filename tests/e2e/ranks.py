"""Programs of ``tests/programs`` in processes that train together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROGRAMS = HERE.parent / "programs"
ABORTED = "terminate called without an active exception"
"""What a C++ library of a rank says as it starts, once in some hundreds of starts: ranks of a study are
started again then, as these are."""
WITH_FAMILIES = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
"""PYTHONPATH of a program that imports the tests' ``families``."""


def found_by(program: str, out: Path, *words: str | Path, ranks: int = 1, **environment: str) -> Any:
    """What ``program`` writes into ``out``, its first argument, on so many processes of a core each."""
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(ranks)]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, *(launcher if ranks > 1 else []), PROGRAMS / program, out, *words],
            capture_output=True,
            text=True,
            timeout=600,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            check=False,
        )
        if ABORTED not in done.stderr:
            break
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(out.read_text())
