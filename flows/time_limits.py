"""How long stages may take where nobody watches: by what the study's plan predicts, or by a number."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from plan import Plan

FACTOR = 5.0  # times what is predicted: beyond it a stage hangs, or the plan is of another machine
LEAST_SECONDS = 2 * 3600.0  # of any stage; most are seconds, and data may be large


def by_plan(directory: Path, hours: float | None) -> Callable[[Plan], Mapping[str, float]]:
    """The most seconds that stages may take, by name.

    Args:
        directory: the study's.
        hours: of every stage alike; None: what ``xlgap plan`` predicts, with room.
    """

    def limits(plan: Plan) -> Mapping[str, float]:
        if hours is not None:
            return dict.fromkeys(plan.stages, hours * 3600)
        predicted = _predicted_hours(directory) if plan.stale else {}
        return {
            name: max(LEAST_SECONDS, FACTOR * 3600 * predicted.get(name, 0.0)) for name in plan.stages
        }

    return limits


def _predicted_hours(directory: Path) -> dict[str, float]:
    """Hours by stage as the plan has them; stages whose hours it does not know are left out."""
    command = [sys.executable, "-m", "xlgap", "plan", "--json"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"xlgap plan ended with {done.returncode}: {done.stderr.strip()}")
    stages = json.loads(done.stdout)["stages"]
    return {stage["stage"]: stage["hours"] for stage in stages if stage["hours"] is not None}
