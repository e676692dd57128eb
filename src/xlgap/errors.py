"""The error family of xlgap.

Every error that a user can cause derives from :class:`XlgapError`; the command line prints its
sentence and exits with :attr:`XlgapError.exit_code`, without a traceback. Our own bugs stay
``AssertionError`` and other built-in exceptions, with their traceback.

::

    XlgapError (ValueError)
    |-- ConfigError           params.yaml: unknown key, wrong value
    |-- UnknownNameError      a task, model, regime, language or arm that does not exist
    |-- DataError             a file is missing, truncated, or not in the expected format
    |-- ExpectationError      prepared data violate their suite
    |   `-- LeakageError      a test item stands in training data
    |-- TrainingError         training cannot start or cannot go on
    |   `-- TryAgainError     it can when the same command is run again
    |-- ResultError           results are missing or contradict the grid
    `-- Interrupted           SIGINT or SIGTERM: state is saved, run again to resume
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class XlgapError(ValueError):
    """An error with one sentence for the user: what was wrong, what is allowed, what to do."""

    exit_code = 2
    follows = False
    """Whether another process's failure has caused it, which says more."""


class ConfigError(XlgapError):
    """A key or value of ``params.yaml`` or a study file is wrong."""


class UnknownNameError(XlgapError):
    """A name that is not registered."""


class DataError(XlgapError):
    """A data file is missing, damaged, or not in its documented format."""


class ExpectationError(XlgapError):
    """Prepared data do not meet the expectations declared by their task."""


class LeakageError(ExpectationError):
    """A training set holds what a model trained on it is tested on."""


class TrainingError(XlgapError):
    """Training cannot start or cannot go on."""


class TryAgainError(TrainingError):
    """This attempt to train has failed; another one goes on from its last checkpoint.

    ``adjusted``: it was noted what that one does otherwise, so that it gets further.
    """

    exit_code = 75  # EX_TEMPFAIL of sysexits.h

    def __init__(self, sentence: str, *, adjusted: bool = False) -> None:
        self.adjusted = adjusted
        super().__init__(sentence)


class ResultError(XlgapError):
    """Results are missing or do not belong to the grid."""


class Interrupted(XlgapError):
    """A signal asked for a stop; state was saved."""

    exit_code = 130


def suggestion(name: str, known: Iterable[str]) -> str:
    """Close matches of ``name`` among ``known`` as a clause, or all of them when they are few.

    >>> suggestion("direct_eng", ["direct_en", "joint"])
    "did you mean 'direct_en'?"
    """
    names = sorted(str(k) for k in known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(c) for c in close) + "?"
    shown = ", ".join(names[:20]) + (f", ... ({len(names)} in all)" if len(names) > 20 else "")
    return f"allowed: {shown}." if names else "none is defined."


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a ``name`` that is no ``what``, with near matches."""
    return UnknownNameError(f"unknown {what} {name!r}; {suggestion(name, known)}")
