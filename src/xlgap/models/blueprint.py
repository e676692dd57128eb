"""An encoder that is made without memory for its weights, and where these are.

What reads them one by one and shares them out is :func:`xlgap.models.shares.partition`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from xlgap.adapter_params import LoraParams
from xlgap.checkout import model_place
from xlgap.errors import DataError
from xlgap.formats import read_json
from xlgap.models.adapters import add_adapters
from xlgap.models.aliases import Encoder
from xlgap.models.checkpoint_files import Tensors, folder_tensors, hub_tensors
from xlgap.models.network import _encoder
from xlgap.models.shares import ABSENT, shape_of


@dataclass(frozen=True)
class Blueprint:
    """An encoder without weights, and where they are.

    Attributes:
        encoder: its parameters have shapes alone.
        weights: by the names of its parameters.
    """

    encoder: Encoder
    weights: Tensors

    def over(self, weights: Tensors) -> Blueprint:
        """The same with some weights from elsewhere."""
        files = {**self.weights.files, **weights.files}
        return Blueprint(self.encoder, Tensors(files, weights.where))

    def with_adapters(self, lora: LoraParams, *, seed: int) -> Blueprint:
        """The same beside adapters that are drawn from ``seed``; its weights have other names then."""
        before = {id(parameter): name for name, parameter in self.encoder.named_parameters()}
        add_adapters(self.encoder, lora, seed=seed)
        files = {
            name: self.weights.files[before[id(parameter)]]
            for name, parameter in self.encoder.named_parameters()
            if id(parameter) in before
        }
        return Blueprint(self.encoder, Tensors(files, self.weights.where))


def hub_blueprint(repo: str, revision: str | None) -> Blueprint:
    """What :func:`~xlgap.models.network.hub_encoder` would load.

    Raises:
        DataError: the checkpoint cannot be had, has no safetensors, or lacks a weight.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(
            model_place(repo), revision=revision, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"the weights of '{repo}' cannot be loaded: {reason}") from error
    return _blueprint(config, hub_tensors(repo, revision))


def folder_blueprint(folder: Path) -> Blueprint:
    """What :func:`~xlgap.models.network.load_encoder` would load.

    Raises:
        DataError: no such directory, or weights that are damaged or missing.
    """
    from transformers import AutoConfig

    config = AutoConfig.for_model(**read_json(folder / "config.json"))
    return _blueprint(config, folder_tensors(folder))


def _blueprint(config: Any, found: Tensors) -> Blueprint:
    whole: list[nn.Module] = []

    def make(model_class: type[nn.Module], config: Any, **arguments: bool) -> nn.Module:
        whole.append(without_weights(lambda: model_class(config, **arguments)))
        return whole[0]

    encoder = _encoder(config, make)
    prefix = str(getattr(whole[0], "base_model_prefix", ""))
    tied: dict[str, str] = getattr(whole[0], "all_tied_weights_keys", {})
    known: dict[int, list[str]] = {}
    for name, parameter in whole[0].named_parameters(remove_duplicate=False):
        same = [name, tied[name]] if name in tied else [name]
        known.setdefault(id(parameter), []).extend(same)
    named = {
        name: _named(name, [name, *known[id(parameter)]], prefix, shape_of(parameter), found)
        for name, parameter in encoder.named_parameters()
    }
    return Blueprint(
        encoder, Tensors({name: found.files[of] for name, of in named.items()}, found.where)
    )


def _named(own: str, names: list[str], prefix: str, shape: tuple[int, ...], found: Tensors) -> str:
    """What a checkpoint calls a parameter: with its task's prefix or without, or by an older name.

    Raises:
        DataError: it does not have it, or of another shape.
    """
    for name in [*names[1:], own]:
        older = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        older = older.replace("LayerNorm.bias", "LayerNorm.beta")
        for candidate in (name, f"{prefix}.{name}", older, f"{prefix}.{older}"):
            if candidate in found:
                file, of = found.files[candidate]
                if file.shapes[of] != shape:
                    raise DataError(
                        f"{found.where}: {candidate} has the shape {file.shapes[of]}, but config.json "
                        f"asks for {shape}; name a checkpoint whose files belong together."
                    )
                return candidate
    raise DataError(
        f"{found.where}: {own} is missing and would be drawn at random; name a revision or a copy that "
        "has it."
    )


def without_weights(make: Callable[[], nn.Module]) -> nn.Module:
    """What ``make`` makes, with buffers, and parameters that take no memory."""
    from transformers.initialization import no_init_weights

    modules: Any = nn.Module
    register = modules.register_parameter

    def shapes_alone(module: nn.Module, name: str, param: nn.Parameter | None) -> None:
        register(module, name, param)
        if param is not None and not param.is_meta:
            shape = nn.Parameter(param.to("meta"), requires_grad=param.requires_grad)
            module._parameters[name] = shape

    modules.register_parameter = shapes_alone
    try:
        with no_init_weights(), torch.random.fork_rng(devices=[]):
            made = make()
    finally:
        modules.register_parameter = register
    places: dict[int, nn.Parameter] = {}
    for module in made.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                if id(parameter) not in places:
                    places[id(parameter)] = _placeholder(parameter)
                module._parameters[name] = places[id(parameter)]
    return made


def _placeholder(parameter: nn.Parameter) -> nn.Parameter:
    """One number that stands for all: on the CPU, where peft puts adapters beside it."""
    one = torch.zeros(1, dtype=parameter.dtype).expand(parameter.shape)
    place = nn.Parameter(one, requires_grad=parameter.requires_grad)
    setattr(place, ABSENT, True)
    return place
