"""Encoders of checkpoints, from directories of the hub's layout."""

import pytest
import torch
from transformers import MT5Config, MT5ForConditionalGeneration, XLMRobertaConfig, XLMRobertaForMaskedLM

from xlgap.errors import DataError
from xlgap.models.network import hub_encoder

SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


def test_the_encoder_of_a_masked_language_model_has_no_drawn_weight(tmp_path):
    XLMRobertaForMaskedLM(XLMRobertaConfig(**SMALL, intermediate_size=16)).save_pretrained(tmp_path)
    once, again = (hub_encoder(str(tmp_path), None).state_dict() for _ in range(2))
    assert once.keys() == again.keys()
    assert not [name for name in once if "pooler" in name]
    assert all(torch.equal(once[name], again[name]) for name in once)


def test_the_encoder_of_a_model_with_a_decoder(tmp_path):
    sizes = {"vocab_size": 50, "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    MT5ForConditionalGeneration(MT5Config(**sizes)).save_pretrained(tmp_path)
    encoder = hub_encoder(str(tmp_path), None)
    assert not [name for name in encoder.state_dict() if "decoder" in name]


@pytest.mark.parametrize("pickled", [False, True])
def test_without_safetensors_it_says_what_to_name_instead(tmp_path, pickled):
    model = XLMRobertaForMaskedLM(XLMRobertaConfig(**SMALL, intermediate_size=16))
    model.config.save_pretrained(tmp_path)
    if pickled:
        torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(
        DataError, match=r"there is no model\.safetensors, .*; name a revision that has"
    ):
        hub_encoder(str(tmp_path), None)


def test_a_directory_without_configuration_repeats_why(tmp_path):
    with pytest.raises(DataError, match=r"the weights of .* cannot be loaded: .*config"):
        hub_encoder(str(tmp_path), None)
