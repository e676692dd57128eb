"""A question and its context are joined as the tokenizer joins any pair."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tokenizers import Tokenizer as Fast
from tokenizers.processors import TemplateProcessing

from xlgap.errors import DataError
from xlgap.models.encode import Window, encode
from xlgap.models.tokenizer import BOS, EOS, Tokenizer, pair_frame, part_sides
from xlgap.tasks.base import Span

ROW = {
    "id": "1",
    "context": "The cat sat on the mat in 1999 and the dog ran after 25 birds.",
    "question": "Where did the cat sit?",
    "answers": {"text": ["the mat"], "answer_start": [15]},
}
FRAMES = {  # the template of a pair, and the names of what stands before, between and after
    "ladder": (None, ([BOS], [EOS], [EOS])),
    "XLM-R": (f"{BOS} $A {EOS} {EOS} $B {EOS}", ([BOS], [EOS, EOS], [EOS])),
    "BERT": (f"{BOS} $A {EOS} $B:1 {EOS}:1", ([BOS], [EOS], [EOS])),
    "mT5": (f"$A {EOS} $B {EOS}", ([], [EOS], [EOS])),
    "XGLM": (f"{EOS} $A {EOS} {EOS} $B", ([EOS], [EOS, EOS], [])),
}


def framed(tokenizer: Tokenizer, pair: str | None) -> Tokenizer:
    """The tokenizer with another template for pairs."""
    if pair is None:
        return tokenizer
    fast = Fast.from_str(tokenizer.fast.to_str())
    special = [(name, fast.token_to_id(name)) for name in (BOS, EOS)]
    fast.post_processor = TemplateProcessing(single="$A", pair=pair, special_tokens=special)
    return replace(tokenizer, fast=fast)


@pytest.mark.parametrize("name", FRAMES)
def test_a_question_and_its_context_are_what_the_tokenizer_makes_of_the_pair(
    name: str, tokenizer: Tokenizer
) -> None:
    template, names = FRAMES[name]
    own = framed(tokenizer, template)
    frame = pair_frame(own)
    parts = (frame.before, frame.between, frame.after)
    assert parts == tuple(tuple(own.fast.token_to_id(n) for n in part) for part in names)
    pair = own.fast.encode(ROW["question"], ROW["context"])
    (example,) = encode(Span(), [ROW], own, Window(max_length=200))
    assert example.sequences[0].tolist() == pair.ids
    assert [t.tolist() for t in example.types] == ([pair.type_ids] if any(pair.type_ids) else [])
    of_context = [side == 1 for side in pair.sequence_ids]
    assert (example.marks[:, 0] >= 0).tolist() == of_context
    places = [tuple(mark) for mark in example.marks[of_context].tolist()]
    assert places == [o for o, there in zip(pair.offsets, of_context, strict=True) if there]
    begin, end = example.marks[example.labels[0], 0], example.marks[example.labels[1], 1]
    assert ROW["context"][begin:end].strip() == "the mat"


@pytest.mark.parametrize("name", FRAMES)
def test_every_window_is_framed_and_no_longer_than_allowed(name: str, tokenizer: Tokenizer) -> None:
    own = framed(tokenizer, FRAMES[name][0])
    frame = pair_frame(own)
    asked = own.fast.encode(ROW["question"], add_special_tokens=False).ids
    examples = encode(Span(), [ROW], own, Window(max_length=40, stride=8))
    assert len(examples) > 1
    assert max(example.length for example in examples) == 40
    for example in examples:
        ids = example.sequences[0].tolist()
        head = [*frame.before, *asked[:20], *frame.between]
        assert ids[: len(head)] == head
        assert ids[len(ids) - len(frame.after) :] == list(frame.after)


def test_the_ladders_sequences_are_those_of_its_own_frame(tokenizer: Tokenizer) -> None:
    bos, eos = (tokenizer.fast.token_to_id(name) for name in (BOS, EOS))
    asked, context = (
        tokenizer.fast.encode(ROW[key], add_special_tokens=False).ids for key in ("question", "context")
    )
    (example,) = encode(Span(), [ROW], tokenizer, Window(max_length=200))
    assert example.sequences[0].tolist() == [bos, *asked, eos, *context, eos]


def test_a_tokenizer_without_special_tokens_gets_separators(tokenizer: Tokenizer) -> None:
    bare = framed(tokenizer, "$A $B")
    part_sides(bare.fast, bare.eos)
    frame = pair_frame(bare)
    assert frame.join([7], [8, 9])[0] == [tokenizer.eos, 7, tokenizer.eos, 8, 9, tokenizer.eos]


def test_a_pair_that_is_turned_round_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(DataError, match="one side behind the other; choose a checkpoint"):
        pair_frame(framed(tokenizer, f"$B {EOS} $A"))
