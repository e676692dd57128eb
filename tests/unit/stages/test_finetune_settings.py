"""What the runs of a cell are found by: the numbers of each phase, and how many rows it read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap import layout
from xlgap.cell import grid
from xlgap.config import Params, check
from xlgap.errors import ConfigError, UnknownNameError
from xlgap.formats import write_json
from xlgap.stages.describe import settings
from xlgap.stages.recipe import recipe, retrieval_block
from xlgap.stages.study import Study
from xlgap.tasks import get_task

ARMS = {
    "direct_en": {"regime": "direct_en"},
    "inter_sw": {"regime": "intermediate_tgt", "intermediate": ["toy_order"], "language": "sw"},
    "direct_de": {"regime": "direct_tgt", "language": "de"},
    "pretrained": {"regime": "pretrained"},
}
TASKS = {"toy_nli": {"learning_rate": 0.001, "dropout": 0.1}, "toy_retrieval": {}}
ROWS = {"en": 100, "de": 90, "sw": 80}

pytestmark = pytest.mark.usefixtures("toy_tasks")


@pytest.fixture
def toy(study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    for name in ("toy_nli", "toy_order", "toy_retrieval"):
        splits = {
            split: {code: {"rows": count // share} for code, count in ROWS.items()}
            for split, share in (("train", 1), ("dev", 2), ("test", 10))
        }
        write_json(layout.prepared(name) / "manifest.json", {"splits": splits})
    model = {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}
    models = {"nano": model, "half": model | {"finetune_scale": 0.5, "dropout": 0.2}}
    return Study(study(arms=ARMS, tasks=TASKS, models=models))


def test_a_direct_cell_has_the_numbers_of_its_one_phase(toy: Study) -> None:
    assert settings(toy, toy.grid.cell("nano-direct_en-toy_nli")) == {
        "learning_rate": 0.001,
        "epochs": 2,
        "batch_rows": 16,
        "max_length": 32,
        "dropout": 0.1,
        "train_rows": 100,
        "dev_rows": 50,
        "test_rows": 27,
    }


def test_phases_before_the_target_task_have_their_tasks_name_in_front(toy: Study) -> None:
    found = settings(toy, toy.grid.cell("half-inter_sw-toy_nli"))
    assert (found["learning_rate"], found["dropout"], found["train_rows"]) == (0.0005, 0.1, 100)
    assert (found["toy_order.dropout"], found["toy_order.train_rows"]) == (0.2, 80)
    assert found["toy_order.dev_rows"] == 40  # its dev rows are in its own language, too
    assert found["test_rows"] == 8


def test_rows_are_those_of_the_language_that_is_trained_on(toy: Study) -> None:
    found = settings(toy, toy.grid.cell("nano-direct_de-toy_nli"))
    assert (found["train_rows"], found["test_rows"]) == (90, 9)


@pytest.mark.parametrize(
    ("given", "steps", "warm"),
    [
        ({}, 347, 500),  # TyDiQA's official warm-up is longer than its training
        ({}, 8_200, 500),
        ({"train_rows": 100}, 347, 34),
        ({"epochs": 3}, 347, 34),
        ({"batch_rows": 32}, 8_200, 500),
        ({"batch_rows": 32}, 347, 34),
        ({"learning_rate": 0.1, "max_length": 64}, 347, 500),
    ],
)
def test_the_recipes_warm_up_is_cut_only_where_the_study_cuts_its_steps(
    raw_real_study: Callable[..., dict], given: dict, steps: int, warm: int
) -> None:
    raw = raw_real_study(tasks={"tydiqa": given, "xnli": {}})
    params = check(raw, Path("params.yaml"))
    assert recipe(get_task("tydiqa"), params, "xs").warmup_of(steps) == warm
    assert recipe(get_task("xnli"), params, "xs").warmup_of(steps) == 0


def test_published_blocks_of_base_and_large_models_stand_in_one_study(
    raw_real_study: Callable[..., dict],
) -> None:
    models = {
        "base": {"hub": "FacebookAI/xlm-roberta-base", "retrieval_layer": 8},
        "large": {"hub": "FacebookAI/xlm-roberta-large", "retrieval_layer": 14},
        "other": {"hub": "a/b", "revision": "0" * 40},
    }
    params = check(
        raw_real_study(models=models, evaluation={"retrieval_layer": 0.5}), Path("params.yaml")
    )
    assert [retrieval_block(params, name, 24) for name in models] == [8, 14, 12]
    assert retrieval_block(params, "other", 1) == 1
    with pytest.raises(ConfigError, match=r"'models\.large\.retrieval_layer': .* blocks, 12; got 14"):
        retrieval_block(params, "large", 12)


def test_a_large_checkpoint_is_fine_tuned_at_its_own_rate(raw_real_study: Callable[..., dict]) -> None:
    models = {
        "base": {"hub": "FacebookAI/xlm-roberta-base"},
        "large": {"hub": "FacebookAI/xlm-roberta-large", "finetune_scale": 1.5},
    }
    params = check(raw_real_study(models=models, tasks={"xnli": {}}), Path("params.yaml"))
    rates = [recipe(get_task("xnli"), params, name).learning_rate for name in models]
    assert rates == pytest.approx([2e-5, 3e-5])


def test_one_study_follows_the_protocol_for_a_large_checkpoint(
    raw_real_study: Callable[..., dict],
) -> None:
    scale = {"mnli": 1.5, "socialiqa": 1.5, "copa": 1.5, "mewslix": 0.5}
    models = {"large": {"hub": "FacebookAI/xlm-roberta-large", "finetune_scale": scale}}
    names = ("mnli", "socialiqa", "copa", "squad", "udpos", "mewslix")
    raw = raw_real_study(models=models, tasks={name: {} for name in names})
    params = check(raw, Path("params.yaml"))
    rates = {name: recipe(get_task(name), params, "large").learning_rate for name in names}
    assert rates == pytest.approx(
        {"mnli": 3e-5, "socialiqa": 3e-5, "copa": 3e-5, "squad": 3e-5, "udpos": 2e-5, "mewslix": 1e-5}
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mnly", r"key 'models\.m\.finetune_scale\.mnly': unknown task 'mnly'; did you mean 'mnli'"),
        ("xnli", r"finetune_scale\.xnli': 'xnli' is trained on 'mnli', by whose recipe; name 'mnli'"),
    ],
)
def test_a_scale_of_what_has_no_recipe_in_use_is_an_error(
    raw_real_study: Callable[..., dict], name: str, said: str
) -> None:
    models = {"m": {"hub": "FacebookAI/xlm-roberta-base", "finetune_scale": {name: 2}}}
    with pytest.raises((ConfigError, UnknownNameError), match=said):
        grid(check(raw_real_study(models=models), Path("params.yaml")))


def test_a_proxy_counts_as_the_target_task(toy: Study) -> None:
    found = settings(toy, toy.grid.cell("nano-direct_en-toy_retrieval"))
    assert (found["train_rows"], found["test_rows"]) == (100, 17)


def test_a_cell_that_is_not_trained_has_test_rows_alone(toy: Study) -> None:
    assert settings(toy, toy.grid.cell("nano-pretrained-toy_retrieval")) == {"test_rows": 17}
