"""The leakage gate's exceptions: what a documented one lets pass, and when it is stale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from leakage_rows import ENGLISH, OTHER, PASSES, STORY, pair, pairs, rows, span, verdict, xquad_and

from xlgap.checks.leakage import Leak, Place
from xlgap.checks.leakage_gate import judge, report, require_clean
from xlgap.checks.leakage_known import KNOWN, percent, text_digest
from xlgap.checks.leakage_known import MEASURED as REAL
from xlgap.checks.leakage_own import exceptions
from xlgap.config import Params
from xlgap.data.sources import load
from xlgap.errors import LeakageError
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Row


def test_a_documented_exception_lets_pass_and_is_reported(zero_shot: Params) -> None:
    found = verdict(zero_shot, xquad_and(span("s1", ENGLISH)), (PASSES,))
    require_clean(found, listed="")
    (known,) = report(found)["known"]
    assert (known["items"], known["reason"]) == ({"en": 1}, "a test")


def test_more_leaks_than_an_exception_allows_stop_the_study(zero_shot: Params) -> None:
    found = verdict(zero_shot, xquad_and(span("s1", ENGLISH), span("s2", OTHER)), (PASSES,))
    with pytest.raises(LeakageError, match="2 test items of xquad"):
        require_clean(found, listed="")


def test_an_exception_lets_pass_the_texts_that_it_lists_and_no_others(zero_shot: Params) -> None:
    train = xquad_and(span("s1", ENGLISH))
    listed = replace(PASSES, texts={text_digest(ENGLISH): 100})
    require_clean(verdict(zero_shot, train, (listed,)), listed="")
    other = replace(PASSES, texts={text_digest(OTHER): 100})
    assert pairs(verdict(zero_shot, train, (other,)).leaks)


def test_an_exception_of_other_data_sets_covers_nothing(zero_shot: Params) -> None:
    for other in (
        replace(PASSES, test="mlqa"),
        replace(PASSES, sources=("lab",)),
        replace(PASSES, split="dev"),
    ):
        assert verdict(zero_shot, xquad_and(span("s1", ENGLISH)), (other,)).leaks


MEASURED = {
    Place("squad", "train", "en"): "f1",
    Place("xquad", "test", "en"): "f1",
    Place("xquad", "test", "th"): "f1",
}


def test_a_stale_exception_stops_the_study(zero_shot: Params) -> None:
    found = verdict(zero_shot, xquad_and(STORY, data="f1"), (PASSES,), MEASURED)
    with pytest.raises(
        LeakageError, match=r"squad/train \(en\) <-> xquad \(en, th\) covers nothing any more"
    ):
        require_clean(found, listed="")


@pytest.mark.parametrize("data", [None, "f2"])
def test_a_part_or_other_files_cannot_say_that_an_exception_is_stale(
    zero_shot: Params, data: str | None
) -> None:
    found = verdict(zero_shot, xquad_and(STORY, data=data), (PASSES,), MEASURED)
    assert not found.stale
    require_clean(found, listed="")


def test_an_exception_of_release_files_covers_the_same_texts_of_the_hub() -> None:
    asked = {Place("squad", "train", "en"): frozenset({Place("xquad", "test", "en")})}
    held = {found.place: found for found in xquad_and(span("s1", ENGLISH))}
    listed = replace(PASSES, texts={text_digest(ENGLISH): 100})
    found = judge(asked, held.__getitem__, source="hub", known=(listed,), measured={})
    assert (found.leaks, list(found.excused)) == ([], [listed])


def test_an_item_passes_only_by_exceptions_for_all_of_its_texts() -> None:
    """Its premise is known, of another item; the hypothesis, long or short, is its own."""
    known = replace(PASSES, train="mnli", test="xnli", texts={text_digest(ENGLISH): 100})
    asked = {Place("mnli", "train", "en"): frozenset({Place("xnli", "test", "en")})}

    def found(trained: str, tested: str) -> list[Leak]:
        held = {
            Place("mnli", "train", "en"): rows("mnli/train/en", pair("1", ENGLISH, trained)),
            Place("xnli", "test", "en"): rows("xnli/test/en", pair("7", ENGLISH, tested)),
        }
        verdict = judge(asked, held.__getitem__, source="release", known=(known,), measured={})
        return list(verdict.leaks)

    assert found("Nobody ever saw it burn at all, neither by day nor by night.", OTHER) == []
    assert {leak.test_text for leak in found(OTHER, OTHER)} == {OTHER}
    short = "It was dark."
    assert {leak.test_text for leak in found(short, short)} == {f"{ENGLISH} {short}"}


def test_a_copy_of_an_item_that_is_known_as_a_sibling_alone_is_a_leak(zero_shot: Params) -> None:
    sibling = ENGLISH.replace("second king", "fourth queen")
    train = xquad_and(span("s1", sibling))
    (leak,) = verdict(zero_shot, train).leaks
    known = replace(PASSES, texts={text_digest(ENGLISH): percent(leak.similarity)})
    assert verdict(zero_shot, train, (known,)).leaks == []
    assert verdict(zero_shot, xquad_and(span("s1", ENGLISH)), (known,)).leaks


def test_copies_of_real_items_of_which_other_items_are_known_are_leaks(real_data: Path) -> None:
    """XNLI's six items whose premise MultiNLI has, and WikiANN's that have a sibling in training."""

    def planted(source: str, tested: str, copied: Callable[[Row], bool]) -> tuple[int, int]:
        task = get_task(tested)
        (items,) = load(task, "test", ["en"], source="release", data_dir=real_data).values()
        copies = [row | {"id": f"copy-{row['id']}"} for row in items.rows if copied(row)]
        train, test = Place(source, "train", "en"), Place(tested, "test", "en")
        held = {
            train: rows(str(train), *copies),
            test: rows(str(test), *items.rows),
        }
        verdict = judge({train: frozenset({test})}, held.__getitem__, source="release")
        return len(copies), len({p.test_id for p in verdict.leaks if p.train_id == f"copy-{p.test_id}"})

    listed = {(k.train, k.split, k.test): k.texts or {} for k in KNOWN}
    premises = listed["anli_plus", "train", "xnli"]
    assert planted("anli_plus", "xnli", lambda row: text_digest(row["text"]) in premises) == (6, 6)
    siblings = {text for text, most in listed["wikiann", "train", "wikiann"].items() if most < 100}
    copies, found = planted(
        "wikiann", "wikiann", lambda row: text_digest(" ".join(row["tokens"])) in siblings
    )
    assert copies == found > 50


def test_ones_own_exception_stands_in_place_of_the_documented_one() -> None:
    first, *others = KNOWN
    own = replace(first, rows={"en": 9}, texts=None, sources=("hub",))
    assert exceptions([own]) == (own, *others)
    new = replace(own, split="dev")
    assert exceptions([new]) == (*KNOWN, new)


def test_exceptions_name_tasks_and_languages_that_there_are() -> None:
    for known in KNOWN:
        assert {known.train, known.test} <= set(task_names())
        assert set(known.train_languages) <= set(get_task(known.train).train_languages)
        assert set(known.rows) <= set(get_task(known.test).eval_languages)
        assert min(known.rows.values()) > 0
        assert known.texts
        assert known.reason.endswith(".")
        assert {*known.train_sets(), *known.test_sets()} <= set(REAL)  # else it is never stale
