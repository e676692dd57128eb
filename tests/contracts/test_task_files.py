"""A task is its own file and the readers: what else it were made of would not stale its preparation."""

import ast
from pathlib import Path

import pytest

import xlgap.tasks

FILES = sorted(Path(xlgap.tasks.__file__).parent.glob("[!_]*.py"))


@pytest.mark.parametrize("path", [p for p in FILES if p.stem != "base"], ids=lambda p: p.stem)
def test_a_task_imports_no_other_task(path):
    tree = ast.parse(path.read_text(encoding="utf8"))
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    tasks = [name for name in imported if name.startswith("xlgap.tasks")]
    assert all(name == "xlgap.tasks.base" or "._readers" in name for name in tasks), tasks
