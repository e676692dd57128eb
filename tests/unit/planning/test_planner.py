from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from xlgap import layout
from xlgap.__main__ import main
from xlgap.cell import grid
from xlgap.config import check
from xlgap.errors import ConfigError
from xlgap.formats import write_json
from xlgap.models.ladder import scratch_config
from xlgap.planning import plan_study, render, to_json
from xlgap.planning.hardware import get_hardware
from xlgap.tasks.base import SPLITS

pytestmark = pytest.mark.usefixtures("toy_tasks")

ARMS = {
    "direct_en": {"regime": "direct_en"},
    "inter_sw": {"regime": "intermediate_tgt", "intermediate": ["toy_order"], "language": "sw"},
}
ROWS = {"train_rows": 100, "dev_rows": 8, "test_rows": 10}
TASKS = {"toy_nli": ROWS, "toy_english": ROWS, "toy_retrieval": ROWS}
FULL = {"arms": ARMS, "tasks": TASKS, "intermediate": {"toy_order": ROWS}}


def planned(params, **settings):
    return plan_study(params, grid(params), **settings)


def by_stage(plan):
    return {stage.stage: stage for stage in plan.stages}


def shown(plan) -> str:
    return render(plan, width=200)


def test_every_cell_and_every_shared_stage_stands_once(study):
    params = study(**FULL)
    made = grid(params)
    names = [stage.stage for stage in plan_study(params, made).stages]
    assert len(names) == len(set(names))
    assert {n for n in names if n.startswith("finetune")} == {f"finetune@{c.key}" for c in made.cells}
    assert {n for n in names if n.startswith("warm")} == {
        "warmstart@nano-inter_sw", "warmstart@micro-inter_sw",
    }  # fmt: skip
    assert {n for n in names if n.startswith("pre")} == {"pretrain@nano", "pretrain@micro"}


def test_models_that_are_not_pretrained_have_no_such_stage(study):
    models = {
        "nano": {"layers": 1, "width": 8, "heads": 2, "feed_forward": 8, "pretrained": False},
        "xlmr": {"hub": "FacebookAI/xlm-roberta-base"},
    }
    plan = planned(study(**FULL, models=models))
    assert not [stage for stage in plan.stages if stage.kind == "pretrain"]


def test_training_by_proxy_is_counted_once(study):
    plan = planned(study(**FULL))
    shared = by_stage(plan)["finetune@nano-direct_en-toy_retrieval"]
    assert shared.shares == "finetune@nano-direct_en-toy_nli"
    assert shared.training.steps == 0
    assert shared.evaluation.rows == 2 * 10
    assert (shared.memory, shared.disk_bytes) == (None, 0)


def test_arms_that_train_the_same_are_counted_once(study):
    arms = {name: {"regime": "direct_en"} for name in ("direct_en", "again")}
    stages = by_stage(planned(study(arms=arms)))
    assert stages["finetune@nano-again-toy_nli"].shares == "finetune@nano-direct_en-toy_nli"
    assert stages["finetune@micro-direct_en-toy_nli"].shares is None


def test_weights_that_are_not_kept_cannot_be_shared(study):
    plan = planned(study(**FULL, train={"keep": "none"}))
    stage = by_stage(plan)["finetune@nano-direct_en-toy_retrieval"]
    assert (stage.shares, stage.training.steps) == (None, 13)
    assert all(s.disk_bytes == 0 for s in plan.stages if s.kind == "finetune")


