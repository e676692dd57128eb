"""Frozen base weights of 8 or 4 bits below adapters: bitsandbytes holds them, transformers loads them.

8 bits are LLM.int8() (Dettmers et al. 2022, arXiv 2208.07339), 4 bits NF4 with quantised constants
(Dettmers et al. 2023, arXiv 2305.14314). Matrices of linear layers are held so; the tables of
sub-words, norms and biases stay as they are.
"""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING, Any, Literal

from xlgap.adapter_params import Bits
from xlgap.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

LIBRARY = "bitsandbytes"


def require_library() -> None:
    """Check that bitsandbytes is there.

    Raises:
        ConfigError: it is not installed.
    """
    if importlib.util.find_spec(LIBRARY) is None:
        raise ConfigError(
            f"key 'lora.bits': base weights of 8 or 4 bits need {LIBRARY}, which is not installed; "
            "'pip install xlgap[quantised]' adds it, or leave 'bits' out."
        )


def quantisation(bits: Bits, precision: Literal["fp32", "bf16"]) -> Any:
    """What ``from_pretrained`` takes as ``quantization_config``.

    No layer is left out but those that transformers keeps in fp32: the last matrix of T5's blocks.

    Args:
        bits: of a weight.
        precision: that 4 bits are computed in.

    Raises:
        ConfigError: see :func:`require_library`.
    """
    require_library()
    # it tells of a kernel that it lacks, and at every product of 8 bits that inputs are rounded
    logging.getLogger(LIBRARY).setLevel(logging.ERROR)
    from transformers import BitsAndBytesConfig

    if bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=[])
    return BitsAndBytesConfig(
        load_in_4bit=True,
        llm_int8_skip_modules=[],
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype="float32" if precision == "fp32" else "bfloat16",
    )


def mark_quantised(encoder: nn.Module, bits: Bits) -> None:
    """Let peft know of the layers of ``encoder``, and keep these as they are.

    On a CPU with AVX512-BF16 a layer of 4 bits packs its weights for prediction in evaluation mode, and
    training, which goes on with them, then fails: here it does not.
    """
    setattr(encoder, f"is_loaded_in_{bits}bit", True)
    module: Any
    for module in encoder.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
