"""Made studies with known gaps and slopes, to see whether the analysis finds what was put in.

Items are right or wrong. A cell's probability is set so that its expected score is the planted one; a
cluster effect makes items of one group alike, a seed effect shifts a run, a model effect shifts the gap
of one model off the line, as real ladders do.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.bootstrap import TaskItems
from xlgap.analysis.rows import ArmInfo
from xlgap.analysis.study import Study, TaskInfo
from xlgap.records import Score
from xlgap.regimes.base import Budget

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

ARMS: dict[str, ArmInfo] = {
    "direct_en": ArmInfo(regime="direct_en"),
    "direct_sw": ArmInfo(regime="direct_tgt", language="sw"),
    "direct_ru": ArmInfo(regime="direct_tgt", language="ru"),
    "inter_en_typing": ArmInfo(regime="intermediate_en", intermediate=("typing",)),
    "inter_sw_typing": ArmInfo(regime="intermediate_tgt", intermediate=("typing",), language="sw"),
    "inter_ru_typing": ArmInfo(regime="intermediate_tgt", intermediate=("typing",), language="ru"),
}

COMBINATIONS: dict[str, dict[str, ArmInfo]] = {
    "joint": {"joint_typing_order": ArmInfo(regime="joint", intermediate=("typing", "order"))},
    "sequential": {
        f"seq_{a}_{b}": ArmInfo(regime="sequential", intermediate=(a, b))
        for a, b in (("typing", "order"), ("order", "typing"))
    },
    "best_of": {
        "inter_en_order": ArmInfo(regime="intermediate_en", intermediate=("order",)),
        "best": ArmInfo(regime="best_of", choices=("inter_en_typing", "inter_en_order")),
    },
}
"""Arms that a plan has beside :data:`ARMS` where it plants their gain."""

BUDGET = Budget(steps=400)
"""Of the arms of equal compute."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is planted.

    Attributes:
        sizes: total parameters of the models; non-embedding ones are 0.8 of them.
        tasks: names of the made tasks, all parallel, scored by accuracy.
        languages: English and others.
        seeds: training seeds.
        groups: clusters of items a task.
        group_size: items in a cluster.
        gap: each of inter and native at the smallest size, in points.
        slope: change of these gaps for ten times the parameters.
        english_gain: of English intermediate training, in points, everywhere.
        cluster_sd, seed_sd, model_sd: standard deviations in points.
        chance: score of guessing; ``at_chance`` makes every score this.
        joint, sequential, best_single: gain of these arms over direct_en at the smallest size, in
            points, in all languages; ``None`` for no such arm.
        combined_slope: change of these gains for ten times the parameters.
        regimes: of the arms that the study has; all by default.
        longer: gain of direct_en from as much more training as the combined arms have, in points; such
            an arm, and the combined ones again under the same budget, are there unless it is ``None``.
    """

    sizes: Sequence[int] = (40_000, 200_000, 1_000_000, 5_000_000)
    tasks: Sequence[str] = ("nli", "qa")
    languages: Sequence[str] = ("en", "de", "sw", "ru")
    seeds: Sequence[int] = (0, 1)
    groups: int = 100
    group_size: int = 4
    gap: float = 20.0
    slope: float = -5.0
    english_gain: float = 2.0
    cluster_sd: float = 8.0
    seed_sd: float = 1.0
    model_sd: float = 0.5
    chance: float = 25.0
    at_chance: bool = False
    name: str = "made"
    joint: float | None = None
    sequential: float | None = None
    best_single: float | None = None
    combined_slope: float = 0.0
    regimes: Collection[str] | None = None
    longer: float | None = None

    @property
    def gains(self) -> dict[str, float]:
        """Planted gains over direct_en at the smallest size, by regime."""
        planted = {
            "joint": self.joint, "sequential": self.sequential, "best_of": self.best_single
        }  # fmt: skip
        return {regime: gain for regime, gain in planted.items() if gain is not None}

    @property
    def arms(self) -> dict[str, ArmInfo]:
        """All arms of the study."""
        more = {name: arm for regime in self.gains for name, arm in COMBINATIONS[regime].items()}
        if self.longer is not None:
            english = {"direct_en": ARMS["direct_en"]}
            more |= {f"{n}_long": replace(a, budget=BUDGET) for n, a in (english | more).items()}
        return {
            name: arm
            for name, arm in (ARMS | more).items()
            if arm.language in (None, *self.languages)
            and (self.regimes is None or arm.regime in self.regimes)
        }


def study(plan: Plan, *, seed: int, resamples: int = 500) -> Study:
    """A study whose expected gaps are those of ``plan``; the same for the same ``seed``."""
    rng = np.random.default_rng(seed)
    frames: dict[str, list[dict[str, Any]]] = {task: [] for task in plan.tasks}
    scores: list[Score] = []
    for task in plan.tasks:
        clusters = rng.normal(0, plan.cluster_sd, (len(plan.languages), plan.groups))
        for cell in _cells(plan, rng):
            right = _items(plan, cell, clusters, rng)
            scores.append(_score(plan, task, cell, right))
            frames[task].append({"cell": cell, "right": right})
    return Study(
        name=plan.name,
        source="lab",
        arms=plan.arms,
        tasks={task: TaskInfo(metric="accuracy", parallel=True) for task in plan.tasks},
        scores=tuple(scores),
        items={task: _task_items(rows) for task, rows in frames.items()},
        resamples=resamples,
        translated=frozenset(task for arm in plan.arms.values() for task in arm.intermediate),
    )


@dataclass(frozen=True)
class MadeCell:
    """One run on one language, with its expected score."""

    size: int
    arm: str
    language: str
    seed: int
    expected: float

    @property
    def model(self) -> str:
        """Name by size."""
        return f"made_{self.size}"


def _cells(plan: Plan, rng: np.random.Generator) -> Iterator[MadeCell]:
    smallest = math.log10(min(plan.sizes))
    for size in plan.sizes:
        line = plan.gap + plan.slope * (math.log10(size) - smallest)
        gaps = {kind: line + rng.normal(0, plan.model_sd) for kind in ("inter", "native")}
        steps = math.log10(size) - smallest
        for regime, gain in plan.gains.items():
            gaps[regime] = gain + plan.combined_slope * steps + rng.normal(0, plan.model_sd)
        for arm, info in plan.arms.items():
            for run in plan.seeds:
                shift = rng.normal(0, plan.seed_sd)
                for language in [info.language] if info.language else plan.languages:
                    expected = plan.chance if plan.at_chance else _expected(plan, info, language, gaps)
                    noise = 0.0 if plan.at_chance else shift
                    yield MadeCell(size, arm, language, run, expected + noise)


def _expected(plan: Plan, info: ArmInfo, language: str, gaps: Mapping[str, float]) -> float:
    """The planted score: 75 in English, 45 elsewhere, plus what the arm adds."""
    base = 75.0 if language == "en" else 45.0
    gain = plan.english_gain
    added = {
        "direct_en": 0.0 if info.budget is None else plan.longer or 0.0,
        "intermediate_en": gain,
        "intermediate_tgt": gain + gaps["inter"],
        "direct_tgt": gaps["native"],
        **{regime: gaps[regime] for regime in plan.gains},
    }
    return base + added[info.regime]


def _items(plan: Plan, cell: MadeCell, clusters: Floats, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Right or wrong, [groups, group_size]; the cluster effect is shared by all models."""
    effect = 0.0 if plan.at_chance else clusters[list(plan.languages).index(cell.language)]
    share = np.clip((cell.expected + effect) / 100, 0.01, 0.99)
    chances = np.broadcast_to(np.asarray(share), (plan.groups,))
    return rng.random((plan.groups, plan.group_size)) < chances[:, None]


