"""Which layer and pooling make the vectors of a retrieval task, chosen on languages named for it.

Every block's output with every pooling is scored in each of ``evaluation.sweep_languages``. A
language that is not among them is predicted with the setting of the best mean accuracy over all of
them; one that is among them with the best over the others. So no score is of a setting that its own
rows chose. A sweep over one language leaves none for that language itself: it keeps the study's own
setting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from xlgap.tasks.base import Row

Pooling = Literal["mean", "cls"]
POOLINGS: tuple[Pooling, ...] = ("mean", "cls")


@dataclass(frozen=True)
class Setting:
    """What a sentence's vector is made of: the output of a block, counted from 1, and its pooling."""

    layer: int
    pooling: Pooling


def settings(layers: int) -> tuple[Setting, ...]:
    """Every setting of a model of ``layers`` blocks, the lower layers first."""
    return tuple(Setting(layer, pooling) for layer in range(1, layers + 1) for pooling in POOLINGS)


@dataclass(frozen=True)
class Sweep:
    """A sweep's scores and predictions.

    Attributes:
        default: the study's own setting.
        accuracy: 0-100 by language and setting.
        predictions: prediction rows by language and setting.
    """

    default: Setting
    accuracy: Mapping[str, Mapping[Setting, float]]
    predictions: Mapping[str, Mapping[Setting, Sequence[Row]]]

    def best(self, language: str) -> Setting:
        """The setting for ``language``; of equally good ones that of the lowest layer."""
        others = [scores for code, scores in self.accuracy.items() if code != language]
        if not others:
            return self.default
        means = {setting: float(np.mean([of[setting] for of in others])) for setting in others[0]}
        return max(means, key=lambda setting: means[setting])  # the first of equal ones

    def table(self, languages: Sequence[str]) -> dict[str, Any]:
        """What was scored and what it chose for each of ``languages``, as JSON."""
        of_all = next(iter(self.accuracy.values()))
        return {
            "swept": list(self.accuracy),
            "default": asdict(self.default),
            "chosen": {code: asdict(self.best(code)) for code in languages},
            "accuracy": [
                {
                    **asdict(setting),
                    "mean": round(float(np.mean([of[setting] for of in self.accuracy.values()])), 8),
                    **{code: round(of[setting], 8) for code, of in self.accuracy.items()},
                }
                for setting in of_all
            ],
        }
