"""A flow whose worker was killed goes on: nobody reads what it prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import subprocess, sys
from rich.console import Console
sys.path.insert(0, sys.argv[1])
from unread import survive_our_reader
if sys.argv[2] == "survives":
    survive_our_reader()
print("began", flush=True)
sys.stdin.read()
import time; time.sleep(0.3)
Console(stderr=True).print("a line")
print("a line", flush=True)
subprocess.run([sys.executable, "-c", "print('a line', flush=True)"], check=True)
open(sys.argv[3], "w").close()
"""


@pytest.mark.parametrize("how", ["survives", "as it is"])
def test_a_process_whose_reader_is_gone_goes_on(tmp_path: Path, how: str) -> None:
    end = tmp_path / "end"
    flows = Path(__file__).parents[2] / "flows"
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, flows, how, end], stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"began\n"
        process.stdout.close()
        process.stderr.close()
        process.stdin.close()
        code = process.wait(30)
    assert (code == 0, end.is_file()) == (how == "survives", how == "survives")
