from __future__ import annotations

from dataclasses import replace

import pytest

from xlgap.errors import UnknownNameError
from xlgap.regimes import get_regime, regime_names
from xlgap.regimes.base import ArmSpec, Budget, Phase, Sampling, Translations, budgeted, trained_on
from xlgap.tasks import get_task

pytestmark = pytest.mark.usefixtures("toy_tasks")

SPECS = {
    "direct_en": ArmSpec(regime="direct_en"),
    "direct_tgt": ArmSpec(regime="direct_tgt", language="sw"),
    "intermediate_en": ArmSpec(regime="intermediate_en", intermediate=("toy_order", "toy_nli")),
    "intermediate_tgt": ArmSpec(
        regime="intermediate_tgt", intermediate=("toy_order", "toy_nli"), language="sw"
    ),
    "joint": ArmSpec(regime="joint", intermediate=("toy_order", "toy_nli")),
    "sequential": ArmSpec(regime="sequential", intermediate=("toy_order", "toy_nli")),
    "intermediate_en_mlm": ArmSpec(
        regime="intermediate_en_mlm", intermediate=("toy_order", "toy_nli"), mlm_rate=0.25
    ),
    "pretrained": ArmSpec(regime="pretrained"),
    "intermediate_translated": ArmSpec(
        regime="intermediate_translated",
        intermediate=("toy_order",),
        language="sw",
        translations=Translations(lab=True),
    ),
    "best_of": ArmSpec(regime="best_of", choices=("a", "b")),
    "few_shot": ArmSpec(regime="few_shot", intermediate=("toy_order",), language="sw", shots=10),
}
ENGLISH = Phase(tasks=("toy_nli",), language="en")
EXPECTED = {  # regime: warm phases, task phases, evaluated on, named after
    "direct_en": ((), (ENGLISH,), ("en", "de", "sw"), "en"),
    "direct_tgt": (
        (), (Phase(tasks=("toy_nli",), language="sw", select_language="sw"),), ("sw",), "sw",
    ),
    "intermediate_en": (
        (Phase(tasks=("toy_order",), language="en"), Phase(tasks=("toy_nli",), language="en")),
        (ENGLISH,), ("en", "de", "sw"), "en",
    ),
    "intermediate_tgt": (
        (
            Phase(tasks=("toy_order",), language="sw", select_language="sw"),
            Phase(tasks=("toy_nli",), language="sw", select_language="sw"),
        ),
        (ENGLISH,), ("sw",), "sw",
    ),
    "joint": (
        (Phase(tasks=("toy_nli", "toy_order"), language="en", sampling=Sampling(rule="proportional")),),
        (ENGLISH,), ("en", "de", "sw"), "en",
    ),
    "sequential": (
        (Phase(tasks=("toy_order",), language="en"), Phase(tasks=("toy_nli",), language="en")),
        (ENGLISH,), ("en", "de", "sw"), "en",
    ),
    "intermediate_en_mlm": (
        (
            Phase(tasks=("toy_order",), language="en", mlm_rate=0.25),
            Phase(tasks=("toy_nli",), language="en", mlm_rate=0.25),
        ),
        (ENGLISH,), ("en", "de", "sw"), "en",
    ),
    "pretrained": ((), (), ("en", "de", "sw"), "en"),
    "intermediate_translated": (
        (Phase(tasks=("toy_order",), language="sw", translated=True),),
        (ENGLISH,), ("en", "de", "sw"), "sw",
    ),
    "best_of": ((), (ENGLISH,), ("en", "de", "sw"), "en"),
    "few_shot": (
        (Phase(tasks=("toy_order",), language="en"),),
        (ENGLISH, Phase(tasks=("toy_nli",), language="sw", keeps_head=True, shots=10)),
        ("sw",), "sw",
    ),
}  # fmt: skip


def test_every_regime_is_tested():
    assert set(regime_names()) == set(EXPECTED) == set(SPECS)


@pytest.mark.parametrize("name", EXPECTED)
def test_phases_and_languages(name):
    regime, spec = get_regime(name), SPECS[name]
    warm, on_task, languages, train_language = EXPECTED[name]
    assert regime.name == name
    assert regime.warm_phases(spec) == warm
    assert regime.task_phases(spec, get_task("toy_nli")) == on_task
    assert regime.eval_languages(spec, ("en", "de", "sw")) == languages
    assert regime.train_language(spec) == train_language


@pytest.mark.parametrize("name", EXPECTED)
def test_a_proxied_task_is_trained_on_its_proxy(name):
    task = get_task("toy_retrieval")
    assert trained_on(task) == "toy_nli"
    for phase in get_regime(name).task_phases(SPECS[name], task):
        assert phase.tasks == ("toy_nli",)


@pytest.mark.parametrize("name", EXPECTED)
def test_needs_are_declared(name):
    regime, spec = get_regime(name), SPECS[name]
    assert regime.needs_language == (spec.language is not None)
    assert (regime.needs_intermediate or regime.may_have_intermediate) == bool(spec.intermediate)
    for field in regime.needs:
        assert getattr(spec, field)


def test_an_unknown_regime_is_told_with_near_ones():
    with pytest.raises(UnknownNameError, match="unknown regime 'direct'; did you mean 'direct_"):
        get_regime("direct")


def test_the_order_of_a_joint_arms_tasks_does_not_matter_and_that_of_a_sequential_one_does():
    def warm(regime, *tasks):
        return get_regime(regime).warm_phases(ArmSpec(regime=regime, intermediate=tasks))

    assert warm("joint", "a", "b") == warm("joint", "b", "a")
    assert warm("sequential", "a", "b") == warm("intermediate_en", "a", "b")
    assert warm("sequential", "a", "b") != warm("sequential", "b", "a")


def test_a_rule_given_is_the_phases():
    rule = Sampling(rule="temperature", temperature=2.0, cap=100)
    spec = ArmSpec(regime="joint", intermediate=("a", "b"), sampling=rule)
    (phase,) = get_regime("joint").warm_phases(spec)
    assert phase.sampling == rule
    assert (phase.mixes, phase.dev_of("a"), phase.dev_of("b")) == (True, "a", "b")


def test_warm_phases_share_a_budget_and_without_them_the_target_task_goes_on():
    budget = Budget(steps=100)
    warm, first = (Phase(tasks=(name,), language="en") for name in ("a", "b"))
    assert budgeted((warm, warm), (first,), budget) == (
        (replace(warm, budget=budget), replace(warm, budget=budget)), (first,),
    )  # fmt: skip
    longer = replace(first, budget=Budget(steps=100, beyond=True))
    assert budgeted((), (warm, first), budget) == ((), (warm, longer))
    shots = Phase(tasks=("b",), language="sw", shots=8)
    assert budgeted((), (first, shots), budget) == ((), (longer, shots))
    assert budgeted((warm,), (first,), None) == ((warm,), (first,))
    assert budgeted((), (), budget) == ((), ())
