"""Ways that are given in part, tasks that are trained together, and what is said where none fits."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from xlgap.cell import grid
from xlgap.models.catalogue import get_checkpoint
from xlgap.planning import plan_study, render
from xlgap.planning.hardware import get_hardware
from xlgap.planning.search import _Search, _Way, choose
from xlgap.planning.shape import shape_of_checkpoint
from xlgap.planning.ways import Asked, Load

AUTO = Asked(
    precision="bf16", zero_stage="auto", offload_optimizer="auto", offload_parameters="auto",
    activation_checkpointing="auto", micro_tokens=32_768, halve=True, predicting_tokens=16_384,
)  # fmt: skip
NLI = Load(task="mnli", head="classify", outputs=3, rows=64, sequences=1, length=64, longest=128)
QA = replace(NLI, task="squad", head="span", outputs=2, length=192, longest=384)
PLACES = ("none", "cpu", "nvme")
BASE, XL, XXL, MT5, BLOOM = (
    shape_of_checkpoint(get_checkpoint(repo))
    for repo in (
        "FacebookAI/xlm-roberta-base", "facebook/xlm-roberta-xl", "facebook/xlm-roberta-xxl",
        "google/mt5-xl", "bigscience/bloom",
    )
)  # fmt: skip


@pytest.mark.parametrize(("optimizer", "weights"), list(itertools.product(PLACES, PLACES)))
@pytest.mark.parametrize("hardware", ["cpu", "h100", "rtx4090", "8xh100"])
def test_a_stage_is_chosen_that_does_what_is_given(optimizer, weights, hardware):
    asked = replace(AUTO, offload_optimizer=optimizer, offload_parameters=weights)
    choice = choose(XL, (NLI,), get_hardware(hardware), asked)
    assert (choice.offload_optimizer, choice.offload_parameters) == (optimizer, weights)
    least = 3 if weights != "none" or optimizer == "nvme" else 1 if optimizer == "cpu" else 0
    assert choice.zero_stage >= least


def test_tasks_that_are_trained_together_have_one_way_that_fits_all():
    """Of the way that takes most memory for one of them the other one has no room."""
    card = get_hardware("h100")
    alone = {load.task: choose(XXL, (load,), card, AUTO) for load in (NLI, QA)}
    both = choose(XXL, (NLI, QA), card, AUTO)
    assert both.fits
    given = replace(
        AUTO,
        zero_stage=both.zero_stage,
        offload_optimizer=both.offload_optimizer,
        offload_parameters=both.offload_parameters,
        activation_checkpointing=both.activation_checkpointing,
        micro_tokens=both.micro_tokens,
        halve=False,
    )
    each = [choose(XXL, (load,), card, given) for load in (NLI, QA)]
    assert all(choice.fits for choice in each)
    assert both.memory == max((choice.memory for choice in each), key=lambda of: of.total)
    assert both.seconds == pytest.approx(sum(choice.seconds for choice in each) / 2)
    assert min(choice.micro_tokens for choice in alone.values()) >= QA.longest
    assert both.task in alone


def of_brute_force(shape, loads, hardware, asked):
    """The least time of all ways and all micro-batches of whole longest rows."""
    search = _Search(shape, loads, hardware, asked)
    least = max(load.sequences * load.longest for load in loads)
    times = []
    for way in itertools.product((0, 1, 2, 3), PLACES, PLACES, (False, True)):
        if not _Way(*way).possible or (search.split and way[0] < 3):
            continue
        for size in range(least, asked.micro_tokens + 1, least):
            choice = search._choice(_Way(*way), size)
            if choice.fits:
                times.append(search.step_seconds(choice))
    return min(times), search


@pytest.mark.parametrize(
    ("shape", "loads", "hardware"),
    [
        (XL, (QA,), "h100"), (XL, (NLI,), "rtx4090"), (XXL, (NLI, QA), "h100"),
        (MT5, (QA,), "8xrtx4090"), (XXL, (QA,), "2x8xa100-40gb"),
        (BASE, (NLI, QA), "rtx4090"), (BLOOM, (QA,), "8xh200"),
    ],
)  # fmt: skip
def test_no_other_way_and_no_other_micro_batch_is_cheaper(shape, loads, hardware):
    machine, asked = get_hardware(hardware), replace(AUTO, micro_tokens=12_288)
    choice = choose(shape, loads, machine, asked)
    best, search = of_brute_force(shape, loads, machine, asked)
    assert choice.fits
    assert search.step_seconds(choice) <= best * (1 + 1e-9)


def test_what_predictions_take_is_said_with_what_lowers_it():
    """4 bits of BLOOM leave room on a H200, but a batch of 32,768 sub-words in fp32 does not."""
    adapted = replace(AUTO, lora=16, base_bits=4, predicting_tokens=32_768)
    card = get_hardware("h200")
    choice = choose(BLOOM, (NLI,), card, adapted)
    assert not choice.fits
    assert (choice.peak, choice.over) == ("predicting", ("predicting",))
    assert "GiB of a device's memory when it predicts where there are" in choice.lacking
    assert choose(BLOOM, (NLI,), card, replace(adapted, predicting_tokens=512)).fits


def test_what_the_network_alone_takes_is_said():
    card = get_hardware("rtx4090")
    whole = choose(XXL, (NLI,), card, AUTO)
    assert (whole.peak, whole.over) == ("predicting", ("network",))
    both = choose(XXL, (NLI,), card, replace(AUTO, zero_stage=2, offload_optimizer="none"))
    assert both.over == ("training", "network")
    poor = replace(card, host_bytes=2**34, nvme_bytes=2**30)
    assert choose(XL, (NLI,), poor, replace(AUTO, offload_optimizer="cpu")).over == ("host",)
    onto_disk = replace(AUTO, offload_optimizer="nvme")
    assert "disk" in choose(XL, (NLI,), poor, onto_disk).over


def test_the_tables_say_when_a_process_holds_most_and_what_lowers_it(toy_tasks, study):
    models = {"bloom": {"hub": "bigscience/bloom", "lora": {"rank": 16, "bits": 4}}}
    train = {"zero_stage": "auto", "precision": "bf16"}
    params = study(models=models, train=train, evaluation={"batch_tokens": 32_768})
    text = render(plan_study(params, grid(params), hardware="h200"), width=200)
    assert "│ bloom │ predicts │" in text
    assert "more devices alone do not help: lower evaluation.batch_tokens, or take larger" in text
    params = study(models=models, train=train, evaluation={"batch_tokens": 512})
    text = render(plan_study(params, grid(params), hardware="h200"), width=200)
    assert "│ bloom │ trains " in text
    assert "does not fit" not in text
