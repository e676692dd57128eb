"""The leakage gate: what is a leak, across translations too, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from leakage_rows import (
    ENGLISH,
    OTHER,
    OTHER_THAI,
    PASSES,
    STORY,
    THAI,
    empty,
    pair,
    pairs,
    rows,
    span,
    tagged,
    verdict,
    xquad_and,
)

from xlgap.cell import grid
from xlgap.checks.leakage import Place, leaks
from xlgap.checks.leakage_gate import judge, must_be_apart, report, require_clean
from xlgap.config import Params, check
from xlgap.errors import LeakageError
from xlgap.formats import digest
from xlgap.tasks.base import Row


@pytest.mark.parametrize("context", [ENGLISH, ENGLISH.replace("white", "wight"), ENGLISH.upper()])
def test_a_training_paragraph_whose_translation_is_tested_stops_the_study(
    zero_shot: Params, context: str
) -> None:
    found = verdict(zero_shot, xquad_and(span("s1", context, "Another question about the same?")))
    assert pairs(found.leaks) == [("squad/train/en s1", "xquad/test/en q1")]
    with pytest.raises(
        LeakageError, match=r"1 test items of xquad: squad/train/en s1 <-> xquad/test/en q1"
    ):
        require_clean(found, listed="journal/leaks.json")


def test_it_is_a_leak_too_where_only_the_translation_is_scored(
    raw_real_study: Callable[..., dict],
) -> None:
    params = check(
        raw_real_study(
            languages={"evaluation": ["en", "de", "ru"], "pretraining": ["en"]},
            arms={
                "inter_de": {"regime": "intermediate_tgt", "intermediate": ["mnli"], "language": "de"}
            },
            tasks={"xquad": {}},
        ),
        Path("params.yaml"),
    )
    asked = must_be_apart(grid(params), params, empty)
    assert asked[Place("squad", "train", "en")] == {
        Place("xquad", "test", code) for code in ("en", "de", "ru")
    }
    assert Place("mnli", "train", "de") in asked


def test_a_translated_training_paragraph_is_a_leak_by_the_id_that_its_makers_issued(
    zero_shot: Params,
) -> None:
    """No text of it stands in any test set; the id of its question does."""
    name = "56beb4343aeaaa14008c925b"
    test = [rows("xquad/test/en", span(name, ENGLISH)), rows("xquad/test/th", span(name, THAI))]
    train = rows("squad/train/en", span(f"{name}-fr", "Le phare fut construit en pierre blanche."))
    (leak, _) = verdict(zero_shot, [train, *test]).leaks
    assert leak.by == "id"
    assert "same id" in str(leak)


def test_numbers_of_lines_are_no_lineage() -> None:
    assert (
        leaks([rows("squad/train/en", span("12", ENGLISH))], [rows("xquad/test/en", span("12", OTHER))])
        == []
    )


def test_other_paragraphs_pass_and_so_does_a_question_that_recurs(zero_shot: Params) -> None:
    found = verdict(zero_shot, xquad_and(span("s1", ENGLISH[:50] + OTHER[40:])))
    assert found.leaks == []
    require_clean(found, listed="")
    assert report(found)["passed"] is True


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (" ".join(ENGLISH.replace(",", " ,").split()), ENGLISH),
        (ENGLISH.replace("burnt", "burned"), ENGLISH),
        (
            "昔 、 その 灯台 は 王 の 命令 で 白い 石 を 積んで 海辺 に 建て られ た 。",
            "昔、その灯台は王の命令で白い石を積んで海辺に建てられた。",
        ),
    ],
)
def test_a_planted_duplicate_sentence_in_tagging_is_found(train: str, test: str) -> None:
    found = leaks(
        [rows("udpos/train/en", tagged("5", train))], [rows("udpos/test/en", tagged("9", test))]
    )
    assert pairs(found) == [("udpos/train/en 5", "udpos/test/en 9")]


def test_short_sentences_recur_by_nature() -> None:
    thanks = tagged("1", "Thank you very much .")
    assert leaks([rows("udpos/train/en", thanks)], [rows("udpos/test/en", thanks)]) == []


def test_pairs_of_short_texts_are_compared_as_a_whole() -> None:
    row = pair("1", "He sold the boat.", "The boat was his before.")
    other = {**row, "text": "She bought a house."}
    test = [rows("xnli/test/en", row)]
    assert pairs(leaks([rows("mnli/train/en", row)], test)) == [("mnli/train/en 1", "xnli/test/en 1")]
    assert leaks([rows("mnli/train/en", other)], test) == []


def test_only_what_a_study_trains_and_scores_together_is_asked(
    raw_real_study: Callable[..., dict],
) -> None:
    """German rows are read by an arm that is scored in German alone, and tests are no translations."""
    params = check(raw_real_study(tasks={"udpos": {}}, intermediate={}), Path("params.yaml"))
    asked = must_be_apart(grid(params), params, empty)
    everywhere = {Place("udpos", "test", code) for code in ("en", "de", "ru")}
    assert asked[Place("udpos", "train", "en")] == everywhere
    assert asked[Place("udpos", "train", "de")] == {Place("udpos", "test", "de")}
    assert Place("udpos", "dev", "en") in asked  # it chooses the checkpoint
    sentence = tagged("1", ENGLISH)
    held = {place: rows(str(place)) for place in {*asked, *everywhere}}
    held[Place("udpos", "train", "de")] = rows("udpos/train/de", sentence)
    held[Place("udpos", "test", "ru")] = rows("udpos/test/ru", sentence)
    assert judge(asked, held.__getitem__, source="release", known=()).leaks == []


def test_generated_sentences_may_differ_in_one_word_and_must_not_recur() -> None:
    asked = {Place("lab_ner", "train", "en"): frozenset({Place("lab_ner", "test", "en")})}

    def found(text: str) -> list:
        held = {
            Place("lab_ner", "train", "en"): rows("lab_ner/train/en", tagged("1", text)),
            Place("lab_ner", "test", "en"): rows("lab_ner/test/en", tagged("1", ENGLISH)),
        }
        return list(judge(asked, held.__getitem__, source="lab", known=()).leaks)

    assert found(ENGLISH.replace("white", "black")) == []
    assert len(found(ENGLISH)) == 1


def test_items_that_test_sets_share_by_id_are_compared_in_all_languages_of_the_study(
    raw_real_study: Callable[..., dict],
) -> None:
    """MLQA's sets are no translations as wholes: Arabic shares an item with English, German none."""
    params = check(
        raw_real_study(
            languages={"evaluation": ["en", "ar", "de"], "pretraining": ["en"]},
            arms={
                "inter_ar": {"regime": "intermediate_tgt", "intermediate": ["mnli"], "language": "ar"}
            },
            tasks={"mlqa": {}},
            intermediate={"mnli": {}, "squad": {}},
        ),
        Path("params.yaml"),
    )
    shared, other = "a4968ca8a18de16aa3859be760e43dbd3af3fce9", "56beb4343aeaaa14008c925b"
    sets = [
        rows("squad/train/en", span("s1", ENGLISH)),
        rows("mnli/train/ar", STORY),
        rows("mlqa/test/en", span(shared, ENGLISH)),
        rows("mlqa/test/ar", span(shared, THAI)),
        rows("mlqa/test/de", span(other, OTHER_THAI)),
    ]
    held = {found.place: found for found in sets}
    asked = must_be_apart(grid(params), params, held.__getitem__)
    assert asked[Place("squad", "train", "en")] == {
        Place("mlqa", "test", "ar"),
        Place("mlqa", "test", "en"),
    }


