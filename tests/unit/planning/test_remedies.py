"""What is said to do where a training does not fit: it is so, and nothing else is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xlgap.models.catalogue import get_checkpoint
from xlgap.planning.hardware import get_hardware
from xlgap.planning.remedies import advice
from xlgap.planning.search import choose, least_devices
from xlgap.planning.shape import shape_of_checkpoint
from xlgap.planning.ways import Asked, Load

AUTO = Asked(
    precision="bf16", zero_stage="auto", offload_optimizer="auto", offload_parameters="auto",
    activation_checkpointing="auto", micro_tokens=32_768, halve=True, predicting_tokens=16_384,
)  # fmt: skip
NLI = Load(task="mnli", head="classify", outputs=3, rows=64, sequences=1, length=64, longest=128)
RANKING = replace(NLI, task="lareqa", head="rank", fixed=True)
XL, XXL, BLOOM = (
    shape_of_checkpoint(get_checkpoint(repo))
    for repo in ("facebook/xlm-roberta-xl", "facebook/xlm-roberta-xxl", "bigscience/bloom")
)
HELD = {"offload_optimizer": "none", "offload_parameters": "none"}
OF_4_BITS = replace(AUTO, lora=16, base_bits=4, predicting_tokens=512)


def said(shape, hardware, asked, *, load=NLI, **machine):
    here = shape, (load,), replace(get_hardware(hardware), **machine), asked
    choice = choose(*here)
    return choice, advice(*here, choice=choice, fewest=least_devices(*here))


def test_what_fits_needs_nothing():
    assert said(XL, "h100", AUTO)[1] == ""


def test_auto_is_not_told_to_raise_the_stage():
    """Of the stages that it tried on one card the least takes ZeRO 2."""
    choice, text = said(XXL, "rtx3090", replace(AUTO, **HELD))
    assert choice.zero_stage != 3
    assert text == "it would on 16 x rtx3090"


@pytest.mark.parametrize(
    ("shape", "hardware", "asked", "text"),
    [
        (XL, "rtx3090", replace(AUTO, **HELD),
         "it would on 4 x rtx3090; or set train.offload_optimizer and train.offload_parameters to "
         "auto"),
        (XXL, "rtx3090", replace(AUTO, split="off"),
         "more devices alone do not help: set train.split to auto on 2 x rtx3090, or take larger "
         "devices"),
        (XL, "rtx3090", replace(AUTO, zero_stage=0, **HELD),
         "more devices alone do not help: set train.zero_stage to auto and set train.offload_optimizer "
         "and train.offload_parameters to auto, or take larger devices"),
        (BLOOM, "h100", OF_4_BITS,
         "more devices alone do not help: no stage shards a base of 4 bits: leave lora.bits out on 2 x "
         "h100, or take larger devices"),
        (BLOOM, "h200", replace(OF_4_BITS, predicting_tokens=32_768),
         "more devices alone do not help: lower evaluation.batch_tokens, or take larger devices"),
        (BLOOM, "h200", replace(OF_4_BITS, base_bits=8),
         "more devices alone do not help: no stage shards a base of 8 bits: set lora.bits to 4, "
         "or take larger devices"),
    ],
)  # fmt: skip
def test_what_would_do_is_named_alone(shape, hardware, asked, text):
    assert said(shape, hardware, asked)[1] == text


def test_micro_batches_are_named_where_they_are_given():
    """With ``auto`` they are as short as a row already, but those of ranking."""
    crowded = replace(AUTO, micro_tokens=65_536, activation_checkpointing=False)
    short = "lower train.micro_batch_tokens"
    wide = replace(NLI, rows=512)
    assert short not in said(XL, "rtx3090", crowded, load=wide)[1]
    given = replace(crowded, halve=False, offload_optimizer="cpu", offload_parameters="cpu")
    assert short in said(XL, "rtx3090", given, load=wide)[1]
    ranking = replace(RANKING, rows=512)
    assert short in said(XL, "rtx3090", crowded, load=ranking)[1]


def test_a_node_that_lacks_memory_or_disk_is_told_so():
    """Not that training takes too much of a device."""
    onto_host = replace(AUTO, zero_stage=3, offload_optimizer="cpu", offload_parameters="none")
    choice, text = said(XL, "h100", onto_host, host_bytes=2**35, nvme_bytes=0)
    assert choice.over == ("host",)
    assert "train.zero_stage" not in text
    assert text.startswith("it would on ")
    onto_disk = replace(AUTO, offload_optimizer="nvme", offload_parameters="none")
    choice, text = said(XXL, "cpu", onto_disk, nvme_bytes=2**30, memory_bytes=2**40, host_bytes=2**40)
    assert choice.over == ("disk",)
    named = "set train.offload_optimizer and train.offload_parameters to auto"
    assert text == f"it would on 128 x cpu; or {named}"


def test_a_plain_cpu_is_not_told_to_offload():
    """``auto`` leaves states where they are there, and the preset has no disk."""
    _, text = said(XL, "cpu", replace(AUTO, zero_stage=0))
    assert text == "more devices alone do not help: take larger devices"
