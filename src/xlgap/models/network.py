"""An encoder with the heads that tasks need, as one module for the DeepSpeed engine.

Shape letters: B sequences, L sub-words, D width.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from xlgap.adapter_params import Bits
from xlgap.checkout import model_place
from xlgap.errors import DataError, ResultError, TrainingError
from xlgap.formats import atomic_dir, read_json, write_json
from xlgap.models.aliases import Batch, Encoder, State
from xlgap.models.causal import is_causal
from xlgap.models.dropout import use_cheap_dropout
from xlgap.models.heads import MLM, Heads, head_loss, masked_head
from xlgap.models.packed import RUNS, make_packable, packed_inputs, packs, unpacked
from xlgap.models.quantised import mark_quantised, quantisation
from xlgap.models.rank import RankHead
from xlgap.models.reads import make_shortenable, rows_read
from xlgap.models.size import without_pooler
from xlgap.models.stored import copy_tensors
from xlgap.models.task_heads import ChooseHead, ClassifyHead, SpanHead, TagHead
from xlgap.tasks.base import Candidate, Choose, Classify, Kind, Mine, Rank, Retrieve, Span, Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xlgap.models.checkpoint_files import Tensors

Precision = Literal["fp32", "bf16"]


def make_head(kind: Kind, encoder: Encoder, *, seed: int) -> nn.Module | None:
    """The head of a kind of task for ``encoder``, drawn from ``seed``; retrieval has none.

    Raises:
        TrainingError: see :func:`~xlgap.models.causal.is_causal`.
    """
    causal = is_causal(encoder)
    config: Any = encoder.config
    width = getattr(config, "hidden_size", None) or config.d_model
    dropout = getattr(config, "hidden_dropout_prob", 0.1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _head(kind, width, dropout, causal=causal)


def make_heads(kinds: Mapping[str, Kind], encoder: Encoder, *, seed: int, text: bool) -> Heads:
    """The heads of a mixture, each as :func:`make_head` draws it alone.

    Args:
        kinds: of its tasks, by name.
        encoder: what they stand on.
        seed: of each.
        text: whether there is one of masked language modelling, too.

    Raises:
        TrainingError: see :func:`make_head` and :func:`~xlgap.models.heads.masked_head`.
    """
    drawn = {name: make_head(kind, encoder, seed=seed) for name, kind in kinds.items()}
    if text:
        drawn[MLM] = masked_head(encoder, seed=seed)
    return Heads({name: head for name, head in drawn.items() if head is not None})


def _head(kind: Kind, width: int, dropout: float, *, causal: bool) -> nn.Module | None:
    match kind:
        case Classify():
            return ClassifyHead(width, len(kind.labels), dropout, causal=causal)
        case Choose():
            return ChooseHead(width, kind.choices, dropout, causal=causal)
        case Tag():
            return TagHead(width, len(kind.tags), dropout, causal=causal)
        case Span():
            return SpanHead(width, dropout, causal=causal)
        case Retrieve() | Mine():
            return None
        case Rank():
            return RankHead(causal=causal)
        case Candidate():
            raise AssertionError(f"no head for {kind!r}")


class Network(nn.Module):
    """An encoder and at most one head, or :class:`Heads`; training goes through :meth:`forward`."""

    def __init__(self, encoder: nn.Module, head: nn.Module | None) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def reading(self, task: str) -> Network:
        """The encoder with the head of one task, the weights shared; itself where it has one head."""
        if not isinstance(self.head, Heads):
            return self
        return Network(self.encoder, self.head[task]).train(self.training)

    def go_on_with_text(self, head: State) -> None:
        """Give the head of masked language modelling the weights of an earlier one, if any."""
        assert isinstance(self.head, Heads)
        if head:
            self.head[MLM].load_state_dict(head)

    def _inputs(self, batch: Batch) -> Batch:
        """What the encoder is called with: token types only where it tells some apart, as BERT."""
        config: Any = self.encoder.config
        several = (getattr(config, "type_vocab_size", None) or 0) > 1
        names = ("input_ids", "attention_mask", *["token_type_ids"] * several)
        return {name: batch[name] for name in names if name in batch}

    def hidden(self, batch: Batch, layer: int | None = None) -> Tensor:
        """Hidden states ``[B, L, D]``: the last ones, or those after block ``layer``."""
        if layer is None:
            return self._last(batch)
        out = self._encoded(batch, output_hidden_states=True)
        return self._placed(out.hidden_states[layer], batch)

    def _last(self, batch: Batch, head: nn.Module | None = None, *, trains: bool = False) -> Tensor:
        """The last states, those that ``head`` reads or all; 0 where one is not read."""
        packed = self._packed(batch)
        rows = rows_read(head, self.encoder, batch, trains=trains) if packed else None
        states = self._encoded(batch, rows=rows).last_hidden_state
        return self._placed(states, batch, rows)

    def layers(self, batch: Batch) -> tuple[Tensor, ...]:
        """Hidden states ``[B, L, D]`` after every block, in order, of one forward pass."""
        out = self._encoded(batch, output_hidden_states=True)
        blocks = out.hidden_states[1:]  # before them the embeddings
        return tuple(self._placed(states, batch) for states in blocks)

    def _encoded(self, batch: Batch, rows: Tensor | None = None, **options: bool) -> Any:
        """What the encoder gives: of packed sequences where it can, else of padded ones."""
        inputs = self._inputs(batch)
        if self._packed(batch):
            inputs = packed_inputs(self.encoder, inputs, batch, rows)
        return self.encoder(**inputs, **options)

    def _placed(self, states: Tensor, batch: Batch, rows: Tensor | None = None) -> Tensor:
        return unpacked(states, batch, rows) if self._packed(batch) else states

    def _packed(self, batch: Batch) -> bool:
        return RUNS in batch and packs(self.encoder)

    def logits(self, batch: Batch) -> Tensor:
        """What the head computes, for prediction."""
        if self.head is None:
            raise TrainingError("this network has no head: only retrieval can be predicted.")
        logits: Tensor = self.head(self._last(batch, self.head), batch)
        return logits

    def forward(self, batch: Batch, scale: float, part: str | None = None) -> Tensor:
        """The loss of one micro-batch: summed over what is supervised, times ``scale``.

        Args:
            batch: tensors of some examples.
            scale: of the loss.
            part: the name of their head among several.
        """
        assert self.head is not None
        if isinstance(self.head, Heads):
            assert part is not None
            hidden_BLD = self._last(batch, self.head[part], trains=True)
            return self.head.loss(part, hidden_BLD, batch, self.encoder) * scale
        hidden_BLD = self._last(batch, self.head, trains=True)
        return head_loss(self.head, hidden_BLD, batch, self.encoder) * scale


def encoder_state(state: State) -> State:
    """The encoder's part of a network's weights."""
    return state_of(state, "encoder.")


def state_of(state: State, prefix: str) -> State:
    """A part of a network's weights, such as ``head.``, by the names that they have in it."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def untrained_encoder(like: Encoder, *, seed: int) -> Encoder:
    """An encoder of the same shape as ``like``, with weights drawn from ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _encoder(like.config, _from_config)


def scratch_encoder(config: Mapping[str, Any], *, seed: int) -> nn.Module:
    """A new XLM-RoBERTa encoder with weights drawn from ``seed``."""
    from transformers import XLMRobertaConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _encoder(XLMRobertaConfig(**config), _from_config)


def untrained(config: Any) -> Encoder:
    """The encoder of a configuration of transformers, its weights drawn from torch's generator."""
    return _encoder(config, _from_config)


