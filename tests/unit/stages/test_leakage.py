"""The stage of the leakage gate, over prepared files in a study's directory."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from xlgap import layout
from xlgap.config import check, overlaid
from xlgap.data.prepare import prepare
from xlgap.errors import LeakageError
from xlgap.formats import read_json, read_jsonl, write_jsonl
from xlgap.stages.leakage import leakage
from xlgap.stages.study import Study
from xlgap.tasks import get_task

PARAGRAPH = (
    "The mill by the river ground barley for nine villages until the great flood took its wheel."
)


@pytest.fixture
def study(
    raw_real_study: Callable[..., dict],
    release_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Study:
    """A prepared study, whose directory is the current one."""
    found = Study(check(raw_real_study(), Path("params.yaml")))
    monkeypatch.chdir(tmp_path)
    for name in found.params.all_tasks:
        prepare(get_task(name), found.params, layout.prepared(name), data_dir=release_files)
    return found


def plant(path: Path, place: int, **values: object) -> str:
    """Change a prepared row; returns its id."""
    rows = read_jsonl(path)
    rows[place] |= values
    write_jsonl(path, rows)
    return str(rows[place]["id"])


def test_a_clean_study_passes_with_the_same_bytes_each_time(study: Study) -> None:
    leakage(study)
    first = layout.LEAKAGE.read_bytes()
    leakage(study)
    assert layout.LEAKAGE.read_bytes() == first
    found = read_json(layout.LEAKAGE)
    assert found["passed"] is True
    assert found["compared"]["squad/train/en"]["xquad"] == "de en ru"
    assert not layout.LEAKS.exists()


def test_a_planted_paragraph_stops_the_study_and_leaves_nothing_but_the_list(study: Study) -> None:
    answers = {"text": ["mill"], "answer_start": [4]}
    trained = plant(layout.rows("squad", "train", "en"), 3, context=PARAGRAPH, answers=answers)
    tested = plant(
        layout.rows("xquad", "test", "en"),
        5,
        context=PARAGRAPH.replace("barley", "barely"),
        answers=answers,
    )
    with pytest.raises(
        LeakageError, match=rf"squad/train/en {trained} <-> xquad/test/en {tested}"
    ) as caught:
        leakage(study)
    assert caught.value.exit_code != 0
    assert not layout.LEAKAGE.exists()
    (pair,) = read_json(layout.LEAKS)
    assert (pair["train"], pair["test_id"]) == ("squad/train/en", tested)


def test_a_sentence_of_the_tagging_test_set_in_training_stops_the_study(study: Study) -> None:
    tokens = PARAGRAPH.split()
    for split in ("train", "test"):
        plant(layout.rows("udpos", split, "en"), 0, tokens=tokens, tags=["NOUN"] * len(tokens))
    with pytest.raises(LeakageError, match="1 test items of udpos"):
        leakage(study)


CODE_THAT_DECIDES_NOTHING = {"config", "errors", "formats", "layout", "stages.study", "data"}


def test_a_change_of_the_code_that_says_what_is_compared_runs_the_gate_again(
    request: pytest.FixtureRequest,
) -> None:
    root = request.config.rootpath
    deps = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf8"))["stages"]["leakage"]["deps"]
    package = root / "src" / "xlgap"
    declared = [(root / dep.removeprefix("${graph.root}/")).with_suffix("") for dep in deps]
    own = [*package.glob("checks/leakage*.py"), package / "stages" / "leakage.py"]
    code = "".join(file.read_text(encoding="utf8") for file in own)
    read = {*re.findall(r"from xlgap\.([\w.]+) import", code), "data.schema", "regimes.base"}
    for name in read - CODE_THAT_DECIDES_NOTHING:
        module = package.joinpath(*name.split("."))
        assert any(module.is_relative_to(dep) for dep in declared), f"{name} is no dependency"


def test_a_study_that_leaks_has_no_earlier_verdict(study: Study) -> None:
    leakage(study)
    assert read_json(layout.LEAKAGE)["passed"] is True
    test_a_sentence_of_the_tagging_test_set_in_training_stops_the_study(study)
    assert not layout.LEAKAGE.exists()


def test_a_repaired_study_passes_again(study: Study) -> None:
    test_a_sentence_of_the_tagging_test_set_in_training_stops_the_study(study)
    plant(layout.rows("udpos", "train", "en"), 0, tokens=["a", "b", "c"], tags=["NOUN"] * 3)
    leakage(study)
    assert layout.LEAKAGE.exists()
    assert not layout.LEAKS.exists()


def test_the_real_study_passes_by_its_documented_exceptions(
    real_data: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = request.config.rootpath
    file = root / "studies" / "real_small.yaml"
    found = Study(check(overlaid(root / "params.yaml", file), file))
    monkeypatch.chdir(tmp_path)
    for name in found.params.all_tasks:
        prepare(get_task(name), found.params, layout.prepared(name), data_dir=real_data)
    leakage(found)
    known = {(entry["train"], entry["test"]) for entry in read_json(layout.LEAKAGE)["known"]}
    assert ("mnli", "xnli") in known
