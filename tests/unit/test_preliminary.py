"""What an official recipe trains on first: SocialIQA before COPA, for XCOPA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from choice_files import write_choice_files

from xlgap import layout
from xlgap.analysis.assemble import assemble
from xlgap.analysis.result import Analysis
from xlgap.analysis.tables import Results
from xlgap.cell import Grid, grid
from xlgap.config import Params, check
from xlgap.data.prepare import prepare
from xlgap.errors import ConfigError
from xlgap.formats import read_json
from xlgap.graph import graph_mapping
from xlgap.planning import plan_study, render, to_json
from xlgap.planning.work import phase_work
from xlgap.regimes.base import Phase
from xlgap.report.pages import render as render_report
from xlgap.stages import prepare as stage
from xlgap.stages.describe import describe, settings
from xlgap.stages.recipe import train_digest
from xlgap.stages.study import Study
from xlgap.tasks import get_task
from xlgap.tracking.base import RecordingTracker

ROOT = Path(__file__).resolve().parents[2]
ARMS: dict[str, Any] = {
    "direct_en": {"regime": "direct_en"},
    "copa_en": {"regime": "direct_en", "preliminary": False},
    "direct_sw": {"regime": "direct_tgt", "language": "sw"},
    "inter_siqa": {"regime": "intermediate_en", "intermediate": ["socialiqa"], "preliminary": False},
    "inter_mnli": {"regime": "intermediate_en", "intermediate": ["mnli"]},
    "twice": {"regime": "intermediate_en", "intermediate": ["socialiqa"]},
}
ROWS = {"train_rows": 20, "dev_rows": 5, "test_rows": 10, "epochs": 1, "batch_rows": 10}
ENCODER = (
    *("total", "nonembedding", "input_embedding", "output_embedding", "position_embedding"),
    *("layers", "d_model", "d_ff", "heads", "vocabulary", "positions", "tied"),
)
SIQA, COPA = Phase(tasks=("socialiqa",), language="en"), Phase(tasks=("copa",), language="en")
SIQA_THEN_COPA = (SIQA, Phase(tasks=("copa",), language="en", keeps_head=True))


@pytest.fixture
def raw(raw_real_study: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def make(**changes: Any) -> dict[str, Any]:
        whole = {
            "languages": {"evaluation": ["et", "sw"], "pretraining": ["en"]},
            "models": {"nano": {"layers": 1, "width": 16, "heads": 2, "feed_forward": 32}},
            "arms": ARMS,
            "tasks": {"xcopa": ROWS},
            "intermediate": dict.fromkeys(("copa", "socialiqa", "mnli"), ROWS),
        }
        return raw_real_study(**{**whole, **changes})

    return make


@pytest.fixture
def params(raw: Callable[..., dict[str, Any]]) -> Callable[..., Params]:
    return lambda **changes: check(raw(**changes), Path("params.yaml"))


@pytest.fixture
def made(params: Callable[..., Params]) -> Grid:
    return grid(params())


def test_the_official_recipe_is_what_an_arm_does_unless_it_says_otherwise(made: Grid) -> None:
    phases = {cell.arm.name: cell.phases for cell in made.cells}
    assert phases["direct_en"] == phases["inter_mnli"] == SIQA_THEN_COPA
    assert phases["copa_en"] == phases["inter_siqa"] == (COPA,)
    swahili = Phase(tasks=("copa",), language="sw", select_language="sw", keeps_head=True)
    assert phases["direct_sw"] == (SIQA, swahili)
    cells = {cell.arm.name: cell for cell in made.cells}
    assert cells["direct_en"].preliminary == (SIQA,)
    assert cells["copa_en"].preliminary == cells["inter_siqa"].preliminary == ()
    assert cells["inter_siqa"].arm.warm_phases == (SIQA,)


def test_what_a_recipe_trains_on_first_is_no_intermediate_task_beside_it(made: Grid) -> None:
    ((left),) = made.left_out
    assert (left.arm, left.task) == ("twice", "xcopa")
    assert left.reason == (
        "'socialiqa' is what the official recipe of 'xcopa' trains on first; with 'preliminary: false' "
        "it is an intermediate task of the arm"
    )


def test_copa_is_no_intermediate_task_of_xcopa_either_way(params: Callable[..., Params]) -> None:
    inter = {"regime": "intermediate_en", "intermediate": ["copa"]}
    arms = {"direct_en": ARMS["direct_en"], "a": inter, "b": {**inter, "preliminary": False}}
    reasons = {o.arm: o.reason for o in grid(params(arms=arms)).left_out}
    said = "'copa' is the training data of 'xcopa' itself, no intermediate task"
    assert reasons == {"a": said, "b": said}


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (
            "socialiqa",
            "key 'tasks.xcopa': its official recipe trains on 'socialiqa' first, which has no entry; "
            "add 'socialiqa: {}' under 'intermediate', or 'preliminary: false' to 'arms.direct_en'.",
        ),
        (
            "copa",
            "key 'tasks.xcopa': it is trained by proxy on 'copa', which has no entry; add 'copa: {}' "
            "under 'tasks' or 'intermediate'.",
        ),
    ],
)
def test_a_task_that_the_recipe_needs_is_asked_for(
    params: Callable[..., Params], lacking: str, said: str
) -> None:
    intermediate = {name: {} for name in ("copa", "socialiqa") if name != lacking}
    with pytest.raises(ConfigError) as caught:
        grid(params(arms={"direct_en": ARMS["direct_en"]}, intermediate=intermediate))
    assert str(caught.value) == said


def test_arms_that_do_without_need_no_entry(params: Callable[..., Params]) -> None:
    arms = {"copa_en": ARMS["copa_en"], "pretrained": {"regime": "pretrained"}}
    made = grid(params(arms=arms, intermediate={"copa": {}}))
    assert [cell.arm.name for cell in made.cells] == ["copa_en"]


def test_the_plan_counts_both_phases_and_says_that_there_are_two(params: Callable[..., Params]) -> None:
    study = params()
    plan = plan_study(study, grid(study))
    stages = {stage.stage: stage for stage in plan.stages}
    whole, alone = (stages[f"finetune@nano-{arm}-xcopa"] for arm in ("direct_en", "copa_en"))
    assert whole.phases == ("socialiqa[en]", "copa[en]")
    assert (whole.training.steps, alone.training.steps) == (2, 2)
    assert (whole.shares, alone.shares) == (None, None)
    assert whole.memory == alone.memory
    warm = stages["warmstart@nano-inter_siqa"]
    assert (warm.phases, warm.training.steps) == (("socialiqa[en]",), 2)  # whole goes on from it
    plan = plan_study(study, grid(params(arms={"direct_en": ARMS["direct_en"]})))
    (whole,) = (stage for stage in plan.stages if stage.kind == "finetune")
    assert whole.training.steps == 4
    of_siqa, of_copa = (
        phase_work(phase, study, _figures(study), None) for phase in (SIQA, COPA)
    )  # three sequences a row, and two
    assert of_siqa.tokens == 1.5 * of_copa.tokens  # type: ignore[operator]
    assert whole.training.tokens == of_siqa.tokens + of_copa.tokens  # type: ignore[operator]
    plan = plan_study(study, grid(study))
    text = render(plan, width=300)
    said = "contains an English intermediate stage, by the task's official recipe: it is trained on"
    assert f"direct_en x xcopa {said} socialiqa, then copa" in text
    assert f"copa_en x xcopa {said}" not in text
    assert to_json(plan)["preliminary"] == (
        ("direct_en", "xcopa", "socialiqa, then copa"),
        ("direct_sw", "xcopa", "socialiqa, then copa"),
        ("inter_mnli", "xcopa", "socialiqa, then copa"),
    )


def _figures(study: Params) -> Any:
    from xlgap.planning.figures import model_figures

    return model_figures("nano", study)


def test_checkpoints_of_both_phases_are_counted(params: Callable[..., Params]) -> None:
    one = {"copa_en": ARMS["copa_en"]}
    two = {"direct_en": ARMS["direct_en"]}
    small, large = (
        plan_study(study, grid(study)).totals.scratch_bytes
        for study in (params(arms=one), params(arms=two))
    )
    assert small < large


def test_the_graph_names_the_files_of_the_last_phase(params: Callable[..., Params]) -> None:
    study = params()
    items = graph_mapping(study, root=".")["graph"]
    item = items["finetune"]["nano-direct_sw-xcopa"]
    assert item["trained_on"] == "copa"
    assert item["train"] == "data/prepared/copa/train/sw.jsonl"
    assert item["dev"] == "data/prepared/copa/dev/sw.jsonl"
    assert items["prepare"]["socialiqa"]["train"] == ["en"]
    assert items["prepare"]["copa"]["train"] == ["en", "sw"]


@pytest.fixture
def prepared(
    params: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Study]:
    """Prepares the study's tasks from files on disk, in the current directory."""
    write_choice_files(tmp_path / "release")
    monkeypatch.chdir(tmp_path)

    def make(**changes: Any) -> Study:
        arms = {name: ARMS[name] for name in ("direct_en", "copa_en", "direct_sw", "inter_siqa")}
        intermediate = dict.fromkeys(("copa", "socialiqa"), ROWS)
        study = Study(params(**{"arms": arms, "intermediate": intermediate, **changes}))
        for name in study.params.all_tasks:
            prepare(get_task(name), study.params, layout.prepared(name), data_dir=tmp_path / "release")
        return study

    return make


