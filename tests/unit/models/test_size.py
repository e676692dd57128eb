from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import BloomConfig, MT5Config, XLMRobertaConfig, XLMRobertaModel

from xlgap.errors import ConfigError
from xlgap.models.ladder import scratch_config
from xlgap.models.size import size_of, size_of_fields

TINY = scratch_config(layers=2, width=8, heads=2, feed_forward=16, vocabulary=50, positions=20)


class WithHead(nn.Module):
    def __init__(self, backbone: nn.Module):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(8, 3)


def test_module_and_config_agree():
    config = XLMRobertaConfig(**TINY)
    module = XLMRobertaModel(config, add_pooling_layer=False)
    assert size_of(module) == size_of(config)


def test_a_head_around_the_backbone_is_non_embedding():
    backbone = XLMRobertaModel(XLMRobertaConfig(**TINY), add_pooling_layer=False)
    bare, headed = size_of(backbone), size_of(WithHead(backbone))
    assert headed.nonembedding == bare.nonembedding + 8 * 3 + 3
    assert headed.input_embedding == bare.input_embedding == 50 * 8
    assert headed.per_component["head"] == 27
    assert (headed.layers, headed.positions) == (2, 20)


def test_shared_parameters_count_once():
    first = nn.Linear(4, 4, bias=False)
    second = nn.Linear(4, 4, bias=False)
    second.weight = first.weight
    size = size_of(nn.Sequential(first, second))
    assert size.total == size.nonembedding == 16
    assert size.layers is None
    assert size.tied is None


def test_frozen_parameters_are_not_trainable():
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    module[0].requires_grad_(False)
    assert (size_of(module).total, size_of(module).trainable) == (13, 4)


def test_tied_output_counts_once():
    config = BloomConfig(vocab_size=50, hidden_size=8, n_layer=2, n_head=2)
    tied = size_of(config, architecture="BloomForCausalLM")
    assert tied.tied is True
    assert tied.output_embedding == 0
    assert tied.total == size_of(config).total
    assert (tied.d_ff, tied.positions) == (32, None)


def test_untied_output_counts_beside_the_table():
    fields = {"vocab_size": 50, "d_model": 8, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    tied = size_of(MT5Config(**fields), architecture="MT5ForConditionalGeneration")
    free = size_of(MT5Config(**fields), architecture="MT5ForConditionalGeneration", tied=False)
    assert free.total == tied.total + 50 * 8
    assert free.nonembedding == tied.nonembedding
    assert (free.tied, tied.tied) == (False, True)


def test_counting_takes_no_memory():
    config = XLMRobertaConfig(**TINY)
    before = torch.get_default_device()
    size_of(config)
    assert torch.get_default_device() == before


def test_unknown_architecture():
    with pytest.raises(ConfigError, match="no model class 'XLMNobertaModel'"):
        size_of(XLMRobertaConfig(**TINY), architecture="XLMNobertaModel")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model_type": "xlm-roberta", "hidden_size": "abc"}, "'hidden_size' expected int, got str"),
        ({"model_type": "mt5", "d_model": None}, "'d_model' expected int, got NoneType"),
        ({"model_type": "xlm-roberta", "vocab_size": -5}, "makes no model of .* Padding_idx"),
        ({"model_type": "xlm-roberta", "hidden_size": 10, "num_attention_heads": 3}, "not a multiple"),
        ({"model_type": "bert", "hidden_act": "nope"}, "KeyError: 'nope'"),
        ({"model_type": "nothing"}, "model_type 'nothing' cannot be read by transformers; give"),
        ({"model_type": [1]}, "cannot be read by transformers"),
        ({}, "model_type None cannot be read"),
    ],
)
def test_a_configuration_that_makes_no_model_is_told(fields, said):
    with pytest.raises(ConfigError, match=said):
        size_of_fields(fields)