def sentences(*pairs: tuple[str, str], alone: str = "") -> list[Row]:
    found = []
    for n, (foreign, english) in enumerate(pairs):
        row = {"id": f"de-{n}", "group": f"de-{n}", "side": "foreign", "text": foreign}
        found += [
            {**row, "match": f"en-{n}"},
            {**row, "id": f"en-{n}", "side": "english", "text": english, "match": ""},
        ]
    row = {"id": "de-x", "group": "de-x", "side": "foreign", "text": alone, "match": ""}
    return [*found, *([row] if alone else [])]


def test_gold_pairs_that_set_the_threshold_of_mining_are_none_of_the_test_pairs(
    raw_real_study: Callable[..., dict],
) -> None:
    params = check(
        raw_real_study(
            languages={"evaluation": ["de"], "pretraining": ["en", "de"]},
            arms={"direct_en": {"regime": "direct_en"}},
            tasks={"bucc2018": {}},
            intermediate={"squad": {}},
        ),
        Path("params.yaml"),
    )
    german = "Der Leuchtturm wurde vom zweiten König aus weißem Stein am Ufer der Insel erbaut."
    market = "Die Händler der südlichen Inseln verkauften jeden Herbst Pfeffer und Kupfer."

    def found(*dev: Row) -> list[tuple[str, str]]:
        sets = [
            rows("squad/train/en", span("s1", STORY["context"])),
            rows("bucc2018/dev/de", *dev),
            rows("bucc2018/test/de", *sentences((german, ENGLISH), alone=market)),
        ]
        return pairs(verdict(params, sets).leaks)

    edited = ENGLISH.replace("white", "pale")
    leak = [("bucc2018/dev/de de-1", "bucc2018/test/de de-0")]
    assert found(*sentences((market, OTHER), (german, edited))) == leak
    assert found(*sentences((market, OTHER), alone=german)) == []  # a sentence alone may recur
    assert found(*sentences((market, ENGLISH))) == []


def test_the_sentence_names_the_first_pairs_and_counts_the_rest(zero_shot: Params) -> None:
    train = [span(f"s{n}", ENGLISH) for n in range(9)]
    found = verdict(zero_shot, xquad_and(*train))
    with pytest.raises(LeakageError) as caught:
        require_clean(found, listed="journal/leaks.json")
    assert "and 6 more pairs, all in journal/leaks.json; take these rows out" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 900


def test_the_report_has_the_same_bytes_for_the_same_data(zero_shot: Params) -> None:
    sets = xquad_and(span("s1", ENGLISH))
    first, again = (report(verdict(zero_shot, order, (PASSES,))) for order in (sets, sets[::-1]))
    assert digest(first) == digest(again)