def other_siqa(tmp_path: Path) -> None:
    """Change a training row of SocialIQA that the study reads."""
    path = tmp_path / "release" / "intermediate_en" / "mc" / "socialiqa" / "train.jsonl"
    path.write_text(path.read_text(encoding="utf8").replace("boat", "canoe"), encoding="utf8")


def declared(arm: str) -> tuple[dict[str, Any], set[str]]:
    """What ``dvc.yaml`` says that the cell of an arm depends on: the key of the index, and files."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf8"))["stages"]
    finetune = stages["finetune"]["do"]
    (keys,) = (p["data/index.json"] for p in finetune["params"] if "data/index.json" in p)
    names = {"item.arm": arm, "item.task": "xcopa"}
    found: Any = read_json(layout.INDEX)
    (key,) = keys
    for name, value in names.items():
        key = key.replace(f"${{{name}}}", value)
    for part in key.split("."):
        found = found[part]
    return found["preliminary"], set(finetune["deps"])


def test_other_rows_of_the_first_task_make_the_cells_stale_that_read_them(
    prepared: Callable[..., Study], tmp_path: Path
) -> None:
    stage.index(prepared())
    before = {arm: declared(arm)[0] for arm in ("direct_en", "copa_en", "direct_sw", "inter_siqa")}
    warm = read_json(layout.INDEX)["arms"]
    assert before["copa_en"] == before["inter_siqa"] == {}
    assert set(before["direct_en"]) == {"socialiqa/en"}
    other_siqa(tmp_path)
    stage.index(prepared())
    after = {arm: declared(arm)[0] for arm in before}
    assert {arm for arm in before if before[arm] != after[arm]} == {"direct_en", "direct_sw"}
    again = read_json(layout.INDEX)["arms"]
    assert {arm for arm in warm if warm[arm] != again[arm]} == {"inter_siqa"}


def test_other_numbers_of_the_first_task_make_the_same_cells_stale(
    prepared: Callable[..., Study],
) -> None:
    stage.index(prepared())
    before = read_json(layout.INDEX)["cells"]
    numbers = {"copa": ROWS, "socialiqa": {**ROWS, "learning_rate": 0.001}}
    stage.index(prepared(intermediate=numbers))
    after = read_json(layout.INDEX)["cells"]
    assert {arm for arm in before if before[arm] != after[arm]} == {"direct_en", "direct_sw"}


def test_the_digest_of_a_training_covers_the_whole_recipe(
    prepared: Callable[..., Study], tmp_path: Path
) -> None:
    study = prepared()

    def digests() -> dict[str, str]:
        return {
            cell.arm.name: train_digest(study, "nano", "start", cell.phases, 1)
            for cell in study.grid.cells
        }

    before = digests()
    assert before["copa_en"] == before["inter_siqa"]  # of the same start, which theirs is not
    assert len(set(before.values())) == 3
    new_head = train_digest(study, "nano", "start", (SIQA, COPA), 1)
    assert new_head != before["direct_en"]
    other_siqa(tmp_path)
    prepared()
    after = digests()
    assert {arm for arm in before if before[arm] != after[arm]} == {"direct_en", "direct_sw"}


def test_the_run_says_what_was_trained_on_first(prepared: Callable[..., Study]) -> None:
    study = prepared()
    cells = {cell.arm.name: cell for cell in study.grid.cells}
    found = settings(study, cells["direct_en"])
    assert (found["train_rows"], found["socialiqa.train_rows"]) == (20, 20)
    assert "socialiqa.train_rows" not in settings(study, cells["copa_en"])
    told = {arm: _told(study, cell) for arm, cell in cells.items()}
    assert {arm: run.recorded_params["preliminary"] for arm, run in told.items()} == {
        "direct_en": "socialiqa", "copa_en": "", "direct_sw": "socialiqa", "inter_siqa": "",
    }  # fmt: skip


def _told(study: Study, cell: Any) -> RecordingTracker:
    encoder = dict.fromkeys(ENCODER, 1)
    facts = {
        "seed": 1, "digest": "d", "start": "s", "tokenizer": "t", "encoder": encoder, "phases": [],
        "size": {"total": 1, "trainable": 1, "per_component": {}}, "pretrained_tokens": None,
    }  # fmt: skip
    run = RecordingTracker()
    describe(run, study, cell, facts, predictions=None)
    return run


def test_the_analysis_knows_which_direct_arms_have_an_intermediate_stage(
    params: Callable[..., Params],
) -> None:
    study = assemble(params(), Results(scores=(), items={}, missing=()), {})
    assert ("direct_en", "xcopa", "socialiqa, then copa") in study.preliminary
    assert "copa_en" not in {arm for arm, _, _ in study.preliminary}


def test_the_report_says_so_on_top() -> None:
    names = [f.name for f in fields(Analysis) if f.default is MISSING]
    told = {"study": "toy", "source": "release", "confidence": 0.95}
    empty = Analysis(**{name: told.get(name, ()) for name in names})  # type: ignore[arg-type]
    order = ("direct_en", "xcopa", "socialiqa, then copa")
    page = render_report(replace(empty, preliminary=(order,)), {})
    assert "direct_en × xcopa is trained on socialiqa, then copa." in page
    assert page.index("direct_en × xcopa") < page.index('id="q1"')
    said = "An English intermediate stage is part of"
    assert said in page
    assert said not in render_report(empty, {})
