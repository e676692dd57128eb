"""Which earlier tasks are scored again, and what is said of a study that cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from xlgap.cell import grid
from xlgap.checks.leakage_gate import scored_again
from xlgap.config import Params, check
from xlgap.errors import ConfigError
from xlgap.graph import graph_mapping
from xlgap.planning import plan_study
from xlgap.retained import retained_cells, scored_splits

ARMS: dict[str, Any] = {
    "direct_en": {"regime": "direct_en"},
    "inter_en": {"regime": "intermediate_en", "intermediate": ["lab_typing"]},
    "inter_sw": {"regime": "intermediate_tgt", "intermediate": ["lab_typing"], "language": "sw"},
    "seq": {"regime": "sequential", "intermediate": ["lab_typing", "lab_order"]},
    "long": {
        "regime": "intermediate_en", "intermediate": ["lab_order"], "budget": {"steps": 10},
    },
}  # fmt: skip
ROWS = {"train_rows": 40, "dev_rows": 10, "test_rows": 20}


@pytest.fixture
def asked(study: Callable[..., Params]) -> Callable[..., Params]:
    """Makes a lab study that is asked for retention with some keys."""

    def make(arms: dict[str, Any] = ARMS, train: dict[str, Any] | None = None, **keys: Any) -> Params:
        return study(
            arms=arms,
            train=train or {},
            tasks={"lab_nli": ROWS, "lab_ner": ROWS},
            intermediate={"lab_typing": ROWS, "lab_order": ROWS},
            evaluation={"retention": keys},
        )

    return make


def _found(params: Params) -> set[tuple[str, str, tuple[str, ...]]]:
    cells = retained_cells(params, grid(params))
    return {(f.cell.arm.name, f.cell.task.name, f.tasks) for f in cells}


def test_english_arms_without_a_budget_onto_classification_are_asked(
    asked: Callable[..., Params],
) -> None:
    assert _found(asked()) == {
        ("inter_en", "lab_nli", ("lab_typing",)),
        ("seq", "lab_nli", ("lab_typing", "lab_order")),
    }


def test_what_is_named_is_asked(asked: Callable[..., Params]) -> None:
    params = asked(arms=ARMS, targets=["lab_ner"], tasks=["lab_order"])
    assert _found(params) == {("seq", "lab_ner", ("lab_order",))}
    params = study_of_arms(asked, ["inter_sw", "long"])
    assert {arm for arm, _, _ in _found(params)} == {"inter_sw", "long"}


def study_of_arms(asked: Callable[..., Params], names: list[str]) -> Params:
    """The study with the key ``arms``, which is also an argument."""
    params = asked()
    retention = params.evaluation.retention
    assert retention is not None
    evaluation = params.evaluation.model_copy(
        update={"retention": retention.model_copy(update={"arms": tuple(names)})}
    )
    return params.model_copy(update={"evaluation": evaluation})


def test_without_the_key_nothing_is(study: Callable[..., Params]) -> None:
    params = study(
        arms=ARMS, tasks={"lab_nli": ROWS}, intermediate={"lab_typing": ROWS, "lab_order": ROWS}
    )
    assert retained_cells(params, grid(params)) == ()
    items = graph_mapping(params, root=".")["graph"]
    assert (items["retention"], items["heldout"], items["earlier"]) == ({}, {}, {})


def test_it_is_no_part_of_what_predictions_depend_on(asked: Callable[..., Params]) -> None:
    on = graph_mapping(asked(rows=5), root=".")["graph"]
    other = graph_mapping(asked(rows=6), root=".")["graph"]
    assert on["evaluation"] == other["evaluation"]
    assert "retention" not in on["evaluation"]


def test_rows_are_of_the_test_split_where_there_is_one(asked: Callable[..., Params]) -> None:
    assert scored_splits("lab_typing", asked()) == {"en": "test", "de": "test", "sw": "test"}
    assert scored_splits("lab_typing", asked(languages=["sw"])) == {"sw": "test"}


def test_real_intermediate_tasks_without_a_test_split_have_their_english_dev(
    raw_real_study: Callable[..., dict[str, Any]],
) -> None:
    raw = raw_real_study(
        arms={"inter": {"regime": "intermediate_en", "intermediate": ["squad"]}},
        evaluation={"retention": {}},
    )
    params = check(raw, Path("params.yaml"))
    assert scored_splits("squad", params) == {"en": "dev"}
    found = {f.cell.task.name: f.tasks for f in retained_cells(params, grid(params))}
    assert found == {"xnli": ("squad",)}


@pytest.mark.parametrize(
    ("keys", "train", "said"),
    [
        ({"targets": ["lab_nly"]}, {}, "did you mean 'lab_nli'"),
        ({"tasks": ["lab_nli"]}, {}, "none of the study's intermediate tasks"),
        ({"languages": ["zh"]}, {}, "evaluation.retention.languages"),
        ({}, {"keep": "none"}, "'train.keep: none' removes"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    asked: Callable[..., Params], keys: dict[str, Any], train: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        grid(asked(train=train, **keys))


BEST = {"best": {"regime": "best_of", "choices": ["inter_en", "order"]}}
ORDER = {"order": {"regime": "intermediate_en", "intermediate": ["lab_order"]}}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            {"rows": 21},
            "got 21, but no earlier task has more than 20 by 'test_rows' of lab_typing",
        ),
        (
            {"rows": 10_000_000, "tasks": ["lab_order"]},
            "more than 20 by 'test_rows' of lab_order;",
        ),
        ({"arms": ["direct_en"]}, "'direct_en' trains on no intermediate task, so that nothing can be"),
        (
            {"arms": ["inter_en"], "tasks": ["lab_order"]},
            "'inter_en' trains on lab_typing and on none",
        ),
        (
            {"arms": ["inter_en"], "tasks": ["lab_typing", "lab_order"]},
            r"no arm that retention is asked of \(inter_en\) has 'lab_order' as an earlier task",
        ),
        ({"arms": ["best"]}, "'best' trains nothing itself; name some of its choices, inter_en, order"),
        ({"arms": []}, "'evaluation.retention.arms': must name one at least"),
        ({"targets": []}, "'evaluation.retention.targets': must name one at least"),
    ],
)
def test_what_cannot_be_retained_is_one_sentence(
    study: Callable[..., Params], keys: dict[str, Any], said: str
) -> None:
    def planned(**asked: Any) -> None:
        params = study(
            arms={**ARMS, **ORDER, **BEST},
            tasks={"lab_nli": ROWS, "lab_ner": ROWS},
            intermediate={"lab_typing": ROWS, "lab_order": ROWS},
            evaluation={"retention": asked},
        )
        plan_study(params, grid(params))

    planned(rows=20, arms=["inter_en", "order"], tasks=["lab_typing", "lab_order"])
    with pytest.raises(ConfigError, match=said) as error:
        planned(**keys)
    assert str(error.value).count(". ") == 0


def test_the_default_number_of_rows_is_a_limit_alone(asked: Callable[..., Params]) -> None:
    assert _found(asked())


def test_an_unknown_key_of_it_is_told_with_those_there_are(asked: Callable[..., Params]) -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.retention\.row'; did you mean 'rows'"):
        asked(row=3)


def test_arms_whose_intermediate_phases_share_a_budget_are_refused(
    asked: Callable[..., Params],
) -> None:
    arms = {"seq_long": {**ARMS["seq"], "budget": {"steps": 10}}}
    params = study_of_arms(lambda: asked(arms=arms), ["seq_long"])
    with pytest.raises(ConfigError, match="'seq_long' share a budget"):
        retained_cells(params, grid(params))


def test_the_plan_counts_what_is_read_again(asked: Callable[..., Params]) -> None:
    params = study_of_arms(lambda: asked(probe_rows=0, mlm_lines=0, rows=10), ["inter_en"])
    plan = plan_study(params, grid(params))
    again = [stage for stage in plan.stages if stage.kind == "retention"]
    assert [stage.stage for stage in again] == [
        "retention@nano-inter_en-lab_nli", "retention@micro-inter_en-lab_nli",
    ]  # fmt: skip
    assert {stage.evaluation.rows for stage in again} == {10 * 3 * 2}  # before and after
    assert {stage.training.steps for stage in again} == {0}
    more = study_of_arms(lambda: asked(rows=10), ["inter_en"])
    probed = [s for s in plan_study(more, grid(more)).stages if s.kind == "retention"]
    assert probed[0].evaluation.rows > again[0].evaluation.rows


def test_the_gate_keeps_what_is_scored_again_apart_from_what_is_read_later(
    asked: Callable[..., Params],
) -> None:
    params = study_of_arms(asked, ["seq"])
    pairs = {(str(train), str(test)) for train, test in scored_again(grid(params), params)}
    assert ("lab_nli/train/en", "lab_typing/test/sw") in pairs
    assert ("lab_order/train/en", "lab_typing/test/en") in pairs
    assert ("lab_nli/dev/en", "lab_order/test/de") in pairs
    assert ("lab_typing/train/en", "lab_order/test/en") not in pairs  # read before its own phase
    assert ("lab_order/train/en", "lab_order/test/en") in pairs
    assert ("lab_order/dev/en", "lab_order/test/en") in pairs


def test_the_gate_counts_a_parallel_task_in_all_languages(asked: Callable[..., Params]) -> None:
    params = asked(languages=["sw"], tasks=["lab_typing"])
    tested = {str(test) for _, test in scored_again(grid(params), params)}
    assert tested == {f"lab_typing/test/{code}" for code in ("en", "de", "sw")}


def test_dev_rows_that_are_scored_are_not_held_against_themselves(raw_real_study) -> None:
    raw = raw_real_study(
        arms={"inter": {"regime": "intermediate_en", "intermediate": ["squad"]}},
        evaluation={"retention": {"probe_rows": 0}},
    )
    params = check(raw, Path("params.yaml"))
    pairs = {(str(train), str(test)) for train, test in scored_again(grid(params), params)}
    assert ("squad/train/en", "squad/dev/en") in pairs
    assert ("mnli/train/en", "squad/dev/en") in pairs
    assert ("squad/dev/en", "squad/dev/en") not in pairs


def test_the_graph_says_what_is_scored_again(asked: Callable[..., Params]) -> None:
    """By which the gate, the index and the stage itself run again when something else is asked."""

    def items(**keys: Any) -> dict[str, Any]:
        return graph_mapping(asked(**keys), root=".")["graph"]

    two, one = items(), items(languages=["sw"])
    assert one["earlier"]["inter_en-lab_nli"] == {"lab_typing": {"sw": "test"}}
    for part in ("earlier", "retention"):
        assert two[part] != one[part] != items(languages=["sw"], tasks=["lab_order"])[part]
    assert items(rows=7)["retention"] != items(rows=8)["retention"]
    assert items(rows=7)["earlier"] == items(rows=8)["earlier"]  # the gate reads all rows


def test_what_is_asked_for_makes_no_other_text(
    asked: Callable[..., Params], study: Callable[..., Params]
) -> None:
    def items(params: Params) -> dict[str, Any]:
        found: dict[str, Any] = graph_mapping(params, root=".")["graph"]
        return found

    tasks = {"lab_nli": ROWS, "lab_ner": ROWS}, {"lab_typing": ROWS, "lab_order": ROWS}
    never = items(study(arms=ARMS, tasks=tasks[0], intermediate=tasks[1]))
    unread = {name: {"test": ["en", "de", "sw"]} for name in tasks[1]}
    assert never["corpus"] == {"needed": True, "unread": unread}
    some = items(asked(languages=["sw"], tasks=["lab_order"]))
    assert some["corpus"] == never["corpus"]
    assert some["heldout"]["text"]["unread"] == unread
    direct = {"direct_en": {"regime": "direct_en"}}
    assert items(study(arms=direct, tasks=tasks[0], intermediate={}))["corpus"] == {"needed": True}


def test_the_stage_depends_on_its_own_code_and_on_no_more_than_it_reads(
    request: pytest.FixtureRequest,
) -> None:
    root = request.config.rootpath
    stage = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf8"))["stages"]["retention"]["do"]
    code = {dep.removeprefix("${graph.root}/src/xlgap/") for dep in stage["deps"]}
    own = {"stages/retention.py", "stages/masked.py", "stages/points.py", "retained.py"}
    assert code >= own | {"training/probe.py", "training/masked.py", "analysis/retention/rows.py"}
    assert all((root / "src/xlgap" / name).is_file() for name in code if name.endswith(".py"))
    assert "evaluation" not in stage["params"]


def test_a_phase_that_two_arms_begin_with_is_planned_once(asked: Callable[..., Params]) -> None:
    params = study_of_arms(asked, ["seq"])
    stages = {stage.stage: stage for stage in plan_study(params, grid(params)).stages}
    single, both = (stages[f"warmstart@nano-{arm}"] for arm in ("inter_en", "seq"))
    assert single.training.steps == both.training.steps  # of typing, and of order alone
    assert both.phases == ("lab_typing[en]", "lab_order[en]")