def test_the_weights_before_the_last_phase_are_kept_too(study):
    """Beside the outs of warm starts, which hold the final ones again."""
    arms = {
        "inter": {"regime": "intermediate_en", "intermediate": ["toy_order"]},
        "seq": {"regime": "sequential", "intermediate": ["toy_order", "toy_english"]},
        "long": {**(seq := {"regime": "sequential", "intermediate": ["toy_english", "toy_order"]}),
                 "budget": {"steps": 9}},
        "back": seq,
        "few": {"regime": "few_shot", "language": "sw", "shots": 4},
        "direct": {"regime": "direct_en"},
    }  # fmt: skip
    intermediate = {"toy_order": ROWS, "toy_english": ROWS}
    of = {"arms": arms, "tasks": {"toy_nli": ROWS}, "intermediate": intermediate}

    def copies(stages):
        one = 2 * 4 * stages["pretrain@nano"].params_total  # two seeds
        mine = [stage for stage in stages.values() if stage.model == "nano" and stage.arm]
        return {f"{stage.kind}@{stage.arm}": stage.disk_bytes / one for stage in mine}

    assert copies(by_stage(planned(study(**of)))) == {
        "warmstart@inter": 2, "warmstart@seq": 2, "warmstart@long": 2, "warmstart@back": 3,
        "finetune@inter": 1, "finetune@seq": 1, "finetune@long": 1, "finetune@back": 1,
        "finetune@few": 2, "finetune@direct": 0,
    }  # fmt: skip
    unkept = planned(study(**of, train={"keep": "none"}))
    assert {k for k, n in copies(by_stage(unkept)).items() if n} == {
        f"warmstart@{name}" for name in ("inter", "seq", "long", "back")
    }
    largest = by_stage(unkept)["pretrain@micro"].params_total
    assert unkept.totals.scratch_bytes == (2 * 4 + 3 * (12 + 4)) * largest  # seeds, then checkpoints


def test_totals_are_the_sums(study):
    plan = planned(study(**FULL))
    assert plan.totals.unknown == 0
    assert plan.totals.hours == pytest.approx(sum(s.hours for s in plan.stages))
    assert plan.totals.kwh == pytest.approx(plan.totals.hours * plan.hardware.watts / 1000)
    assert plan.totals.cells == len(grid(study(**FULL)).cells)
    nano = by_stage(plan)["pretrain@nano"]
    assert nano.disk_bytes == 4 * nano.params_total
    assert plan.totals.scratch_bytes == 2 * (12 + 4) * by_stage(plan)["pretrain@micro"].params_total


def test_checkpoints_hold_the_best_weights_of_fine_tuning(study):
    """In bf16, two of them at a time; under ZeRO-3 every process has these weights in its part."""
    hub = {"models": {"xlmr": {"hub": "FacebookAI/xlm-roberta-base"}}}
    for zero_stage, states, copies in ((2, 14, 1), (3, 12, 8)):
        train = {"precision": "bf16", "zero_stage": zero_stage}
        plan = planned(study(**FULL | hub, train=train), hardware="8xh100")
        stage = plan.stages[0]
        assert stage.disk_bytes == 2 * 2 * 4 * stage.params_total  # its out, and under its digest
        assert plan.totals.scratch_bytes == 2 * (states + 4 * copies) * stage.params_total


def test_workers_share_the_hours_and_not_the_energy(study):
    params = study(**FULL)
    one, three = planned(params), planned(params, workers=3)
    assert three.totals.hours == one.totals.hours == one.totals.wall_hours
    assert three.totals.wall_hours == pytest.approx(one.totals.hours / 3)
    assert three.totals.kwh == one.totals.kwh
    assert "at least on 3 workers" in shown(three)
    of = {s.model: 2 * (12 + 4) * s.params_total for s in one.stages if s.kind == "pretrain"}
    assert one.totals.scratch_bytes == of["micro"]
    assert three.totals.scratch_bytes == 3 * of["micro"]  # pretraining and the arms of one model
    assert "workers" not in shown(one)


MEASURED = {
    "xs": ({"layers": 2, "width": 24, "heads": 2, "feed_forward": 48}, 32.8),
    "s": ({"layers": 2, "width": 48, "heads": 2, "feed_forward": 128}, 42.9),
    "m": ({"layers": 3, "width": 80, "heads": 4, "feed_forward": 192}, 77.7),
    "l": ({"layers": 3, "width": 128, "heads": 4, "feed_forward": 256}, 120.1),
}