def _encoder(config: Any, make: Callable[..., Any]) -> nn.Module:
    """The encoder of what ``make`` makes of a configuration: no pooler, no decoder, no head.

    Of a model of pictures and text (Gemma 3) it is what reads the text. No model keeps keys and values
    for a next token: none is generated.

    Args:
        config: of transformers.
        make: called with the bare model's class, ``config`` and arguments of that class.
    """
    from transformers import AutoModel

    model_class = AutoModel._model_mapping[type(config)]
    model = make(model_class, config, **without_pooler(model_class))
    encoder: Any = model
    if config.is_encoder_decoder:
        encoder = model.get_encoder()
    elif config.get_text_config() is not config:
        encoder = model.get_decoder()
    encoder.config.use_cache = False
    make_packable(encoder)
    make_shortenable(encoder)
    use_cheap_dropout(encoder)
    made: nn.Module = encoder
    return made


def _from_config(model_class: type[nn.Module], config: Any, **arguments: bool) -> nn.Module:
    return model_class(config, **arguments)


MASKED_HEAD = "mlm_head.safetensors"


def save_encoder(
    encoder: nn.Module,
    path: Path,
    facts: Mapping[str, Any],
    *,
    masked_head: State | None = None,
    stored: Tensors | None = None,
) -> None:
    """Write weights (safetensors), ``config.json`` and ``facts.json`` into directory ``path``.

    The bytes depend on the weights and the facts alone. Beside them stands the head of masked language
    modelling, where there is one; its output matrix is the encoder's table of sub-words. Weights of an
    encoder that is split are copied from ``stored``.
    """
    with atomic_dir(path) as temporary:
        if stored is None:
            save_state(encoder.state_dict(), temporary / "model.safetensors")
        else:
            copy_tensors(stored, temporary / "model.safetensors")
        if masked_head:
            save_state(masked_head, temporary / MASKED_HEAD)
        write_json(temporary / "config.json", _plain_config(encoder))
        write_json(temporary / "facts.json", dict(facts))


