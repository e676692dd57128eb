"""What an arm says beyond regime, intermediate tasks and language must be what its regime needs."""

from __future__ import annotations

from xlgap.errors import ConfigError
from xlgap.regimes import get_regime, regime_names
from xlgap.regimes.base import ArmSpec, Regime

_EXAMPLES = {"shots": "shots: 10"}
"""Fields that arms of one regime alone have, and how each is written."""


def check_own_fields(name: str, spec: ArmSpec, regime: Regime) -> None:
    """An arm has the fields that its regime alone needs, and none that another one does.

    Args:
        name: of the arm.
        spec: what ``params.yaml`` says of it.
        regime: its regime.

    Raises:
        ConfigError: one is missing, or there to no effect.
    """
    for field, example in _EXAMPLES.items():
        given = getattr(spec, field) not in (None, ())
        if given and field not in regime.takes:
            owner = next(r for r in regime_names() if field in get_regime(r).takes)
            raise ConfigError(
                f"key 'arms.{name}.{field}': regime '{regime.name}' has no such thing; remove it, or "
                f"use regime '{owner}'."
            )
        if not given and field in regime.needs:
            raise ConfigError(
                f"key 'arms.{name}': regime '{regime.name}' needs '{field}', for example '{example}'."
            )
