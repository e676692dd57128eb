"""The DeepSpeed engine: process group, initialisation, gathering of full weights.

A silent fallback is an error: :func:`start_engine` checks that DeepSpeed steps the optimizer, in the
stage that was asked for, and that states lie where they were to be offloaded to.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from xlgap.errors import TrainingError
from xlgap.models.adapters import trained_names
from xlgap.models.checkpoint_files import Tensors
from xlgap.models.shares import Told, partition
from xlgap.models.shares import gathered as gathered_weights
from xlgap.training.deepspeed_import import import_deepspeed
from xlgap.training.zero import Place, ZeroPlan, deepspeed_config

T = TypeVar("T")

_NO_MEMORY = (
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "could not create a primitive",  # oneDNN's word for it
    "CUDA error: out of memory",  # of what torch's allocator does not manage
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "'out of memory'",  # NCCL's
)
WAIT = timedelta(days=7)  # of a rank for another: the first one predicts, and waits for locks, alone


def device() -> Literal["cpu", "cuda"]:
    """Where this process trains."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_name() -> str | None:
    """What CUDA calls the device; None where this process trains on the CPU."""
    return torch.cuda.get_device_name() if device() == "cuda" else None


def device_memory() -> int:
    """Bytes of this process's GPU."""
    return int(torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory)


def device_peak() -> int | None:
    """Bytes of tensors that this process's GPU held at the most; None without one."""
    return torch.cuda.max_memory_allocated() if device() == "cuda" else None


def node_size() -> int:
    """Processes that the launcher started on this node; 1 without a launcher."""
    return int(os.environ.get("LOCAL_WORLD_SIZE") or "1") if launched() else 1


@dataclass(frozen=True, kw_only=True)
class Accelerators:
    """What this installation of torch can train on besides the CPU.

    Attributes:
        built_for: ``CUDA 13.0``; None for a build without.
        devices: names with bytes of memory.
    """

    built_for: str | None
    devices: tuple[tuple[str, int], ...]


def accelerators() -> Accelerators:
    """The devices that torch sees, and what it is built for."""
    there = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    known = [torch.cuda.get_device_properties(number) for number in there]
    return Accelerators(
        built_for=f"CUDA {torch.version.cuda}" if torch.version.cuda else None,
        devices=tuple((str(device.name), int(device.total_memory)) for device in known),
    )


def cpu_threads() -> int:
    """How many threads of a CPU this process computes with."""
    return torch.get_num_threads()


def cpu_capability() -> str:
    """The vector instructions that torch computes with on this CPU, such as ``AVX512``."""
    return torch.backends.cpu.get_cpu_capability()


def rank() -> int:
    """Rank of this process, that of the launcher outside of a process group; 0 without a launcher."""
    if dist.is_initialized():
        return dist.get_rank()
    return int(os.environ["RANK"]) if launched() else 0


def world_size() -> int:
    """Processes that train together; 1 before any process group exists."""
    return dist.get_world_size() if dist.is_initialized() else 1


def launched() -> bool:
    """Whether a launcher has started several processes."""
    return int(os.environ.get("WORLD_SIZE") or "1") > 1


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Draw random numbers of torch in the block from ``seed``, and leave the generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def out_of_memory(error: BaseException) -> bool:
    """Whether memory has run out; on a CPU, and in CUDA's libraries, torch says so in words only."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in str(error) for words in _NO_MEMORY)


def release_memory() -> None:
    """Give back what an engine that is gone has held, as far as the allocators let go of it."""
    gc.collect()  # an engine and its network hold each other
    if device() == "cuda":
        torch.cuda.empty_cache()
    else:
        with contextlib.suppress(AttributeError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)


def seed_draws(seed: int) -> None:
    """Draw random numbers on this process's device from ``seed`` on.

    ``torch.manual_seed`` also queues the seed, with a stack trace, for each kind of device that is not
    there: 1 ms a step, and memory that grows with the steps.
    """
    torch.default_generator.manual_seed(seed)
    if device() == "cuda":
        torch.cuda.manual_seed(seed)


def barrier() -> None:
    """Wait until every rank has come here."""
    if world_size() > 1:
        dist.barrier()


def agreed(flag: bool) -> bool:
    """Rank 0's ``flag``, on every rank: all wait for rank 0, which need not wait for them."""
    if world_size() == 1:
        return flag
    word = torch.tensor(float(flag), device=device())
    dist.broadcast(word, 0)
    return bool(word > 0)


