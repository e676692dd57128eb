"""What sections of ``params.yaml`` are made of: a frozen model, and the kinds of their values."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def no_boolean(value: Any) -> Any:
    """Refuse ``yes`` and ``true`` for a number: Python would take them for 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not yes or no")
    return value


def each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse a list in which something stands twice."""
    twice = [value for value in dict.fromkeys(values) if values.count(value) > 1]
    if twice:
        raise ValueError(f"may hold each entry once, but {twice[0]!r} stands there more than once")
    return values


def full_commit(value: str) -> str:
    """Refuse what is no full commit hash."""
    if re.fullmatch(r"[0-9a-f]{40}", value) is None:
        raise ValueError("must be a full commit hash, 40 of 0-9 and a-f: branches and tags can move")
    return value


Int = Annotated[int, BeforeValidator(no_boolean)]
Number = Annotated[float, BeforeValidator(no_boolean)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=64)]  # three make a file's, of <= 255
Names = Annotated[tuple[str, ...], AfterValidator(each_once)]
Seed = Annotated[Int, Field(ge=0, le=2**32 - 1)]
Positive = Annotated[Int, Field(gt=0)]
Count = Annotated[Int, Field(ge=0)]
PositiveFloat = Annotated[Number, Field(gt=0)]
Decay = Annotated[Number, Field(ge=0)]
Rate = Annotated[Number, Field(gt=0, le=1)]
Fraction = Annotated[Number, Field(ge=0, le=1)]
OpenFraction = Annotated[Number, Field(gt=0, lt=1)]
Commit = Annotated[str, AfterValidator(full_commit)]
Dropout = Annotated[Number, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A part of ``params.yaml``: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
