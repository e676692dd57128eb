"""Overall scores by hand, and what is said where something is missing."""

from __future__ import annotations

import math

import pytest

from xlgap.errors import UnknownNameError
from xlgap.evaluation.editions import EDITIONS, XTREME, XTREME_R, get_edition, overall, told
from xlgap.records import EditionScore
from xlgap.tasks import get_task

XNLI = get_task("xnli").eval_languages


def of(rows: tuple[EditionScore, ...], name: str) -> EditionScore:
    (row,) = (row for row in rows if row.name == name)
    return row


def test_the_editions_have_ten_and_nine_tasks() -> None:
    assert [len(edition.tasks) for edition in EDITIONS.values()] == [10, 9]
    assert set(XTREME.tasks) - set(XTREME_R.tasks) == {"pawsx", "bucc2018"}
    assert set(XTREME_R.tasks) - set(XTREME.tasks) == {"xcopa", "lareqa", "mewslix"}


@pytest.mark.parametrize(("task", "old", "new"), [("udpos", 33, 38), ("xquad", 11, 12),
                                                  ("tatoeba", 36, 41), ("xnli", 15, 15)])  # fmt: skip
def test_the_first_edition_has_fewer_languages(task: str, old: int, new: int) -> None:
    assert len(XTREME.languages(get_task(task))) == old
    assert len(XTREME_R.languages(get_task(task))) == new


def test_an_unknown_edition_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'xtreme'"):
        get_edition("xtrme")


def test_a_task_is_the_mean_over_languages_and_the_whole_the_mean_over_tasks() -> None:
    scores = {
        "xnli": {c: {"accuracy": 40.0 + i} for i, c in enumerate(XNLI)},  # mean 47
        "udpos": {
            "en": {"f1": 60.0, "token_accuracy": 80.0},
            "de": {"f1": 50.0, "token_accuracy": 60.0},
        },
    }
    rows = overall(XTREME_R, [scores], model="m", arm="a")
    assert [len([r for r in rows if r.level == level]) for level in ("task", "group", "overall")] == [
        10, 4, 1,
    ]  # fmt: skip
    assert of(rows, "xnli").official == of(rows, "xnli").corrected == 47
    udpos = of(rows, "udpos")
    assert (udpos.official, udpos.corrected) == (55, 70)
    assert udpos.present == ("de", "en")
    assert len(udpos.missing) == 36
    assert "fr" in udpos.missing
    assert of(rows, "classification").official == 47
    whole = of(rows, "XTREME-R")
    assert (whole.official, whole.corrected) == (51, 58.5)
    assert whole.present == ("xnli", "udpos")
    assert whole.missing == (
        *("xcopa", "wikiann", "xquad", "mlqa", "tydiqa", "tatoeba", "lareqa", "mewslix"),
    )
    assert told(whole) == (
        "51.00 official, 58.50 corrected; mean of the 2 of 10 tasks present, missing: xcopa, wikiann, "
        "xquad, mlqa, tydiqa, tatoeba, lareqa, mewslix; of those present 1 lacks languages"
    )
    assert of(rows, "qa").official is None
    assert told(of(rows, "qa")) == "no score: missing xquad, mlqa, tydiqa"


def test_question_answering_is_the_mean_of_em_and_f1() -> None:
    task = get_task("xquad")
    values = {"f1": 70.0, "em": 40.0, "f1_aware": 80.0, "em_aware": 50.0}
    scores = {"xquad": {c: {m: values[m] for m in task.metrics} for c in task.eval_languages}}
    row = of(overall(XTREME_R, [scores], model="m", arm="a"), "xquad")
    assert row.official == 55
    assert row.corrected == 65
    assert row.missing == ()


def test_a_score_over_nothing_is_a_missing_language_and_no_zero() -> None:
    scores = {"xnli": {c: {"accuracy": math.nan if c == "sw" else 50.0} for c in XNLI}}
    row = of(overall(XTREME_R, [scores], model="m", arm="a"), "xnli")
    assert (row.official, row.missing) == (50, ("sw",))


def test_seeds_are_averaged_over_what_all_of_them_have() -> None:
    first = {"xnli": {c: {"accuracy": 50.0} for c in XNLI}}
    second = {"xnli": {c: {"accuracy": 56.0} for c in XNLI if c != "sw"}}
    row = of(overall(XTREME_R, [first, second], model="m", arm="a"), "XTREME-R")
    assert (row.official, row.seeds) == (53, 2)
    assert row.spread == pytest.approx(math.sqrt(18))
    xnli = of(overall(XTREME_R, [first, second], model="m", arm="a"), "xnli")
    assert xnli.missing == ("sw",)
    assert of(overall(XTREME_R, [first], model="m", arm="a"), "XTREME-R").spread is None
