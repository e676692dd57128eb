"""All ways to train give the same losses and weights (fp32).

ZeRO 0 to 3, offload, 1, 2 and 4 processes, packed and padded, accumulated or not, activations kept or
computed again.
"""

import pytest
from ranks import found_by
from safetensors.numpy import load_file

from xlgap.planning.memory import checkpoint_bytes

EQUAL = {
    1: [
        *("1", "2", "3", "1+offload", "2+offload", "3+offload+parameters"),
        *("0+whole", "3+whole", "0+split", "2+split", "0+padded", "3+padded"),
        *("0+recompute", "1+padded+recompute", "3+split+recompute"),
    ],
    2: [
        *("0", "1", "2", "3", "1+offload", "3+offload+parameters"),
        *("0+split", "2+split+recompute", "3+split+padded+recompute"),
    ],
    4: ["0", "1+split", "2+whole+padded", "3+offload+parameters+split+recompute"],
}
"""By processes, what gives the losses of ZeRO 0 in one process."""
DROPPED = ["0+dropout", "0+dropout+recompute", "3+dropout+recompute"]
OTHERS = {
    1: [
        *("0", "1+bf16", *DROPPED),
        *(f"{stage}+checkpoint{flag}" for stage in (0, 1, 3) for flag in ("", "+bf16")),
    ],
    2: [DROPPED[0], DROPPED[2]],
    4: [],
}
LOSS, WEIGHTS = 1e-6, 1e-6
"""How far losses, which are about 1, and, relative, the sum of weights may be apart; terms of a step
that are summed in another order move a loss by 1e-7."""


def train(folder, processes, ways):
    """Losses and what else is known of each way to train, all in one launch."""
    out = folder / "losses.json"
    return found_by("zero_losses.py", out, folder / "scratch", *ways, ranks=processes)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """By processes and way."""
    return {
        processes: train(tmp_path_factory.mktemp(f"ranks{processes}"), processes, ways + more)
        for (processes, ways), more in zip(EQUAL.items(), OTHERS.values(), strict=True)
    }


@pytest.fixture(scope="module")
def plain(found):
    return found[1]["0"]


# Measured by tests/programs/zero_losses.py: whoever moves them raises train.version.
GOLDEN = [1.1054, 1.0974, 0.9984, 0.9389, 0.8687, 0.7442, 0.6383, 0.5877]


@pytest.mark.e2e
def test_losses_are_those_of_this_version(plain):
    assert plain["losses"] == pytest.approx(GOLDEN, abs=2e-4)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("processes", "way"), [(processes, way) for processes, ways in EQUAL.items() for way in ways]
)
def test_losses_equal_those_of_stage_0(plain, found, processes, way):
    these = found[processes][way]
    assert these["losses"] == pytest.approx(plain["losses"], abs=LOSS)
    assert these["weights"] == pytest.approx(plain["weights"], rel=WEIGHTS)
    assert these["losses"][-1] < these["losses"][0]
    if "split" in way:
        assert min(these["micro_batches"]) > 1
    if "whole" in way:
        assert set(these["micro_batches"]) == {1}


@pytest.mark.e2e
@pytest.mark.parametrize("processes", [1, 2])
def test_activations_computed_again_have_the_same_dropout(plain, found, processes):
    kept, *again = (found[processes][way]["losses"] for way in DROPPED if way in found[processes])
    assert again
    for losses in again:
        assert losses == pytest.approx(kept, abs=LOSS)
    assert kept != pytest.approx(plain["losses"], abs=1e-3)


@pytest.mark.e2e
def test_bf16_stays_near_fp32(plain, found):
    losses = found[1]["1+bf16"]["losses"]
    assert losses == pytest.approx(plain["losses"], abs=0.05)
    assert losses != plain["losses"]


@pytest.mark.e2e
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("stage", [0, 1, 3])
def test_a_checkpoint_is_as_large_as_planned(found, stage, precision):
    these = found[1][f"{stage}+checkpoint" + "+bf16" * (precision == "bf16")]
    planned = checkpoint_bytes(these["parameters"], precision, stage)
    of_file_format = 3.5 * these["parameters"]  # less than a copy of the weights in fp32
    assert planned <= these["checkpoint_bytes"] <= planned + of_file_format


@pytest.mark.e2e
def test_pretraining_under_stage_3_gives_the_weights_of_stage_0(study):
    file = study.folder / "models" / "pretrained" / "one" / "model.safetensors"
    plain = load_file(file)
    params = study.params
    params["train"]["zero_stage"] = 3
    study.write_params(params)
    file.unlink()
    study.xlgap("pretrain", "one")
    again = load_file(file)
    assert again.keys() == plain.keys()
    for name, tensor in plain.items():
        if not name.endswith("key.bias"):  # has no gradient but rounding, which Adam blows up
            assert again[name] == pytest.approx(tensor, abs=1e-4), name
