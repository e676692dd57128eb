"""The registry of regimes: one regime, one file in this folder."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from xlgap.errors import unknown
from xlgap.regimes.base import Regime

_NOT_REGIMES = {"base"}


@cache
def regime_names() -> tuple[str, ...]:
    """The names of all regimes, sorted."""
    return tuple(sorted({m.name for m in pkgutil.iter_modules(__path__)} - _NOT_REGIMES))


@cache
def get_regime(name: str) -> Regime:
    """The regime called ``name``; imports only its file.

    Raises:
        UnknownNameError: no such file in ``xlgap/regimes``.
    """
    if name not in regime_names():
        raise unknown("regime", name, regime_names())
    regime: Regime = importlib.import_module(f"{__name__}.{name}").REGIME
    return regime
