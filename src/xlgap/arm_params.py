"""The section ``arms`` of ``params.yaml``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from xlgap.section import Commit, Names, OpenFraction, Positive, PositiveFloat, Section

_TEMPERATURES = {
    "temperature": ("temperature",),
    "time_dependent": ("start_temperature", "end_temperature"),
}


class SamplingParams(Section):
    """How a mixture chooses the task of a step, see :class:`xlgap.regimes.base.Sampling`.

    ``temperature`` is of the rule of that name; ``start_temperature`` and ``end_temperature`` are of
    ``time_dependent``; ``cap``, the most rows that a task counts with, of all but ``uniform``.
    """

    rule: Literal["uniform", "proportional", "temperature", "time_dependent"]
    temperature: PositiveFloat | None = None
    start_temperature: PositiveFloat | None = None
    end_temperature: PositiveFloat | None = None
    cap: Positive | None = None

    @model_validator(mode="after")
    def _fits_the_rule(self) -> Self:
        wanted = _TEMPERATURES.get(self.rule, ())
        for name in ("temperature", "start_temperature", "end_temperature"):
            if (getattr(self, name) is not None) != (name in wanted):
                verb = "needs" if name in wanted else "takes no"
                raise ValueError(f"rule '{self.rule}' {verb} '{name}'")
        if self.rule == "uniform" and self.cap is not None:
            raise ValueError("rule 'uniform' takes no 'cap': it does not look at numbers of rows")
        return self


class BudgetParams(Section):
    """Training beyond the target task's own recipe: so many optimizer steps, or so many sub-words."""

    steps: Positive | None = None
    tokens: Positive | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.steps is None) == (self.tokens is None):
            raise ValueError("must give either 'steps' or 'tokens'")
        return self


class TranslationsParams(Section):
    """Where translated rows come from, see :class:`xlgap.regimes.base.Translations`."""

    file: Annotated[str, Field(min_length=1)] | None = None
    hub: Annotated[str, Field(min_length=1)] | None = None
    revision: Commit | None = None
    lab: bool = False

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.file is not None) + (self.hub is not None) + self.lab != 1:
            raise ValueError("must give one of 'file: PATH', 'hub: REPOSITORY' and 'lab: true'")
        if self.revision is not None and self.hub is None:
            raise ValueError("takes 'revision' with 'hub' alone")
        return self


class ArmParams(Section):
    """One arm: a regime, its intermediate tasks and language, and how it is trained.

    ``preliminary``: whether official recipes are whole; ``sampling`` is of ``joint``, ``mlm_rate`` of
    ``intermediate_en_mlm``, ``shots`` of ``few_shot``, ``choices`` of ``best_of``, ``translations``
    of ``intermediate_translated``, and ``budget`` makes arms of equal compute.
    """

    regime: str
    intermediate: Names = ()
    language: str | None = None
    preliminary: bool = True
    sampling: SamplingParams | None = None
    mlm_rate: OpenFraction | None = None
    budget: BudgetParams | None = None
    shots: Positive | None = None
    choices: Names = ()
    translations: TranslationsParams | None = None
