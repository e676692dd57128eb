"""Weights that are not kept stay until nobody needs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlgap import layout
from xlgap.stages.unkept import claim, give_up, one_training_of


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = layout.weights("abc")
    folder.mkdir(parents=True)
    (folder / "facts.json").write_text("{}")
    return folder


def test_they_go_when_the_last_stage_gives_them_up(weights: Path) -> None:
    with one_training_of(weights):
        claim(weights, "one", trained=True)
        claim(weights, "two", trained=False)
    give_up(["abc", "unknown"], "one")
    assert (weights / "facts.json").is_file()
    give_up(["abc"], "one")  # a second time it is not there
    assert (weights / "facts.json").is_file()
    give_up(["abc"], "two")
    assert not weights.exists()


def test_those_that_were_kept_stay(weights: Path) -> None:
    claim(weights, "one", trained=False)
    give_up(["abc"], "one")
    assert (weights / "facts.json").is_file()
