from __future__ import annotations

from pathlib import Path

import pytest

from xlgap.cell import arms, grid, require_complete, undefined, unscored
from xlgap.config import check
from xlgap.errors import ConfigError, ResultError, UnknownNameError
from xlgap.formats import write_json

pytestmark = pytest.mark.usefixtures("toy_tasks")

ARMS = {
    "direct_en": {"regime": "direct_en"},
    "direct_sw": {"regime": "direct_tgt", "language": "sw"},
    "inter_en": {"regime": "intermediate_en", "intermediate": ["toy_order"]},
    "inter_sw": {"regime": "intermediate_tgt", "intermediate": ["toy_order"], "language": "sw"},
    "inter_de": {"regime": "intermediate_tgt", "intermediate": ["toy_order"], "language": "de"},
}
TASKS = {"toy_nli": {}, "toy_english": {}, "toy_retrieval": {}}


def test_every_defined_pair_of_every_model_is_a_cell(study):
    made = grid(study(arms=ARMS, tasks=TASKS))
    pairs = {(c.arm.name, c.task.name) for c in made.cells}
    assert pairs == {
        ("direct_en", "toy_nli"), ("direct_en", "toy_english"), ("direct_en", "toy_retrieval"),
        ("direct_sw", "toy_nli"), ("direct_sw", "toy_retrieval"),
        ("inter_en", "toy_nli"), ("inter_en", "toy_english"), ("inter_en", "toy_retrieval"),
        ("inter_sw", "toy_nli"), ("inter_sw", "toy_retrieval"),
    }  # fmt: skip
    assert len(made.cells) == 2 * len(pairs)
    assert len({c.key for c in made.cells}) == len(made.cells)


def test_pairs_left_out_say_why_once(study):
    made = grid(study(arms=ARMS, tasks=TASKS))
    reasons = {(o.arm, o.task): o.reason for o in made.left_out}
    assert len(reasons) == len(made.left_out) == 5
    assert reasons["direct_sw", "toy_english"] == "no evaluation data in 'sw'"
    assert reasons["inter_de", "toy_nli"] == "'toy_order' has no training data in 'de'"
    assert {(c.arm.name, c.task.name) for c in made.cells}.isdisjoint(reasons)


def test_models_come_one_after_another_in_the_order_of_the_study(study):
    made = grid(study(arms=ARMS, tasks=TASKS))
    assert list(dict.fromkeys(c.model for c in made.cells)) == ["nano", "micro"]
    assert made.cells[0].key == "nano-direct_en-toy_nli"
    assert [a.name for a in made.arms_of("micro")] == ["direct_en", "direct_sw", "inter_en", "inter_sw"]
    assert {c.task.name for c in made.of_task("toy_english")} == {"toy_english"}


def test_the_training_data_of_a_task_are_no_intermediate_task_of_it(study):
    arms = {
        "inter_nli": {"regime": "intermediate_en", "intermediate": ["toy_nli"]},
        "inter_both": {"regime": "intermediate_en", "intermediate": ["toy_order", "toy_nli"]},
        "inter_sw_nli": {"regime": "intermediate_tgt", "intermediate": ["toy_nli"], "language": "sw"},
    }
    made = grid(study(arms=arms, tasks=TASKS))
    pairs = {(c.arm.name, c.task.name) for c in made.cells}
    assert pairs == {("inter_nli", "toy_english"), ("inter_both", "toy_english")}
    reasons = {(o.arm, o.task): o.reason for o in made.left_out}
    for arm in arms:
        for task in ("toy_nli", "toy_retrieval"):  # the second one by proxy
            said = f"'toy_nli' is the training data of '{task}' itself, no intermediate task"
            assert reasons[arm, task] == said


