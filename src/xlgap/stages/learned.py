"""Which tasks a run has learned nothing of: told when its phase ends, read from what is kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from xlgap.training.collapse import LearnedNothing
from xlgap.training.facts import PhaseResult
from xlgap.training.trainer import Observer

EVENT = "learned_nothing"


def told(result: PhaseResult, task: str, observer: Observer) -> PhaseResult:
    """The facts of a phase, after ``observer`` was told of tasks that it has learned nothing of.

    Args:
        result: of the phase.
        task: its task where it mixes none.
        observer: of the run.
    """
    found = tuple(replace(of, task=of.task or task) for of in result.learned_nothing or ())
    for of_task in found:
        observer.on_event(EVENT, str(of_task))
    return replace(result, learned_nothing=found or None)


def nothing_learned(phases: Iterable[Mapping[str, Any]]) -> list[LearnedNothing]:
    """What the facts of phases say, in order."""
    return [LearnedNothing(**entry) for phase in phases for entry in phase.get(EVENT, ())]


def event_tags(phases: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The tag of a run that says so, as an observer leaves it; none where there is nothing to say."""
    found = nothing_learned(phases)
    return {f"xlgap.event.{EVENT}": str(found[-1])} if found else {}
