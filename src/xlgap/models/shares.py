"""Parameters that are shared out over processes, as ZeRO-3 has them: cut, gathered, called.

Between trainings a network is called by gathering what a module needs while that is called; in training
DeepSpeed's own hooks do it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from xlgap.models.checkpoint_files import Tensors

Told = Callable[[str], None]
"""Told a name."""
ABSENT = "xlgap_absent"
"""Attribute of a parameter that has a shape alone."""


def is_partitioned(module: nn.Module) -> bool:
    """Whether parameters of ``module`` are shared out."""
    return any(hasattr(parameter, "ds_id") for parameter in module.parameters())


def shape_of(parameter: Tensor) -> tuple[int, ...]:
    """The shape of a parameter, shared out or not."""
    return tuple(getattr(parameter, "ds_shape", parameter.shape))


def partition(
    module: nn.Module,
    weights: Tensors | None,
    *,
    config: Mapping[str, Any],
    dtype: torch.dtype,
    reads: bool,
    each: Told,
) -> None:
    """Share out the parameters of ``module`` over all processes, one after another.

    Args:
        module: of which parameters that are not in ``weights`` have their values.
        weights: by the names of its parameters.
        config: of DeepSpeed.
        dtype: that they are held in.
        reads: whether this process reads them; that of rank 0 does.
        each: told the name of a parameter before it is read and shared out.
    """
    import deepspeed

    # what DeepSpeed computes on; where nothing is offloaded, shares stay there
    place = torch.device(deepspeed.accelerator.get_accelerator().current_device_name())
    share: Callable[..., None] | None = None
    for name, parameter in module.named_parameters():
        if hasattr(parameter, "ds_id"):
            continue
        each(name)
        stored = weights is not None and name in weights
        if not reads and (stored or hasattr(parameter, ABSENT)):
            value = torch.empty(parameter.shape, dtype=dtype, device=place)
        elif stored:
            assert weights is not None
            value = weights.read(name).to(place, dtype)
        else:
            assert not hasattr(parameter, ABSENT), name
            value = parameter.detach().to(place, dtype).contiguous()
        parameter.data = value
        del value
        if share is None:
            holder = nn.Module()
            holder.register_parameter("only", parameter)
            deepspeed.zero.Init(module=holder, config_dict_or_path=dict(config))
            any_parameter: Any = parameter
            share = any_parameter.convert_to_zero_parameters
        else:
            share(param_list=[parameter])


@contextmanager
def gathered(*parameters: Tensor) -> Iterator[None]:
    """A block in which parameters that are shared out are whole, on every process."""
    absent = [p for p in parameters if _is_shared_out(p)]
    if not absent:
        yield
        return
    import deepspeed

    with deepspeed.zero.GatheredParameters(absent, modifier_rank=None):
        yield


def _is_shared_out(parameter: Any) -> bool:
    return hasattr(parameter, "ds_id") and parameter.ds_status.name == "NOT_AVAILABLE"


class _Gathering(dict[str, Any]):
    """Parameters of a module, gathered for the innermost call under way when another one reads them."""

    def __init__(self, own: Mapping[str, Any], calls: list[ExitStack]) -> None:
        super().__init__(own)
        self._calls = calls

    def __getitem__(self, name: str) -> Any:
        parameter = super().__getitem__(name)
        if self._calls and parameter is not None and _is_shared_out(parameter):
            self._calls[-1].enter_context(gathered(parameter))
        return parameter


@contextmanager
def can_be_called(network: nn.Module) -> Iterator[None]:
    """A block in which ``network`` computes though its parameters are shared out.

    All processes call the same modules in the same order. It does nothing where the parameters are
    whole, or where DeepSpeed's engine gathers them.
    """
    modules: list[Any] = list(network.modules())
    cared_for = any(isinstance(m._parameters, _Gathering) or "pre_bwd_fn" in vars(m) for m in modules)
    if cared_for or not is_partitioned(network):
        yield
        return
    calls: list[ExitStack] = []

    def begin(module: nn.Module, *arguments: Any) -> None:
        call = ExitStack()
        calls.append(call)
        own = list(module._parameters.values())
        call.enter_context(gathered(*(p for p in own if p is not None)))

    def end(module: nn.Module, *arguments: Any) -> None:
        calls.pop().close()

    before = [module._parameters for module in modules]
    hooks = []
    try:
        for module in modules:
            module._parameters = _Gathering(module._parameters, calls)
            hooks += [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]
        yield
    finally:
        while calls:  # a call has failed
            calls.pop().close()
        for hook in hooks:
            hook.remove()
        for module, own in zip(modules, before, strict=True):
            module._parameters = own
