"""From parameters and result files to a study, its answers and its report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulate import share_right

from xlgap.analysis.assemble import assemble, parallel_tasks, twins
from xlgap.analysis.result import analyse
from xlgap.analysis.tables import load, write_scores
from xlgap.cell import grid
from xlgap.config import Params
from xlgap.records import Score
from xlgap.report.write import write_report

MODELS = {
    "nano": {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64},
    "micro": {"layers": 2, "width": 64, "heads": 4, "feed_forward": 128},
    "micro_raw": {"layers": 2, "width": 64, "heads": 4, "feed_forward": 128, "pretrained": False},
    "hubbed": {"hub": "xlm-roberta-base"},
}
ARMS = {
    "direct_en": {"regime": "direct_en"},
    "direct_sw": {"regime": "direct_tgt", "language": "sw"},
}


@pytest.fixture
def params(study: Callable[..., Params], toy_tasks: None) -> Params:
    return study(models=MODELS, arms=ARMS)


def write_results(folder: Path, params: Params) -> None:
    """Scores and items of every cell: 40 items, more right in larger models and in English."""
    rng = np.random.default_rng(0)
    right = {"nano": 0.6, "micro": 0.8, "micro_raw": 0.34, "hubbed": 0.9}
    scores, items = [], []
    for cell in grid(params).cells:
        for language in cell.eval_languages(params):
            for seed in params.study.seeds:
                hits = (rng.random(40) < right[cell.model]).astype(float)
                where = {
                    "model": cell.model,
                    "arm": cell.arm.name,
                    "language": language,
                    "seed": seed,
                    "metric": "accuracy",
                }
                groups = [f"g{i // 2}" for i in range(40)]
                items.append(
                    pd.DataFrame({**where, "item": range(40), "group": groups, "s0": hits, "s1": 1.0})
                )
                scores.append(
                    Score(
                        source="measured", family="lab", params_total=len(scores) + 10,
                        params_nonembedding=5, regime=cell.arm.spec.regime,
                        train_language=cell.arm.train_language, task=cell.task.name,
                        value=100 * hits.mean(), chance=33.0, stderr=7.0, n_items=40, **where,
                    )
                )  # fmt: skip
    write_scores(folder / "results" / "scores" / "toy_nli.csv", scores)
    (folder / "results" / "items").mkdir()
    pd.concat(items).to_parquet(folder / "results" / "items" / "toy_nli.parquet")


def test_untrained_models_are_twins_of_those_of_their_shape(params: Params) -> None:
    assert twins(params) == {"micro_raw": "micro"}


def test_untrained_model_without_a_twin_is_still_no_part_of_the_ladder(
    study: Callable[..., Params], toy_tasks: None
) -> None:
    alone = study(models={k: v for k, v in MODELS.items() if k != "micro"}, arms=ARMS)
    assert twins(alone) == {"micro_raw": ""}


def test_results_become_a_study_and_a_report(params: Params, tmp_path: Path) -> None:
    write_results(tmp_path, params)
    made = assemble(params, load(tmp_path, params), {"toy_nli": share_right})
    assert made.arms["direct_sw"].language == "sw"
    assert made.controls == {"micro_raw": "micro"}
    analysis = analyse(made, ())
    native = next(a for a in analysis.answers if a.key == "3.native.slope.params_total")
    assert set(native.models) == {"nano", "micro", "hubbed"}
    [control] = [e for e in analysis.estimates if (e.gap, e.scale) == ("control", "raw")]
    assert control.model == "micro"
    assert control.value > 2 * control.stderr > 0
    page = write_report(tmp_path / "report", analysis).read_text(encoding="utf8")
    assert "direct_en, minus micro_raw" in page
    assert "above by two standard errors" in page
    assert page.count("at chance</td>") == 1  # the twin, in English


def test_which_intermediate_data_mean_the_same_in_every_language() -> None:
    assert parallel_tasks(["lab_typing", "mnli", "squad", "of_no_task_here"]) == {"lab_typing"}
