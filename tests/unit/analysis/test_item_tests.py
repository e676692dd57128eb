"""Two arms on the same items: planted differences are found, others are not, run by run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulate import Plan, study
from statsmodels.stats.multitest import multipletests

from xlgap.analysis.contrasts import contrasts
from xlgap.analysis.item_tests import ItemTest, item_tests
from xlgap.analysis.study import Study
from xlgap.errors import ResultError

PLAN = Plan(
    sizes=(40_000, 1_000_000), languages=("en", "de", "sw"), tasks=("nli",), groups=300, group_size=1,
    cluster_sd=4.0, seed_sd=0.3, regimes=("direct_en", "intermediate_en"),
)  # fmt: skip


def compared(made: Study) -> list[ItemTest]:
    return item_tests(contrasts(made.table, made.arms), made)


@pytest.mark.parametrize("size", [1, 3])
def test_a_planted_gain_is_found_in_every_run_and_language(size: int) -> None:
    made = study(replace(PLAN, english_gain=25.0, group_size=size), seed=1)
    found = compared(made)
    runs = {(t.model, t.language, t.seed) for t in found}
    assert runs == {
        (f"made_{n}", code, s) for n in PLAN.sizes for code in PLAN.languages for s in PLAN.seeds
    }
    assert len(runs) == len(found)
    for test in found:
        assert test.q < 0.01
        assert 15 < test.difference < 35
        assert test.n == 300
        assert test.method.startswith("McNemar" if size == 1 else "studentised bootstrap")
        assert (test.only_a is None) == (size > 1)


def test_without_a_gain_the_list_holds_few_finds() -> None:
    for seed in range(4):
        found = compared(study(replace(PLAN, english_gain=0.0, seed_sd=0.0), seed=seed))
        assert sum(test.q <= 0.05 for test in found) <= 1


def test_counts_and_difference_are_those_of_the_items() -> None:
    made = study(PLAN, seed=2)
    frame = made.items["nli"].frame
    for test in compared(made):
        of = frame[(frame.model == test.model) & (frame.language == test.language)]
        of = of[of.seed == test.seed].pivot_table(index="item", columns="arm", values="s0")
        a, b = of[test.arm_a], of[test.arm_b]
        assert (test.only_a, test.only_b) == (int((a > b).sum()), int((b > a).sum()))
        assert test.difference == pytest.approx(100 * (a.mean() - b.mean()))


def test_all_compared_a_gap_are_one_list() -> None:
    found = compared(study(PLAN, seed=3))
    adjusted = multipletests([t.p for t in found], 0.05, "fdr_bh")[1]
    assert np.allclose([t.q for t in found], adjusted)
    assert {t.family for t in found} == {len(found)}


def test_too_few_paragraphs_have_no_test() -> None:
    assert compared(study(replace(PLAN, groups=9, group_size=30), seed=4)) == []


def test_arms_on_other_items_are_refused() -> None:
    made = study(PLAN, seed=5)
    items = made.items["nli"]
    gone = items.frame.drop(items.frame[items.frame.arm == "direct_en"].index[0])
    with pytest.raises(ResultError, match="were scored on other items of nli in"):
        compared(replace(made, items={"nli": replace(items, frame=gone)}))
