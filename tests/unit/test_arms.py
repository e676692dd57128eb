"""What an arm may say, and the sentence where it says what its regime has no use for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xlgap.cell import arms, grid
from xlgap.config import check
from xlgap.errors import ConfigError
from xlgap.planning.planner import plan_study
from xlgap.planning.tables import render
from xlgap.regimes.base import Budget, Sampling

pytestmark = pytest.mark.usefixtures("toy_tasks")

BOTH = ["toy_order", "toy_english"]
JOINT = {"regime": "joint", "intermediate": BOTH}
MASKED = {"regime": "intermediate_en_mlm", "intermediate": ["toy_order"], "mlm_rate": 0.2}
INTERMEDIATE = {"toy_order": {}, "toy_english": {}}


def sentence(raw: dict) -> str:
    with pytest.raises(ConfigError) as caught:
        grid(check(raw, Path("params.yaml")))
    text = str(caught.value)
    assert "\n" not in text
    return text.removeprefix("params.yaml: ")


@pytest.mark.parametrize(
    ("sampling", "rule"),
    [
        ({"rule": "uniform"}, Sampling(rule="uniform")),
        ({"rule": "proportional", "cap": 9}, Sampling(rule="proportional", cap=9)),
        ({"rule": "temperature", "temperature": 2}, Sampling(rule="temperature", temperature=2)),
        (
            {"rule": "time_dependent", "start_temperature": 1, "end_temperature": 5},
            Sampling(rule="time_dependent", start_temperature=1, end_temperature=5),
        ),
    ],
)
def test_each_rule_is_read(study, sampling, rule):
    made = arms(study(arms={"j": {**JOINT, "sampling": sampling}}, intermediate=INTERMEDIATE))
    assert made[0].spec.sampling == made[0].warm_phases[0].sampling == rule


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rule": "uniform", "temperature": 2}, "rule 'uniform' takes no 'temperature'"),
        ({"rule": "uniform", "cap": 2}, "rule 'uniform' takes no 'cap': it does not look"),
        ({"rule": "temperature"}, "rule 'temperature' needs 'temperature'"),
        ({"rule": "time_dependent", "start_temperature": 1}, "needs 'end_temperature'"),
        ({"rule": "square"}, "key 'arms.j.sampling.rule': must be 'uniform', 'proportional', "),
        ({"rul": "uniform"}, "unknown key 'arms.j.sampling.rul'; did you mean 'rule'?"),
        ({}, "key 'arms.j.sampling.rule' is missing; its section takes: rule, temperature, "),
        ({"rule": "temperature", "temperature": 0}, "must be greater than 0; got 0."),
    ],
)
def test_a_wrong_rule_is_told(raw_study, given, said):
    raw = raw_study(arms={"j": {**JOINT, "sampling": given}}, intermediate=INTERMEDIATE)
    assert said in sentence(raw)


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ({"regime": "direct_en", "sampling": {"rule": "uniform"}},
         "regime 'direct_en' has no such thing; remove it, or use regime 'joint'."),
        ({**JOINT, "mlm_rate": 0.2},
         "key 'arms.a.mlm_rate': regime 'joint' has no such thing; remove it, or use regime"),
        ({k: v for k, v in MASKED.items() if k != "mlm_rate"},
         "regime 'intermediate_en_mlm' needs 'mlm_rate', for example 'mlm_rate: 0.2'."),
        ({**MASKED, "mlm_rate": 1}, "key 'arms.a.mlm_rate': must be less than 1; got 1."),
        ({**JOINT, "intermediate": ["toy_order"]},
         "regime 'joint' needs 2 intermediate tasks at least, got ['toy_order']; add one"),
        ({"regime": "sequential", "intermediate": ["toy_order"]}, "'sequential' needs 2 intermediate"),
        ({"regime": "pretrained", "budget": {"steps": 5}},
         "regime 'pretrained' trains nothing, so it takes no 'budget'."),
        ({"regime": "sequential", "intermediate": ["toy_order", "toy_english"], "budget": {"steps": 1}},
         "key 'arms.a.budget.steps': 2 intermediate tasks, one after another, cannot share 1; give"),
        ({"regime": "direct_en", "budget": {"steps": 5, "tokens": 5}},
         "key 'arms.a.budget': must give either 'steps' or 'tokens'"),
        ({"regime": "direct_en", "budget": {}}, "must give either 'steps' or 'tokens'"),
        ({"regime": "direct_en", "budget": {"step": 5}}, "unknown key 'arms.a.budget.step'; did you"),
        ({"regime": "direct_en", "budget": {"steps": 0}}, "must be greater than 0; got 0."),
    ],
)  # fmt: skip
def test_what_a_regime_has_no_use_for_is_told(raw_study, arm, said):
    assert said in sentence(raw_study(arms={"a": arm}, intermediate=INTERMEDIATE))


def test_masked_language_modelling_needs_text(raw_study):
    models = {"x": {"hub": "a/b", "revision": "0" * 40}}
    raw = raw_study(arms={"a": MASKED}, models=models, languages={"evaluation": ["en", "de", "sw"]})
    assert "names no language; name at least one." in sentence(raw)


@pytest.mark.parametrize(
    ("hub", "said"),
    [
        ("bigscience/bloom-560m",
         "key 'arms.a': 'mlm_rate' mixes masked language modelling into the training of every model, "
         "and 'models.x', bigscience/bloom-560m, is a causal model, for which there is none; remove "
         "the arm, or put the model into a study without it."),
        ("google/mt5-small", "is an encoder-decoder, whose checkpoint has no head of it"),
        ("EuroBERT/EuroBERT-210m", "has an output matrix of its own beside its table of sub-words"),
        ("FacebookAI/xlm-roberta-base", None),
        ("jhu-clsp/mmBERT-small", None),
        ("a/b", None),  # known once it is there
    ],
)  # fmt: skip
def test_a_model_that_cannot_go_on_with_text_is_told_before_anything_runs(study, hub, said):
    arms = {"a": MASKED, "d": {"regime": "direct_en"}}
    params = study(arms=arms, intermediate=INTERMEDIATE, models={"x": {"hub": hub}})
    assert grid(study(models={"x": {"hub": hub}})).cells  # without the arm any model will do
    if said is None:
        assert grid(params).cells
        return
    with pytest.raises(ConfigError) as error:
        grid(params)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, "is a causal model"),
        ({"model_type": "bloom", "architectures": ["BloomModel"]}, "is a causal model"),
        ({"model_type": "eurobert"}, "has an output matrix of its own"),
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, None),
        (None, None),
    ],
)
def test_of_a_directory_its_configuration_says_so(study, tmp_path, fields, said):
    if fields is not None:
        (tmp_path / "config.json").write_text(json.dumps(fields))
    models = {"x": {"hub": str(tmp_path)}}
    params = study(arms={"a": MASKED}, intermediate=INTERMEDIATE, models=models)
    if said is None:
        assert grid(params).cells
        return
    with pytest.raises(ConfigError, match=said):
        grid(params)


def test_a_budget_is_of_the_warm_phases_or_else_of_the_target_task(study):
    budget = {"tokens": 1000}
    made = grid(
        study(
            arms={
                "d": {"regime": "direct_en", "budget": budget},
                "s": {"regime": "sequential", "intermediate": BOTH, "budget": budget},
            },
            intermediate=INTERMEDIATE,
        )
    )
    direct, sequential = made.cells[:2]
    assert [phase.budget for phase in direct.phases] == [Budget(tokens=1000, beyond=True)]
    assert direct.arm.warm_phases == ()
    assert [phase.budget for phase in sequential.arm.warm_phases] == [Budget(tokens=1000)] * 2
    assert [phase.budget for phase in sequential.phases] == [None]


def test_a_mixture_that_holds_the_targets_own_training_data_is_left_out(study):
    made = grid(
        study(
            arms={"j": {"regime": "joint", "intermediate": ["toy_order", "toy_nli"]}},
            tasks={"toy_nli": {}, "toy_english": {}},
            intermediate={"toy_order": {}},
        )
    )
    assert {cell.task.name for cell in made.cells} == {"toy_english"}
    (left,) = made.left_out
    assert left.reason == "'toy_nli' is the training data of 'toy_nli' itself, no intermediate task"


NINE = ["anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmosqa", "commonsenseqa"]


def test_all_nine_tasks_of_the_paper_are_one_arm(raw_real_study):
    """Phang et al. 2020 (arXiv 2005.13013) train on all their intermediate tasks at once."""
    raw = raw_real_study(
        arms={
            "multi": {"regime": "joint", "intermediate": NINE, "sampling": {"rule": "proportional"}},
        },
        tasks={"xnli": {}, "wikiann": {}, "xquad": {}},
        intermediate={name: {} for name in NINE},
        models={"base": {"hub": "FacebookAI/xlm-roberta-base"}},
        study={"name": "nine", "source": "release", "seeds": [1]},
    )
    made = grid(check(raw, Path("params.yaml")))
    (arm,) = made.arms_of("base")
    (phase,) = arm.warm_phases
    assert phase.tasks == tuple(sorted(NINE))
    # two of the nine contain the data of another one: both are trained on, and the plan says so
    assert made.overlaps == (("multi", "anli_plus", "mnli"), ("multi", "squad2", "squad"))
    assert {cell.task.name for cell in made.cells} >= {"wikiann"}
    assert {left.task: left.reason for left in made.left_out}["xnli"] == (
        "the training data of 'mnli' are in those of 'anli_plus' and of 'xnli', so that it is no "
        "intermediate task"
    )
    notes = " ".join(render(plan_study(check(raw, Path("params.yaml")), made), width=400).split())
    assert "multi: the training data of 'mnli' are in those of 'anli_plus', too" in notes
    assert "+cosmosqa+" in plan_study(check(raw, Path("params.yaml")), made).stages[0].phases[0]
