"""Networks that no process holds whole: made from files, shared out as they are read.

Whether a network is one of them is :func:`~xlgap.stages.engine_plan.is_split`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable

from xlgap.adapter_params import LoraParams
from xlgap.errors import DataError
from xlgap.evaluation.share import ALONE, Share
from xlgap.models.adapters import is_adapted, trained_names
from xlgap.models.aliases import Encoder, Head, State
from xlgap.models.blueprint import Blueprint
from xlgap.models.checkpoint_files import TensorFile, Tensors
from xlgap.models.network import Network, state_of
from xlgap.stages.start import Start
from xlgap.training.engine import barrier, gathered, rank, share_out, world_size
from xlgap.training.keeping import Weights
from xlgap.training.watchdog import watched
from xlgap.training.zero import ZeroPlan


def split_network(
    start: Start,
    head: Callable[[Encoder], Head | None],
    plan: ZeroPlan,
    *,
    lora: LoraParams | None,
    seed: int,
    encoder_kept: Tensors | None = None,
    head_kept: Tensors | None = None,
    hang_seconds: float = 0.0,
) -> Network:
    """The network that a phase begins with, or that predicts; all ranks make it together.

    Args:
        start: of the encoder.
        head: makes it for the encoder.
        plan: how weights are held.
        lora: of the model.
        seed: of new adapters.
        encoder_kept: what training has left of the encoder; that of ``start`` when ``None``.
        head_kept: likewise of the head; as it was made when ``None``.
        hang_seconds: for one parameter, after which the process ends; 0 for any time.

    Raises:
        DataError: kept weights are not those of this network.
        TryAgainError: another process is gone.
    """
    assert start.blueprint is not None, "a network is split that has no files"
    blueprint = start.blueprint()
    if lora is not None and not is_adapted(blueprint.encoder):
        blueprint = blueprint.with_adapters(lora, seed=seed)
    if encoder_kept is not None:
        blueprint = _with(blueprint, encoder_kept)
    encoder, made = blueprint.encoder, None

    def each(name: str) -> None:
        watchdog.beat(f"sharing out the weights, {name}")

    with watched(hang_seconds) as watchdog:
        share_out(encoder, blueprint.weights, plan, each)
        made = head(encoder)
        if made is not None:
            if head_kept is not None:
                made.load_state_dict(values(head_kept))
            share_out(made, None, plan, each)
        barrier()
    return Network(encoder, made)


def _with(blueprint: Blueprint, kept: Tensors) -> Blueprint:
    moved = trained_names(blueprint.encoder)
    wanted = frozenset(blueprint.encoder.state_dict()) if moved is None else moved
    if other := sorted(kept.files.keys() ^ wanted):
        raise DataError(
            f"{kept.where}: {len(other)} weights are not those that training moves of this model, "
            f"{other[0]} among them; remove them and run the stage again."
        )
    return blueprint.over(kept)


def stored(file: TensorFile) -> Tensors:
    """The tensors of a file of weights."""
    return Tensors.of([file], str(file.path))


def values(tensors: Tensors) -> State:
    """All of them in memory: of something small."""
    return {name: tensors.read(name) for name in tensors.files}


def part_of(weights: Weights | None, prefix: str) -> State:
    """A small part of some weights, such as ``head.``, by the names that they have in it."""
    if isinstance(weights, TensorFile):
        return values(stored(weights).under(prefix))
    return state_of(weights or {}, prefix)


def shared(*, split: bool) -> Share:
    """Who predicts with a network: all ranks, where it is split."""
    return Share(rank=rank(), ranks=world_size(), gather=gathered) if split else ALONE
