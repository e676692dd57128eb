from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from xlgap.alone import alone
from xlgap.errors import ResultError
from xlgap.leftovers import OUTS, remove_leftovers

pytestmark = pytest.mark.usefixtures("toy_tasks")

KEPT = {
    "data/prepared/toy_nli/manifest.json",
    "data/prepared/toy_order/manifest.json",
    "data/corpus/en.txt",
    "results/checks/toy_nli.json",
    "models/pretrained/nano/model.safetensors",
    "models/warm/nano/direct_en/pointer.json",
    "results/predictions/toy_nli/nano-direct_en/cell.json",
    "results/predictions/toy_nli/.nano-direct_en.xlgap-unfinished-x1/cell.json",  # being written
    "results/scores/toy_nli.csv",
    "results/items/toy_nli.parquet",
    "results/metrics.json",
    "weights/0123/model.safetensors",
    "journal/nano-old_arm-toy_nli/seed1.json",
    "notes/toy_old.csv",
}
LEFT = {  # a file, and the out that it is part of
    "data/prepared/toy_old/manifest.json": "data/prepared/toy_old",
    "results/checks/toy_old.json": "results/checks/toy_old.json",
    "models/pretrained/old/model.safetensors": "models/pretrained/old",
    "models/warm/old/direct_en/pointer.json": "models/warm/old/direct_en",
    "models/warm/nano/old_arm/seed1/facts.json": "models/warm/nano/old_arm",
    "results/predictions/toy_old/nano-direct/cell.json": "results/predictions/toy_old/nano-direct",
    "results/predictions/toy_nli/old-direct_en/cell.json": "results/predictions/toy_nli/old-direct_en",
    "results/predictions/toy_nli/nano-old_arm/cell.json": "results/predictions/toy_nli/nano-old_arm",
    "results/predictions/toy_nli/.nano-old_arm.x2/a": "results/predictions/toy_nli/.nano-old_arm.x2",
    "results/scores/toy_old.csv": "results/scores/toy_old.csv",
    "results/items/toy_old.parquet": "results/items/toy_old.parquet",
}


@pytest.fixture
def folder(raw_study: Callable[..., dict[str, Any]], tmp_path: Path) -> Path:
    """A study's directory with outs of a larger study."""
    for name in KEPT | LEFT.keys():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw_study()))
    return tmp_path


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_outs_that_left_the_grid_go_and_nothing_else(folder: Path) -> None:
    before = files(folder)
    removed = remove_leftovers(folder)
    assert before - files(folder) == LEFT.keys()
    assert {path.as_posix() for path in removed} == set(LEFT.values())
    assert not (folder / "models/warm/old").exists()
    assert remove_leftovers(folder) == []


def test_nothing_is_removed_under_a_run(folder: Path) -> None:
    with alone(folder), pytest.raises(ResultError, match="another run"):
        remove_leftovers(folder)
    assert files(folder) >= LEFT.keys()


def test_the_outs_of_every_foreach_are_looked_at() -> None:
    graph = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text())
    outs = [out for stage in graph["stages"].values() for out in stage.get("do", {}).get("outs", ())]
    assert {Path(out.partition("/$")[0]) for out in outs} == {folder for folder, _ in OUTS}
