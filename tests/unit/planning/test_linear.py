"""The linear layers of every family, as its modules have them, and what adapters beside them take."""

from __future__ import annotations

from typing import Any

import pytest
from families import CONFIGS, make

from xlgap.adapter_params import LoraParams
from xlgap.errors import ConfigError
from xlgap.models.adapters import adapter_parameters as counted
from xlgap.models.adapters import add_adapters
from xlgap.models.catalogue import Checkpoint, catalogue
from xlgap.models.meta import encoder_fields, linear_shapes
from xlgap.models.size import size_of
from xlgap.planning.shape import Shape, shape_of_checkpoint, shape_of_fields


def shape(encoder: Any) -> Shape:
    return shape_of_fields(encoder_fields(encoder), parameters=size_of(encoder).total)


@pytest.mark.parametrize("family", CONFIGS)
def test_they_are_those_of_the_modules(family: str) -> None:
    encoder = make(family, 300)
    found: dict[tuple[str, int, int], int] = {}
    for of in shape(encoder).linear:
        key = (of.name, of.inputs, of.outputs)
        found[key] = found.get(key, 0) + of.count
    assert found == linear_shapes(encoder)
    assert shape(encoder).embedding == encoder.get_input_embeddings().weight.numel()


@pytest.mark.parametrize("family", CONFIGS)
def test_adapters_are_counted_exactly(family: str) -> None:
    planned = shape(make(family, 300))
    some = tuple(dict.fromkeys(of.name for of in planned.linear))[1:3]
    for modules in (None, some):
        encoder = make(family, 300)
        add_adapters(encoder, LoraParams(rank=3, modules=modules or "default"), seed=0)
        assert planned.adapters(3, modules) == counted(encoder) > 0


def test_a_layer_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"no linear layer 'q_prj'; did you mean .*'q_proj'"):
        shape(make("Llama", 300)).adapters(3, ("q_prj",))


@pytest.mark.parametrize("checkpoint", catalogue(), ids=lambda of: of.repo)
def test_a_catalogued_checkpoint_is_planned_by_its_fields_alone(checkpoint: Checkpoint) -> None:
    planned = shape_of_checkpoint(checkpoint)
    matrices = sum(of.weights for of in planned.linear)
    trained = checkpoint.trained_nonembedding
    assert 0.985 * trained < matrices <= trained  # the rest are norms, biases and positions
    assert trained + planned.embedding <= planned.parameters <= checkpoint.params_total
    assert planned.layers == checkpoint.layers
    assert planned.adapters(16) > 0
