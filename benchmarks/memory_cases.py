"""What :mod:`benchmarks.memory` measures: a model, a head, a way to train, a micro-batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from xlgap.models.ladder import scratch_config

Part = Literal["calibration", "held_out"]
Shape = tuple[int, int, int, int]
"""Vocabulary, width, layers, attention heads; the feed-forward width is four times the width."""

SHAPES: Mapping[str, Shape] = {
    "small": (30_000, 384, 6, 6),  # 23M parameters
    "medium": (50_000, 512, 10, 8),  # 57M
    "wide": (120_000, 512, 4, 8),  # 74M, five sixths of them the vocabulary
    "mini": (250_002, 384, 6, 6),  # 107M, nine tenths of them the vocabulary of XLM-R
    "large": (40_000, 1024, 12, 16),  # 193M
    "base": (250_002, 768, 12, 12),  # 278M, XLM-R base
    "xlarge": (80_000, 1024, 24, 16),  # 385M
    "xl": (250_880, 2560, 36, 32),  # 3.5G, XLM-R XL
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One training to measure.

    Attributes:
        model: of :data:`SHAPES`.
        head: ``classify``, ``tag``, ``span``, ``rank`` or ``mlm``.
        stage: of ZeRO.
        rows: in a micro-batch of one process.
        length: sub-words of a sequence; a row of ``rank`` has two sequences.
        drawn: whether lengths are drawn from a quarter of ``length`` up, not all alike.
        offload: what is offloaded: ``none``, ``optimizer``, ``both`` (parameters too).
        checkpointing: of activations.
        processes: that train together.
        micro_batches: of a step.
        dropout: of states and attention.
        precision: of forward and backward.
        keep_best: whether the weights of the best evaluation are kept.
        saving: whether a checkpoint is written after every step.
    """

    model: str
    head: str
    stage: Literal[0, 1, 2, 3]
    rows: int
    length: int
    drawn: bool = False
    offload: Literal["none", "optimizer", "both"] = "none"
    checkpointing: bool = False
    processes: int = 1
    micro_batches: int = 1
    dropout: float = 0.1
    precision: Literal["fp32", "bf16"] = "fp32"
    keep_best: bool = False
    saving: bool = False

    @property
    def name(self) -> str:
        """What it is, in short."""
        marks = {
            "drawn": self.drawn,
            f"offload_{self.offload}": self.offload != "none",
            "checkpointing": self.checkpointing,
            f"processes{self.processes}": self.processes > 1,
            f"micro{self.micro_batches}": self.micro_batches > 1,
            f"dropout{self.dropout:g}": self.dropout != 0.1,
            self.precision: self.precision != "fp32",
            "best": self.keep_best,
            "saving": self.saving,
        }
        what = f"{self.model}-{self.head}-zero{self.stage}-{self.rows}x{self.length}"
        return "-".join([what, *(mark for mark, there in marks.items() if there)])

    @property
    def part(self) -> Part:
        """Two fifths by name are what predictions are calibrated on; the rest is held out."""
        digest = int(hashlib.sha256(self.name.encode()).hexdigest(), 16)
        return "calibration" if digest % 5 < 2 else "held_out"

    @property
    def config(self) -> dict[str, Any]:
        """Of the encoder, for ``XLMRobertaConfig``."""
        vocabulary, width, layers, heads = SHAPES[self.model]
        made = scratch_config(
            layers=layers, width=width, heads=heads, feed_forward=4 * width,
            vocabulary=vocabulary, positions=512,
        )  # fmt: skip
        return made | {
            "hidden_dropout_prob": self.dropout,
            "attention_probs_dropout_prob": self.dropout,
        }

    def columns(self) -> dict[str, Any]:
        """Its fields, and the sizes of its model."""
        vocabulary, width, layers, heads = SHAPES[self.model]
        return {
            "name": self.name,
            "part": self.part,
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "vocabulary": vocabulary,
            "width": width,
            "layers": layers,
            "heads": heads,
        }


OFFLOADED = Case(
    model="xl", head="classify", stage=3, rows=64, length=128, offload="both", precision="bf16"
)
"""What ``benchmarks/gpu.py`` trains on one GPU and its host; too large for :func:`cases`."""
SMALL_OFFLOADED = Case(model="small", head="classify", stage=3, rows=4, length=16, offload="both")


def cases() -> Iterator[Case]:
    """All of them; the quick ones first."""
    for model, head, stage, rows, length, more in _CASES:
        yield Case(model=model, head=head, stage=stage, rows=rows, length=length, **more)


