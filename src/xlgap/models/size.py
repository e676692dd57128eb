"""Exact sizes of models: counted on the meta device, from a configuration, without weights.

``non-embedding`` is the total minus token, output, position and type embeddings, tied tables counted
once, as in the published tables that this project compares with.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xlgap.errors import ConfigError, XlgapError

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig

    from xlgap.models.catalogue import Checkpoint

_POSITION_TABLES = {"position_embeddings", "embed_positions", "wpe"}
_TYPE_TABLES = {"token_type_embeddings"}


@dataclass(frozen=True, kw_only=True)
class Size:
    """Parameters and architecture figures of one model.

    Attributes:
        total: parameters, each counted once.
        trainable: those with a gradient.
        input_embedding: token table.
        output_embedding: output matrix beyond the token table: 0 where tied or absent.
        tied: whether the output matrix is the token table; ``None`` where there is no output matrix.
        position_embedding: learned tables of absolute positions and token types.
        nonembedding: ``total`` minus the three above.
        per_component: parameters by module path, numbered parts folded
            (``encoder.layer``); the values add up to ``total``.
        layers: blocks, encoder plus decoder.
        d_model, d_ff, heads, vocabulary: widths, and rows of the token table.
        positions: longest sequence in sub-words; ``None`` where positions are relative or ALiBi.

    The figures after ``per_component`` are ``None`` for a module without a transformers configuration.
    """

    total: int
    trainable: int
    input_embedding: int
    output_embedding: int
    tied: bool | None
    position_embedding: int
    nonembedding: int
    per_component: Mapping[str, int]
    layers: int | None
    d_model: int | None
    d_ff: int | None
    heads: int | None
    vocabulary: int | None
    positions: int | None


def size_of(
    model: torch.nn.Module | PretrainedConfig, *, architecture: str | None = None, tied: bool = True
) -> Size:
    """The size of a module, or of the model that a configuration describes.

    Args:
        model: any module (heads around a backbone included), or a configuration, which is built on the
            meta device: no weights, no memory, no network.
        architecture: transformers class to build from a configuration; its bare model when ``None``.
        tied: ``False`` counts an output matrix of its own although transformers would tie it (mT5).

    Raises:
        ConfigError: transformers has no such class.
    """
    from torch import nn

    module = model if isinstance(model, nn.Module) else _on_meta(model, architecture, tied=tied)
    named = dict(module.named_parameters())  # torch lists a shared parameter once
    backbone = _backbone(module)
    config = None if backbone is None else backbone.config
    table = None if backbone is None else backbone.get_input_embeddings().weight
    output = None if backbone is None else _output_matrix(backbone)
    extra_tables = _tables(module, _POSITION_TABLES | _TYPE_TABLES)

    total = sum(map(_count, named.values()))
    input_embedding = 0 if table is None else _count(table)
    output_embedding = 0 if output is None or output is table else _count(output)
    position_embedding = sum(_count(t.weight) for t in extra_tables)
    return Size(
        total=total,
        trainable=sum(_count(p) for p in named.values() if p.requires_grad),
        input_embedding=input_embedding,
        output_embedding=output_embedding,
        tied=None if output is None else output is table,
        position_embedding=position_embedding,
        nonembedding=total - input_embedding - output_embedding - position_embedding,
        per_component=_components(named),
        layers=None if config is None else _layers(config),
        d_model=_figure(config, "hidden_size", "d_model"),
        d_ff=_feed_forward(config),
        heads=_figure(config, "num_attention_heads", "num_heads"),
        vocabulary=None if table is None else _shape(table)[0],
        positions=_positions(module, config),
    )


def size_of_checkpoint(checkpoint: Checkpoint) -> Size:
    """The size of a checkpoint of the catalogue, from its stored configuration."""
    from transformers import AutoConfig

    config = AutoConfig.for_model(checkpoint.model_type, **checkpoint.config)
    return size_of(config, architecture=checkpoint.architecture, tied=checkpoint.tied is not False)


def size_of_fields(fields: Mapping[str, Any]) -> Size:
    """The size of the bare model that the mapping of a ``config.json`` describes.

    Raises:
        ConfigError: transformers does not know its ``model_type``, or makes no model of it.
    """
    from transformers import AutoConfig

    kind = fields.get("model_type")
    try:
        config = AutoConfig.for_model(**fields)
    except Exception as error:  # as many kinds as a configuration's class has ways to look at values
        raise ConfigError(
            f"a configuration of model_type {kind!r} cannot be read by transformers{_reason(error)}; "
            "give the config.json of a model that it supports."
        ) from error
    with making(fields):
        return size_of(config)


@contextmanager
def making(fields: Mapping[str, Any]) -> Iterator[None]:
    """In the block a model is made of the mapping of a ``config.json``, and looked at.

    Raises:
        ConfigError: that failed, whatever the model's own code says to its figures.
    """
    try:
        yield
    except XlgapError:
        raise
    except Exception as error:
        raise ConfigError(
            f"transformers makes no model of a configuration of model_type {fields.get('model_type')!r}"
            f"{_reason(error)}; give the config.json of a model of text as it was published."
        ) from error


def _reason(error: Exception) -> str:
    """In brackets, the last line of what it says; empty where that is of a ``model_type`` alone."""
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not said or "model_type" in said[-1] or "model identifier" in said[-1]:
        return ""
    name = type(error).__name__
    return f" ({said[-1] if len(said) > 1 else f'{name}: {said[-1]}'})"


def without_pooler(model_class: type) -> dict[str, bool]:
    """The argument that keeps ``model_class`` from adding a pooler, where it has one.

    No task uses it, it is in no published count, and a masked language model's checkpoint has none, so
    that it would be drawn at random.
    """
    has = "add_pooling_layer" in inspect.signature(model_class).parameters
    return {"add_pooling_layer": False} if has else {}


def _on_meta(config: PretrainedConfig, architecture: str | None, *, tied: bool) -> Any:
    """The model of ``config`` on the meta device, without a pooler."""
    import torch
    import transformers
    from transformers import AutoModel

    model_class = AutoModel._model_mapping[type(config)]
    if architecture is not None:
        model_class = getattr(transformers, architecture, None)
    if model_class is None:
        raise ConfigError(
            f"transformers {transformers.__version__} has no model class {architecture!r}; "
            f"name the class that reads a configuration of type {config.model_type!r}."
        )
    with torch.device("meta"):
        model = model_class(config, **without_pooler(model_class))
        if not tied:
            rows, width = model.get_input_embeddings().weight.shape
            model.set_output_embeddings(torch.nn.Linear(width, rows, bias=False))
    return model


def _count(parameter: torch.nn.Parameter) -> int:
    """How many weights it has; one of 4 bits has two in a number, one that is shared out all of it."""
    held = getattr(parameter, "quant_state", None)
    return math.prod(_shape(parameter) if held is None else held.shape)


def _shape(parameter: torch.Tensor) -> tuple[int, ...]:
    """As :func:`xlgap.models.shares.shape_of`, which needs torch."""
    return tuple(getattr(parameter, "ds_shape", parameter.shape))


def _backbone(module: torch.nn.Module) -> Any | None:
    """The outermost part of ``module`` that is a transformers model, ``None`` where none is."""
    from transformers import PreTrainedModel

    return next((m for m in module.modules() if isinstance(m, PreTrainedModel)), None)


def _output_matrix(backbone: Any) -> torch.nn.Parameter | None:
    output = backbone.get_output_embeddings()
    return None if output is None else output.weight


def _tables(module: torch.nn.Module, names: set[str]) -> list[Any]:
    """The embedding modules whose own name is one of ``names``, each once."""
    from torch import nn

    return [
        m
        for name, m in module.named_modules()
        if isinstance(m, nn.Embedding) and name.rpartition(".")[2] in names
    ]


def _components(named: Mapping[str, torch.nn.Parameter]) -> dict[str, int]:
    """Parameters by module path up to its first number."""
    counts: dict[str, int] = {}
    for name, parameter in named.items():
        parts = name.split(".")
        number = next((i for i, part in enumerate(parts) if part.isdigit()), len(parts) - 1)
        path = ".".join(parts[: max(number, 1)])
        counts[path] = counts.get(path, 0) + _count(parameter)
    return counts


def _figure(config: Any, *names: str) -> int | None:
    """The first of the named figures that ``config`` has."""
    return next((int(getattr(config, n)) for n in names if getattr(config, n, None)), None)


def _layers(config: Any) -> int | None:
    layers = _figure(config, "num_hidden_layers", "num_layers")
    decoder = _figure(config, "num_decoder_layers") if config.is_encoder_decoder else None
    return layers if layers is None or decoder is None else layers + decoder


def _feed_forward(config: Any) -> int | None:
    if config is None:
        return None
    named = _figure(config, "intermediate_size", "d_ff", "ffn_dim", "n_inner")
    return 4 * config.hidden_size if named is None and config.model_type == "bloom" else named


def _positions(module: torch.nn.Module, config: Any) -> int | None:
    """Usable positions: a table indexed from behind its padding row loses the rows up to it."""
    for table in _tables(module, _POSITION_TABLES):
        rows: int = table.num_embeddings
        return rows if table.padding_idx is None else rows - table.padding_idx - 1
    return _figure(config, "max_position_embeddings")
