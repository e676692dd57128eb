"""Made scores of earlier tasks with a planted loss, to see whether the analysis finds it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from simulate import Floats, share_right

from xlgap.analysis.retention.matrix import RetentionData
from xlgap.analysis.retention.rows import MLM, MLM_METRIC, Head, RetentionScore, mean_loss
from xlgap.analysis.study import Study, TaskInfo

TARGET = "nli"
BOTH = ("typing", "order")
ARMS: Mapping[str, tuple[str, ...]] = {"inter_en_typing": ("typing",), "seq": BOTH, "joint": BOTH}
REGIMES = {"inter_en_typing": "intermediate_en", "seq": "sequential", "joint": "joint"}


@dataclass(frozen=True, kw_only=True)
class Planted:
    """What is planted.

    Attributes:
        sizes: total parameters of the models; non-embedding ones are 0.8 of them.
        before: score just after a task's own phase, in points; others than English have 10 less.
        lost: points that the kept head loses at the smallest size.
        less: by how much less that is for ten times the parameters.
        probed: share of it that the probe loses, too.
        further: points that a task loses for each phase between its own and the last.
        rise: of the masked loss, nats.
        model_sd, seed_sd: standard deviations in points.
        unlearned: (arm, task, seed) of runs that stay at chance.
    """

    sizes: Sequence[int] = (40_000, 200_000, 1_000_000, 5_000_000, 25_000_000)
    languages: Sequence[str] = ("en", "de", "sw")
    seeds: Sequence[int] = (0, 1)
    before: float = 85.0
    chance: float = 25.0
    lost: float = 40.0
    less: float = 10.0
    probed: float = 0.25
    further: float = 5.0
    rise: float = 0.5
    groups: int = 250
    model_sd: float = 0.5
    seed_sd: float = 0.5
    arms: Sequence[str] = ("inter_en_typing",)
    unlearned: Collection[tuple[str, str, int]] = ()


def made_study(plan: Planted, *, seed: int, resamples: int = 200) -> Study:
    """A study of nothing but what is retained."""
    rng = np.random.default_rng(seed)
    found = [entry for size in plan.sizes for entry in _model(plan, size, rng)]
    scores, frames = zip(*found, strict=True)
    data = RetentionData(
        scores=tuple(scores),
        items=pd.concat(frames, ignore_index=True),
        values={"typing": share_right, "order": share_right, MLM: mean_loss},
        parallel=frozenset({"typing", "order"}),
        resamples=resamples,
    )
    return Study(
        name="made",
        source="lab",
        arms={},
        tasks={TARGET: TaskInfo(metric="accuracy", parallel=True)},
        scores=(),
        resamples=resamples,
        retention=data,
    )


def _model(
    plan: Planted, size: int, rng: np.random.Generator
) -> Iterator[tuple[RetentionScore, pd.DataFrame]]:
    tens = math.log10(size / min(plan.sizes))
    lost = plan.lost - plan.less * tens + rng.normal(0, plan.model_sd)
    for arm in plan.arms:
        phases = {task: 1 if arm == "joint" else n for n, task in enumerate(ARMS[arm], 1)}
        last = max(phases.values()) + 1
        for seed in plan.seeds:
            shift = rng.normal(0, plan.seed_sd)
            for task, own in phases.items():
                for phase in range(own, last + 1):
                    final = phase == last
                    gone = lost * final + plan.further * (phase - own - final)
                    for head, share in (("kept", 1.0), ("probe", plan.probed)):
                        for language in plan.languages:
                            level = plan.before - 10 * (language != "en") - share * gone + shift
                            if (arm, task, seed) in plan.unlearned:
                                level = plan.chance
                            blank = _blank(plan, size, arm, task, seed, language)
                            score = replace(blank, head=head, own=own, phase=phase, final=final)
                            yield _items(score, level, plan, rng)
                for language in plan.languages:
                    blank = _blank(plan, size, arm, task, seed, language)
                    random = replace(blank, head="untrained", own=own)
                    yield _items(random, plan.chance + 10, plan, rng)
            for phase in range(last + 1):
                for language in plan.languages:
                    blank = _blank(plan, size, arm, MLM, seed, language)
                    final = phase == last
                    yield _losses(replace(blank, phase=phase, final=final), 2 + plan.rise * final, rng)


def _blank(plan: Planted, size: int, arm: str, task: str, seed: int, language: str) -> RetentionScore:
    head: Head = "kept"
    return RetentionScore(
        model=f"made_{size}", family="made", params_total=size, params_nonembedding=int(0.8 * size),
        arm=arm, regime=REGIMES[arm], target=TARGET, task=task, language=language, split="test",
        seed=seed, head=head, own=0, phase=0, after="", final=False, metric="accuracy", value=0.0,
        chance=plan.chance, stderr=None, n_items=0,
    )  # fmt: skip


def _items(
    score: RetentionScore, level: float, plan: Planted, rng: np.random.Generator
) -> tuple[RetentionScore, pd.DataFrame]:
    right = (rng.random(plan.groups * 2) < np.clip(level / 100, 0, 1)).astype(np.float64)
    done = replace(score, value=float(100 * right.mean()), n_items=len(right), stderr=1.0)
    groups = np.repeat(np.arange(plan.groups), 2)
    return done, _frame(done, right, np.ones_like(right), groups)


def _losses(
    score: RetentionScore, level: float, rng: np.random.Generator
) -> tuple[RetentionScore, pd.DataFrame]:
    masked = np.full(80, 3.0)
    losses = 3 * rng.normal(level, 0.3, 80)
    value = float(losses.sum() / masked.sum())
    done = replace(score, metric=MLM_METRIC, value=value, chance=None, n_items=80, split="heldout")
    return done, _frame(done, losses, masked, np.arange(80))


def _frame(score: RetentionScore, first: Floats, second: Floats, groups: Floats) -> pd.DataFrame:
    names = ("model", "arm", "target", "task", "language", "seed", "head", "phase")
    named = {name: getattr(score, name) for name in names}
    items = {"item": np.arange(len(first)).astype(str), "group": groups.astype(str)}
    return pd.DataFrame({**named, **items, "s0": first, "s1": second, "s2": 0.0})
