"""The section ``evaluation.retention`` of ``params.yaml``."""

from __future__ import annotations

from xlgap.section import Count, Names, Positive, Section


class RetentionParams(Section):
    """Which earlier tasks of an arm are scored again after later phases, and on how much; question 4.

    Absent, ``arms`` are the English ones with an intermediate stage and no budget, ``targets`` the
    study's classification tasks, ``tasks`` all that such an arm trains on before, ``languages`` those
    of ``languages.evaluation``. At most ``rows`` of a task and language are scored; a probe is fitted
    to ``probe_rows`` English training rows (0: no probe), the loss of masked language modelling taken
    on ``mlm_lines`` lines of a language (0: not at all).
    """

    arms: Names | None = None
    targets: Names | None = None
    tasks: Names | None = None
    languages: Names | None = None
    rows: Positive = 500
    probe_rows: Count = 500
    mlm_lines: Count = 200
