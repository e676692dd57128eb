"""Reading a study's scores and items against its grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from xlgap.analysis.tables import load, read_scores, write_scores
from xlgap.config import Params
from xlgap.errors import ResultError
from xlgap.records import Score


def score(model: str, language: str, seed: int, **changes: object) -> Score:
    made = Score(
        source="measured", model=model, family="lab", params_total=100, params_nonembedding=80,
        arm="direct_en", regime="direct_en", train_language="en", task="toy_nli", language=language,
        seed=seed, metric="accuracy", value=50.0, chance=33.0,
    )  # fmt: skip
    return replace(made, **changes)


ALL = [
    score(m, c, s) for m in ("nano", "micro") for c in ("en", "de", "sw") for s in (1, 2)
]  # fmt: skip


def lay_out(folder: Path, scores: list[Score]) -> None:
    write_scores(folder / "results" / "scores" / "toy_nli.csv", scores)
    items = folder / "results" / "items" / "toy_nli.parquet"
    items.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"model": s.model, "arm": s.arm, "language": s.language, "seed": s.seed, "metric": s.metric,
         "item": "i", "group": "g", "s0": 1.0, "s1": 1.0}
        for s in scores
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(items)


def test_scores_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    scores = [replace(ALL[0], chance=None, seed=None, value=12.3456789), ALL[1]]
    write_scores(path, scores)
    assert read_scores(path) == scores


@pytest.mark.usefixtures("toy_tasks")
def test_complete_study_is_read(tmp_path: Path, study: Callable[..., Params]) -> None:
    lay_out(tmp_path, ALL)
    found = load(tmp_path, study())
    assert len(found.scores) == 12
    assert found.missing == ()
    assert len(found.items["toy_nli"]) == 12


@pytest.mark.usefixtures("toy_tasks")
def test_rows_that_left_the_grid_are_not_counted(tmp_path: Path, study: Callable[..., Params]) -> None:
    gone = [score("removed", "en", 1), score("nano", "en", 7)]
    lay_out(tmp_path, [*ALL, *gone])
    found = load(tmp_path, study())
    assert {s.model for s in found.scores} == {"nano", "micro"}
    assert {s.seed for s in found.scores} == {1, 2}
    assert set(found.items["toy_nli"]["model"]) == {"nano", "micro"}


@pytest.mark.usefixtures("toy_tasks")
@pytest.mark.parametrize("lost", [("language", "sw"), ("seed", 2)])
def test_a_lost_language_or_seed_makes_the_cell_missing(
    tmp_path: Path, study: Callable[..., Params], lost: tuple[str, object]
) -> None:
    field, value = lost
    kept = [s for s in ALL if s.model != "nano" or getattr(s, field) != value]
    lay_out(tmp_path, kept)
    with pytest.raises(ResultError, match="1 cells of the grid have no result: nano-direct_en-toy_nli"):
        load(tmp_path, study())
    found = load(tmp_path, study(), allow_missing=True)
    assert found.missing == ("nano-direct_en-toy_nli",)
    assert {s.model for s in found.scores} == {"micro"}


@pytest.mark.usefixtures("toy_tasks")
def test_nothing_scored_yet(tmp_path: Path, study: Callable[..., Params]) -> None:
    with pytest.raises(ResultError, match="2 cells"):
        load(tmp_path, study())
    assert len(load(tmp_path, study(), allow_missing=True).missing) == 2


@pytest.mark.usefixtures("toy_tasks")
def test_scores_without_items_are_refused(tmp_path: Path, study: Callable[..., Params]) -> None:
    lay_out(tmp_path, ALL)
    (tmp_path / "results" / "items" / "toy_nli.parquet").unlink()
    with pytest.raises(ResultError, match=r"toy_nli\.parquet: no such file"):
        load(tmp_path, study())


@pytest.mark.usefixtures("toy_tasks")
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_truncated_items_are_refused(tmp_path: Path, study: Callable[..., Params], keep: float) -> None:
    lay_out(tmp_path, ALL)
    path = tmp_path / "results" / "items" / "toy_nli.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(ResultError, match=r"toy_nli\.parquet: damaged .*; score the task again"):
        load(tmp_path, study())


@pytest.mark.usefixtures("toy_tasks")
def test_a_score_over_nothing_is_missing_not_zero(tmp_path: Path, study: Callable[..., Params]) -> None:
    lay_out(tmp_path, [replace(s, value=float("nan")) if s.language == "sw" else s for s in ALL])
    assert {s.language for s in load(tmp_path, study()).scores} == {"en", "de"}


def test_wrong_columns_and_values_are_named(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    write_scores(path, ALL[:1])
    text = path.read_text()
    path.write_text(text.replace("50.0", "half"))
    with pytest.raises(ResultError, match="line 2: column 'value' must be float, got 'half'"):
        read_scores(path)
    path.write_text(text.replace("metric", "metrik"))
    with pytest.raises(ResultError, match="missing or too many: metric, metrik"):
        read_scores(path)
