"""Items of all lab tasks: parallel, balanced, deterministic, with right answers."""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from xlgap.errors import DataError
from xlgap.lab import compare, ner, nli, order, qa, retrieval, typed
from xlgap.lab.cldr import supported
from xlgap.lab.draw import split_by_digest
from xlgap.lab.entities import KINDS, members, name
from xlgap.lab.world import World

Rows = Callable[[World, str, int, int], Iterator[dict[str, Any]]]
GENERATORS = (compare.rows, ner.rows, nli.rows, order.rows, qa.rows, retrieval.rows, typed.rows)
generators = pytest.mark.parametrize("rows", GENERATORS, ids=lambda r: r.__module__.split(".")[-1])
WORLD = World(("en", "de", "ar", "zh", "th"))
COUNT = 60


def by_language(
    rows: Rows, split: str = "test", world: World = WORLD
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(world, split, COUNT, 1):
        found[row.pop("language")].append(row)
    return dict(found)


def english(rows: Rows, split: str) -> list[dict[str, Any]]:
    """The English side of a generator's rows."""
    found = by_language(rows, split)
    if "en" in found:
        return found["en"]
    return [{"id": r["id"], "group": r["group"], "text": r["english"]} for r in found["de"]]


@generators
def test_the_number_of_items_is_the_one_asked_for_in_every_language(rows: Rows) -> None:
    assert {len(found) for found in by_language(rows).values()} == {COUNT}


@generators
def test_ids_groups_and_labels_are_parallel_and_ids_unique(rows: Rows) -> None:
    facts = [
        [(row["id"], row["group"], row.get("label")) for row in found]
        for found in by_language(rows).values()
    ]
    assert all(fact == facts[0] for fact in facts)
    assert len({fact[0] for fact in facts[0]}) == COUNT


@generators
def test_the_same_seed_gives_the_same_rows_another_seed_other_ones(rows: Rows) -> None:
    first, again, other = (list(rows(WORLD, "dev", 30, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@generators
def test_items_depend_neither_on_the_other_languages_nor_on_the_number_of_rows(rows: Rows) -> None:
    alone = list(rows(World(("de",)), "test", COUNT // 2, 1))
    among = [r for r in rows(WORLD, "test", COUNT, 1) if r["language"] == "de"]
    assert among[: COUNT // 2] == alone


@generators
def test_the_three_splits_share_no_text(rows: Rows) -> None:
    seen: dict[str, str] = {}
    for split in ("train", "dev", "test"):
        for row in english(rows, split):
            text = repr(sorted((k, v) for k, v in row.items() if k not in {"id", "group"}))
            assert seen.setdefault(text, split) == split


@generators
def test_rows_hold_names_of_their_split_alone(rows: Rows) -> None:
    others = [name(e, "en") for s in ("train", "dev") for k in KINDS for e in members(s, k)]
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, others)) + r")\b")
    own = {name(e, "en") for k in KINDS for e in members("test", k)}
    for row in english(rows, "test"):
        text = " ".join(
            str(v) for k, v in row.items() if k in {"text", "text_b", "context", "question"}
        )
        text += " " + " ".join(row.get("tokens", ()))
        for own_name in own:  # "Guinea" inside "Guinean Franc" is no name of its own
            text = text.replace(own_name, "")
        assert not pattern.search(text), text


def test_nli_and_compare_labels_are_balanced() -> None:
    labels = Counter(row["label"] for row in by_language(nli.rows)["en"])
    assert set(labels.values()) == {COUNT // 3}
    labels = Counter(row["label"] for row in by_language(compare.rows)["en"])
    assert labels == {"equal": COUNT // 2, "less": COUNT // 4, "greater": COUNT // 4}


@pytest.mark.parametrize("side", ["text", "text_b"])
@pytest.mark.parametrize("code", WORLD.languages)
def test_every_nli_premise_and_hypothesis_stands_once_under_each_label(side: str, code: str) -> None:
    labels: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in by_language(nli.rows)[code]:
        labels[row["group"], row[side]][row["label"]] += 1
    assert labels
    assert all(set(found.values()) == {1} and len(found) == 3 for found in labels.values())


def test_nli_labels_follow_from_the_squares() -> None:
    rows = {row["id"]: row for row in nli.rows(World(("en",)), "train", 2400, 1)}
    kinds = Counter(row_id.split("-")[1] for row_id in rows)
    assert set(kinds) == set(nli.MIX.shares)
    for row in rows.values():
        premise, claim = row["text"].split(": "), row["text_b"].split(": ")
        assert premise[-1] == claim[-1]
        if "order" in row["id"]:
            chain, pair = premise[0].split(" < "), claim[0].split(" < ")
            known = [chain.index(day) for day in pair if day in chain]
            expected = "neutral" if len(known) < 2 else None
            expected = expected or ("entailment" if known == sorted(known) else "contradiction")
            assert row["label"] == expected
        else:
            expected = "entailment" if amount(premise[1]) == amount(claim[1]) else "contradiction"
            assert row["label"] == (expected if claim[0] in premise[0].split(" and ") else "neutral")


TWO_TIMES = dict.fromkeys(("time", "set"), 0.5)


@pytest.mark.parametrize("one_direction", [True, False])
def test_a_mix_says_whether_the_two_times_share_a_direction(one_direction: bool) -> None:
    mix = nli.Mix(shares=TWO_TIMES, same_unit=0.5, one_direction=one_direction)
    squares = [nli.draw_square(random.Random(seed), "train", mix) for seed in range(200)]
    opposite = sum(v.number * w.number < 0 for v, w in (square.values for square in squares))
    assert opposite == 0 if one_direction else 60 < opposite < 140


@pytest.mark.parametrize(("same_unit", "least", "most"), [(0.0, 0, 0), (0.5, 60, 140), (1.0, 200, 200)])
def test_a_mix_says_how_often_the_value_keeps_its_unit(same_unit: float, least: int, most: int) -> None:
    mix = nli.Mix(shares=TWO_TIMES, same_unit=same_unit, one_direction=True)
    squares = [nli.draw_square(random.Random(seed), "train", mix) for seed in range(200)]
    same = sum(premise == hypothesis for premise, hypothesis in (s.fine for s in squares))
    assert least <= same <= most


FINE = {"week": 7, "day": 1, "year": 12, "month": 1, "hour": 60, "minute": 1, "kilometer": 1000}
FINE |= {"meter": 1, "kilogram": 1000, "gram": 1, "liter": 100, "centiliter": 1}
BASE = {"week": "day", "year": "month", "hour": "minute", "kilometer": "meter", "kilogram": "gram"}
BASE |= {"liter": "centiliter"}


def amount(text: str) -> tuple[int, str]:
    """An English amount in its fine unit, past times negative."""
    found = re.search(r"(\d+) (\w+?)s?\b", text)
    assert found
    unit = found[2]
    return int(found[1]) * FINE[unit] * (-1 if "ago" in text else 1), BASE.get(unit, unit)


@pytest.mark.parametrize("code", supported())
def test_answers_stand_where_their_offsets_say_and_only_there(code: str) -> None:
    for row in qa.rows(World((code,)), "test", 30, 1):
        answer, start = row["answers"]["text"][0], row["answers"]["answer_start"][0]
        assert row["context"][start : start + len(answer)] == answer
        said = [statement.split(": ")[1] for statement in row["context"].split("; ")]
        assert said.count(answer) == 1
        assert len(set(said)) == qa.CANDIDATES


def test_each_amount_of_a_passage_is_asked_for_once() -> None:
    answers = defaultdict(set)
    for row in by_language(qa.rows)["en"]:
        answers[row["group"]].add(row["answers"]["text"][0])
    assert {len(found) for found in answers.values()} == {qa.CANDIDATES}


@pytest.mark.parametrize("code", supported())
def test_tags_are_valid_bio_and_rebuild_the_sentence(code: str) -> None:
    world = World((code,))
    for row in ner.rows(world, "test", 30, 1):
        assert len(row["tokens"]) == len(row["tags"]) > 0
        assert set(row["tags"]) <= set(ner.TAGS)
        assert all(token and token == token.strip() and " " not in token for token in row["tokens"])
        for before, tag in zip(["O", *row["tags"]], row["tags"], strict=False):
            assert not tag.startswith("I-") or before[2:] == tag[2:]


def test_tokens_of_scripts_with_and_without_spaces() -> None:
    rows = by_language(ner.rows)
    german, chinese = rows["de"], rows["zh"]
    kinds = [tag[2:] for row in german for tag in row["tags"] if tag[0] == "B"]
    assert kinds == [tag[2:] for row in chinese for tag in row["tags"] if tag[0] == "B"]
    assert set(kinds) == {"LOC", "LANG", "CUR", "DATE"}
    for row in chinese:
        names = [t for t, tag in zip(row["tokens"], row["tags"], strict=True) if tag == "B-LOC"]
        assert all(any(t == name(e, "zh") for e in members("test", "LOC")) for t in names)


def test_every_ner_test_sentence_has_two_names_at_least() -> None:
    for row in by_language(ner.rows)["en"]:
        assert sum(tag in {"B-LOC", "B-LANG", "B-CUR"} for tag in row["tags"]) >= 2


def test_retrieval_leaves_english_out_and_gives_twins_the_same_amount() -> None:
    rows = by_language(retrieval.rows)
    assert "en" not in rows
    amounts = defaultdict(set)
    for row in rows["de"]:
        amounts[row["group"]].add(row["english"].split(": ")[1])
    assert {len(found) for found in amounts.values()} == {1}
    assert len({row["english"] for row in rows["de"]}) == COUNT


def test_the_answer_equals_the_amount_of_the_question_in_some_unit() -> None:
    for row in by_language(qa.rows)["en"]:
        assert amount(row["answers"]["text"][0]) == amount(row["question"])


def test_order_choices_are_the_two_orders_and_the_label_is_the_chains() -> None:
    rows = by_language(order.rows)["en"]
    for row in rows:
        right = row["choices"][row["label"]].split(" < ")
        wrong = row["choices"][1 - row["label"]].split(" < ")
        chain = row["text"].split(": ")[1].split(" < ")
        assert chain.index(right[0]) < chain.index(right[1])
        assert wrong == right[::-1]


def test_typed_lists_take_turns_through_the_labels() -> None:
    labels = Counter(row["label"] for row in by_language(typed.rows)["en"])
    assert labels == dict.fromkeys(typed.LABELS, COUNT // len(typed.LABELS))


def test_lists_without_names_are_split_too() -> None:
    texts = {s: {r["text"] for r in typed.rows(World(("en",)), s, 1200, 1)} for s in ("train", "test")}
    assert not texts["train"] & texts["test"]


def test_more_items_than_there_are_is_one_clear_error() -> None:
    from xlgap.lab.world import draw_items

    with pytest.raises(DataError, match="different items in its dev split, got a request for 5"):
        list(draw_items(lambda rng: rng.choice("abc"), name="x", split="dev", seed=1, count=5))


def test_no_tagged_mention_stands_in_two_splits() -> None:
    """At the sizes of the default study: names and dates, in every language of the world below."""
    sizes = {"train": 2000, "dev": 200, "test": 240}
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for split, count in sizes.items():
        for row in ner.rows(World(("en", "sw", "zh")), split, count, 1):
            found[split] |= {(row["language"], mention) for mention in mentions(row)}
    assert len(found["test"]) > 300
    for one, other in itertools.combinations(sizes, 2):
        assert not found[one] & found[other]


def mentions(row: dict) -> Iterator[str]:
    """The tagged mentions of a row, as text."""
    words: list[str] = []
    for token, tag in zip([*row["tokens"], ""], [*row["tags"], "O"], strict=True):
        if not tag.startswith("I-") and words:
            yield " ".join(words)
            words = []
        if tag != "O":
            words.append(token)


def test_no_date_of_the_typing_task_stands_in_two_splits() -> None:
    found: dict[str, set] = {}
    for split in ("train", "dev", "test"):
        rng = random.Random(0)
        lists = [typed.draw_typed(rng, split, "date").sentence.mentions for _ in range(300)]
        found[split] = {day for days in lists for day in days}
        assert {split_by_digest(day.isoformat()) for day in found[split]} == {split}
    assert not set.intersection(*found.values())
