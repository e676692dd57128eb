"""What stages read of a study's own files: damaged ones are named, one sentence each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlgap import layout
from xlgap.config import Params
from xlgap.errors import DataError, ResultError
from xlgap.formats import write_json
from xlgap.stages.study import Study

pytestmark = pytest.mark.usefixtures("toy_tasks")

SIZE = {"total": 100, "nonembedding": 80}
SEEDS = [{"seed": n, "digest": f"d{n}", "encoder": SIZE, "phases": []} for n in (1, 2)]


@pytest.fixture
def toy(study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return Study(study())


def test_a_damaged_manifest(toy: Study) -> None:
    write_json(layout.prepared("toy_nli") / "manifest.json", {})
    with pytest.raises(DataError, match=r"toy_nli/manifest\.json: splits must be an object"):
        toy.manifest("toy_nli")


def test_seeds_of_a_finished_cell(toy: Study) -> None:
    cell = toy.grid.cells[0]
    path = layout.predictions(cell.task.name, cell.model, cell.arm.name) / "cell.json"
    write_json(path, {"seeds": SEEDS})
    assert toy.trained(cell) == {1: SEEDS[0], 2: SEEDS[1]}
    write_json(path, {"seeds": SEEDS[:1]})
    with pytest.raises(ResultError, match=r"cell\.json: seeds \[2\] .*'dvc repro finetune@nano"):
        toy.trained(cell)


@pytest.mark.parametrize(
    "wrong", [{}, [], {"seeds": [{}]}, {"seeds": [{"seed": 1, "digest": "d1", "encoder": {}}]}]
)
def test_a_damaged_cell(toy: Study, wrong: Any) -> None:
    cell = toy.grid.cells[0]
    write_json(layout.predictions(cell.task.name, cell.model, cell.arm.name) / "cell.json", wrong)
    with pytest.raises(DataError, match=r"cell\.json: .* must be .*; the file is damaged"):
        toy.trained(cell)
