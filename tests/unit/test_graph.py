from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from xlgap.__main__ import main
from xlgap.alone import alone
from xlgap.config import load_params
from xlgap.errors import ConfigError, ResultError
from xlgap.graph import graph_mapping, is_stale, needs_tokenizer, pretraining_entry, write_graph
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


@pytest.fixture
def folder(raw_study, tmp_path, monkeypatch):
    """A checkout with a study whose graph is written."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw_study()))
    monkeypatch.chdir(tmp_path)
    assert write_graph(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({"arms": {"direct_en": {"regime": "direct_en"}, "a": {"regime": "direct_en"}}}, True),
        ({"tasks": {"toy_nli": {"train_rows": 100, "test_rows": 12}}}, False),
        ({"analysis": {"resamples": 50}}, False),
    ],
)
def test_a_graph_is_stale_when_its_items_are_others(folder, raw_study, change, stale):
    assert not is_stale(folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(raw_study(**change)))
    assert is_stale(folder) == stale
    assert write_graph(folder) == stale
    assert not is_stale(folder)


def test_a_graph_that_was_edited_by_hand_is_stale(folder):
    path = folder / "graph.yaml"
    path.write_text(path.read_text().replace("toy_nli", "toy_nil"))
    assert is_stale(folder)


def test_no_graph_is_written_under_a_run(folder, raw_study):
    with alone(folder):
        assert not write_graph(folder)  # it would be the same
        (folder / "params.yaml").write_text(yaml.safe_dump(raw_study(models={"a": _SIZE})))
        with pytest.raises(ResultError, match="another run"):
            write_graph(folder)


_SIZE = {"layers": 1, "width": 8, "heads": 1, "feed_forward": 8}


@pytest.fixture
def real(raw_real_study, release_files, tmp_path, monkeypatch):
    """A checkout with a study of release files."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw_real_study()))
    monkeypatch.setenv("XLGAP_DATA", str(release_files))
    write_graph(tmp_path)
    return tmp_path


def test_other_release_files_make_another_graph(real, release_files):
    assert not is_stale(real)
    path = release_files / "pretrain" / "de.txt"
    path.write_bytes(path.read_bytes()[:-1])
    assert is_stale(real)
    assert not is_stale(real, read_files=False)


def test_where_no_release_files_are_named_the_graph_keeps_what_it_knows(real, monkeypatch):
    text = (real / "graph.yaml").read_text()
    assert text.count("files: ") == 7
    monkeypatch.delenv("XLGAP_DATA")
    assert not is_stale(real)
    (real / "graph.yaml").unlink()
    write_graph(real)
    assert "files: " not in (real / "graph.yaml").read_text()


