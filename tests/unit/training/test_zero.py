import pytest

from xlgap.training.zero import ZeroPlan, deepspeed_config, linear_schedule


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_the_stage_and_rate_are_those_asked_for(stage):
    config = deepspeed_config(ZeroPlan(stage=stage, learning_rate=0.5, weight_decay=0.1))
    assert config["zero_optimization"]["stage"] == stage
    assert config["optimizer"]["params"]["lr"] == 0.5
    assert config["bf16"] == {"enabled": False}


def test_the_optimizer_is_fused_and_compiled_before():
    config = deepspeed_config(ZeroPlan(stage=2, learning_rate=0.5, precision="bf16"))
    assert config["optimizer"]["params"].items() >= {"torch_adam": True, "fused": True}.items()
    assert config["bf16"] == {"enabled": True}


def test_what_is_offloaded_goes_to_the_host():
    config = deepspeed_config(
        ZeroPlan(stage=3, learning_rate=1, offload_optimizer=True, offload_parameters=True)
    )
    zero = config["zero_optimization"]
    assert zero["offload_param"] == zero["offload_optimizer"] == {"device": "cpu"}


def test_the_schedule_rises_falls_and_ends_above_zero():
    values = [linear_schedule(s, steps=10, warmup=3) for s in range(10)]
    assert values[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert values[2:] == sorted(values[2:], reverse=True)
    assert values[-1] > 0
    assert linear_schedule(10, steps=10, warmup=3) == 0
    assert [linear_schedule(s, steps=4, warmup=0) for s in range(4)] == [1, 0.75, 0.5, 0.25]
