"""The linear layers of every family, as its modules have them, and what adapters beside them take."""

from __future__ import annotations

from typing import Any

import pytest
from families import CONFIGS, make

from xlgap.adapter_params import LoraParams
from xlgap.errors import ConfigError
from xlgap.models.adapters import adapter_parameters as counted
from xlgap.models.adapters import add_adapters
from xlgap.models.meta import encoder_fields, linear_shapes
from xlgap.models.size import size_of
from xlgap.planning.shape import Shape, shape_of_fields


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
