"""Best-of arms: what they may choose from, which cells they have, what their cells count as."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from xlgap.cell import grid
from xlgap.checks.leakage import Place
from xlgap.checks.leakage_gate import counted, reads
from xlgap.config import Params, check
from xlgap.errors import ConfigError, UnknownNameError
from xlgap.graph import graph_mapping
from xlgap.leftovers import remove_leftovers
from xlgap.planning import plan_study
from xlgap.tasks import get_task

TASKS: dict[str, Any] = {"lab_nli": {}, "lab_qa": {}, "lab_retrieval": {}}
ARMS: dict[str, Any] = {
    "order": {"regime": "intermediate_en", "intermediate": ["lab_order"]},
    "qa": {"regime": "intermediate_en", "intermediate": ["lab_qa"]},
    "best": {"regime": "best_of", "choices": ["order", "qa"]},
}


@pytest.fixture
def made(study: Callable[..., Params]) -> Params:
    return study(arms=ARMS, tasks=TASKS, intermediate={"lab_order": {}})


def test_a_cell_needs_two_choices(made: Params) -> None:
    found = grid(made)
    assert {c.task.name for c in found.cells if c.chosen} == {"lab_nli"}
    reasons = {(o.arm, o.task): o.reason for o in found.left_out}
    assert reasons["best", "lab_qa"] == "of its choices only 'order' is defined"
    cell = found.cell("nano-best-lab_nli")
    assert [choice.key for choice in found.choices(cell)] == ["nano-order-lab_nli", "nano-qa-lab_nli"]
    assert found.choices(found.cell("nano-order-lab_nli")) == ()
    assert cell not in found.trained
    assert [arm.name for arm in found.arms_of("nano")] == ["order", "qa"]


def test_a_task_without_dev_rows_has_nothing_to_choose_by(raw_real_study) -> None:
    arms = {
        "mnli": {"regime": "intermediate_en", "intermediate": ["mnli"]},
        "squad": {"regime": "intermediate_en", "intermediate": ["squad"]},
        "best": {"regime": "best_of", "choices": ["mnli", "squad"]},
    }
    raw = raw_real_study(
        languages={"evaluation": ["en", "sw"], "pretraining": ["en"]}, arms=arms,
        tasks={"tydiqa": {}, "udpos": {}}, intermediate={"mnli": {}, "squad": {}},
    )  # fmt: skip
    found = grid(check(raw, Path("params.yaml")))
    reasons = {(o.arm, o.task): o.reason for o in found.left_out}
    without = [task for task in ("tydiqa", "udpos") if not get_task(task).has_dev("release")]
    assert [t for t in ("tydiqa", "udpos") if (("best", t) in reasons)] == without
    for task in without:
        assert reasons["best", task] == f"'{task}' has no English dev rows to choose by"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"choices": ["order", "ordre"]}, r"'arms.best.choices': unknown arm 'ordre'; did you mean"),
        ({"choices": ["order"]}, r"got \['order'\], but a choice takes two arms or more"),
        ({"choices": []}, "regime 'best_of' needs 'choices'"),
        ({"choices": ["order", "order"]}, "may hold each entry once"),
        ({"choices": ["order", "both"]}, "'both' is no arm of regime 'intermediate_en' with one"),
        ({"choices": ["order", "plain"]}, "'plain' is no arm of regime 'intermediate_en' with one"),
        ({"choices": ["order", "best"]}, "'best' is no arm of regime"),
        ({"choices": ["order", "part"]}, "differs from 'best' or its other choices"),
        ({"budget": {"steps": 10}}, "'order' differs from 'best' or its other choices"),
        ({"preliminary": False}, "'order' differs from 'best' or its other choices"),
        ({"language": "sw"}, "takes no 'language'"),
        ({"regime": "intermediate_en", "intermediate": ["lab_order"]}, "'arms.best.choices': regime"),
    ],
)
def test_wrong_choices_are_told(study: Callable[..., Params], changes: dict, said: str) -> None:
    arms = {
        **ARMS,
        "both": {"regime": "intermediate_en", "intermediate": ["lab_order", "lab_qa"]},
        "plain": {"regime": "direct_en"},
        "part": {"regime": "intermediate_en", "intermediate": ["lab_qa"], "preliminary": False},
    }
    arms["best"] = {**ARMS["best"], **changes}
    with pytest.raises((ConfigError, UnknownNameError), match=said):
        grid(study(arms=arms, tasks=TASKS, intermediate={"lab_order": {}}))


def test_it_is_no_training_in_graph_and_plan(made: Params) -> None:
    items = graph_mapping(made, root=".")["graph"]
    assert not [key for part in ("warmstart", "finetune") for key in items[part] if "best" in key]
    assert items["choose"] == {
        "lab_nli": {
            "cells": {
                f"{model}-best-lab_nli": [f"{model}-order-lab_nli", f"{model}-qa-lab_nli"]
                for model in ("nano", "micro")
            }
        }
    }
    assert items["score"]["lab_nli"]["chosen"] == "results/chosen/lab_nli"
    assert "nano-best-lab_nli" in items["score"]["lab_nli"]["cells"]
    assert items["score"]["lab_qa"]["chosen"] == "results/predictions/lab_qa"
    assert not [s.stage for s in plan_study(made, grid(made)).stages if "best" in s.stage]


def test_it_counts_as_trained_on_what_any_choice_is(made: Params) -> None:
    found = grid(made)
    read = set(counted(found, found.cell("nano-best-lab_nli")))
    assert read == {
        Place(task, split, "en")
        for task in ("lab_order", "lab_qa", "lab_nli")
        for split in ("train", "dev")
    }
    one = found.cell("nano-qa-lab_nli")
    assert set(counted(found, one)) == set(reads(one)) < read


def test_the_dev_rows_of_the_choice_count_though_they_chose_no_checkpoint(raw_real_study) -> None:
    arms = {
        name: {"regime": "intermediate_en", "intermediate": [name]} for name in ("mnli", "socialiqa")
    }
    raw = raw_real_study(
        arms={**arms, "best": {"regime": "best_of", "choices": [*arms]}},
        tasks={"xquad": {}}, intermediate={"squad": {}, **{key: {} for key in arms}},
    )  # fmt: skip
    found = grid(check(raw, Path("params.yaml")))
    dev = Place("squad", "dev", "en")
    assert dev in set(counted(found, found.cell("xs-best-xquad")))
    assert dev not in set(counted(found, found.cell("xs-mnli-xquad")))


def test_what_left_the_study_is_removed(
    raw_study: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    raw = raw_study(arms=ARMS, tasks=TASKS, intermediate={"lab_order": {}})
    kept, left = (tmp_path / "results/chosen" / task for task in ("lab_nli", "lab_qa"))
    for folder in (kept, left):
        (folder / "nano-best").mkdir(parents=True)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw))
    assert remove_leftovers(tmp_path) == [Path("results/chosen/lab_qa")]
    assert kept.is_dir()


def test_an_arm_that_became_a_best_of_arm_leaves_no_training_of_its_own(
    raw_study: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    outs = ("results/predictions/lab_nli/nano-{}", "models/warm/nano/{}")
    for out in outs:
        for arm in ("best", "qa"):
            (tmp_path / out.format(arm)).mkdir(parents=True)
    raw = raw_study(arms=ARMS, tasks=TASKS, intermediate={"lab_order": {}})
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw))
    assert {p.as_posix() for p in remove_leftovers(tmp_path)} == {out.format("best") for out in outs}
