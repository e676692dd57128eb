"""The arms of anyone's rows: what each row says of how its model was trained, and the arm's name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from xlgap.analysis.own.values import (
    Row,
    at_line,
    budget,
    language,
    positive,
    required,
    task_called,
    text,
)
from xlgap.errors import DataError, UnknownNameError, suggestion
from xlgap.regimes import get_regime, regime_names
from xlgap.regimes.base import ArmSpec


class ArmOf(NamedTuple):
    """An arm, by name and by what it is."""

    name: str
    spec: ArmSpec


def arm_of(row: Row, line: int) -> ArmOf:
    """The arm that a row is of; its name, where none is given, says what it is."""
    regime = required(row, "regime", line)
    if regime not in regime_names():
        near = suggestion(regime, regime_names())
        raise UnknownNameError(f"{at_line('regime', line)}: unknown regime {regime!r}; {near}")
    trained_in = _trained_in(row, line, regime)
    shots = positive(row, "shots", line)
    if shots is not None and "shots" not in get_regime(regime).takes:
        raise DataError(
            f"{at_line('shots', line)}: {regime} is shown no target-language examples, got {shots}; "
            "leave it empty, or name the regime few_shot."
        )
    if shots is None and "shots" in get_regime(regime).needs:
        raise DataError(
            f"{at_line('shots', line)}: empty; {regime} needs the number of target-language examples."
        )
    spec = ArmSpec(
        regime=regime,
        intermediate=_intermediate(row, line, regime),
        language=trained_in,
        budget=budget(row, line),
        shots=shots,
    )
    return ArmOf(text(row, "arm") or arm_name(spec), spec)


def _trained_in(row: Row, line: int, regime: str) -> str | None:
    """The target language that an arm trains in; ``None`` of a regime that trains in English."""
    code = language(row, "train_language", line)
    if not get_regime(regime).needs_language:
        if code not in ("", "en"):
            raise DataError(
                f"{at_line('train_language', line)}: {regime} trains in English, got {code!r}; leave "
                "it empty, or name a regime that trains in the target language."
            )
        return None
    column = "train_language" if code else "language"
    code = code or required(row, "language", line)
    if code == "en":
        raise DataError(
            f"{at_line(column, line)}: {regime} trains in a target language other than en, got 'en'; "
            "name it in 'train_language', or name a regime that trains in English."
        )
    return code


def _intermediate(row: Row, line: int, regime: str) -> tuple[str, ...]:
    """The intermediate tasks in order: each once, and as many as the regime needs."""
    column = "intermediate"
    names = tuple(filter(None, text(row, column).replace(" ", "").split("+")))
    for name in names:
        task_called(name, column, line)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(
            f"{at_line(column, line)}: may hold each task once, but {twice!r} stands there more than "
            "once; leave out the others."
        )
    if 0 < len(names) < get_regime(regime).fewest:
        raise DataError(
            f"{at_line(column, line)}: {regime} is of several intermediate tasks, got {names[0]!r} "
            "alone; join them by '+', or name the regime intermediate_en."
        )
    return names


def arm_name(spec: ArmSpec) -> str:
    """A name that says all that a spec does.

    >>> arm_name(ArmSpec(regime="intermediate_tgt", intermediate=("squad",), language="sw"))
    'intermediate_tgt_squad_sw'
    """
    parts = [spec.regime, *spec.intermediate, spec.language or ""]
    if spec.budget is not None:
        amount = spec.budget.steps or spec.budget.tokens
        parts.append(f"{'steps' if spec.budget.steps else 'tokens'}{amount}")
    if spec.shots is not None:
        parts.append(f"k{spec.shots}")
    return "_".join(filter(None, parts))


def one_spec_a_name(arms: Iterable[tuple[int, ArmOf]]) -> dict[str, ArmSpec]:
    """Each arm by its name; ``arms`` are of lines, which come first.

    Raises:
        DataError: one name stands for two arms.
    """
    found: dict[str, ArmSpec] = {}
    for line, (name, spec) in arms:
        if found.setdefault(name, spec) != spec:
            raise DataError(
                f"{at_line('arm', line)}: {name!r} is another arm there than in a line before it "
                "(regime, intermediate, train_language, budget or shots); name each arm by itself."
            )
    return found