def test_mnli_is_none_of_xnli_and_squad_none_of_what_it_trains(raw_real_study):
    arms = {
        "inter_mnli": {"regime": "intermediate_en", "intermediate": ["mnli"]},
        "inter_squad": {"regime": "intermediate_en", "intermediate": ["squad"]},
    }
    made = grid(check(raw_real_study(arms=arms), Path("params.yaml")))
    assert {(o.arm, o.task) for o in made.left_out} == {
        ("inter_mnli", "xnli"), ("inter_squad", "xquad"), ("inter_squad", "tatoeba"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("intermediate", "target", "same"),
    [
        ("anli_plus", "xnli", "mnli"),
        ("squad2", "xquad", "squad"),
        ("squad2", "tatoeba", "squad"),
        ("squad2", "lareqa", "squad"),
        ("squad", "lareqa", "squad"),
        ("lareqa", "mlqa", "squad"),
        ("ud_english", "udpos", "ud_english"),
    ],
)
def test_data_that_are_part_of_the_target_tasks_are_no_intermediate_task(
    raw_real_study, intermediate, target, same
):
    names = {"mnli", "squad", "anli_plus", "squad2", "ud_english", intermediate} - {target, "lareqa"}
    tasks = {key: {} for key in (target, "wikiann", *({"lareqa"} & {intermediate}))}
    raw = raw_real_study(
        arms={"inter": {"regime": "intermediate_en", "intermediate": [intermediate]}},
        tasks=tasks,
        intermediate={key: {} for key in sorted(names - set(tasks))},
        models={"a": {"hub": "FacebookAI/xlm-roberta-base"}},
    )
    made = grid(check(raw, Path("params.yaml")))
    reasons = {o.task: o.reason for o in made.left_out}
    assert reasons[target] == (
        f"the training data of '{same}' are in those of '{intermediate}' and of '{target}', so that it "
        "is no intermediate task"
    )
    assert {cell.task.name for cell in made.cells} == {"wikiann"}


def test_a_checkpoint_names_a_block_that_it_has(study):
    def made(block):
        return study(models={"a": {"hub": "FacebookAI/xlm-roberta-large", "retrieval_layer": block}})

    assert grid(made(24)).cells
    with pytest.raises(ConfigError, match=r"'models\.a\.retrieval_layer': .* blocks, 24; got 25\."):
        grid(made(25))


def test_a_frozen_encoder_ranks(raw_real_study):
    raw = raw_real_study(
        arms={"pretrained": {"regime": "pretrained"}},
        tasks={"lareqa": {}, "mewslix": {}, "udpos": {}},
        intermediate={},
    )
    made = grid(check(raw, Path("params.yaml")))
    assert {cell.task.name for cell in made.cells} == {"lareqa", "mewslix"}
    assert [o.task for o in made.left_out] == ["udpos"]


def test_a_proxy_trains_on_the_other_task(study):
    made = grid(study(arms=ARMS, tasks=TASKS))
    cell = made.cell("nano-direct_sw-toy_retrieval")
    assert cell.trained_on == "toy_nli"
    assert [(p.tasks, p.language) for p in cell.phases] == [(("toy_nli",), "sw")]


def test_target_language_arms_are_scored_on_their_language_alone(study):
    params = study(arms=ARMS, tasks=TASKS)
    made = grid(params)
    assert made.cell("nano-direct_en-toy_nli").eval_languages(params) == ("en", "de", "sw")
    assert made.cell("nano-inter_sw-toy_nli").eval_languages(params) == ("sw",)
    assert made.cell("nano-direct_en-toy_retrieval").eval_languages(params) == ("de", "sw")


def test_languages_outside_the_study_are_not_scored(study):
    english = {name: arm for name, arm in ARMS.items() if "language" not in arm}
    params = study(languages={"evaluation": ["en"], "pretraining": ["en"]}, arms=english)
    made = grid(params)
    assert made.cell("nano-direct_en-toy_nli").eval_languages(params) == ("en",)


def test_a_task_has_one_entry(study):
    with pytest.raises(ConfigError, match=r"key 'intermediate\.toy_nli': it stands under 'tasks', too"):
        grid(study(arms=ARMS, tasks=TASKS, intermediate={"toy_order": {}, "toy_nli": {}}))


def test_a_task_without_a_scored_language_is_refused(study):
    english = {name: arm for name, arm in ARMS.items() if "language" not in arm}
    params = study(languages={"evaluation": ["en"], "pretraining": ["en"]}, arms=english, tasks=TASKS)
    with pytest.raises(ConfigError, match=r"key 'tasks\.toy_retrieval': .* in en; .*: de, sw"):
        grid(params)


def test_an_arm_in_a_language_that_is_not_scored_is_refused(study):
    languages = {"evaluation": ["en", "de"], "pretraining": ["en"]}
    with pytest.raises(ConfigError, match=r"key 'arms\.direct_sw': .* in 'sw' alone.*add sw"):
        grid(study(languages=languages, arms=ARMS))


def test_an_untrained_head_is_not_scored(study):
    params = study(arms={"pretrained": {"regime": "pretrained"}}, tasks=TASKS)
    (arm,) = arms(params)
    made = grid(params)
    assert {c.task.name for c in made.cells} == {"toy_retrieval"}
    assert undefined(arm, made.cells[0].task, params) is None
    assert {o.reason for o in made.left_out} == {"an untrained head cannot be scored"}


def test_a_grid_without_cells_is_an_error(study):
    params = study(arms={"pretrained": {"regime": "pretrained"}})
    with pytest.raises(ConfigError, match=r"the study has no cell.*an untrained head"):
        grid(params)


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ({"regime": "direct_tgt"}, "needs 'language'.*got None"),
        ({"regime": "direct_tgt", "language": "en"}, "other than en; got 'en'"),
        ({"regime": "direct_en", "language": "sw"}, "takes no 'language', got 'sw'"),
        ({"regime": "intermediate_en"}, "needs 'intermediate', a list of tasks"),
        ({"regime": "direct_en", "intermediate": ["toy_order"]}, "has no intermediate stage, got"),
        ({"regime": "intermediate_en", "intermediate": ["toy_english"]}, "'toy_english' has no entry"),
    ],
)
def test_an_arm_must_fit_its_regime(study, arm, said):
    with pytest.raises(ConfigError, match=rf"key 'arms\.bad': .*{said}"):
        arms(study(arms={"bad": arm}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"arms": {"bad": {"regime": "direct_eng"}}},
            r"key 'arms\.bad\.regime': unknown regime 'direct_eng'; did",
        ),
        (
            {"arms": {"bad": {"regime": "direct_tgt", "language": "xx"}}},
            "language': unknown language 'xx'",
        ),
        (
            {"arms": {"bad": {"regime": "intermediate_en", "intermediate": ["toy_ordr"]}}},
            r"key 'arms\.bad\.intermediate': unknown task 'toy_ordr'; did you mean 'toy_order'",
        ),
        ({"tasks": {"toy_nil": {}}}, "key 'tasks': unknown task 'toy_nil'; did you mean 'toy_nli'"),
        (
            {"languages": {"evaluation": ["en", "qq"], "pretraining": ["en"]}},
            r"key 'languages\.evaluation': unknown language 'qq'",
        ),
        (
            {"languages": {"evaluation": ["en"], "pretraining": ["q1"]}},
            r"key 'languages\.pretraining': unknown language 'q1'",
        ),
    ],
)
def test_unknown_names_are_told_with_near_ones(study, changes, said):
    with pytest.raises(UnknownNameError, match=said):
        grid(study(**changes))


