"""What an arm is called is the study's own matter: its regime says what it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulate import Plan, study

from xlgap.analysis.distance.rows import headline_distance
from xlgap.analysis.result import Analysis, analyse
from xlgap.analysis.study import Study
from xlgap.report.by_language import language_figures
from xlgap.report.canvas import Drawing

PLAN = Plan(
    groups=20, tasks=("nli",), languages=("en", "de", "sw", "ru", "fi", "ar", "zh", "es"),
    sizes=(40_000, 200_000), regimes=("direct_en", "intermediate_en"),
    seeds=(0,),  # seeds are resampled by the arm's name
)  # fmt: skip
OTHER = {"direct_en": "without", "inter_en_typing": "before"}


def renamed(found: Study) -> Study:
    """The same study with other names of its arms."""
    items = {
        task: replace(of, frame=of.frame.assign(arm=of.frame["arm"].map(OTHER)))
        for task, of in found.items.items()
    }
    return replace(
        found,
        arms={OTHER[name]: arm for name, arm in found.arms.items()},
        scores=tuple(replace(s, arm=OTHER[s.arm]) for s in found.scores),
        items=items,
    )


@pytest.fixture(scope="module")
def both() -> tuple[Analysis, Analysis]:
    found = study(PLAN, seed=1, resamples=50)
    return analyse(found, []), analyse(renamed(found), [])


def test_the_table_of_slopes_has_the_same_rows(both: tuple[Analysis, Analysis]) -> None:
    rows = [[r for r in one.distances if headline_distance(r)] for one in both]
    assert rows[0]
    assert {r.arm for r in rows[0]} == {"direct_en"}
    assert [replace(r, arm="without") for r in rows[0]] == rows[1]


def test_the_figures_by_language_are_of_the_same_arm(both: tuple[Analysis, Analysis]) -> None:
    drawn: list[dict[str, Drawing]] = [{d.name: d for d in language_figures(one)} for one in both]
    assert {"loss_by_language.svg", "languages_transfer.svg"} <= drawn[0].keys() == drawn[1].keys()
    assert [one["loss_by_language.svg"].alt.split(", ")[2] for one in drawn] == [
        "direct_en", "without",
    ]  # fmt: skip
    transfer = [one["languages_transfer.svg"].svg for one in drawn]
    assert transfer[0] == transfer[1]
