"""The linear layers of a model: what adapters stand beside, and what is held in few bits.

By architecture, as transformers names and shapes them; a test compares with its modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from xlgap.errors import ConfigError, suggestion


@dataclass(frozen=True)
class Linear:
    """Layers of one name and shape.

    Attributes:
        name: the last part of their names.
        inputs, outputs: widths.
        count: how many there are.
    """

    name: str
    inputs: int
    outputs: int
    count: int

    @property
    def weights(self) -> int:
        """Numbers of all their matrices."""
        return self.count * self.inputs * self.outputs


_LLAMA = frozenset(
    {"llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "gemma3_text", "mistral", "eurobert"}
)
_T5 = frozenset({"mt5", "umt5", "t5"})
KEPT_WHOLE: Mapping[str, frozenset[str]] = {kind: frozenset({"wo"}) for kind in _T5}
"""Layers that transformers does not hold in few bits, by model type."""


def linear_layers(
    kind: str,
    fields: Mapping[str, Any],
    *,
    layers: int,
    width: int,
    forward: int,
    inner: int,
    shared: int,
) -> tuple[Linear, ...]:
    """Those of a model type; of one that is not listed as in Llama.

    Args:
        kind: of transformers.
        fields: of its configuration.
        layers: blocks.
        width: of the hidden states.
        forward: width between the feed-forward matrices.
        inner: of all heads together.
        shared: of all keys together.
    """

    def of(name: str, inputs: int, outputs: int, count: int = layers) -> Linear:
        return Linear(name, inputs, outputs, count)

    if kind in _T5:
        own = [of(name, width, inner) for name in "qkv"]
        ahead = [of("wi_0", width, forward), of("wi_1", width, forward), of("wo", forward, width)]
        return (*own, of("o", inner, width), *ahead)
    match kind:
        case "bloom":
            return (
                of("query_key_value", width, 3 * width), of("dense", width, width),
                of("dense_h_to_4h", width, forward), of("dense_4h_to_h", forward, width),
            )  # fmt: skip
        case "xglm":
            own = [of(name, width, width) for name in ("q_proj", "k_proj", "v_proj", "out_proj")]
            return (*own, of("fc1", width, forward), of("fc2", forward, width))
        case "modernbert":
            return (
                of("Wqkv", width, 3 * width), of("Wo", width, width), of("Wi", width, 2 * forward),
                of("Wo", forward, width),
            )  # fmt: skip
        case "bert" | "xlm-roberta" | "xlm-roberta-xl" | "rembert" | "deberta-v2":
            end = "_proj" if kind == "deberta-v2" else ""
            own = [of(f"{name}{end}", width, width) for name in ("query", "key", "value")]
            ends = ((width, width), (width, forward), (forward, width))
            dense = [of("dense", inputs, outputs) for inputs, outputs in ends]
            if kind != "rembert":
                return (*own, *dense)
            table: int = fields["input_embedding_size"]
            return (*own, *dense, of("embedding_hidden_mapping_in", table, width, 1))
        case _:
            own = [of("q_proj", width, inner), of("k_proj", width, shared), of("v_proj", width, shared)]
            ahead = [of("gate_proj", width, forward), of("up_proj", width, forward)]
            return (*own, of("o_proj", inner, width), *ahead, of("down_proj", forward, width))


def adapter_parameters(
    layers: Iterable[Linear],
    *,
    rank: int,
    modules: Iterable[str] | None = None,
    key: str = "lora.modules",
) -> int:
    """Parameters of LoRA adapters beside linear layers.

    One of a matrix between widths a and b has rank x (a + b) (Hu et al. 2021, arXiv 2106.09685).

    Args:
        layers: of the model.
        rank: of the adapters.
        modules: names of the layers that have one; all when ``None``.
        key: for the error's sentence.

    Raises:
        ConfigError: the model has no layer of a name.
    """
    layers = tuple(layers)
    names = {layer.name for layer in layers}
    for name in modules or ():
        if name not in names:
            raise ConfigError(
                f"key '{key}': the model has no linear layer '{name}'; {suggestion(name, names)}"
            )
    chosen = names if modules is None else set(modules)
    return sum(rank * of.count * (of.inputs + of.outputs) for of in layers if of.name in chosen)


def held_bytes(layers: Iterable[Linear], bits: int, *, kind: str) -> tuple[int, int]:
    """How many weights are held in few bits, and the bytes that they take with their constants.

    Of 8 bits a row has one in fp32, of 4 bits 64 weights have one of a byte and 16,384 one in fp32
    (bitsandbytes' LLM.int8() and NF4 with constants that are quantised).

    Args:
        layers: of the model.
        bits: 8 or 4.
        kind: model type.
    """
    held = [of for of in layers if of.name not in KEPT_WHOLE.get(kind, ())]
    weights = sum(of.weights for of in held)
    if bits == 8:
        return weights, weights + 4 * sum(of.count * of.outputs for of in held)
    return weights, round(weights * (0.5 + 1 / 64 + 4 / (64 * 256)))