@pytest.mark.parametrize("name", MEASURED)
def test_pretraining_takes_what_it_was_measured_to_take(raw_study, name):
    """Seconds of a run of the default study, one stage a core: ``benchmarks/plan_accuracy.py``."""
    size, seconds = MEASURED[name]
    raw = raw_study(models={name: size})
    raw["pretrain"] |= {
        "tokens": 2_000_000, "batch_tokens": 512, "vocabulary": 3000, "mask_fraction": 0.2,
    }  # fmt: skip
    stage = by_stage(planned(check(raw, Path("params.yaml"))))[f"pretrain@{name}"]
    assert 3600 * stage.hours == pytest.approx(seconds, rel=0.15)


def test_seeds_multiply_cells_but_not_pretraining(study):
    once = planned(study(**FULL, study={"name": "toy", "seeds": [1]}))
    twice = planned(study(**FULL))
    for name, stage in by_stage(once).items():
        factor = 1 if stage.kind == "pretrain" else 2
        assert by_stage(twice)[name].flops == pytest.approx(factor * stage.flops)


def test_what_is_not_known_is_said_and_not_summed(study):
    params = study(arms=ARMS, models={"mystery": {"hub": "some/body"}}, tasks={"toy_nli": ROWS})
    plan = planned(params)
    stages = [s for s in plan.stages if s.model == "mystery"]
    assert all(s.hours is None and s.params_total is None for s in stages)
    assert plan.totals.unknown == len(stages)
    assert "'some/body' is not in the catalogue" in shown(plan)


def test_rows_that_are_not_known_are_told_until_data_are_prepared(study, raw_study, tmp_path, capsys):
    params = study(tasks={"toy_nli": {}})
    plan = planned(params)
    stage = by_stage(plan)["finetune@nano-direct_en-toy_nli"]
    assert (stage.training.steps, stage.hours) == (None, None)
    assert plan.totals.unknown == 2
    assert "its rows are known once the data are prepared" in shown(plan)
    path = tmp_path / layout.prepared("toy_nli") / "manifest.json"
    codes = ("en", "de", "sw")
    splits = {split: {c: {"released_rows": 9} for c in codes} for split in SPLITS}
    for source, unknown in (("release", 2), ("lab", 0)):  # those of another source tell nothing
        write_json(path, {"source": source, "splits": splits})
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw_study(tasks={"toy_nli": {}})))
        assert main(["plan", "--json", "--study", str(tmp_path / "params.yaml")]) == 0
        assert json.loads(capsys.readouterr().out)["totals"]["unknown"] == unknown


def test_a_directory_is_counted_from_its_configuration(study, tmp_path):
    shape = {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}
    fields = scratch_config(**shape, vocabulary=500, positions=64)
    write_json(tmp_path / "config.json", {"model_type": "xlm-roberta", **fields})
    plan = planned(study(models={"nano": shape, "local": {"hub": str(tmp_path)}}))
    stages = by_stage(plan)
    local, nano = (stages[f"finetune@{m}-direct_en-toy_nli"] for m in ("local", "nano"))
    assert local.params_total == nano.params_total
    assert local.flops == nano.flops


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hidden_size": "abc"}, "'hidden_size' expected int, got str"),
        ({"num_hidden_layers": 0}, "makes no model of a configuration of model_type 'xlm-roberta'"),
        ({"torch_dtype": "foo"}, "cannot be read by transformers .*no attribute 'foo'"),
    ],
)
def test_a_directory_whose_configuration_makes_no_model_is_named(study, tmp_path, wrong, said):
    fields = scratch_config(layers=2, width=32, heads=2, feed_forward=64, vocabulary=500, positions=64)
    write_json(tmp_path / "config.json", {"model_type": "xlm-roberta", **fields, **wrong})
    with pytest.raises(ConfigError, match=rf"config\.json: .*{said}"):
        planned(study(models={"local": {"hub": str(tmp_path)}}))


