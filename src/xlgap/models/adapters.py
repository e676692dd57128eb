"""Low-rank adapters (LoRA) beside the frozen linear layers of an encoder; peft makes them.

An adapted network has frozen parameters, and no other has: what is kept of it, sent between phases and
loaded again are the weights that training moves, the adapters and the head.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from xlgap.adapter_params import LoraParams
from xlgap.errors import ConfigError, DataError, suggestion
from xlgap.formats import atomic_dir, read_json, write_json
from xlgap.models.aliases import Encoder, State
from xlgap.models.checkpoint_files import Tensors
from xlgap.models.dropout import use_cheap_dropout
from xlgap.models.network import load_state, save_state
from xlgap.models.shares import shape_of
from xlgap.models.stored import copy_tensors

ADAPTERS = "adapters.safetensors"
_SHAPE = "adapters.json"
_INSIDE = (".lora_A.", ".lora_B.")  # parts of the names of their weights


def is_adapted(module: nn.Module) -> bool:
    """Whether ``module`` has adapters."""
    return any(_of_adapter(name) for name, _ in module.named_parameters())


def adapter_parameters(module: nn.Module) -> int:
    """How many parameters the adapters of ``module`` have."""
    return sum(math.prod(shape_of(p)) for name, p in module.named_parameters() if _of_adapter(name))


def _of_adapter(name: str) -> bool:
    return any(part in name for part in _INSIDE)


def own_dropouts(module: nn.Module) -> list[tuple[nn.Module, str, float]]:
    """Where dropout has a share that is not an adapter's: a module, its attribute's name, the share.

    Dropout layers have it, and in many families modules that call torch's function with a number of
    their own, such as ``attention_dropout``.
    """
    found: list[tuple[nn.Module, str, float]] = []
    for path, layer in module.named_modules():
        if isinstance(layer, nn.Dropout):
            found += [(layer, "p", layer.p)] if ".lora_dropout." not in path else []
        else:
            found += [
                (layer, name, float(share))
                for name, share in vars(layer).items()
                if name.endswith("dropout") and type(share) in (int, float)
            ]
    return found


def add_adapters(encoder: Encoder, lora: LoraParams, *, seed: int) -> None:
    """Put adapters beside linear layers of ``encoder`` and freeze all else; its states stay the same.

    Raises:
        ConfigError: it has no linear layer of a name that ``lora`` gives.
    """
    from peft import LoraConfig, inject_adapter_in_model

    linear = {
        name.rpartition(".")[2] for name, m in encoder.named_modules() if isinstance(m, nn.Linear)
    }
    for name in lora.modules or ():
        if name not in linear:
            raise ConfigError(
                f"key 'lora.modules': {type(encoder).__name__} has no linear layer '{name}'; "
                f"{suggestion(name, linear)}"
            )
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.modules or linear),
        bias="none",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, encoder)
    use_cheap_dropout(encoder)


def trained_names(module: nn.Module) -> frozenset[str] | None:
    """The names of the weights that training moves; ``None`` where nothing is frozen."""
    named = dict(module.named_parameters())
    moved = frozenset(name for name, p in named.items() if p.requires_grad)
    return None if len(moved) == len(named) else moved


def saved_names(module: nn.Module) -> frozenset[str] | None:
    """The names of the state that a checkpoint of a training holds; ``None`` where that is all of it.

    Frozen weights are read again from where they came from; buffers stand beside what is trained.
    """
    moved = trained_names(module)
    if moved is None:
        return None
    return moved | {name for name, _ in module.named_buffers() if name in module.state_dict()}


def kept_state(module: nn.Module) -> State:
    """The weights that are kept of ``module``, on the CPU: all, or those that training moves."""
    moved = trained_names(module)
    state: Mapping[str, Tensor] = module.state_dict()
    return {name: tensor.cpu() for name, tensor in state.items() if moved is None or name in moved}


def load_kept(module: nn.Module, state: State, where: str) -> None:
    """Put the weights of :func:`kept_state` into an equal module.

    Raises:
        DataError: they are of another one, told of as ``where``.
    """
    moved = trained_names(module)
    if moved is not None and state.keys() != moved:
        other = sorted(state.keys() ^ moved)
        raise DataError(
            f"{where}: {len(other)} weights are not those of this model's adapters and head, "
            f"{other[0]} among them; remove them and run the stage again."
        )
    module.load_state_dict(state, strict=moved is None)


def save_adapters(
    encoder: Encoder,
    path: Path,
    facts: Mapping[str, Any],
    *,
    lora: LoraParams,
    stored: Tensors | None = None,
) -> None:
    """Write adapters alone (safetensors), their shape and ``facts.json`` into directory ``path``.

    Of an encoder that is split they are copied from ``stored``.
    """
    with atomic_dir(path) as temporary:
        if stored is None:
            save_state(kept_state(encoder), temporary / ADAPTERS)
        else:
            copy_tensors(stored, temporary / ADAPTERS)
        write_json(temporary / _SHAPE, lora.told)
        write_json(temporary / "facts.json", dict(facts))


def adapter_shape(path: Path) -> LoraParams:
    """Of the adapters in directory ``path``."""
    return LoraParams(**read_json(path / _SHAPE, {}))


def load_adapters(encoder: Encoder, path: Path) -> Encoder:
    """``encoder`` with the adapters that :func:`save_adapters` wrote into ``path``.

    Raises:
        DataError: they are damaged, or of another model.
    """
    add_adapters(encoder, adapter_shape(path), seed=0)
    load_kept(encoder, load_state(path / ADAPTERS), str(path / ADAPTERS))
    return encoder