def test_a_proxy_without_an_entry_is_an_error(study):
    languages = {"evaluation": ["de", "sw"], "pretraining": ["en"]}
    with pytest.raises(ConfigError, match="trained by proxy on 'toy_nli', which has no entry"):
        grid(study(tasks={"toy_retrieval": {}}, languages=languages))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"languages": {"evaluation": ["en", "ru"], "pretraining": ["en"]}},
            r"no task of the study has test data in 'ru'; remove it, or add a task that has: .*lab_nli",
        ),
        ({"tasks": {"toy_english": {}}}, r"no task of the study has test data in 'sw'"),
        (
            {"languages": {"evaluation": ["de"], "pretraining": ["en"]}},
            r"English is missing, .*; add en to \['de'\]\.",
        ),
    ],
)
def test_languages_that_nothing_can_be_scored_in(study, changes, said):
    with pytest.raises(ConfigError, match=rf"key 'languages\.evaluation': {said}"):
        grid(study(**changes))


def test_the_lab_has_no_text_in_every_language(study):
    languages = {"evaluation": ["en", "de"], "pretraining": ["en", "ht"]}
    with pytest.raises(ConfigError, match=r"key 'languages\.pretraining': the lab has no text in ht: "):
        grid(study(languages=languages))


def test_languages_that_one_task_lacks_are_told_by_task(study):
    params = study(tasks=TASKS)
    grid(params)
    assert unscored(params) == {"toy_english": ("sw",), "toy_retrieval": ("en",)}


