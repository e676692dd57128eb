"""A mixture of five kinds of head and text: one result in every ZeRO stage and on two processes."""

import pytest
from ranks import found_by

pytestmark = pytest.mark.e2e

ALONE = ["0", "1", "3", "0+kill", "3+kill", "3+recompute", "1+bf16"]
BOTH = ["0", "1", "2", "3", "3+kill", "3+recompute"]


def train(folder, processes, ways):
    out = folder / "losses.json"
    return found_by("mixture_losses.py", out, folder / "scratch", *ways, ranks=processes)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """By processes and way."""
    return {
        1: train(tmp_path_factory.mktemp("alone"), 1, ALONE),
        2: train(tmp_path_factory.mktemp("both"), 2, BOTH),
    }


@pytest.mark.parametrize(
    ("processes", "way"),
    [(1, way) for way in ALONE[1:-1]] + [(2, way) for way in BOTH if way != "0"],
)
def test_losses_weights_and_dev_scores_are_those_of_stage_0(found, processes, way):
    plain, these = found[processes]["0"], found[processes][way]
    assert these["losses"] == pytest.approx(plain["losses"], abs=2e-5)
    assert these["heads"] == pytest.approx(plain["heads"], rel=1e-4)
    assert these["encoder"] == pytest.approx(plain["encoder"], rel=1e-5)
    assert these["dev"] == pytest.approx(plain["dev"], abs=1e-3)
    assert (these["order"], these["tokens"]) == (plain["order"], plain["tokens"])


def test_two_processes_do_the_steps_of_one(found):
    """Of ranking they do not: its loss is over what stands in one micro-batch of one rank."""
    alone, both = found[1]["0"], found[2]["0"]
    assert (alone["order"], alone["tokens"]) == (both["order"], both["tokens"])
    before = alone["order"].index(2)
    assert before >= 2
    assert alone["losses"][:before] == pytest.approx(both["losses"][:before], abs=2e-5)


def test_a_head_that_no_step_is_of_stays_but_for_weight_decay(found):
    facts = found[1]["0"]
    assert facts["mixed"]["classify"]["steps"] == 0
    assert sum(part["steps"] for part in facts["mixed"].values()) == len(facts["losses"]) == 12
    assert facts["mixed"]["mlm"]["steps"] == 4
    assert {key.split(".")[1] for key in facts["heads"]} == {
        "choose", "classify", "mlm", "rank", "span", "tag",
    }  # fmt: skip


def test_bf16_stays_near_fp32(found):
    assert found[1]["1+bf16"]["losses"] == pytest.approx(found[1]["0"]["losses"], rel=0.05)
