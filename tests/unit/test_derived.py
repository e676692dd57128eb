"""What is chosen of a study is a study of its own, checked before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from xlgap.config import load_params
from xlgap.derived import Choice, study_directory
from xlgap.errors import ConfigError, UnknownNameError

pytestmark = pytest.mark.usefixtures("toy_tasks")

DVC_YAML = "stages: {}\n"
ARMS = {
    "direct_en": {"regime": "direct_en"},
    "direct_de": {"regime": "direct_tgt", "language": "de"},
}


@pytest.fixture
def root(tmp_path: Path, raw_study: Any) -> Path:
    """A checkout with a study and another one that lays over it."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw_study(arms=ARMS)))
    (tmp_path / "studies").mkdir()
    over = {"study": {"name": "other", "seeds": [4]}, "train": {"evaluations": 2}}
    (tmp_path / "studies" / "other.yaml").write_text(yaml.safe_dump(over))
    return tmp_path


def listed(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_all_of_a_study_is_the_study(root: Path) -> None:
    assert study_directory("params.yaml", Choice(), start=root) == root
    assert study_directory(".", Choice(), start=root) == root
    other = root / "studies" / "other"
    assert study_directory("studies/other.yaml", Choice(), start=root) == other
    assert study_directory("studies/other", Choice(), start=root) == other
    assert (root / "graph.yaml").is_file()


def test_a_choice_is_a_study_of_its_own(root: Path, raw_study: Any) -> None:
    before = (root / "params.yaml").read_bytes()
    model, task = next(iter(raw_study()["models"])), next(iter(raw_study()["tasks"]))
    choice = Choice(models=(model,), tasks=(task,), regimes=("direct_en",), seeds=(8, 9))
    made = study_directory("params.yaml", choice, start=root)
    assert made.parent == root / "studies"
    params = load_params(made / "params.yaml")
    assert params.study.name == made.name
    assert params.study.seeds == (8, 9)
    assert list(params.models) == [model]
    assert list(params.tasks) == [task]
    assert {arm.regime for arm in params.arms.values()} == {"direct_en"}
    assert (root / "params.yaml").read_bytes() == before
    assert study_directory("params.yaml", choice, start=root) == made  # the same choice, the same study
    again = study_directory("params.yaml", Choice(seeds=(8,)), start=root)
    assert again != made


def test_a_choice_of_a_study_file_keeps_what_that_file_says(root: Path) -> None:
    made = study_directory("studies/other.yaml", Choice(seeds=(1, 2)), start=root)
    params = load_params(made / "params.yaml")
    assert params.train.evaluations == 2
    assert params.study.seeds == (1, 2)
    assert made.name.startswith("other_")


@pytest.mark.parametrize(
    ("named", "choice", "words"),
    [
        ("params.yaml", Choice(models=("onee",)), "unknown model of the study 'onee'; "),
        ("params.yaml", Choice(arms=("joint",)), "unknown arm of the study 'joint'; "),
        ("params.yaml", Choice(tasks=("xnli",)), "unknown task of the study 'xnli'; "),
        ("params.yaml", Choice(regimes=("joint",)), "unknown regime of the study 'joint'; "),
        ("params.yaml", Choice(models=()), "models: got none; name at least one"),
        ("params.yaml", Choice(seeds=(1, 1)), "key 'study.seeds'"),
        ("studies/nowhere.yaml", Choice(), "allowed: params.yaml, studies/other.yaml."),
        ("../params.yaml", Choice(), "no such study file in the checkout"),
        ("/etc/passwd", Choice(), "no such study file in the checkout"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(
    root: Path, named: str, choice: Choice, words: str
) -> None:
    before = listed(root)
    with pytest.raises((ConfigError, UnknownNameError)) as caught:
        study_directory(named, choice, start=root)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert listed(root) == before


def test_arms_and_regimes_that_share_nothing(root: Path) -> None:
    choice = Choice(arms=("direct_en",), regimes=("direct_tgt",))
    with pytest.raises(ConfigError, match="none is of the regimes"):
        study_directory("params.yaml", choice, start=root)
