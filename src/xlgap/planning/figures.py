"""The figures of a study's models that a plan needs; in closed form or from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from xlgap.checkout import model_directory
from xlgap.config import Params, ScratchModel
from xlgap.errors import ConfigError
from xlgap.formats import read_json
from xlgap.models.catalogue import Checkpoint, find_checkpoint
from xlgap.models.ladder import embedding_params, nonembedding_params
from xlgap.planning.linear import Linear, adapter_parameters
from xlgap.planning.shape import Shape, scratch_shape, shape_of_checkpoint, shape_of_fields


@dataclass(frozen=True, kw_only=True)
class ModelFigures:
    """What training a model costs, as far as it is known.

    Attributes:
        name: in ``params.yaml``.
        params_total, params_nonembedding: of the model as published or built.
        trained_total, trained_nonembedding: of what is fine-tuned: the encoder of an encoder-decoder,
            otherwise all of it but an output matrix of its own. Task heads are left out: they have a
            few rows of ``d_model``.
        layers, d_model, vocabulary: of what is fine-tuned.
        shape: of what is fine-tuned.
        adapters: parameters of LoRA's, which are then trained in place of all weights.
        bits: of a weight of the frozen linear layers, where they are few.
        ladder: whether it is trained from scratch, and so has the study's tokenizer.
        note: why a figure is missing or differs, empty otherwise.

    A figure is ``None`` where it cannot be known before the model's configuration is there.
    """

    name: str
    params_total: int | None = None
    params_nonembedding: int | None = None
    trained_total: int | None = None
    trained_nonembedding: int | None = None
    layers: int | None = None
    d_model: int | None = None
    vocabulary: int | None = None
    shape: Shape | None = None
    adapters: int | None = None
    bits: int | None = None
    ladder: bool = False
    note: str = ""

    @property
    def kept_total(self) -> int | None:
        """Parameters that training moves, which are kept: adapters, or all."""
        return self.trained_total if self.adapters is None else self.adapters

    @property
    def whole(self) -> ModelFigures:
        """Those of the model as it is pretrained: without adapters."""
        return replace(self, adapters=None, bits=None)


def model_figures(name: str, params: Params) -> ModelFigures:
    """The figures of one of the study's models.

    Raises:
        ConfigError: adapters are asked for beside layers that it does not have.
    """
    found, lora = _figures(name, params), params.models[name].lora
    if lora is None:
        return found
    if found.shape is None:
        return replace(found, trained_total=None, trained_nonembedding=None)
    key = f"models.{name}.lora.modules"
    count = adapter_parameters(found.shape.linear, rank=lora.rank, modules=lora.modules, key=key)
    return replace(found, adapters=count, bits=lora.bits)


def _figures(name: str, params: Params) -> ModelFigures:
    model = params.models[name]
    if isinstance(model, ScratchModel):
        return _scratch(name, model, params)
    checkpoint = find_checkpoint(model.hub)
    if checkpoint is not None:
        return _from_catalogue(name, checkpoint)
    if (folder := model_directory(model.hub)) and (folder / "config.json").is_file():
        return _from_directory(name, folder)
    return ModelFigures(
        name=name, note=f"'{model.hub}' is not in the catalogue: its size is known once it is fetched"
    )


def _scratch(name: str, model: ScratchModel, params: Params) -> ModelFigures:
    vocabulary = params.pretrain.vocabulary
    nonembedding = nonembedding_params(
        layers=model.layers, width=model.width, heads=model.heads, feed_forward=model.feed_forward
    )
    tables = embedding_params(
        width=model.width, vocabulary=vocabulary, positions=params.pretrain.positions
    )
    return ModelFigures(
        name=name,
        params_total=nonembedding + tables,
        params_nonembedding=nonembedding,
        trained_total=nonembedding + tables,
        trained_nonembedding=nonembedding,
        layers=model.layers,
        d_model=model.width,
        vocabulary=vocabulary,
        ladder=True,
        shape=scratch_shape(
            layers=model.layers,
            width=model.width,
            heads=model.heads,
            feed_forward=model.feed_forward,
            vocabulary=vocabulary,
            positions=params.pretrain.positions,
            dropout=model.dropout,
        ),
    )


def _from_catalogue(name: str, checkpoint: Checkpoint) -> ModelFigures:
    return ModelFigures(
        name=name,
        params_total=checkpoint.params_total,
        params_nonembedding=checkpoint.params_nonembedding,
        trained_total=checkpoint.trained_total,
        trained_nonembedding=checkpoint.trained_nonembedding,
        layers=checkpoint.layers,
        d_model=checkpoint.d_model,
        vocabulary=checkpoint.vocabulary,
        shape=shape_of_checkpoint(checkpoint),
        note="the encoder alone is fine-tuned" if checkpoint.decoder_layers else "",
    )


def _from_directory(name: str, folder: Path) -> ModelFigures:
    """Counted on the meta device from the directory's ``config.json``; this imports torch.

    Raises:
        ConfigError: transformers makes no model of it.
    """
    from xlgap.models.meta import encoder_fields, encoder_on_meta, linear_shapes
    from xlgap.models.size import making, size_of, size_of_fields

    path = folder / "config.json"
    fields = read_json(path, {})
    try:
        whole = size_of_fields(fields)
        with making(fields):
            encoder = encoder_on_meta(fields)
            size = size_of(encoder)
            linear = tuple(Linear(*of, count) for of, count in linear_shapes(encoder).items())
            shape = shape_of_fields(encoder_fields(encoder), parameters=size.total, linear=linear)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return ModelFigures(
        name=name,
        params_total=whole.total,
        params_nonembedding=whole.nonembedding,
        trained_total=size.total,
        trained_nonembedding=size.nonembedding,
        layers=size.layers,
        d_model=size.d_model,
        vocabulary=size.vocabulary,
        shape=shape,
        note="" if size.total == whole.total else "of it the part that reads text is fine-tuned",
    )
