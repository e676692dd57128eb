"""CONTRIBUTING.md's example of a task, added as one file to a copy of the package, and used."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SECTIONS = {"en": ["Ferry strike ends", "Harbour wins 3:1"], "de": ["Wahl im Mai", "Sieg in Bonn"],
            "sw": ["Bunge lakutana", "Timu yashinda"]}  # fmt: skip
GOLD = """
from pathlib import Path
from xlgap.evaluation.metrics import get_metric
from xlgap.formats import read_jsonl
from xlgap.tasks import get_task

task = get_task("headlines")
for language in task.eval_languages:
    rows = read_jsonl(Path("data/prepared/headlines/test") / f"{language}.jsonl")
    gold = [{"id": row["id"], "label": row["label"]} for row in rows]
    turned = [{**p, "label": task.kind.labels[p["label"] == task.kind.labels[0]]} for p in gold]
    metric = get_metric("accuracy", task)
    print(language, len(rows), *(metric.score(task, rows, p, language) for p in (gold, turned)))
"""


def example() -> str:
    """The code block under "Adding a task"."""
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8").split("## Adding a task")[1]
    (block,) = re.findall(r"```python\n(.*?)```", section.split("\n## ")[0], flags=re.DOTALL)
    return block


@pytest.fixture
def run(tmp_path: Path):
    """Runs Python in a study with the example, on a copy of the package that has it."""
    source = tmp_path / "src"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "xlgap", source / "xlgap", ignore=ignored)
    (source / "xlgap" / "tasks" / "headlines.py").write_text(example(), encoding="utf8")
    files = tmp_path / "release" / "headlines"
    files.mkdir(parents=True)
    for code, (politics, sports) in SECTIONS.items():
        for number, split in enumerate(("train", "dev", "test")):
            text = f"politics\t{politics} {number}\nsports\t{sports} {number}\n"
            (files / f"{split}-{code}.tsv").write_text(text, encoding="utf8")
    home = tmp_path / "study"
    (home / ".dvc").mkdir(parents=True)
    shutil.copy(ROOT / "dvc.yaml", home)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf8"))
    params |= {
        "study": {"name": "added", "source": "release", "seeds": [1]},
        "languages": {"evaluation": [*SECTIONS], "pretraining": [*SECTIONS]},
        "arms": {"direct_en": {"regime": "direct_en"}},
        "tasks": {"headlines": {}},
        "intermediate": {},
    }
    (home / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf8")
    variables = {
        "PYTHONPATH": str(source), "XLGAP_DATA": str(tmp_path / "release"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
    }  # fmt: skip

    def python(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=home,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return python


def test_the_example_is_one_file_that_only_declares():
    tree = ast.parse(example())
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not [c for c in calls if isinstance(c, ast.Name) and c.id == "open"]
    assert max(map(len, example().splitlines())) <= 104


@pytest.mark.e2e
def test_a_task_is_added_by_one_file(run):
    listed = run("-m", "xlgap", "tasks", "--all")
    (line,) = [line for line in listed.splitlines() if line.split()[:1] == ["headlines"]]
    assert line.split()[1:5] == ["supplementary", "classify", "3", "accuracy"]
    assert "headlines" not in run("-m", "xlgap", "tasks")
    run("-m", "xlgap", "graph")
    run("-m", "xlgap", "prepare", "headlines")
    run("-m", "xlgap", "validate", "headlines")
    assert run("-c", GOLD).splitlines() == ["en 2 100.0 0.0", "de 2 100.0 0.0", "sw 2 100.0 0.0"]


@pytest.mark.e2e
def test_a_wrong_line_of_its_files_is_named(run, tmp_path):
    (tmp_path / "release" / "headlines" / "test-de.tsv").write_text("politics\tWahl\nweather\tRegen\n")
    run("-m", "xlgap", "graph")
    with pytest.raises(AssertionError, match=r"test-de.tsv, line 2: section 'weather' is outside"):
        run("-m", "xlgap", "prepare", "headlines")