def test_a_source_that_does_not_have_the_task_is_an_error(study):
    params = study(study={"name": "toy", "source": "hub", "seeds": [1]}, models={"a": {"hub": "a/b"}})
    with pytest.raises(ConfigError, match=r"'toy_nli' cannot be had from 'hub'; it can from: lab\."):
        grid(params)


def test_an_unknown_cell_is_told_with_near_ones(study):
    made = grid(study())
    with pytest.raises(UnknownNameError, match="did you mean 'nano-direct_en-toy_nli'"):
        made.cell("nano-direct_en-toy_nil")


def test_missing_results_are_counted_and_named():
    require_complete([])
    with pytest.raises(ResultError, match=r"6 cells .*: a, b, c, d, e, \.\.\.; run"):
        require_complete(list("abcdef"))


@pytest.mark.parametrize("section", ["tasks", "intermediate"])
@pytest.mark.parametrize(
    ("length", "said"),
    [
        (2, "2 sub-words have no room for text"),
        (65, "65 sub-words do not fit the ladder's 64 positions"),
    ],
)
def test_a_length_that_no_sequence_can_have_is_refused(study, section, length, said):
    task = {"tasks": "toy_nli", "intermediate": "toy_order"}[section]
    with pytest.raises(ConfigError, match=rf"key '{section}\.{task}\.max_length': {said}"):
        grid(study(**{section: {task: {"max_length": length}}}))


def test_short_sequences_are_refused_of_checkpoints_too(study):
    models = {"xlmr": {"hub": "FacebookAI/xlm-roberta-base"}}
    with pytest.raises(ConfigError, match="give at least 6"):
        grid(study(models=models, tasks={"toy_nli": {"max_length": 5}}))
    assert grid(study(models=models, tasks={"toy_nli": {"max_length": 512}})).cells


@pytest.mark.parametrize(
    ("languages", "said"),
    [
        (["fr"], "'fr' is not in 'languages.evaluation', .*add it there"),
        (
            ["de", "en"],
            "no retrieval task of the study has test data in 'en'; remove it, or .*: de, sw",
        ),
        (["xx"], "unknown language 'xx'"),
    ],
)
def test_a_sweep_is_over_languages_that_are_retrieved_in(study, languages, said):
    params = study(tasks=TASKS, evaluation={"sweep_languages": languages})
    key = r"key 'evaluation\.sweep_languages'"
    with pytest.raises((ConfigError, UnknownNameError), match=f"{key}: {said}"):
        grid(params)
    without = study(tasks={"toy_nli": {}}, evaluation={"sweep_languages": ["de"]})
    with pytest.raises(ConfigError, match=rf"{key}: .* in 'de'; remove it\.$"):
        grid(without)
    assert grid(study(tasks=TASKS, evaluation={"sweep_languages": ["de", "sw"]})).cells


def test_a_sequence_longer_than_a_checkpoint_takes_is_refused(study, tmp_path):
    def made(hub, length):
        return grid(study(models={"m": {"hub": hub}}, tasks={"toy_nli": {"max_length": length}}))

    own = {"model_type": "xlm-roberta", "max_position_embeddings": 80, "pad_token_id": 1}
    write_json(tmp_path / "config.json", own)
    for hub, most in (("FacebookAI/xlm-roberta-base", 512), (str(tmp_path), 78)):
        said = f"tasks.toy_nli.max_length': {most + 1} sub-words .* {most} positions of model 'm'"
        with pytest.raises(ConfigError, match=said):
            made(hub, most + 1)
        assert made(hub, most).cells
    assert made("google/mt5-base", 100_000).cells