@pytest.mark.parametrize(
    ("file", "wrong", "said"),
    [
        ("params.yaml", {"train": {"zero_stag": 1}}, "params.yaml: unknown key 'train.zero_stag'"),
        ("studies/other.yaml", {"study": {"nam": 1}}, "studies/other.yaml: unknown key 'study.nam'"),
        ("studies/other.yaml", {"train": 3}, "studies/other.yaml: 'train' must be a mapping, got 3"),
    ],
)
def test_a_wrong_key_is_told_of_the_file_that_it_stands_in(
    folder, raw_study, capsys, file, wrong, said
):
    files = {"params.yaml": raw_study(), "studies/other.yaml": {"study": {"name": "other"}}}
    files[file] = raw_study(**wrong) if file == "params.yaml" else wrong
    (folder / "studies").mkdir()
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content))
    assert main(["graph", "--study", "studies/other.yaml"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("params.yaml") == said.count("params.yaml")


def test_a_study_without_a_graph_leaves_no_directory(folder, capsys):
    (folder / "studies").mkdir()
    (folder / "studies" / "other.yaml").write_text("study: {name: other}\nmodels: {x: {hub: nope}}\n")
    assert main(["graph", "--study", "studies/other.yaml"]) == 2
    assert "models.x.revision" in capsys.readouterr().err
    assert not (folder / "studies" / "other").exists()


def test_a_study_file_becomes_a_directory(folder, raw_study):
    (folder / "studies").mkdir()
    (folder / "studies" / "other.yaml").write_text("study: {name: other}\n")
    assert main(["graph", "--study", "studies/other.yaml"]) == 0
    made = load_params(folder / "studies" / "other" / "params.yaml")
    assert made.study.name == "other"
    assert made.study.seeds == tuple(raw_study()["study"]["seeds"])
    assert not is_stale(folder / "studies" / "other")


def test_a_plan_writes_nothing(folder, capsys):
    (folder / "studies").mkdir()
    (folder / "studies" / "other.yaml").write_text("study: {name: other}\n")
    before = sorted(folder.rglob("*"))
    assert main(["plan", "--study", "studies/other.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["study"] == "other"
    assert sorted(folder.rglob("*")) == before


def test_a_study_without_a_name_of_its_own_is_refused(folder, capsys):
    (folder / "studies").mkdir()
    (folder / "studies" / "one.yaml").write_text("study: {name: one}\n")
    for text, owner in (("train: {threads: 1}\n", "params.yaml"), ("study: {name: one}\n", "one.yaml")):
        (folder / "studies" / "two.yaml").write_text(text)
        assert main(["graph", "--study", "studies/two.yaml"]) == 2
        said = capsys.readouterr().err
        assert "studies/two.yaml: key 'study.name': must be a name of its own, but" in said
        assert f"{owner} has" in said
        assert not (folder / "studies" / "two").exists()


def test_a_study_that_can_not_be_read_is_no_other_studys_matter(folder, capsys):
    (folder / "studies").mkdir()
    (folder / "studies" / "one.yaml").write_text("study: {name: one}\n")
    (folder / "studies" / "bad.yaml").write_text("study: {name: [\n")
    (folder / "studies" / "list.yaml").write_text("- 1\n")
    (folder / "studies" / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    assert main(["plan", "--study", "studies/one.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["study"] == "one"
    assert main(["plan", "--study", "studies/bad.yaml"]) == 2
    assert "studies/bad.yaml, line 2: not valid YAML" in capsys.readouterr().err


def test_options_that_name_nothing_are_refused(folder, capsys):
    for words, said in (
        (["plan", "--hardware", ""], "unknown hardware ''"),
        (["doctor", "--hardware", ""], "unknown hardware ''"),
        (["plan", "--workers", "1" + 21 * "0"], "but it may be 1000 at most"),
        (["run", "--workers", "1001"], "--workers: got 1001, but it may be 1000 at most"),
    ):
        assert main(words) == 2, words
        assert said in capsys.readouterr().err


def test_a_file_in_the_place_of_the_studys_directory(folder, capsys):
    (folder / "studies").mkdir()
    (folder / "studies" / "one.yaml").write_text("study: {name: one}\n")
    (folder / "studies" / "one").write_text("")
    assert main(["graph", "--study", "studies/one.yaml"]) == 2
    assert "a file, where the study's directory is to be" in capsys.readouterr().err


def test_a_damaged_graph_is_stale_and_a_missing_dvc_yaml_is_told(folder, capsys):
    (folder / "graph.yaml").write_bytes(b"\xff\xfe")
    assert is_stale(folder)
    assert write_graph(folder)
    (folder / "dvc.yaml").unlink()
    assert main(["graph"]) == 2
    assert (
        "dvc.yaml: no such file; bring it back with 'git checkout dvc.yaml'" in capsys.readouterr().err
    )


def test_only_what_trains_on_text_depends_on_it(study):
    mixed = {"regime": "intermediate_en_mlm", "intermediate": ["toy_order"], "mlm_rate": 0.2}
    arms = {"direct_en": {"regime": "direct_en"}, "mixed": mixed}
    items = graph_mapping(study(arms=arms), root=".")["graph"]["warmstart"]
    assert items["nano-mixed"]["text"] == "data/corpus"
    assert items["nano-direct_en"]["text"] == "models/pretrained/nano"


def test_a_checkpoint_needs_the_corpus_where_an_arm_mixes_text(study):
    hub = {"xlmr": {"hub": "FacebookAI/xlm-roberta-base"}}
    mixed = {"regime": "intermediate_en_mlm", "intermediate": ["toy_order"], "mlm_rate": 0.2}
    for arms, needed in (({"d": {"regime": "direct_en"}}, False), ({"mixed": mixed}, True)):
        params = study(models=hub, arms=arms)
        assert graph_mapping(params, root=".")["graph"]["corpus"]["needed"] is needed
        assert not needs_tokenizer(params)
