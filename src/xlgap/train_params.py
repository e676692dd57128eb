"""The section ``train`` of ``params.yaml``: fine-tuning, and how the engine spreads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from xlgap.section import Int, Number, Positive, PositiveFloat, Section, no_boolean


def _place(value: Any) -> Any:
    """``true`` and ``false`` of YAML as the places they stand for: host memory, and nowhere."""
    return {True: "cpu", False: "none"}[value] if isinstance(value, bool) else value


def _switch(value: Any) -> Any:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def _never_or_seconds(value: float) -> float:
    if 0 < value < SHORTEST_HANG:
        raise ValueError(
            f"is shorter than the {SHORTEST_HANG} seconds in which processes are sure to answer; give "
            "more, or 0 for no limit"
        )
    return value


SHORTEST_HANG = 5
"""Seconds."""
Offload = Annotated[
    Literal["none", "cpu", "nvme", "auto"],
    BeforeValidator(_place),
]
"""Where states lie beside the device; ``true`` is host memory."""
_CHOSEN = ("offload_optimizer", "offload_parameters", "activation_checkpointing")


class TrainParams(Section):
    """Fine-tuning and the engine.

    What ``dvc.yaml`` names key by key has no default: DVC wants it in the file. With ``auto`` the
    planner chooses what is cheapest on the machine as it is (:mod:`xlgap.planning.search`); where
    ``zero_stage`` is ``auto``, so are the offloads and the checkpointing of activations that are not
    given, and ``micro_batch_tokens`` is the most that it takes. ``nvme_path`` is where ``nvme``
    offloads to. ``split`` is whether no process of several holds a whole network at any time, in
    ZeRO 3; with ``auto`` where it would not fit.
    """

    version: Positive
    precision: Literal["fp32", "bf16"]
    zero_stage: Annotated[Literal[0, 1, 2, 3, "auto"], BeforeValidator(no_boolean)] = 0
    offload_optimizer: Offload = "none"
    offload_parameters: Offload = "none"
    nvme_path: Annotated[str, Field(min_length=1)] = "scratch/nvme"
    activation_checkpointing: Annotated[Literal["on", "off", "auto"], BeforeValidator(_switch)] = "off"
    split: Annotated[Literal["on", "off", "auto"], BeforeValidator(_switch)] = "auto"
    micro_batch_tokens: Positive = 8192
    learning_rate_scale: PositiveFloat = 1.0
    evaluations: Annotated[Int, Field(gt=0, le=10_000)]
    checkpoint_seconds: PositiveFloat = 300.0
    hang_seconds: Annotated[Number, Field(ge=0), AfterValidator(_never_or_seconds)] = 1800.0
    threads: Annotated[Int, Field(gt=0, le=1024)] = 1
    keep: Literal["all", "none"] = "all"

    @model_validator(mode="before")
    @classmethod
    def _choose_what_is_not_given(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping) and raw.get("zero_stage") == "auto":
            return {**dict.fromkeys(_CHOSEN, "auto"), **raw}
        return raw

    @field_validator("offload_optimizer", "offload_parameters")
    @classmethod
    def _stage_offloads(cls, offload: str, info: ValidationInfo) -> str:
        host = info.field_name == "offload_optimizer"
        able = (1, 2, 3) if host and offload != "nvme" else (3,)
        stage = info.data.get("zero_stage")
        if offload in {"cpu", "nvme"} and stage is not None and stage not in (*able, "auto"):
            what = "'nvme' needs" if offload == "nvme" else "needs"
            other = ", take 'cpu'" if offload == "nvme" and host and stage else ""
            raise ValueError(
                f"{what} 'zero_stage' {' or '.join(map(str, able))}, which is {stage}; "
                f"raise it{other} or leave the offload out"
            )
        return offload

    @field_validator("split")
    @classmethod
    def _stage_splits(cls, split: str, info: ValidationInfo) -> str:
        stage = info.data.get("zero_stage")
        if split == "on" and stage not in (3, "auto", None):
            raise ValueError(
                f"needs 'zero_stage' 3 or auto, which is {stage}; raise it or leave it out"
            )
        return split

    @property
    def chosen(self) -> bool:
        """Whether the planner has something to choose."""
        return "auto" in {self.zero_stage, *(getattr(self, name) for name in _CHOSEN)}
