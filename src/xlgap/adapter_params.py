"""The section ``models.NAME.lora`` of ``params.yaml``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from xlgap.section import Dropout, Names, Positive, PositiveFloat, Section, no_boolean

EVERY_LINEAR = "default"
Bits = Literal[8, 4]
"""Of a frozen weight."""


def _names(value: Any) -> Any:
    """Refuse text, of which a list would be its letters; ``default`` is no list."""
    if isinstance(value, str) and value != EVERY_LINEAR:
        raise ValueError(
            f"must be '{EVERY_LINEAR}', for every linear layer, or a list of names of linear layers"
        )
    return None if value == EVERY_LINEAR else value


class LoraParams(Section):
    """Training of low-rank adapters beside a model's weights, which stay as they are.

    Hu et al. 2021 (arXiv 2106.09685): a linear layer also adds ``alpha / rank * B A x``, with A of
    ``rank`` rows and B of ``rank`` columns; ``dropout`` is of ``x``. ``modules`` are the layers that
    have one, by the last part of their names (``[q_proj, v_proj]``); by default every linear layer, as
    in Dettmers et al. 2023 (arXiv 2305.14314). ``bits`` are those of a weight of the linear layers
    below; by default they are as precise as training is.
    """

    rank: Positive = 16
    alpha: PositiveFloat = 32.0
    dropout: Dropout = 0.0
    modules: Annotated[Annotated[Names, Field(min_length=1)] | None, BeforeValidator(_names)] = None
    bits: Annotated[Bits | None, BeforeValidator(no_boolean)] = None

    @property
    def told(self) -> dict[str, Any]:
        """What weights depend on, as JSON has it; without ``bits``, as before there were any."""
        left_out = set() if self.bits else {"bits"}
        return self.model_dump(mode="json", exclude=left_out)
