"""The section ``evaluation.retention`` of ``params.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from xlgap.section import Count, Names, Positive, Section


def _not_empty(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("must name one at least; without the key there is a choice by default")
    return names


Some = Annotated[Names, AfterValidator(_not_empty)]


class RetentionParams(Section):
    """Which earlier tasks of an arm are scored again after later phases, and on how much; question 4.

    Absent, ``arms`` are the English ones with an intermediate stage and no budget, ``targets`` the
    study's classification tasks, ``tasks`` all that such an arm trains on before, ``languages`` those
    of ``languages.evaluation``. At most ``rows`` of a task and language are scored; a probe is fitted
    to ``probe_rows`` English training rows (0: no probe), the loss of masked language modelling taken
    on ``mlm_lines`` lines of a language (0: not at all).
    """

    arms: Some | None = None
    targets: Some | None = None
    tasks: Some | None = None
    languages: Some | None = None
    rows: Positive = 500
    probe_rows: Count = 500
    mlm_lines: Count = 200