def agreed_on(value: T) -> T:
    """Rank 0's ``value``, on every rank."""
    if world_size() == 1:
        return value
    held = [value]
    dist.broadcast_object_list(held, 0)
    return held[0]


def any_says(*flags: bool) -> list[bool]:
    """Whether any rank says so, of each flag: ranks must not take different ways.

    Processors tell each other, whatever their devices still compute.
    """
    if world_size() == 1:
        return list(flags)
    votes = torch.tensor(flags, dtype=torch.float32)
    dist.all_reduce(votes)
    return [vote > 0 for vote in votes.tolist()]


def gathered(mine: T) -> list[T]:
    """What each rank has, in their order, on all of them."""
    if world_size() == 1:
        return [mine]
    found: list[Any] = [None] * world_size()
    dist.all_gather_object(found, mine)
    return found


@contextmanager
def process_group(*, threads: int) -> Iterator[None]:
    """A process group for DeepSpeed: that of the launcher, or one of this process alone.

    Ends with a barrier, so that no rank leaves while another still talks to it.

    Raises:
        TrainingError: this node has fewer CUDA devices than processes.
    """
    torch.set_num_threads(threads)
    import_deepspeed()
    if dist.is_initialized():
        yield
        return
    backend = "cpu:gloo,cuda:nccl" if device() == "cuda" else "gloo"
    if launched():
        if device() == "cuda":
            torch.cuda.set_device(_own_device(torch.cuda.device_count()))
        dist.init_process_group(backend, timeout=WAIT)
    else:
        os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", LOCAL_SIZE="1")
        store = dist.TCPStore(  # type: ignore[attr-defined]
            "127.0.0.1", 0, 1, is_master=True
        )
        dist.init_process_group(backend, store=store, rank=0, world_size=1, timeout=WAIT)
    import deepspeed

    own = "nccl" if device() == "cuda" else "gloo"
    deepspeed.init_distributed(own, dist_init_required=False, verbose=False)
    try:
        yield
        dist.barrier()
    finally:
        dist.destroy_process_group()


def _own_device(there: int) -> int:
    """The number of this rank's device among the ``there`` ones that it sees.

    Raises:
        TrainingError: a launcher has started more processes on this node.
    """
    number = int(os.environ["LOCAL_RANK"])
    if number >= there:
        started = os.environ.get("LOCAL_WORLD_SIZE") or os.environ.get("LOCAL_SIZE") or number + 1
        raise TrainingError(
            f"{started} processes train on {socket.gethostname()}, which shows them {there} CUDA "
            "device(s), but each needs one of its own: ask for fewer (XLGAP_PROCESSES, or a hostfile's "
            "slots)."
        )
    return number


def start_engine(network: nn.Module, plan: ZeroPlan) -> Any:
    """``deepspeed.initialize`` with the configuration of ``plan``.

    Raises:
        TrainingError: DeepSpeed did not take over optimizer, stage or offload.
    """
    import deepspeed

    config = deepspeed_config(plan)
    engine, optimizer, _, _ = deepspeed.initialize(
        model=network,
        model_parameters=[p for p in network.parameters() if p.requires_grad],
        config=config,
    )
    stage = engine.zero_optimization_stage()
    if stage != plan.stage or engine.optimizer is None or optimizer is not engine.optimizer:
        raise TrainingError(
            f"DeepSpeed runs ZeRO stage {stage} with optimizer {type(optimizer).__name__}, "
            f"asked for was stage {plan.stage}; see its log for the reason."
        )
    wrapped = type(optimizer).__module__.startswith("deepspeed.")
    if plan.stage > 0 and not wrapped:
        raise TrainingError(
            f"ZeRO stage {plan.stage} was asked for, but the optimizer is a plain "
            f"{type(optimizer).__name__}: DeepSpeed fell back in silence."
        )
    told, found = (plan.offload_optimizer, plan.offload_parameters), _offloads(optimizer)
    if found != told:
        asked, there = (" and ".join(map(_lies, of, ("optimizer", "weights"))) for of in (told, found))
        raise TrainingError(
            f"asked for was {asked}, but under ZeRO stage {plan.stage} DeepSpeed has {there}: the "
            "optimizer is offloaded from 'train.zero_stage' 1, weights, and either to nvme, in 3; "
            "raise it or leave the offload out."
        )
    if plan.plain and world_size() == 1:
        engine.enable_backward_allreduce = False  # copies all gradients to average over one rank
    return engine


