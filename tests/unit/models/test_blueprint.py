"""Encoders without weights, and where checkpoints have these."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.e2e.families import CONFIGS
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM
from transformers import AutoModelForSeq2SeqLM as Seq2Seq

from xlgap.adapter_params import LoraParams
from xlgap.errors import DataError
from xlgap.models.adapters import add_adapters
from xlgap.models.blueprint import folder_blueprint, hub_blueprint, without_weights
from xlgap.models.network import hub_encoder, save_encoder
from xlgap.models.size import size_of

HEADED = {"mt5": Seq2Seq, "umt5": Seq2Seq, "bloom": AutoModelForCausalLM, "qwen3": AutoModelForCausalLM,
          "xlm-roberta": AutoModelForMaskedLM, "bert": AutoModelForMaskedLM,
          "gemma3_text": AutoModelForCausalLM}  # fmt: skip


def saved(family: str, folder: Path, *, headed: bool) -> str:
    kind, fields = CONFIGS[family]
    config = AutoConfig.for_model(kind, vocab_size=90, **fields)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model_class = HEADED.get(kind, AutoModel) if headed else AutoModel
        model_class.from_config(config).save_pretrained(folder / family)
    return str(folder / family)


@pytest.mark.parametrize("headed", [False, True], ids=["bare", "with a head"])
@pytest.mark.parametrize("family", CONFIGS)
def test_every_weight_is_where_transformers_finds_it(tmp_path: Path, family: str, headed: bool) -> None:
    place = saved(family, tmp_path, headed=headed)
    whole, blueprint = hub_encoder(place, None), hub_blueprint(place, None)
    named = dict(whole.named_parameters())
    assert blueprint.weights.files.keys() == named.keys()
    for name, parameter in named.items():
        assert torch.equal(blueprint.weights.read(name), parameter), name
    assert size_of(blueprint.encoder) == size_of(whole)
    for (name, mine), (_, theirs) in zip(
        blueprint.encoder.named_buffers(), whole.named_buffers(), strict=True
    ):
        assert torch.equal(mine, theirs), name


def test_older_names_of_norms_are_known(tmp_path: Path) -> None:
    place = saved("mBERT", tmp_path, headed=True)
    file = Path(place) / "model.safetensors"
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): w
        for name, w in load_file(file).items()
    }
    save_file(renamed, str(file), metadata={"format": "pt"})
    blueprint, whole = hub_blueprint(place, None), hub_encoder(place, None)
    for name, parameter in whole.named_parameters():
        assert torch.equal(blueprint.weights.read(name), parameter), name


def test_a_lacking_weight_and_another_shape_are_told(tmp_path: Path) -> None:
    place = Path(saved("BLOOM", tmp_path, headed=False))
    state = load_file(place / "model.safetensors")
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**config, "n_layer": 3}))
    with pytest.raises(DataError, match=r"h\.2\..* is missing and would be drawn at random"):
        hub_blueprint(str(place), None)
    (place / "config.json").write_text(json.dumps(config))
    state["ln_f.bias"] = torch.zeros(3)
    save_file(state, str(place / "model.safetensors"), metadata={"format": "pt"})
    with pytest.raises(DataError, match=r"ln_f\.bias has the shape \(3,\), but config.json asks for"):
        hub_blueprint(str(place), None)
    with pytest.raises(DataError, match=r"the weights of '.*nothing' cannot be loaded"):
        hub_blueprint(str(tmp_path / "nothing"), None)


def test_adapters_are_drawn_as_beside_weights(tmp_path: Path) -> None:
    place, lora = saved("Qwen3", tmp_path, headed=False), LoraParams(rank=2)
    whole = hub_encoder(place, None)
    add_adapters(whole, lora, seed=7)
    blueprint = hub_blueprint(place, None).with_adapters(lora, seed=7)
    named = dict(blueprint.encoder.named_parameters())
    for name, parameter in whole.named_parameters():
        assert named[name].requires_grad == parameter.requires_grad
        found = blueprint.weights.read(name) if name in blueprint.weights else named[name]
        assert torch.equal(found, parameter), name
    assert len(blueprint.weights.files) == sum(not p.requires_grad for p in whole.parameters())


def test_a_folder_of_our_own_is_read_by_its_names(tmp_path: Path) -> None:
    encoder = hub_encoder(saved("XLM-R", tmp_path, headed=False), None)
    save_encoder(encoder, tmp_path / "own", {})
    blueprint = folder_blueprint(tmp_path / "own")
    for name, parameter in encoder.named_parameters():
        assert torch.equal(blueprint.weights.read(name), parameter), name


def test_what_is_made_without_weights_takes_no_memory_for_them() -> None:
    def large() -> torch.nn.Module:
        return torch.nn.Sequential(*(torch.nn.Linear(40_000, 40_000, bias=False) for _ in range(8)))

    made = without_weights(large)  # 51 GB of them
    assert sum(p.numel() for p in made.parameters()) == 8 * 40_000**2
    assert all(p.untyped_storage().nbytes() == 4 for p in made.parameters())
