"""What an arm says beyond regime, intermediate tasks and language must be what its regime needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xlgap.errors import ConfigError, unknown
from xlgap.regimes import get_regime, regime_names
from xlgap.regimes.base import ArmSpec, Regime

_EXAMPLES = {"shots": "shots: 10", "choices": "choices: [inter_en_a, inter_en_b]"}
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


def check_choices(specs: Mapping[str, ArmSpec]) -> None:
    """What a best-of arm chooses from: two arms or more with one English intermediate task each.

    They must be alike in all else, for a best one of unequal arms could be best by what differs.

    Args:
        specs: all arms of the study.

    Raises:
        ConfigError: they are other arms, too few, or unlike.
        UnknownNameError: the study has no such arm.
    """
    for name, spec in specs.items():
        key = f"arms.{name}.choices"
        for choice in spec.choices:
            if choice not in specs:
                raise type(error := unknown("arm", choice, specs))(f"key '{key}': {error}")
        chosen = {choice: specs[choice] for choice in spec.choices}
        wrong = [c for c, of in chosen.items() if not _single(of)]
        if wrong:
            raise ConfigError(
                f"key '{key}': '{wrong[0]}' is no arm of regime 'intermediate_en' with one "
                "intermediate task; a best-of arm chooses the best single task: name such arms alone."
            )
        if len(chosen) == 1:
            raise ConfigError(f"key '{key}': got {list(chosen)}, but a choice takes two arms or more.")
        unlike = [c for c, of in chosen.items() if not _alike(of, spec, chosen)]
        if unlike:
            raise ConfigError(
                f"key '{key}': '{unlike[0]}' differs from '{name}' or its other choices in more than "
                "its intermediate task; give them all the same 'preliminary' and 'budget'."
            )


def _single(spec: ArmSpec) -> bool:
    return spec.regime == "intermediate_en" and len(spec.intermediate) == 1


def _alike(spec: ArmSpec, best_of: ArmSpec, others: Mapping[str, ArmSpec]) -> bool:
    """Whether an arm has but for its intermediate task what the others have, and the best-of arm."""
    plain = replace(spec, intermediate=())
    return all(replace(other, intermediate=()) == plain for other in others.values()) and plain == (
        replace(best_of, regime=spec.regime, choices=())
    )