def _offloads(optimizer: Any) -> tuple[Place, Place]:
    """Where DeepSpeed's optimizer really has its states and the weights, if not on the device."""

    def has(name: str) -> bool:
        return bool(getattr(optimizer, name, False))

    states: Place = "nvme" if has("swap_optimizer") else has("offload_optimizer") or has("cpu_offload")
    weights: Place = "nvme" if has("params_in_nvme_and_cpu") else has("offload_param")
    return states, weights


def _lies(place: Place, what: str) -> str:
    where = "on disk" if place == "nvme" else "in the host's memory" if place else "on the device"
    return f"{what} {where}"


def share_out(module: nn.Module, weights: Tensors | None, plan: ZeroPlan, each: Told) -> None:
    """Cut the parameters of ``module`` into shares of all ranks, as ``plan`` has them.

    Args:
        module: of which parameters that are not in ``weights`` have their values.
        weights: by the names of its parameters, and of buffers.
        plan: of stage 3.
        each: told the name of a parameter before all share it out.
    """
    dtype = torch.float32 if plan.precision == "fp32" else torch.bfloat16
    config = deepspeed_config(plan)
    partition(module, weights, config=config, dtype=dtype, reads=rank() == 0, each=each)
    for name, buffer in module.named_buffers():
        if weights is not None and name in weights:
            buffer.copy_(weights.read(name))
    module.to(device())


def clip_gradients(engine: Any, plan: ZeroPlan) -> None:
    """Scale the gradients down to the norm ``plan.clip`` where DeepSpeed does not do it.

    Its own takes a norm a tensor and asks the ranks again; the gradients are the same on all of them.
    """
    if plan.plain:
        trained = [p for group in engine.optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(trained, plan.clip)


def set_rates(engine: Any, learning_rate: float, *, weight_decay: float) -> None:
    """Set what the optimizer's next step does to all parameter groups."""
    for group in engine.optimizer.param_groups:
        group["lr"], group["weight_decay"] = learning_rate, weight_decay


def end_engine(engine: Any, plan: ZeroPlan) -> None:
    """Let go of an engine; of one whose network is split also of all memory that it holds.

    Hooks of autograd, DeepSpeed's closures and its list of modules keep engine, optimizer and network
    alive for the rest of the process.
    """
    engine.destroy()
    if plan.split:
        optimizer = engine.optimizer
        _empty([vars(optimizer), dict(optimizer.optimizer.state)])
        _empty([vars(parameter).get("ds_tensor") for parameter in engine.module.parameters()])


def _empty(held: Any) -> None:
    """Free the memory of tensors, in lists and by keys."""
    if isinstance(held, Tensor):
        held.data = torch.empty(0, dtype=held.dtype, device=held.device)
        held.grad = None
    elif isinstance(held, dict):
        _empty(list(held.values()))
    elif isinstance(held, list | tuple):
        for one in held:
            _empty(one)


def full_state(module: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights that are kept, on the CPU in fp32, gathered from the ranks under ZeRO-3.

    All, or where some are frozen those that training moves: adapters and head.
    """
    state = {}
    for name, tensor in kept_tensors(module):
        with gathered_weights(tensor):
            state[name] = tensor.detach().to("cpu", torch.float32, copy=True)
    return state


def kept_tensors(module: nn.Module) -> list[tuple[str, Tensor]]:
    """The weights that are kept of ``module``, which under ZeRO-3 are shared out over the ranks."""
    persistent, moved = module.state_dict(keep_vars=True), trained_names(module)
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return [
        (name, tensor)
        for name, tensor in named.items()
        if name in persistent and (moved is None or name in moved)
    ]
