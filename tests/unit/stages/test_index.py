"""The index of what arms read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap import layout
from xlgap.config import Params, check
from xlgap.data.prepare import prepare
from xlgap.errors import DataError
from xlgap.formats import read_json, write_json, write_jsonl
from xlgap.stages.prepare import index
from xlgap.stages.recipe import train_digest
from xlgap.stages.study import Study
from xlgap.tasks import get_task


def test_an_arm_that_no_task_is_defined_for_is_no_part_of_it(
    raw_real_study: Callable[..., dict],
    release_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arms = {
        "direct_en": {"regime": "direct_en"},
        "inter_et": {"regime": "intermediate_tgt", "intermediate": ["mnli"], "language": "et"},
    }
    raw = raw_real_study(
        languages={"evaluation": ["en", "de", "et"], "pretraining": ["en"]},
        arms=arms, tasks={"xquad": {}, "tatoeba": {}}, intermediate={"mnli": {}, "squad": {}},
    )  # fmt: skip
    study = Study(check(raw, Path("params.yaml")))
    assert [(o.arm, o.task) for o in study.grid.left_out] == [
        ("inter_et", "xquad"), ("inter_et", "tatoeba"),
    ]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name in ("xquad", "squad", "mnli"):
        prepare(get_task(name), study.params, layout.prepared(name), data_dir=release_files)
    index(study)
    assert set(read_json(layout.INDEX)["arms"]) == {"direct_en"}


def test_of_ranking_on_the_way_it_knows_the_size_of_micro_batches(
    raw_real_study: Callable[..., dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {"en": {"sha256": "0" * 64, "rows": 1}}
    for name in ("mewslix", "xnli", "mnli"):
        splits = dict.fromkeys(("train", "dev", "test"), rows)
        write_json(layout.prepared(name) / "manifest.json", {"splits": splits})

    def read(tokens: int) -> dict[str, dict]:
        raw = raw_real_study(
            arms={
                "rank": {"regime": "intermediate_en", "intermediate": ["mewslix"]},
                "plain": {"regime": "direct_en"},
            },
            tasks={"xnli": {}}, intermediate={"mnli": {}, "mewslix": {}},
        )  # fmt: skip
        raw["train"]["micro_batch_tokens"] = tokens
        index(Study(check(raw, Path("params.yaml"))))
        found: dict[str, dict] = read_json(layout.INDEX)["arms"]
        return found

    few, many = read(1024), read(2048)
    assert few["rank"] != many["rank"]
    assert few["plain"] == many["plain"]


@pytest.mark.usefixtures("toy_tasks")
def test_more_shots_than_rows_are_told_before_anything_is_trained(
    study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    splits = {split: {"en": {"rows": 9, "sha256": "0"}} for split in ("train", "dev")}
    splits["train"]["sw"] = {"rows": 3, "sha256": "0"}
    write_json(layout.prepared("toy_nli") / "manifest.json", {"splits": splits})

    def made(shots: int) -> Study:
        few = {"regime": "few_shot", "language": "sw", "shots": shots}
        return Study(study(arms={"few": few}, tasks={"toy_nli": {}}, intermediate={}))

    with pytest.raises(DataError, match="'toy_nli' has 3 training rows in 'sw', but an arm asks for 4"):
        index(made(4))
    assert not layout.INDEX.exists()
    index(made(3))


def test_another_set_of_tags_is_another_training(
    raw_real_study: Callable[..., dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a task leaves it open; it has one from all languages that the study trains in."""
    monkeypatch.chdir(tmp_path)
    rows = {"en": {"sha256": "0" * 64, "rows": 1}}
    splits = dict.fromkeys(("train", "dev", "test"), rows)
    for name in ("ccg", "xnli", "mnli"):
        for split in ("train", "dev"):
            write_jsonl(layout.rows(name, split, "en"), [{"id": "1"}])

    def read(*tags: str) -> tuple[dict, str, str]:
        for name in ("ccg", "xnli", "mnli"):
            write_json(layout.prepared(name) / "manifest.json", {"splits": splits, "tags": tags})
        arms = {
            "tag": {"regime": "intermediate_en", "intermediate": ["ccg"]},
            "plain": {"regime": "direct_en"},
        }
        models = {"m": {"hub": "FacebookAI/xlm-roberta-base"}}
        raw = raw_real_study(
            arms=arms, tasks={"xnli": {}}, intermediate={"mnli": {}, "ccg": {}}, models=models
        )
        study = Study(check(raw, Path("params.yaml")))
        index(study)
        tagged, plain = study.grid.cells
        return (
            read_json(layout.INDEX)["arms"],
            train_digest(study, "m", "start", tagged.arm.warm_phases, 1),
            train_digest(study, "m", "start", plain.phases, 1),
        )

    few, more = read("N", "NP"), read("N", "NP", "S")
    assert few[0]["tag"] != more[0]["tag"]
    assert few[0]["plain"] == more[0]["plain"]
    assert few[1] != more[1]
    assert few[2] == more[2]
