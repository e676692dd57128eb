"""Who may import whom: import-linter's contracts, and what they cannot express."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "xlgap"
HEAVY = {
    "torch", "transformers", "deepspeed", "datasets", "mlflow", "prefect", "great_expectations",
    "matplotlib", "pandas", "scipy", "statsmodels", "dvc",
}  # fmt: skip
LIGHT = (  # what every command and every stage of the graph imports
    "xlgap.errors", "xlgap.records", "xlgap.languages", "xlgap.formats", "xlgap.config", "xlgap.cell",
    "xlgap.tasks", "xlgap.regimes", "xlgap.tracking.base", "xlgap.models.catalogue",
    "xlgap.models.ladder", "xlgap.planning",
)  # fmt: skip
# prefork: on stderr
MAY_PRINT = {"__main__.py", "commands.py", "examine.py", "findings.py", "runs.py", "stages", "prefork"}


def files(folder: Path) -> Iterator[Path]:
    return (p for p in sorted(folder.rglob("*.py")) if "__pycache__" not in p.parts)


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports anywhere, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(path: Path) -> Iterator[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_the_contracts_of_import_linter_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_light_modules_import_nothing_heavy():
    code = (
        f"import sys, importlib\nfor name in {LIGHT!r}: importlib.import_module(name)\n"
        f"print(*sorted(set({sorted(HEAVY)!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_tasks_and_regimes_open_nothing_and_import_little():
    for folder in ("tasks", "regimes"):
        for path in files(SOURCE / folder):
            roots = {name.split(".")[0] for name in imported(path)}
            assert not roots & HEAVY, path
            opened = [c for c in calls(path) if isinstance(c.func, ast.Name) and c.func.id == "open"]
            assert not opened, path


def test_core_code_does_not_print():
    printing = [
        str(path.relative_to(SOURCE))
        for path in files(SOURCE)
        if path.relative_to(SOURCE).parts[0] not in MAY_PRINT
        and any(isinstance(c.func, ast.Name) and c.func.id == "print" for c in calls(path))
    ]
    assert printing == []


def test_flows_import_nothing_of_xlgap_that_imports_torch():
    flows = list(files(ROOT / "flows"))
    if not flows:
        pytest.skip("there is no flows/ folder")
    barred = ("xlgap.models", "xlgap.training", "xlgap.evaluation", "xlgap.stages")
    names = {name for path in flows for name in imported(path)}
    assert not [n for n in names if n.startswith(barred) or n.split(".")[0] == "torch"]


def test_no_collection_of_leftovers():
    named = [p for p in files(SOURCE) if p.stem in {"utils", "util", "helpers", "misc", "common"}]
    assert named == []


@pytest.mark.parametrize("folder", [SOURCE, ROOT / "flows", ROOT / "benchmarks", ROOT / "tests"])
def test_files_hold_one_idea(folder):
    long = {
        str(path.relative_to(ROOT)): lines
        for path in files(folder)
        if (lines := path.read_text(encoding="utf8").count("\n")) > 400
    }
    assert long == {}


def test_what_metrics_import_is_in_the_folder_that_score_depends_on():
    """``dvc.yaml`` names ``src/xlgap/evaluation``; of the rest they take declarations and errors."""
    code = (
        "import sys; import xlgap.evaluation.metrics, xlgap.evaluation.chance\n"
        "print(*(m for m in sys.modules if m.startswith('xlgap')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    others = {m for m in done.stdout.split() if not m.startswith("xlgap.evaluation")}
    assert others <= {"xlgap", "xlgap.errors", "xlgap.tasks", "xlgap.tasks.base"}