def test_the_encoder_of_an_encoder_decoder_is_what_is_trained(study):
    plan = planned(study(models={"mt5": {"hub": "google/mt5-xxl"}}), hardware="8xh100")
    (stage,) = plan.stages
    assert stage.params_total == 12_921_057_280
    assert stage.memory.weights < 4 * stage.params_total / 2
    assert stage.note == "the encoder alone is fine-tuned"


def test_states_that_do_not_fit_are_marked(study):
    model = {"bloom": {"hub": "bigscience/bloom"}}
    crowded = planned(study(models=model, train={"precision": "bf16"}), hardware="8xh100")
    assert [s.fits for s in crowded.stages] == [False]
    assert "! does not fit" in shown(crowded)
    train = {"precision": "bf16", "zero_stage": 3}
    few = {"batch_tokens": 1024}  # so that training takes more than prediction
    roomy = planned(study(models=model, train=train, evaluation=few), hardware="64xh100")
    assert [s.fits for s in roomy.stages] == [True]
    memory = roomy.stages[0].memory
    states = memory.weights + memory.gradients + memory.optimizer
    assert states == 18 * -(-176_247_271_424 // 64)  # gradients are added up in fp32


def test_a_base_of_few_bits_is_not_told_to_be_shared_out(study):
    """``lora.bits`` refuses stage 3."""
    model = {"llama": {"hub": "meta-llama/Llama-3.1-70B", "lora": {"rank": 4, "bits": 8}}}
    train = {"precision": "bf16", "zero_stage": 2}
    text = " ".join(shown(planned(study(models=model, train=train), hardware="rtx4090")).split())
    assert "no stage shards a base of 8 bits: leave lora.bits out and set train.zero_stage" in text
    whole = {"bloom": {"hub": "bigscience/bloom"}}
    text = " ".join(shown(planned(study(models=whole, train=train), hardware="8xh100")).split())
    assert "more devices alone do not help: set train.zero_stage to auto" in text


def test_a_larger_model_takes_longer_and_a_faster_machine_shorter(study):
    params = study(**FULL)
    cpu = planned(params)
    finetune = {s.model: s.hours for s in cpu.stages if s.stage.endswith("direct_en-toy_nli")}
    assert finetune["nano"] < finetune["micro"]
    faster = replace(cpu.hardware, step_seconds=0, utilisation=0.9)
    assert planned(params, hardware=faster).totals.hours < cpu.totals.hours


def test_the_first_device_predicts_alone_in_fp32_and_each_evaluates_all_dev_rows(study):
    """Those of a network that is split share the rows."""

    def hours(train, devices, *, test_rows=10, dev_rows=8):
        rows = {"train_rows": 100, "dev_rows": dev_rows, "test_rows": test_rows}
        base = {"xlmr": {"hub": "FacebookAI/xlm-roberta-base"}}
        params = study(models=base, tasks={"toy_nli": rows}, train=train)
        machine = replace(get_hardware(f"{devices}xh100"), call_seconds=0)
        (stage,) = planned(params, hardware=machine).stages
        return stage.hours

    half, many = {"precision": "bf16"}, 10_000_000
    shared = {"precision": "bf16", "zero_stage": 3, "split": True}
    for kind, slower in (("test_rows", 989 / 67), ("dev_rows", 1)):
        took = {n: hours(half, n, **{kind: many}) - hours(half, n) for n in (1, 8)}
        assert took[8] == pytest.approx(took[1], rel=1e-6)
        split = hours(shared, 8, **{kind: many}) - hours(shared, 8)
        assert split == pytest.approx(took[1] / 8, rel=1e-6)
        in_fp32 = hours({"precision": "fp32"}, 1, **{kind: many}) - hours({"precision": "fp32"}, 1)
        assert in_fp32 / took[1] == pytest.approx(989 / 67 / slower, rel=1e-6)


def test_pairs_left_out_and_assumptions_are_shown(study):
    text = shown(planned(study(**FULL)))
    assert "no evaluation data in 'sw'" in text
    assert "50% of its task's max_length (assumed)" in text
    assert "toy_english has no test data in sw" in text
    assert "toy_retrieval has no test data in en" in text
    assert "estimate" in text
    assert "finetune@nano-direct_en-toy_retrieval *" in text
    assert "* trains nothing" in text


def test_the_plan_is_json(study):
    plan = planned(study(**FULL))
    again = json.loads(json.dumps(to_json(plan)))
    assert len(again["stages"]) == len(plan.stages)
    assert again["totals"]["cells"] == plan.totals.cells
    assert again["hardware"]["name"] == "cpu"


def test_unknown_hardware_is_told(study):
    with pytest.raises(ConfigError, match="did you mean 'h100'"):
        planned(study(), hardware="h10")


def test_planning_imports_neither_torch_nor_rich():
    code = (
        "import sys, xlgap.planning\n"
        "print(*{'torch', 'transformers', 'numpy', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_adapters_are_planned_by_their_layers_and_kept_alone(study):
    size = {"layers": 2, "width": 16, "heads": 2, "feed_forward": 32}
    models = {
        "whole": size,
        "all": {**size, "lora": {"rank": 1}},
        "some": {**size, "lora": {"rank": 1, "modules": ["query", "value"]}},
        "few": {**size, "lora": {"rank": 1, "bits": 8}},
    }
    few_tokens = {"batch_tokens": 64}  # so that training takes more than prediction
    params = study(**{**FULL, "models": models}, evaluation=few_tokens)
    plan = planned(params)
    stages = by_stage(plan)
    layer = 4 * (16 + 16) + 2 * (16 + 32)
    counts = {"all": 2 * layer, "some": 2 * 2 * (16 + 16), "few": 2 * layer}
    seeds = len(params.study.seeds)
    for model, count in counts.items():
        cell = stages[f"finetune@{model}-direct_en-toy_nli"]
        assert cell.memory.gradients == 4 * count
        assert cell.disk_bytes == seeds * 4 * count
        assert cell.flops < stages["finetune@whole-direct_en-toy_nli"].flops
        rung = stages[f"pretrain@{model}"]  # pretrained as one without adapters
        assert rung.memory == stages["pretrain@whole"].memory
        assert (rung.disk_bytes, rung.flops) == (
            stages["pretrain@whole"].disk_bytes, stages["pretrain@whole"].flops,
        )  # fmt: skip
    assert (
        stages["finetune@few-direct_en-toy_nli"].memory.weights
        < stages["finetune@all-direct_en-toy_nli"].memory.weights
    )
    few = {"m": {"hub": "FacebookAI/xlm-roberta-base", "lora": {"rank": 3, "bits": 8}}}
    assert "3, 8 bit" in shown(planned(study(**{**FULL, "models": few})))
    told = {s["stage"]: s for s in to_json(plan)["stages"]}
    assert told["finetune@few-direct_en-toy_nli"]["choice"]["base_bits"] == 8
    models["some"]["lora"]["modules"] = ["qury"]
    said = (
        r"key 'models.some.lora.modules': the model has no linear layer 'qury'; did you mean .*'query'"
    )
    with pytest.raises(ConfigError, match=said):
        planned(study(**{**FULL, "models": models}))


def test_scratch_of_adapters_is_a_small_part(study):
    scratch = [
        planned(study(**{**FULL, "models": {"m": {"hub": "FacebookAI/xlm-roberta-base", **lora}}}))
        for lora in ({}, {"lora": {"rank": 4}})
    ]
    whole, adapters = (plan.totals.scratch_bytes for plan in scratch)
    assert 0 < adapters < whole / 100


def test_a_checkpoint_without_a_pinned_commit_is_planned(study):
    models = {"m": {"hub": "bigscience/bloom-1b7"}, "n": {"hub": "google/rembert"}}
    plan = planned(study(**{**FULL, "models": models}))
    assert {stage.params_total for stage in plan.stages} == {1_722_408_960, 574_592_128}
    assert all(stage.hours > 0 for stage in plan.stages if stage.training.steps)
