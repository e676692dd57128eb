"""A step of every head on every family, on two processes under ZeRO-3 as on one without."""

import pytest
from families import CAUSAL, CONFIGS, KINDS, LINES
from ranks import WITH_FAMILIES, found_by

from xlgap.models.tokenizer import train_tokenizer

ADAPTED = ("XLM-R adapted", "mT5 adapted", "Qwen3 adapted")


def train(folder, stage, ranks):
    out = folder / f"stage{stage}.json"
    words = (folder / "scratch", stage, folder / "tokenizer.json")
    return found_by("family_losses.py", out, *words, ranks=ranks, PYTHONPATH=WITH_FAMILIES)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """By family what one process found, and two."""
    folder = tmp_path_factory.mktemp("families")
    train_tokenizer(LINES, folder / "tokenizer.json", vocabulary=90)
    alone, both = train(folder, "0", 1), train(folder, "3", 2)
    assert alone.keys() == both.keys() == {*CONFIGS, *ADAPTED}
    return {family: (alone[family], both[family]) for family in alone}


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("family", [*CONFIGS, *ADAPTED])
def test_two_processes_under_stage_3_train_what_one_does(found, family):
    one, two = found[family]
    heads = {name for name in KINDS if name not in ("retrieve", "mine")}
    masked = {"mlm"} - {"mlm" for name in (*CAUSAL, "RemBERT") if family.startswith(name)}
    assert set(two["losses"]) == {*heads, *masked, "again"}
    for head, loss in one["losses"].items():
        # of ranking, scores are a hundred times a cosine, and so is their rounding
        assert two["losses"][head] == pytest.approx(loss, rel=2e-5 if head == "rank" else 2e-6), head
    # a gradient that is nothing but rounding moves its weight by the learning rate, up or down
    assert two["kept"] == pytest.approx(one["kept"], rel=1e-4)
    assert two["losses"]["again"] != pytest.approx(two["losses"]["classify"], rel=1e-3)
    assert one["stayed"] == two["stayed"] == []


@pytest.mark.e2e
@pytest.mark.parametrize("family", ADAPTED)
def test_of_an_adapted_model_adapters_and_heads_are_kept_alone(found, family):
    for of in found[family]:
        assert of["of_base"] == 0
        assert of["others"] == ["lora_A", "lora_B"]
