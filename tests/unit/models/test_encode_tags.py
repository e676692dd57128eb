"""Windows of tagged sentences: what becomes of words that a window cannot hold."""

from __future__ import annotations

import numpy as np
import pytest

from xlgap.models.encode import IGNORE, Window, encode
from xlgap.models.tokenizer import Tokenizer
from xlgap.tasks.base import Tag

NER = Tag(tags=("O", "B-X", "I-X"), bio=True)
LIMIT = 10
LONG = "zzzzzzzzzzzzzzzzzzzz"  # 20 sub-words, one a letter that no word of the corpus begins with


def sentence(*tokens: str) -> dict[str, object]:
    return {"id": "1", "tokens": list(tokens), "tags": ["B-X"] * len(tokens)}


@pytest.mark.parametrize(
    "tokens",
    [
        (LONG,),
        ("cat", LONG),
        (LONG, "cat"),
        (LONG, LONG, LONG),
        ("cat",) * 9 + (LONG,) + ("dog",) * 9,
    ],
    ids=len,
)
def test_a_word_longer_than_the_window_is_unknown_and_every_window_has_a_word(
    tokenizer: Tokenizer, tokens: tuple[str, ...]
) -> None:
    examples = encode(NER, [sentence(*tokens)], tokenizer, Window(max_length=LIMIT))
    assert all(example.length <= LIMIT and (example.marks >= 0).any() for example in examples)
    marks = np.concatenate([example.marks[example.marks >= 0] for example in examples])
    assert marks.tolist() == list(range(len(tokens)))
    for example in examples:
        for position in np.flatnonzero(example.marks >= 0):
            if tokens[example.marks[position]] == LONG:
                assert example.sequences[0][position] == tokenizer.unk
                assert example.labels[position] == NER.tags.index("B-X")


def test_a_word_that_just_fills_the_window_keeps_its_sub_words(tokenizer: Tokenizer) -> None:
    word = tokenizer.fast.encode(LONG, add_special_tokens=False).ids
    fits, too_short = (
        encode(NER, [sentence("cat", LONG, "dog")], tokenizer, Window(max_length=len(word) + n))
        for n in (2, 1)
    )
    assert any(list(example.sequences[0][1:-1]) == word for example in fits)
    assert all(list(example.sequences[0][1:-1]) != word for example in too_short)
    assert sum(int((example.sequences[0] == tokenizer.unk).sum()) for example in too_short) == 1


def test_a_tag_that_an_open_set_lacks_is_not_trained_on(tokenizer: Tokenizer) -> None:
    row = {"id": "1", "tokens": ["cat", "dog"], "tags": ["N", "unseen"]}
    (example,) = encode(Tag(tags=("N",), bio=False), [row], tokenizer, Window(max_length=32))
    assert example.labels[example.marks >= 0].tolist() == [0, IGNORE]
