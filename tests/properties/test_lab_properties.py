"""Properties of the lab's generators over seeds, languages and numbers of rows."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from xlgap.lab import corpus, ner, nli, qa
from xlgap.lab.cldr import supported
from xlgap.lab.facts import FAMILIES, Amount, draw_amount, draw_pair
from xlgap.lab.lexicon import Segment, text_of
from xlgap.lab.ner import tokenise
from xlgap.lab.world import World, lexicon

codes = st.sampled_from(supported())
splits = st.sampled_from(("train", "dev", "test"))
seeds = st.integers(0, 10_000)


@given(codes, splits, seeds)
@settings(max_examples=40, deadline=None)
def test_offsets_hold_for_any_language_split_and_seed(code: str, split: str, seed: int) -> None:
    for row in qa.rows(World((code,)), split, 6, seed):
        text, start = row["answers"]["text"][0], row["answers"]["answer_start"][0]
        assert row["context"][start : start + len(text)] == text


@given(codes, splits, seeds)
@settings(max_examples=40, deadline=None)
def test_tokens_are_the_sentence_without_its_spaces(code: str, split: str, seed: int) -> None:
    words = lexicon(code)
    phrase = ner.draw_sentence(random.Random(seed), split).say(words)
    tokens, tags = tokenise(phrase)
    assert "".join(tokens) == "".join(text_of(phrase).split())
    assert len(tokens) == len(tags)
    mentions = [s for s in phrase if s.tag]
    assert sum(tag[0] == "B" for tag in tags) == len(mentions)


@given(splits, seeds, st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_any_multiple_of_a_square_is_exactly_balanced(split: str, seed: int, squares: int) -> None:
    labels = [row["label"] for row in nli.rows(World(("en",)), split, 12 * squares, seed)]
    assert {labels.count(label) for label in nli.LABELS} == {4 * squares}


@given(st.sampled_from(FAMILIES), seeds)
def test_pairs_of_amounts_differ_and_both_units_say_the_same(family: object, seed: int) -> None:
    first, second = draw_pair(random.Random(seed), family)  # type: ignore[arg-type]
    assert first != second
    for amount in (first, second):
        coarse, fine = amount.said(fine=False)[0], amount.said(fine=True)[0]
        assert coarse * amount.family.factor == fine == amount.base


@given(st.sampled_from(FAMILIES), seeds)
def test_amounts_stay_in_their_range(family: object, seed: int) -> None:
    amount: Amount = draw_amount(random.Random(seed), family)  # type: ignore[arg-type]
    assert 1 <= abs(amount.number) <= amount.family.most
    assert amount.family.time or amount.number > 0


@given(codes, seeds)
@settings(max_examples=60, deadline=None)
def test_lines_are_plain_text_with_at_most_two_sides(code: str, seed: int) -> None:
    line = corpus.line(code, random.Random(seed))
    sides = line.split(corpus.PAIR)
    assert len(sides) <= 2
    assert all(side and side == side.strip() and "\n" not in side for side in sides)


def test_a_date_is_split_at_spaces_and_its_comma_stands_alone() -> None:
    assert tokenise((Segment("March 3, 2024", "DATE"), Segment("; "), Segment("3 km"))) == (
        ["March", "3", ",", "2024", ";", "3", "km"],
        ["B-DATE", "I-DATE", "I-DATE", "I-DATE", "O", "O", "O"],
    )
