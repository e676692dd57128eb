from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from xlgap.__main__ import main
from xlgap.errors import ConfigError
from xlgap.graph import graph_mapping, pretraining_entry
from xlgap.models.catalogue import get_checkpoint

pytestmark = pytest.mark.usefixtures("toy_tasks")

BLOOM = {"bloom": {"hub": "bigscience/bloom-1b7"}}


def test_pretraining_depends_on_what_it_reads_of_a_model(study):
    size = {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}
    mt5 = {"hub": "google/mt5-small"}
    models = {"nano": {**size, "finetune_scale": 2, "learning_rate": 0.01}, "mt5": mt5}
    items = graph_mapping(study(models=models), root=".")["graph"]["pretrain"]
    nano = {**size, "dropout": 0.0, "learning_rate": 0.01, "pretrained": True}
    pinned = {**mt5, "revision": get_checkpoint("google/mt5-small").revision}
    assert items == {"nano": {"model": "nano", "entry": nano}, "mt5": {"model": "mt5", "entry": pinned}}


def test_a_checkpoint_without_a_commit_is_no_part_of_a_graph(study):
    with pytest.raises(ConfigError, match=r"'models\.bloom\.revision' is missing"):
        graph_mapping(study(models=BLOOM), root=".")
    pinned = {"bloom": {**BLOOM["bloom"], "revision": "0" * 40}}
    assert pretraining_entry(study(models=pinned), "bloom") == pinned["bloom"]


def test_the_command_says_so_in_one_sentence(raw_study, tmp_path, monkeypatch, capsys):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw_study(models=BLOOM)))
    monkeypatch.chdir(tmp_path)
    assert main(["graph"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: key 'models.bloom.revision' is missing")
    assert said.count("\n") == 1
    assert not Path("graph.yaml").exists()
