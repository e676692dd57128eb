"""The keys and values of a study: checked, and told in one sentence where they are wrong."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from xlgap.config import HubModel, ScratchModel, check
from xlgap.errors import ConfigError


def broken(raw: dict, path: str, value: object) -> dict:
    """The study ``raw`` with ``value`` at the dotted ``path``; ``...`` removes the key."""
    *parents, last = path.split(".")
    place = raw
    for part in parents:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return raw


def sentence(raw: dict) -> str:
    with pytest.raises(ConfigError) as caught:
        check(raw, Path("params.yaml"))
    text = str(caught.value)
    assert text.startswith("params.yaml: ")
    assert "\n" not in text
    return text.removeprefix("params.yaml: ")


def test_a_valid_study_is_frozen_values(study):
    params = study()
    assert params.models["nano"] == ScratchModel(layers=2, width=32, heads=2, feed_forward=64)
    assert params.study.seeds == (1, 2)
    assert params.all_tasks == ("toy_nli", "toy_order")
    assert params.task("toy_order").train_rows == 64
    with pytest.raises(ValueError, match="frozen"):
        params.study.name = "other"


def test_a_model_with_hub_is_a_checkpoint(study):
    params = study(models={"xlmr": {"hub": "FacebookAI/xlm-roberta-base"}})
    assert isinstance(params.models["xlmr"], HubModel)


@pytest.mark.parametrize(
    "later", [{"finetune_scale": 3}, {"retrieval_layer": 2}, {"lora": {}}], ids=str
)
def test_pretraining_reads_nothing_that_comes_after_it(study, later):
    size = {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}
    plain = study(models={"nano": size}).models["nano"]
    scaled = study(models={"nano": {**size, **later}}).models["nano"]
    assert scaled != plain
    assert scaled.pretraining == plain.pretraining == {**size, "dropout": 0.0, "pretrained": True}
    for key, value in {"layers": 3, "dropout": 0.1, "learning_rate": 0.1, "pretrained": False}.items():
        other = study(models={"nano": {**size, key: value}}).models["nano"]
        assert other.pretraining == {**plain.pretraining, key: value}


@pytest.mark.parametrize("revision", ["main", "abc123", "E" * 40, ""])
def test_a_commit_is_given_in_full(raw_study, revision):
    said = sentence(raw_study(models={"x": {"hub": "a/b", "revision": revision}}))
    assert said.startswith("key 'models.x.revision': must be a full commit hash")
    assert said.endswith(f"got {revision!r}.")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("modles", "unknown key 'modles'; did you mean 'models'?"),
        ("train.zero_stag", "unknown key 'train.zero_stag'; did you mean 'zero_stage'?"),
        ("models.nano.widht", "unknown key 'models.nano.widht'; did you mean 'width'?"),
        ("arms.direct_en.langauge", "unknown key 'arms.direct_en.langauge'; did you mean 'language'?"),
        ("tasks.toy_nli.epoch", "unknown key 'tasks.toy_nli.epoch'; did you mean 'epochs'?"),
        ("intermediate.toy_order.rows", "unknown key 'intermediate.toy_order.rows'; did you mean"),
        ("evaluation.xyz", "unknown key 'evaluation.xyz'; allowed: batch_tokens"),
    ],
)
def test_an_unknown_key_is_named_with_near_matches(raw_study, path, said):
    assert sentence(broken(raw_study(), path, 1)).startswith(said)


def test_adapters_are_of_every_linear_layer_or_of_those_named(study):
    size = {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}

    def lora(**given):
        return study(models={"nano": {**size, "lora": given}}).models["nano"].lora

    assert study(models={"nano": size}).models["nano"].lora is None
    assert lora() == lora(rank=16, alpha=32, dropout=0, modules="default")
    assert lora().modules is None
    assert lora(modules=["query", "value"]).modules == ("query", "value")


@pytest.mark.parametrize("kind", [{"hub": "FacebookAI/xlm-roberta-base"}, {"layers": 1}], ids=str)
@pytest.mark.parametrize(
    ("lora", "said"),
    [
        ({"rnak": 8}, "unknown key 'models.m.lora.rnak'; did you mean 'rank'?"),
        ({"rank": 0}, "key 'models.m.lora.rank': must be greater than 0; got 0."),
        ({"dropout": 1}, "key 'models.m.lora.dropout': must be less than 1; got 1."),
        ({"modules": "query"}, "key 'models.m.lora.modules': must be 'default', for every linear"),
        ({"modules": []}, "key 'models.m.lora.modules': must have at least 1 entry; got []."),
        ({"quantise": "4bit"}, "unknown key 'models.m.lora.quantise'; allowed: alpha, bits,"),
        ({"bits": 16}, "key 'models.m.lora.bits': must be 8 or 4; got 16."),
        ({"bits": True}, "key 'models.m.lora.bits': must be a number, not yes or no"),
        (16, "key 'models.m.lora': must be a mapping of keys; got 16."),
    ],
)
def test_wrong_adapters_name_key_allowed_and_got(raw_study, kind, lora, said):
    size = {} if "hub" in kind else {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}
    model = {**kind, **size, "lora": lora}
    assert sentence(raw_study(models={"m": model})).startswith(said)


def test_weights_of_few_bits_are_not_shared_out(raw_study):
    model = {"hub": "FacebookAI/xlm-roberta-base", "lora": {"bits": 4}}
    said = sentence(raw_study(models={"m": model}, train={"zero_stage": 3}))
    assert said.startswith("key 'models.m.lora.bits': weights of 8 or 4 bits cannot be shared out")
    assert "take 0, 1, 2 or auto" in said
    for stage in (0, 1, 2, "auto"):
        found = check(raw_study(models={"m": model}, train={"zero_stage": stage}), Path("p"))
        assert found.models["m"].lora.bits == 4


def test_a_network_is_split_in_stage_3_alone_and_not_of_few_bits(raw_study):
    assert check(raw_study(train={"zero_stage": 3, "split": True}), Path("p")).train.split == "on"
    assert check(raw_study(), Path("p")).train.split == "auto"
    said = sentence(raw_study(train={"zero_stage": 2, "split": True}))
    assert said.startswith("key 'train.split': needs 'zero_stage' 3 or auto, which is 2")
    model = {"hub": "FacebookAI/xlm-roberta-base", "lora": {"bits": 4}}
    said = sentence(raw_study(models={"m": model}, train={"zero_stage": "auto", "split": True}))
    assert "cannot be shared out over processes, as 'train.split' asks; take off or auto" in said


def test_a_mistyped_key_is_told_before_the_one_it_leaves_missing(raw_study):
    raw = raw_study()
    raw["models"]["nano"]["widht"] = raw["models"]["nano"].pop("width")
    assert sentence(raw) == "unknown key 'models.nano.widht'; did you mean 'width'?"


def test_a_checkpoint_is_told_of_the_keys_of_checkpoints(raw_study):
    raw = raw_study(models={"xlmr": {"hub": "a/b", "revison": "abc"}})
    assert sentence(raw) == "unknown key 'models.xlmr.revison'; did you mean 'revision'?"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("train.evaluations", 10**12, "key 'train.evaluations': must be at most 10000; got"),
        ("train.zero_stage", 7, "key 'train.zero_stage': must be 0, 1, 2, 3 or 'auto'; got 7."),
        ("train.zero_stage", True, "key 'train.zero_stage': must be a number, not yes or no"),
        ("train.threads", 10**5, "key 'train.threads': must be at most 1024; got 100000."),
        ("study.source", "labs", "key 'study.source': must be 'lab', 'release' or 'hub'; got 'labs'."),
        ("models.nano.layers", 0, "key 'models.nano.layers': must be greater than 0; got 0."),
        ("models.nano.layers", "two", "key 'models.nano.layers': must be a whole number; got 'two'."),
        ("models.nano.layers", True, "key 'models.nano.layers': must be a number, not yes or no"),
        ("models.nano.retrieval_layer", 3, "key 'models.nano.retrieval_layer': must not pass the"),
        ("models.nano.retrieval_layer", 0, "key 'models.nano.retrieval_layer': must be"),
        ("models.nano.finetune_scale", 0, "key 'models.nano.finetune_scale': must be greater than 0"),
        (
            "models.nano.finetune_scale",
            {"mnli": "big"},
            "key 'models.nano.finetune_scale.mnli': must be a number; got 'big'.",
        ),
        ("models.nano.finetune_scale", True, "key 'models.nano.finetune_scale': must be a number, not"),
        ("models.nano.layers", 2.5, "key 'models.nano.layers': must be a whole number; got 2.5."),
        ("models.nano.heads", 5, "key 'models.nano.heads': must divide the width, 32; got 5."),
        ("pretrain.mask_fraction", 0, "key 'pretrain.mask_fraction': must be greater than 0; got 0."),
        ("pretrain.mask_fraction", 1, "key 'pretrain.mask_fraction': must be less than 1; got 1."),
        ("models.nano.dropout", 1, "key 'models.nano.dropout': must be less than 1; got 1."),
        ("analysis.resamples", 1, "key 'analysis.resamples': must be "),
        ("models.nano", 3, "key 'models.nano': must be a mapping of keys; got 3."),
        ("models.nano", {"hub": 5}, "key 'models.nano.hub': must be text; got 5."),
        ("models.nano", {"hub": ""}, "key 'models.nano.hub': must not be empty; got ''."),
        ("models.nano.pretrained", "maybe", "key 'models.nano.pretrained': must be true or false; got"),
        ("models", {}, "key 'models': must have at least 1 entry; got {}."),
        ("models", None, "key 'models': must be a mapping of keys; got None."),
        ("train", None, "key 'train': must be a mapping of keys; got None."),
        ("models", {"a" * 65: {"hub": "a/b"}}, "key 'models.aaa"),
        ("study.name", "a" * 300, "key 'study.name': a name may have at most 64 letters; got 'aaa"),
        ("study.seeds", [], "key 'study.seeds': must have at least 1 entry; got []."),
        ("study.seeds", [1, -1], "key 'study.seeds.1': must be at least 0; got -1."),
        ("study.seeds", [2**32], "key 'study.seeds.0': must be at most 4294967295; got 4294967296."),
        ("study.seeds", [10**300], "key 'study.seeds.0': must be at most 4294967295; got 1000000"),
        ("pretrain.seed", 2**64, "key 'pretrain.seed': must be at most 4294967295; got 184"),
        ("analysis.seed", 2**64, "key 'analysis.seed': must be at most 4294967295; got 184"),
        ("pretrain.tokens", 0, "key 'pretrain.tokens': must be greater than 0; got 0."),
        ("pretrain.sequence_length", 65, "key 'pretrain.sequence_length': must not pass 'positions'"),
        ("study.seeds", 3, "key 'study.seeds': must be a list; got 3."),
        ("pretrain.learning_rate", 2, "key 'pretrain.learning_rate': must be at most 1; got 2."),
        ("tasks.toy_nli.epochs", float("inf"), "key 'tasks.toy_nli.epochs': must be a finite number"),
        ("models", {"My Model": {"hub": "a/b"}}, "key 'models.My Model': a name may hold only a-z"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_key_allowed_and_got(raw_study, path, value, said):
    assert sentence(broken(raw_study(), path, value)).startswith(said)


@pytest.mark.parametrize(
    ("path", "value", "twice"),
    [
        ("languages.evaluation", ["en", "de", "en"], "'en'"),
        ("languages.pretraining", ["de", "de"], "'de'"),
        ("study.seeds", [1, 2, 1], "1"),
        ("arms.direct_en.intermediate", ["toy_order", "toy_order"], "'toy_order'"),
    ],
)
def test_what_stands_twice_is_refused(raw_study, path, value, twice):
    said = sentence(broken(raw_study(), path, value))
    assert said == (
        f"key '{path}': may hold each entry once, but {twice} stands there more than once; "
        f"got {value!r}."
    )


@pytest.mark.parametrize(
    ("train", "said"),
    [
        (
            {"offload_optimizer": True},
            "'train.offload_optimizer': needs 'zero_stage' 1 or 2 or 3, which is 0",
        ),
        (
            {"offload_parameters": True, "zero_stage": 2},
            "'train.offload_parameters': needs 'zero_stage' 3, which is 2",
        ),
        (
            {"offload_optimizer": "nvme"},
            "'train.offload_optimizer': 'nvme' needs 'zero_stage' 3, which is 0",
        ),
        (
            {"offload_parameters": "nvme", "zero_stage": 1},
            "'train.offload_parameters': 'nvme' needs 'zero_stage' 3, which is 1",
        ),
    ],
)
def test_offloading_needs_its_stage(raw_study, train, said):
    assert sentence(raw_study(train=train)).startswith(f"key {said}; raise it or leave the offload out")


def test_stages_that_offload_may(study):
    assert study(train={"zero_stage": 1, "offload_optimizer": True}).train.offload_optimizer
    both = {"zero_stage": 3, "offload_optimizer": True, "offload_parameters": True}
    assert study(train=both).train.offload_parameters


def test_booleans_of_offloads_keep_their_meaning(study):
    none, host = (
        study(
            train={"zero_stage": 3, "offload_optimizer": flag, "activation_checkpointing": flag}
        ).train
        for flag in (False, True)
    )
    assert (none.offload_optimizer, none.activation_checkpointing) == ("none", "off")
    assert (host.offload_optimizer, host.activation_checkpointing) == ("cpu", "on")
    assert not none.chosen
    assert not study().train.chosen


def test_what_is_not_given_is_chosen_with_the_stage(study):
    train = study(train={"zero_stage": "auto", "offload_optimizer": False}).train
    assert train.offload_optimizer == "none"
    assert (train.offload_parameters, train.activation_checkpointing) == ("auto", "auto")
    assert train.chosen
    alone = study(train={"zero_stage": 2, "activation_checkpointing": "auto"}).train
    assert (alone.offload_parameters, alone.chosen) == ("none", True)


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ({"zero_stage": "Auto"}, "key 'train.zero_stage': must be 0, 1, 2, 3 or 'auto'; got 'Auto'."),
        (
            {"offload_optimizer": "disk"},
            "key 'train.offload_optimizer': must be 'none', 'cpu', 'nvme' or 'auto'; got 'disk'.",
        ),
        (
            {"zero_stage": 2, "offload_optimizer": "nvme"},
            "key 'train.offload_optimizer': 'nvme' needs 'zero_stage' 3, which is 2",
        ),
        (
            {"activation_checkpointing": 1},
            "key 'train.activation_checkpointing': must be 'on', 'off' or 'auto'; got 1.",
        ),
    ],
)
def test_ways_to_train_are_told(raw_study, train, said):
    assert sentence(raw_study(train=train)).startswith(said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"languages": {"evaluation": ["en"]}}, "key 'languages.pretraining': got none, but a model"),
        (
            {"study": {"name": "x", "source": "hub", "seeds": [1]}},
            "key 'study.source': 'hub' has no pretraining text, but",
        ),
    ],
)
def test_a_model_from_scratch_needs_text(raw_study, study, changes, said):
    assert sentence(raw_study(**changes)).startswith(said)
    assert study(**changes, models={"xlmr": {"hub": "a/b"}})


def test_the_lab_has_no_parallel_lines_to_read(raw_study, study):
    pretrain = {**raw_study()["pretrain"], "parallel_lines": 5}
    assert sentence(raw_study(pretrain=pretrain)).startswith("key 'pretrain.parallel_lines': must be 0")
    released = {"name": "x", "source": "release", "seeds": [1]}
    assert study(pretrain=pretrain, study=released).pretrain.parallel_lines == 5


ODD = (
    None, True, -1, 0, 2.5, "x", "", "a" * 300, 10**30, "9" * 5000, math.nan, [], [1], [False],
    {}, {1: 2}, {"x": None}, {False: {}}, date(2020, 1, 1), b"x",
)  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_no_value_anywhere_shows_what_checks_it(raw_study, value):
    full = raw_study(train={"zero_stage": 0, "keep": "all", "offload_optimizer": False})
    full["models"]["hub"] = {"hub": "a/b", "revision": None}
    full["arms"]["direct_en"] |= {"language": None, "intermediate": []}
    full["evaluation"] = {"pooling": "mean", "centred": False, "batch_tokens": 1}
    full["analysis"] = {"confidence": 0.9}
    for path in places(full):
        raw = broken(copy.deepcopy(full), path, value)
        try:
            check(raw, Path("params.yaml"))
        except ConfigError as error:
            text = str(error)
            assert "\n" not in text
            assert len(text) < 400
            assert not re.search("[Ii]nput should|valid|Tuple|pydantic|items?\\b", text), text


def places(raw: dict, before: str = "") -> Iterator[str]:
    """The dotted paths of everything in a mapping."""
    for key, value in raw.items():
        yield before + key
        if isinstance(value, dict):
            yield from places(value, f"{before}{key}.")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("pretrain", "key 'pretrain' is missing; its section takes: study, "),
        ("intermediate", "key 'intermediate' is missing; its section takes: study, "),
        ("study.seeds", "key 'study.seeds' is missing; its section takes: name, source, seeds."),
        ("models.nano.heads", "key 'models.nano.heads' is missing; its section takes: layers, "),
        ("arms.direct_en.regime", "key 'arms.direct_en.regime' is missing"),
    ],
)
def test_a_missing_key_is_named(raw_study, path, said):
    assert sentence(broken(raw_study(), path, ...)).startswith(said)


def test_the_checked_mapping_is_not_changed(raw_study):
    raw = raw_study()
    before = copy.deepcopy(raw)
    check(raw, Path("params.yaml"))
    assert raw == before
