"""The leakage gate: what is a leak, across translations too, and what exceptions do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from xlgap.cell import grid
from xlgap.checks.leakage import Leak, Place, Rows, leaks
from xlgap.checks.leakage_gate import Verdict, judge, must_be_apart, report, require_clean
from xlgap.checks.leakage_known import KNOWN, Known, percent, text_digest
from xlgap.checks.leakage_known import MEASURED as REAL
from xlgap.checks.leakage_own import exceptions
from xlgap.config import Params, check
from xlgap.data.sources import load
from xlgap.errors import LeakageError
from xlgap.formats import digest
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Row

ENGLISH = (
    "The lighthouse was built of white stone by the second king, and a great fire burnt on its top."
)
THAI = "ประภาคารสร้างด้วยหินสีขาวโดยกษัตริย์องค์ที่สอง และมีกองไฟใหญ่ลุกไหม้อยู่บนยอด"
OTHER = (
    "Merchants from the southern islands traded pepper, cloth and copper at the market every autumn."
)
OTHER_THAI = "พ่อค้าจากหมู่เกาะทางใต้ค้าขายพริกไทย ผ้า และทองแดงที่ตลาดทุกฤดูใบไม้ร่วง"


def span(name: str, context: str, question: str = "Who built it, and what was it built of?") -> Row:
    answers = {"text": [context[:3]], "answer_start": [0]}
    return {"id": name, "group": "1", "context": context, "question": question, "answers": answers}


def tagged(name: str, text: str) -> Row:
    tokens = text.split()
    return {"id": name, "group": name, "tokens": tokens, "tags": ["NOUN"] * len(tokens)}


def pair(name: str, text: str, text_b: str) -> Row:
    return {"id": name, "group": name, "text": text, "text_b": text_b, "label": "neutral"}


def rows(place: str, *found: Row, data: str | None = None) -> Rows:
    task = get_task(place.split("/")[0])
    return Rows(
        place=Place(*place.split("/")), kind=task.kind, parallel=task.parallel, rows=found, data=data
    )


def pairs(found: list[Leak]) -> list[tuple[str, str]]:
    return [(f"{leak.train} {leak.train_id}", f"{leak.test} {leak.test_id}") for leak in found]


@pytest.fixture
def zero_shot(raw_real_study: Callable[..., dict]) -> Params:
    """Trained in English, scored on XQuAD in English and Thai."""
    return check(
        raw_real_study(
            languages={"evaluation": ["en", "th"], "pretraining": ["en", "th"]},
            arms={"direct_en": {"regime": "direct_en"}},
            tasks={"xquad": {}},
            intermediate={"squad": {}},
        ),
        Path("params.yaml"),
    )


def verdict(
    params: Params,
    sets: list[Rows],
    known: tuple[Known, ...] = (),
    measured: Mapping[Place, str] | None = None,
) -> Verdict:
    held: Mapping[Place, Rows] = {found.place: found for found in sets}
    asked = must_be_apart(grid(params), params, held.__getitem__)
    return judge(
        asked, held.__getitem__, source=params.study.source, known=known, measured=measured or {}
    )


def empty(place: Place) -> Rows:
    return rows(str(place))


def xquad_and(*train: Row, data: str | None = None) -> list[Rows]:
    return [
        rows("squad/train/en", *train, data=data),
        rows("xquad/test/en", span("q1", ENGLISH), span("q2", OTHER), data=data),
        rows("xquad/test/th", span("q1", THAI), span("q2", OTHER_THAI), data=data),
    ]


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


PASSES = Known(
    train="squad",
    train_languages=("en",),
    test="xquad",
    rows={"en": 1, "th": 1},
    reason="a test",
)


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


STORY = span("s1", "Something that is quite another story altogether.")
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
