"""From a study and a machine to the engine's plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xlgap.cell import grid
from xlgap.errors import TrainingError
from xlgap.planning import plan_study, render
from xlgap.planning.hardware import get_hardware
from xlgap.regimes.base import Phase
from xlgap.stages.engine_plan import phase_plan, require_room
from xlgap.stages.recipe import recipe
from xlgap.tasks import get_task
from xlgap.training.zero import deepspeed_config

pytestmark = pytest.mark.usefixtures("toy_tasks")

PHASE = Phase(tasks=("toy_nli",), language="en")
XL = {"xl": {"hub": "facebook/xlm-roberta-xl"}}


def plan(params, machine=None):
    (model, *_) = params.models
    numbers = recipe(get_task("toy_nli"), params, model)
    return phase_plan(PHASE, params, model, numbers, machine=machine)


def test_what_is_given_is_taken_as_it_is(study):
    train = {"zero_stage": 3, "offload_optimizer": True, "activation_checkpointing": True,
             "micro_batch_tokens": 777}  # fmt: skip
    zero, tokens = plan(study(train=train))
    assert (zero.stage, zero.offload_optimizer, zero.offload_parameters) == (3, True, False)
    assert zero.activation_checkpointing
    assert tokens == 777
    zero, tokens = plan(study())
    assert (zero.stage, zero.offload_optimizer, zero.activation_checkpointing) == (0, False, False)
    assert tokens == 8192


def test_a_small_model_is_trained_plainly_on_this_machine(study):
    zero, tokens = plan(study(train={"zero_stage": "auto"}))
    assert (zero.stage, zero.offload_optimizer, zero.offload_parameters) == (0, False, False)
    assert not zero.activation_checkpointing
    assert tokens == 16 * 32  # a step's rows, each as long as may be
    assert zero.learning_rate == recipe(get_task("toy_nli"), study(), "nano").learning_rate


def test_a_large_model_is_trained_as_its_machine_allows(study):
    params = study(models=XL, train={"zero_stage": "auto", "precision": "bf16"})
    roomy, _ = plan(params, get_hardware("h200"))
    assert (roomy.offload_optimizer, roomy.offload_parameters) == (False, False)
    card, _ = plan(params, get_hardware("rtx4090"))
    assert card.offload_optimizer is True
    poor = replace(get_hardware("rtx4090"), host_bytes=64 * 1024**3)
    disk, _ = plan(params, poor)
    assert "nvme" in {disk.offload_optimizer, disk.offload_parameters}
    assert disk.stage == 3
    assert disk.largest_tensor == 250_880 * 2560


def test_what_fits_nowhere_says_what_is_missing(study):
    params = study(models=XL, train={"zero_stage": "auto", "offload_optimizer": False,
                                     "offload_parameters": False, "precision": "bf16"})  # fmt: skip
    with pytest.raises(TrainingError, match=r"'xl' does not fit this machine: .* GiB of a device's"):
        plan(params, get_hardware("rtx4090"))


def test_an_unknown_model_needs_its_way_given(study):
    params = study(models={"own": {"hub": "someone/model"}}, train={"zero_stage": "auto"})
    with pytest.raises(TrainingError, match="'auto' needs the figures of model 'own'"):
        plan(params)
    assert plan(study(models={"own": {"hub": "someone/model"}}))[0].stage == 0


def test_what_no_process_can_hold_is_split(study):
    bloom = {"bloom": {"hub": "bigscience/bloom"}}
    auto = study(models=bloom, train={"zero_stage": "auto", "precision": "bf16"})
    wide, one = (
        get_hardware("8x8xh100"),
        replace(get_hardware("h100"), memory_bytes=10**13, host_bytes=10**14),
    )
    assert plan(auto, wide)[0].split
    assert not plan(auto, one)[0].split
    given = study(models=bloom, train={"zero_stage": 3, "precision": "bf16"})
    assert plan(given, wide)[0].split
    assert not plan(study(models=bloom, train={"zero_stage": 3, "split": False}), wide)[0].split
    forced = study(train={"zero_stage": 3, "split": True})
    assert plan(forced, get_hardware("2xcpu"))[0].split
    assert not plan(forced)[0].split  # one process


def test_earlier_tasks_are_scored_again_where_one_process_holds_the_network(study):
    bloom = {"bloom": {"hub": "bigscience/bloom"}}
    wide = get_hardware("8x8xh100")
    for stage in (3, "auto"):
        given = study(models=bloom, train={"zero_stage": stage, "precision": "bf16"})
        with pytest.raises(TrainingError, match=r"'bloom' cannot run: one process scores"):
            require_room(given, "bloom", machine=wide)
    require_room(study(models=bloom), "bloom", machine=wide)  # ZeRO 0: it has to try
    require_room(study(models=XL, train={"zero_stage": 3}), "xl", machine=wide)
    require_room(study(train={"zero_stage": 3, "split": True}), "nano")


def test_buffers_of_a_disk_have_room_for_the_largest_tensor_of_a_given_way(study):
    train = {"zero_stage": 3, "offload_optimizer": "nvme", "offload_parameters": "nvme"}
    zero, _ = plan(study(models=XL, train=train))
    assert deepspeed_config(zero)["zero_optimization"]["offload_param"]["buffer_size"] == 250_880 * 2560


@pytest.mark.parametrize(
    ("model", "train", "machine"),
    [
        ({"hub": "facebook/xlm-roberta-xxl"}, {"offload_optimizer": False}, "rtx3090"),
        ({"hub": "facebook/xlm-roberta-xxl"}, {"split": False}, "rtx3090"),
        ({"hub": "facebook/xlm-roberta-xl"}, {"offload_optimizer": "nvme"}, "cpu"),
        ({"hub": "meta-llama/Llama-3.1-70B", "lora": {"rank": 4, "bits": 4}}, {}, "rtx4090"),
    ],
)
def test_what_would_do_is_said_as_the_plan_says_it(study, model, train, machine):
    given = {"zero_stage": "auto", "precision": "bf16", **train}
    params = study(models={"large": model}, train=given)
    with pytest.raises(TrainingError) as found:
        plan(params, get_hardware(machine))
    planned = plan_study(params, grid(params), hardware=machine)
    (would,) = {stage.advice for stage in planned.stages if stage.advice}
    assert str(found.value).endswith(f"; {would}.")
    assert "raise train.zero_stage" not in would
    assert "micro" not in would
    (lacking,) = {stage.choice.lacking for stage in planned.stages if stage.choice}
    assert f"! does not fit: large takes {lacking}; {would}" in render(planned, width=1000)
