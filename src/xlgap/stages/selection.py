"""What a cell's predictions are made with that other rows than those scored have chosen.

A mining task's threshold is tuned on its dev rows of the same language; the layer and pooling of a
retrieval task are chosen on other languages, where ``evaluation.sweep_languages`` names some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from xlgap.cell import Cell
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.mine import Threshold
from xlgap.evaluation.predict import Predictor, predict_swept, tune_threshold
from xlgap.evaluation.sweep import Setting, Sweep
from xlgap.models.network import Network
from xlgap.stages.study import Study
from xlgap.tasks.base import Mine, Retrieve, Row


@dataclass(frozen=True)
class Selection:
    """The choices for one seed of a cell, each made when it is first asked for.

    Attributes:
        study: of the cell.
        cell: what is predicted.
        network: with its weights.
        base: how the study says that it is predicted.
    """

    study: Study
    cell: Cell
    network: Network
    base: Predictor
    _thresholds: dict[str, Threshold] = field(default_factory=dict)

    def how(self, language: str) -> Predictor:
        """How test rows of ``language`` are predicted."""
        if isinstance(self.cell.task.kind, Mine):
            return replace(self.base, threshold=self._threshold(language).value)
        if self._sweep is None:
            return self.base
        chosen = self._sweep.best(language)
        return replace(self.base, layer=chosen.layer, pooling=chosen.pooling)

    def predicted(self, language: str) -> list[Row]:
        """Prediction rows of a language that was swept; none of any other."""
        if self._sweep is None or language not in self._sweep.predictions:
            return []
        return list(self._sweep.predictions[language][self._sweep.best(language)])

    def facts(self) -> Mapping[str, dict[str, Any]]:
        """What was chosen, as JSON by file name; the languages are those of the cell."""
        found: dict[str, dict[str, Any]] = {}
        if self._thresholds:
            found["thresholds.json"] = {
                code: {"threshold": round(tuned.value, 6), "dev_f1": round(tuned.f1, 6)}
                for code, tuned in self._thresholds.items()
            }
        if self._sweep is not None:
            found["sweep.json"] = self._sweep.table(self.cell.eval_languages(self.study.params))
        return found

    def _threshold(self, language: str) -> Threshold:
        if language not in self._thresholds:
            rows = self.study.rows(self.cell.task.name, "dev", language)
            self._thresholds[language] = tune_threshold(self.network, rows, self.base)
        return self._thresholds[language]

    @cached_property
    def _sweep(self) -> Sweep | None:
        task, named = self.cell.task, self.study.params.evaluation.sweep_languages
        languages = [code for code in named if code in task.eval_languages]
        if not isinstance(task.kind, Retrieve) or not languages:
            return None
        metric = get_metric(task.metrics[0], task)
        accuracy: dict[str, dict[Setting, float]] = {}
        predictions: dict[str, dict[Setting, list[Row]]] = {}
        for code in languages:
            rows = self.study.rows(task.name, "test", code)
            found = predictions[code] = predict_swept(self.network, rows, self.base)
            accuracy[code] = {how: metric.score(task, rows, of, code) for how, of in found.items()}
        return Sweep(Setting(self.base.layer, self.base.pooling), accuracy, predictions)
