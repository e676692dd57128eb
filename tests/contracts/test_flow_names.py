"""The flow has the stages that DVC resolves, and knows nothing of the study by itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOWS = ROOT / "flows"


@pytest.mark.skipif(not (ROOT / "dvc.yaml").exists(), reason="there is no dvc.yaml here")
def test_stages_are_those_that_dvc_resolves() -> None:
    script = "import sys; from pathlib import Path; from plan import read_plan\n"
    script += "print(*sorted(read_plan(Path('.')).stages), sep='\\n')"
    ours = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(FLOWS)!r}); {script}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = subprocess.run(
        [sys.executable, "-m", "dvc", "stage", "list", "--name-only"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ours.stdout.split() == sorted(theirs.stdout.split())
    assert ours.stdout


def test_flows_import_nothing_heavy() -> None:
    """Of xlgap they may import what stands here, none of which imports torch or DVC."""
    allowed = {"xlgap", "xlgap.alone", "xlgap.errors", "xlgap.prefork"}
    allowed |= {"xlgap", "xlgap.checkout", "xlgap.derived", "xlgap.formats", "xlgap.graph"}
    allowed |= {"xlgap.forward", "xlgap.leftovers", "xlgap.mapping", "xlgap.tracking.uri"}
    for file in FLOWS.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("xlgap"):
                assert node.module in allowed, f"{file.name} imports {node.module}"
            elif isinstance(node, ast.Import):
                assert not any(a.name.startswith("xlgap") for a in node.names), file.name


def test_dvc_says_how_a_command_ended() -> None:
    """flows/stage.py reads the command's exit status from this message."""
    from dvc.stage.exceptions import StageCmdFailedError

    assert str(StageCmdFailedError("cmd", -9)).endswith("exited with -9")
    assert str(StageCmdFailedError("cmd", 137)).endswith("exited with 137")