_CKPT: dict[str, Any] = {"checkpointing": True}
_OPT: dict[str, Any] = {"offload": "optimizer"}
_BOTH: dict[str, Any] = {"offload": "both"}
_TWO: dict[str, Any] = {"processes": 2}
_SAVING: dict[str, Any] = {"saving": True}
_BF16: dict[str, Any] = {"precision": "bf16"}
_CASES: list[tuple[str, str, Any, int, int, dict[str, Any]]] = [
    ("wide", "tag", 0, 16, 64, {}),
    ("mini", "classify", 0, 8, 64, {}),
    ("medium", "classify", 1, 16, 64, {}),
    ("medium", "tag", 2, 16, 64, _CKPT),
    ("wide", "mlm", 3, 16, 64, _BOTH),
    ("small", "classify", 0, 40, 128, {}),
    ("wide", "mlm", 2, 16, 64, _TWO),
    ("mini", "mlm", 0, 16, 64, {}),
    ("large", "classify", 0, 4, 128, {}),
    ("medium", "span", 3, 8, 256, _TWO),
    ("wide", "mlm", 0, 32, 64, {}),
    ("wide", "mlm", 0, 32, 64, _CKPT),
    ("medium", "rank", 3, 8, 64, _BOTH),
    ("medium", "classify", 0, 16, 128, {}),
    ("medium", "span", 0, 8, 256, _CKPT),
    ("small", "span", 0, 10, 384, {}),
    ("mini", "span", 1, 4, 128, _OPT),
    ("wide", "classify", 2, 32, 64, _OPT | _CKPT),
    ("medium", "mlm", 2, 16, 64, _OPT),
    ("large", "rank", 1, 2, 64, {}),
    ("small", "rank", 0, 20, 128, {}),
    ("small", "tag", 1, 36, 128, {}),
    ("medium", "mlm", 0, 8, 128, {"keep_best": True}),
    ("wide", "tag", 3, 16, 128, _OPT | _CKPT),
    ("wide", "mlm", 3, 8, 128, _TWO | _OPT),
    ("medium", "tag", 2, 8, 128, _TWO | _CKPT),
    ("medium", "classify", 1, 16, 64, _TWO),
    ("mini", "mlm", 2, 8, 64, {"micro_batches": 2}),
    ("mini", "mlm", 3, 16, 64, {}),
    ("mini", "rank", 1, 4, 64, _TWO | _OPT),
    ("medium", "span", 3, 8, 256, _CKPT),
    ("small", "classify", 3, 40, 128, {}),
    ("small", "span", 2, 10, 384, {}),
    ("small", "mlm", 0, 40, 128, {}),
    ("small", "classify", 0, 80, 64, {"micro_batches": 2}),
    ("small", "classify", 0, 64, 128, {"dropout": 0.0}),
    ("medium", "tag", 0, 24, 128, {"drawn": True}),
    ("wide", "mlm", 1, 16, 128, {}),
    ("wide", "classify", 1, 24, 128, _BF16),
    ("medium", "classify", 2, 24, 128, {"drawn": True, "keep_best": True}),
    ("small", "tag", 0, 24, 128, _TWO | {"micro_batches": 2}),
    ("large", "classify", 2, 4, 64, {}),
    ("large", "tag", 3, 4, 128, _BOTH),
    ("large", "span", 0, 4, 384, _CKPT),
    ("large", "mlm", 3, 4, 64, _TWO),
    ("large", "classify", 1, 4, 64, _BF16),
    ("medium", "mlm", 3, 16, 128, _CKPT | {"micro_batches": 2}),
    ("base", "classify", 0, 4, 64, {}),
    ("base", "mlm", 0, 4, 128, _CKPT),
    ("xlarge", "tag", 0, 2, 64, {}),
    ("medium", "classify", 1, 16, 64, _SAVING),
    ("medium", "classify", 0, 16, 128, _SAVING),
    ("medium", "mlm", 0, 8, 128, _SAVING | {"keep_best": True}),
    ("wide", "tag", 2, 8, 64, _SAVING),
    ("mini", "classify", 3, 8, 64, _SAVING | _TWO),
    ("small", "span", 3, 10, 384, _SAVING),
    ("large", "classify", 0, 4, 128, _SAVING),
    ("large", "classify", 1, 4, 64, _SAVING | _BF16),
    ("medium", "classify", 0, 16, 128, _BF16 | {"micro_batches": 2}),
    ("wide", "tag", 2, 16, 64, _BF16),
    ("medium", "mlm", 3, 8, 128, _BF16 | _TWO),
    ("medium", "classify", 1, 16, 64, _BF16 | _OPT),
    ("wide", "tag", 2, 8, 64, _BF16 | _OPT),
    ("medium", "span", 1, 8, 256, _BF16 | {"micro_batches": 2}),
]
