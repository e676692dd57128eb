"""Few-shot arms: which cells they have, what their phases cost and depend on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap import layout
from xlgap.cell import grid
from xlgap.checks.leakage_gate import reads
from xlgap.config import Params
from xlgap.errors import ConfigError, DataError
from xlgap.formats import write_jsonl
from xlgap.graph import graph_mapping
from xlgap.planning import plan_study, render
from xlgap.regimes.base import SHOT_EPOCHS
from xlgap.stages.recipe import phase_recipe, train_digest
from xlgap.stages.study import Study
from xlgap.tasks import get_task

pytestmark = pytest.mark.usefixtures("toy_tasks")

TASKS = {"toy_nli": {"train_rows": 100, "test_rows": 10}, "toy_english": {}, "toy_retrieval": {}}


def few(shots: int, language: str = "sw", **fields: object) -> dict[str, object]:
    return {"regime": "few_shot", "language": language, "shots": shots, **fields}


ARMS = {
    "direct_en": {"regime": "direct_en"},
    "few_4": few(4),
    "few_40": few(40),
    "few_4_order": few(4, intermediate=["toy_order"]),
}


def test_cells_and_the_pairs_that_are_not_defined(study: Callable[..., Params]) -> None:
    made = grid(study(arms=ARMS, tasks=TASKS))
    pairs = {(c.arm.name, c.task.name) for c in made.cells}
    # the retrieval task is trained by proxy on rows that Swahili has, too
    assert pairs == {("direct_en", task) for task in TASKS} | {
        (arm, task)
        for arm in ("few_4", "few_40", "few_4_order")
        for task in ("toy_nli", "toy_retrieval")
    }
    reasons = {(o.arm, o.task): o.reason for o in made.left_out}
    assert reasons["few_4", "toy_english"] == "no evaluation data in 'sw'"
    assert made.trained_in(get_task("toy_nli")) == ("en", "sw")


def test_more_shots_than_a_task_has_rows(study: Callable[..., Params]) -> None:
    arms = {"direct_en": ARMS["direct_en"], "few_101": few(101)}
    some = {"toy_nli": {"train_rows": 100}, "toy_last": {"train_rows": 101}}
    (left,) = grid(study(arms=arms, tasks=some)).left_out
    said = "'toy_nli' has 100 training rows by 'train_rows', too few for 101"
    assert (left.arm, left.task, left.reason) == ("few_101", "toy_nli", said)
    with pytest.raises(ConfigError) as error:
        grid(study(arms=arms, tasks=TASKS))
    assert str(error.value) == (
        "key 'arms.few_101.shots': got 101, but no task has more than 100 training rows by its "
        "'train_rows' (toy_nli); lower it, or raise those."
    )


def test_more_shots_than_the_prepared_data_have_rows(study: Callable[..., Params]) -> None:
    params = study(arms=ARMS, tasks={"toy_nli": {}})
    found = {
        "source": "hub",
        "splits": {"train": {"en": {"released_rows": 90}, "sw": {"released_rows": 39}}},
    }
    plan_study(params, grid(params))
    with pytest.raises(DataError, match=r"has 39 training rows in 'sw', but an arm asks for 40 shots"):
        plan_study(params, grid(params), manifests={"toy_nli": found})


def test_a_language_without_training_rows(study: Callable[..., Params]) -> None:
    made = grid(study(arms={"direct_en": ARMS["direct_en"], "few": few(4, "de")}, tasks=TASKS))
    reasons = {(o.arm, o.task): o.reason for o in made.left_out}
    assert reasons["few", "toy_english"] == "'toy_english' has no training data in 'de'"


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ({"regime": "few_shot", "language": "sw"}, "'arms.a': regime 'few_shot' needs 'shots'"),
        (few(4, "en"), "regime 'few_shot' needs 'language'"),
        ({"regime": "direct_en", "shots": 4}, "'arms.a.shots': regime 'direct_en' has no such thing"),
        (few(0), "'arms.a.shots': must be greater than 0"),
        (few(4, intermediate=["toy_nil"]), "unknown task 'toy_nil'"),
    ],
)
def test_wrong_arms_are_told(study: Callable[..., Params], arm: dict, said: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=said):
        grid(study(arms={"a": arm}, tasks=TASKS))


def test_a_few_rows_have_numbers_of_their_own(study: Callable[..., Params]) -> None:
    params = study(arms=ARMS, tasks=TASKS)
    task = get_task("toy_nli")
    cells = {cell.arm.name: cell for cell in grid(params).cells if cell.task is task}
    english, four = cells["few_4"].phases
    forty = cells["few_40"].phases[-1]
    whole, of_four, of_forty = (
        phase_recipe(phase, task, params, "nano") for phase in (english, four, forty)
    )
    assert (whole.epochs, whole.batch_rows, whole.select) == (2, 16, "dev")
    assert (of_four.epochs, of_four.batch_rows, of_four.select) == (SHOT_EPOCHS, 4, "last")
    assert of_forty.batch_rows == 16
    assert of_four.learning_rate == whole.learning_rate
    assert not of_four.whole  # its warm-up is cut: the recipe's would take all of its steps
    read = {(p.task, p.split, p.language) for p in reads(cells["few_4"])}
    assert read == {(task.name, "train", "en"), (task.name, "dev", "en"), (task.name, "train", "sw")}


def test_weights_depend_on_the_number_of_shots(
    study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for split, language in (("train", "en"), ("dev", "en"), ("train", "sw")):
        write_jsonl(layout.rows("toy_nli", split, language), [{"id": language}])
    made = Study(study(arms=ARMS, tasks=TASKS))
    cells = {c.arm.name: c for c in made.grid.cells if (c.model, c.task.name) == ("nano", "toy_nli")}

    def key(arm: str, upto: int | None = None) -> str:
        return train_digest(made, "nano", "start", cells[arm].phases[:upto], 1)

    assert key("few_4") != key("few_40")
    assert key("few_4", -1) == key("few_40", -1) == key("direct_en")  # the English part is shared


def test_the_english_part_is_planned_once(study: Callable[..., Params]) -> None:
    params = study(arms=ARMS, tasks={"toy_nli": TASKS["toy_nli"]})
    stages = {s.stage: s for s in plan_study(params, grid(params)).stages if s.model == "nano"}
    steps = {
        arm: stages[f"finetune@nano-{arm}-toy_nli"].training.steps
        for arm in ("direct_en", "few_4", "few_40", "few_4_order")
    }
    english = -(-100 * 2 // 16)
    shots_of_40 = -(-40 * SHOT_EPOCHS // 16)
    assert steps == {
        "direct_en": english,
        "few_4": SHOT_EPOCHS,
        "few_40": shots_of_40,
        "few_4_order": english + SHOT_EPOCHS,
    }
    assert "toy_nli[sw x 4]" in stages["finetune@nano-few_4-toy_nli"].phases
    render(plan_study(params, grid(params)))


def test_the_graph_reads_the_rows_that_shots_come_from(study: Callable[..., Params]) -> None:
    items = graph_mapping(study(arms=ARMS, tasks=TASKS), root=".")["graph"]["finetune"]
    item = items["nano-few_4-toy_nli"]
    assert item["train"] == item["dev"] == "data/prepared/toy_nli/train/sw.jsonl"
