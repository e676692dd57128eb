"""Numbers that papers print, reproduced from the carried tables through the ordinary analysis.

Origin: mT5 README (google-research/multilingual-t5) and ByT5 paper Table 4 for the in-language and
zero-shot scores; XLM-R paper Table 1 for XNLI by language. The differences were worked out by hand.
"""

from __future__ import annotations

import pytest

from xlgap.analysis.gap import gap_rows, select
from xlgap.analysis.published.answers import ladders
from xlgap.analysis.published.distance import published_slopes
from xlgap.analysis.rows import GapRow
from xlgap.published import load_scores

MT5 = ["mT5-Small", "mT5-Base", "mT5-Large", "mT5-XL", "mT5-XXL"]


@pytest.fixture(scope="module")
def rows() -> list[GapRow]:
    return gap_rows(load_scores())


def _native(rows: list[GapRow], task: str) -> list[GapRow]:
    return select(rows, source="published", gap="native", model_glob="mT5-*", task=task)


@pytest.mark.parametrize(
    ("task", "values"),
    [
        ("wikiann", [35.9, 32.5, 31.2, 25.8, 23.0]),
        ("tydiqa", [39.5, 22.6, 16.9, 9.8, 6.7]),
    ],
)
def test_mt5_in_language_minus_zero_shot(rows: list[GapRow], task: str, values: list[float]) -> None:
    found = _native(rows, task)
    assert [r.model for r in found] == MT5
    assert [r.value for r in found] == pytest.approx(values, abs=1e-6)
    assert {(r.language, r.metric, r.seed) for r in found} == {("avg", "f1", None)}


def test_disagreement_on_mt5_xxl_is_shown_not_averaged(rows: list[GapRow]) -> None:
    largest = _native(rows, "tydiqa")[-1]
    assert largest.note.startswith("byt5_paper minus mt5_readme")
    assert "mt5_paper_secondary prints 80.8" in largest.note


def test_one_source_is_taken_where_it_has_both_sides(rows: list[GapRow]) -> None:
    assert {r.note for r in _native(rows, "wikiann")} == {"both from byt5_paper"}


def test_exact_match_of_mt5_xxl_stays_within_the_one_source_that_has_it(rows: list[GapRow]) -> None:
    found = select(rows, gap="native", model_glob="mT5-*", task="tydiqa", metric="em")
    assert [(r.model, round(r.value, 1)) for r in found] == [("mT5-XXL", 13.6)]


def test_xnli_drop_and_its_rank_correlation_with_distance(rows: list[GapRow]) -> None:
    drops = {r.model: r.value for r in select(rows, gap="transfer", task="xnli") if r.language == "avg"}
    slopes = {s.model: s.spearman for s in published_slopes(load_scores()) if s.task == "xnli"}
    for model, drop, spearman in (
        ("mBERT", 16.9, 0.81),
        ("XLM-R base", 10.3, 0.92),
        ("XLM-R large", 8.8, 0.91),
    ):
        assert drops[model] == pytest.approx(drop, abs=0.05)
        assert slopes[model] == pytest.approx(spearman, abs=0.005)


def test_mt5_ladder_is_the_mean_over_its_common_tasks(rows: list[GapRow]) -> None:
    ladder = ladders(rows, gap="native", arm="in_language:multitask")["mT5"]
    assert [e.model for e in ladder] == MT5
    assert ladder[0].value == pytest.approx((35.9 + 39.5) / 2)
    assert ladder[0].note == "mean over tydiqa and wikiann"