def _plain_config(encoder: nn.Module) -> dict[str, Any]:
    config: dict[str, Any] = encoder.config.to_diff_dict()  # type: ignore[union-attr, operator]
    left_out = {"transformers_version", "_name_or_path", "use_cache"}
    return {k: v for k, v in config.items() if k not in left_out}


def save_state(state: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors as a safetensors file.

    Raises:
        ResultError: the disk did not take it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file({k: v.detach().cpu().contiguous() for k, v in state.items()}, str(path))
    except SafetensorError as error:
        raise ResultError(f"{path}: {error}; make room on the disk, then run this again.") from error


def load_encoder(path: Path) -> nn.Module:
    """The encoder in a directory written by :func:`save_encoder`.

    Raises:
        DataError: no such directory, or weights that are damaged, missing or of another encoder.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig
    from transformers.initialization import no_init_weights

    if not (path / "model.safetensors").is_file():
        raise DataError(f"{path}: no model.safetensors there; run 'dvc repro' for its stage.")
    config = AutoConfig.for_model(**read_json(path / "config.json"))
    with no_init_weights():  # every weight is read
        encoder = _encoder(config, _from_config)
    try:
        encoder.load_state_dict(load_state(path / "model.safetensors"))
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: weights do not fit config.json ({reason}).") from error
    return encoder


def load_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        DataError: it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: dict[str, Tensor] = load_file(str(path))
    except SafetensorError as error:
        raise DataError(
            f"{path}: damaged weights ({error}); remove {path.parent} and run it again."
        ) from error
    return state


def hub_encoder(
    repo: str, revision: str | None, *, bits: Bits | None = None, precision: Precision = "fp32"
) -> nn.Module:
    """The encoder of a hub checkpoint in fp32: safetensors only, no remote code.

    What the checkpoint has beyond it (a head, a pooler, a decoder) is left out.

    Args:
        repo: hub repository, or a directory.
        revision: a commit of it.
        bits: of the weights of its linear layers, where they are frozen; they are on this process's
            device then.
        precision: that such weights are computed in.

    Raises:
        ConfigError: ``bits`` are asked for without their library.
        DataError: it cannot be had, has no safetensors, or lacks a weight; where the hub client
            fails, the sentence repeats its first line.
    """
    from transformers import AutoConfig

    place = model_place(repo)
    held = {} if bits is None else {"quantization_config": quantisation(bits, precision)}

    def make(model_class: Any, config: Any, **arguments: bool) -> Any:
        model, info = model_class.from_pretrained(
            place,
            config=config,
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
            **held,
            **arguments,
        )
        if info["missing_keys"]:
            raise ValueError(
                f"{len(info['missing_keys'])} of its tensors are missing, {min(info['missing_keys'])} "
                "among them, and would be drawn at random; name a revision or a copy that has them."
            )
        return model

    try:
        config = AutoConfig.from_pretrained(place, revision=revision, trust_remote_code=False)
        encoder = _encoder(config, make)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        if "model.safetensors" in reason:
            reason = (
                "there is no model.safetensors, and other formats, which can run code, are not read; "
                "name a revision that has one, or a directory with a converted copy."
            )
        raise DataError(f"the weights of '{repo}' cannot be loaded: {reason}") from error
    if bits is not None:
        mark_quantised(encoder, bits)
    return encoder
