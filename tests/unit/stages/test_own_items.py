"""The outcomes of items beside anyone's scores: what they lack, and where an error in them is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from xlgap.analysis.own.study import own_study
from xlgap.errors import XlgapError
from xlgap.stages.own_rows import analyse_rows

N = 100
ERROR = 100 * math.sqrt(0.6 * 0.4 / (N - 1))
Table = list[dict[str, str]]


def tables(*, stderr: str = f"{ERROR:.2f}", group: int = 1) -> tuple[Table, Table]:
    """Scores of four models in three languages, 60 of 100 items right; ``group`` items a cluster."""
    scores, items = [], []
    for number in range(4):
        for language in ("en", "de", "sw"):
            cell = {"model": f"m{number}", "regime": "direct_en", "task": "xnli", "language": language}
            size = str(10 ** (6 + number))
            given = {"params_total": size, "metric": "accuracy", "value": "60", "stderr": stderr}
            scores.append({**cell, **given})
            for i in range(N):
                items.append({**cell, "item": f"q{i}", "correct": str(int(i < 60)),
                              "group": f"g{i // group}"})  # fmt: skip
    return scores, items


def notes(scores: Table, items: Table) -> Sequence[str]:
    study = own_study(scores, items, name="rows", columns=list(scores[0]), item_columns=list(items[0]))
    return study.notes


def test_items_of_all_scores_that_give_their_errors_need_no_word() -> None:
    assert notes(*tables()) == ()
    assert notes(*tables(stderr="")) == ()
    clustered = 100 * math.sqrt((6 * 4**2 + 4 * 6**2) * 10 / 9) / N
    assert notes(*tables(group=10, stderr=f"{clustered:.1f}")) == ()
    assert notes(*tables(group=10)) == ()


def test_scores_without_items_are_named() -> None:
    scores, items = tables()
    some = [i for i in items if (i["model"], i["language"]) != ("m2", "sw")]
    assert notes(scores, some) == (
        "1 of 12 scores has no items (m2/direct_en/xnli in sw): a gap that has one of them has the "
        "errors of the column 'stderr', none where that is empty, and no interval from items.",
    )
    [said] = notes(scores, [i for i in items if i["model"] == "m0"])
    assert said.startswith("9 of 12 scores have no items (m1/direct_en/xnli in en, ")
    assert " and 3 more): " in said


def test_standard_errors_that_are_not_of_the_items_are_told() -> None:
    scores, items = tables()
    scores[4]["stderr"] = "0.7"
    scores[5]["stderr"] = "11"
    assert notes(scores, items) == (
        "The column 'stderr' is less than half or more than twice what the items give for 2 of 12 "
        f"scores on xnli (0.70 beside {ERROR:.2f} of m1/direct_en in de): gaps between scores with "
        "items have the items' errors, chance is judged by the column.",
    )


def test_an_error_in_a_line_of_items_names_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scores, items = tables()
    pd.DataFrame(scores).to_csv("scores.csv", index=False)
    items[5]["correct"] = "2"
    pd.DataFrame(items).to_csv("outcomes.csv", index=False)
    with pytest.raises(XlgapError) as error:
        analyse_rows(Path("scores.csv"), items=Path("outcomes.csv"))
    assert str(error.value) == (
        "outcomes.csv: line 7, column 'correct': got '2', allowed is a number from 0 to 1."
    )


def test_items_without_a_row_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scores, items = tables()
    pd.DataFrame(scores).to_csv("scores.csv", index=False)
    header = pd.DataFrame(items)[:0]
    header.to_csv("items.csv", index=False)
    header.to_parquet("items.parquet")
    for name in ("items.csv", "items.parquet"):
        with pytest.raises(XlgapError) as error:
            analyse_rows(Path("scores.csv"), items=Path(name), out=Path("out"))
        assert str(error.value) == (
            f"{name}: the table has no row; give one outcome a row (docs/rows.md), or leave "
            "--items out."
        )
        assert not Path("out").exists()


def test_items_of_another_metric_alone_leave_all_scores_without_items() -> None:
    scores, items = tables()
    other = [{**s, "metric": "em"} for s in scores]
    [said] = notes([*scores, *other], [{**i, "metric": "em"} for i in items])
    assert said.startswith("12 of 12 scores have no items (m0/direct_en/xnli in en, ")


@pytest.mark.parametrize("column", ["model", "seed", "language"])
def test_an_item_is_of_one_group(column: str) -> None:
    scores, items = tables(group=10)
    values = {"model": ("m0", "m1"), "seed": ("0", "1"), "language": ("en", "de")}[column]
    if column == "seed":
        both = [
            [{**row, "seed": seed} for row in table for seed in values] for table in (scores, items)
        ]
        scores, items = both
    own = [{**i, "group": "x"} if (i[column], i["item"]) == (values[1], "q3") else i for i in items]
    with pytest.raises(XlgapError) as error:
        notes(scores, own)
    said = str(error.value)
    assert said.startswith("the items: item 'q3' of xnli has the group 'g0' under m0, direct_en, en, ")
    assert " and 'x' under m" in said
    assert said.endswith("all models, arms and seeds and in all its languages, which are parallel.")
    assert notes(scores, items) == ()


def test_languages_that_are_not_parallel_have_groups_of_their_own() -> None:
    scores, items = tables(group=10)
    scores = [{**s, "parallel": "false"} for s in scores]
    items = [{**i, "group": i["language"] + i["group"]} for i in items]
    assert notes(scores, items) == ()
    items[-1]["group"] = "x"
    with pytest.raises(XlgapError, match=r"'q99' of xnli .* under all models, arms and seeds\.$"):
        notes(scores, items)
