"""Two processes that train together end in order, whatever one of them does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from prefect_server import free_port

from xlgap.errors import DataError, TryAgainError

pytestmark = pytest.mark.e2e

PROGRAM = Path(__file__).parents[1] / "programs" / "ends.py"
HELD = TryAgainError.exit_code


def ended(how: str) -> list[tuple[int, str]]:
    """Exit codes of both and what they have said; one that was stopped is killed in the end."""
    common = {**os.environ, "OMP_NUM_THREADS": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    common |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    started = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), how], env={**common, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for rank in ("0", "1")
    ]  # fmt: skip
    stopped = {"first stopped": 0, "stopped before": 1, "stopped within": 1}.get(how)
    try:
        if stopped is not None:
            started[1 - stopped].wait(90)
            started[stopped].send_signal(signal.SIGKILL)
        said = [process.communicate(timeout=90)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    return [(process.returncode, text) for process, text in zip(started, said, strict=True)]


def test_one_that_works_alone_is_waited_for() -> None:
    assert [code for code, _ in ended("first is long")] == [0, 0]


@pytest.mark.parametrize("attempt", range(3))
def test_an_error_of_both_is_their_exit_code(attempt: int) -> None:
    """Not the abort of a thread that waits for the other one."""
    for code, said in ended("both refuse"):
        assert code == DataError.exit_code, said
        assert said.splitlines()[-1] == "error: both refuse"


def test_where_one_fails_the_other_is_told() -> None:
    (first, why), (second, said) = ended("one fails")
    assert (first, second) == (1, HELD)
    assert why.splitlines()[-1] == "[rank0]: KeyError: 'one fails'"
    assert said.splitlines()[-1].startswith("error: another process is gone (")


@pytest.mark.parametrize(
    ("how", "other", "what"),
    [
        ("stopped before", 0, "the start of all processes"),
        ("stopped within", 0, "the answer of process 1"),
        ("first stopped", 1, "the answer of process 0"),
    ],
)
def test_one_that_is_stopped_is_not_waited_for(how: str, other: int, what: str) -> None:
    code, said = ended(how)[other]
    assert code == HELD, said
    assert f"error: no progress for 5 seconds in {what}: " in said