def _score(plan: Plan, task: str, cell: MadeCell, right: NDArray[np.bool_]) -> Score:
    share = float(right.mean())
    return Score(
        source="measured",
        model=cell.model,
        family="made",
        params_total=cell.size,
        params_nonembedding=int(0.8 * cell.size),
        arm=cell.arm,
        regime=plan.arms[cell.arm].regime,
        train_language=plan.arms[cell.arm].language or "en",
        task=task,
        language=cell.language,
        seed=cell.seed,
        metric="accuracy",
        value=100 * share,
        chance=plan.chance,
        stderr=100 * math.sqrt(share * (1 - share) / right.size),
        n_items=right.size,
    )


def _task_items(rows: Sequence[Mapping[str, Any]]) -> TaskItems:
    import pandas as pd

    parts: list[pd.DataFrame] = []
    for row in rows:
        cell, right = row["cell"], row["right"]
        groups, size = right.shape
        group = np.repeat(np.arange(groups), size)
        parts.append(
            pd.DataFrame(
                {
                    "model": cell.model,
                    "arm": cell.arm,
                    "language": cell.language,
                    "seed": cell.seed,
                    "metric": "accuracy",
                    "item": [f"i{n}" for n in range(right.size)],
                    "group": [f"g{n}" for n in group],
                    "s0": right.ravel().astype(np.float64),
                    "s1": 1.0,
                }
            )
        )
    return TaskItems(
        frame=pd.concat(parts, ignore_index=True), metric="accuracy", value=share_right, parallel=True
    )


def share_right(sums: Floats) -> Floats:
    """100 x right / items, from sums [..., 2]."""
    value: Floats = 100 * sums[..., 0] / sums[..., 1]
    return value
