"""Tokenizers of decoders, which frame little or nothing and lack special tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as Fast
from tokenizers import models, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from xlgap.errors import DataError
from xlgap.formats import digest
from xlgap.models.encode import Window, encode
from xlgap.models.tokenizer import Tokenizer, hub_tokenizer, pair_frame
from xlgap.tasks.base import Classify, Tag

BEGIN, END = "<|begin_of_text|>", "<|end_of_text|>"
WINDOW = Window(max_length=60)
PAIR = {"id": "1", "text": "the cat", "text_b": "a dog", "label": "a"}


def released(
    folder: Path, specials: tuple[str, ...], *, template: tuple[str, str] | None = None, **named: str
) -> Tokenizer:
    """A byte-level tokenizer of a checkpoint with these special tokens."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: n for n, token in enumerate((*specials, *letters))}
    fast = Fast(models.BPE(vocab=vocabulary, merges=[]))
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    steps: list[Any] = [processors.ByteLevel(trim_offsets=False)]
    if template is not None:
        ids = [(name, vocabulary[name]) for name in specials]
        single, pair = template
        steps.append(processors.TemplateProcessing(single=single, pair=pair, special_tokens=ids))
    fast.post_processor = processors.Sequence(steps)
    PreTrainedTokenizerFast(tokenizer_object=fast, **named).save_pretrained(folder)
    return hub_tokenizer(str(folder), None)


@pytest.fixture
def qwen(tmp_path: Path) -> Tokenizer:
    end = "<|endoftext|>"
    return released(tmp_path, ("<|im_end|>", end), eos_token=end, pad_token=end)


@pytest.fixture
def llama(tmp_path: Path) -> Tokenizer:
    template = (f"{BEGIN} $A", f"{BEGIN} $A {BEGIN} $B")
    return released(tmp_path, (BEGIN, END), template=template, bos_token=BEGIN, eos_token=END)


@pytest.fixture
def bloom(tmp_path: Path) -> Tokenizer:
    names = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    return released(tmp_path, ("<unk>", "<s>", "</s>", "<pad>"), **names)


def pieces(tokenizer: Tokenizer, kind: Any, row: dict[str, Any]) -> list[str]:
    (example,) = encode(kind, [row], tokenizer, WINDOW)
    return [tokenizer.fast.id_to_token(int(n)) for n in example.sequences[0]]


def letters(text: str) -> list[str]:
    return list(text.replace(" ", "Ġ"))


def test_the_token_that_ends_a_text_stands_for_those_that_are_not_there(
    qwen: Tokenizer, llama: Tokenizer, bloom: Tokenizer
) -> None:
    for tokenizer, name in ((qwen, "<|endoftext|>"), (llama, END)):
        end = tokenizer.fast.token_to_id(name)
        assert (tokenizer.pad, tokenizer.unk, tokenizer.eos, tokenizer.mask) == (end, end, end, None)
    assert (bloom.pad, bloom.unk, bloom.eos) == (3, 0, 2)


def test_sides_that_ran_together_are_parted(qwen: Tokenizer, bloom: Tokenizer) -> None:
    kind = Classify(labels=("a", "b"))
    for tokenizer, end in ((qwen, "<|endoftext|>"), (bloom, "</s>")):
        joined = [end, *letters("the cat"), end, *letters("a dog"), end]
        assert pieces(tokenizer, kind, PAIR) == joined
        assert pieces(tokenizer, Classify(labels=("a",), pair=False), PAIR) == letters("the cat")
        ids = (tokenizer.eos,)
        frame = pair_frame(tokenizer)
        assert (frame.before, frame.between, frame.after) == (ids, ids, ids)
        encoding = tokenizer.fast.encode("the cat", "a dog")
        assert encoding.offsets[9:11] == [(0, 1), (1, 2)]  # of the second side, in its own letters


def test_a_frame_of_its_own_stays(llama: Tokenizer) -> None:
    kind = Classify(labels=("a", "b"))
    assert pieces(llama, kind, PAIR) == [BEGIN, *letters("the cat"), BEGIN, *letters("a dog")]


def test_words_to_tag_begin_as_a_text_does(llama: Tokenizer, qwen: Tokenizer) -> None:
    row = {"id": "1", "tokens": ["cat", "dog"], "tags": ["O", "O"]}
    kind = Tag(tags=("O",), bio=False)
    assert pieces(llama, kind, row) == [BEGIN, *"catdog", END]
    assert pieces(qwen, kind, row) == ["<|endoftext|>", *"catdog", "<|endoftext|>"]


def test_sides_that_are_parted_are_in_the_digest_and_nothing_else_is(tmp_path: Path) -> None:
    template = (f"{BEGIN} $A", f"{BEGIN} $A {BEGIN} $B")
    framed = released(tmp_path / "framed", (BEGIN, END), template=template, eos_token=END)
    parted = released(tmp_path / "parted", (BEGIN, END), eos_token=END)

    def of_file(name: str) -> str:
        own = AutoTokenizer.from_pretrained(tmp_path / name).backend_tokenizer.to_str()
        return digest({"repo": str(tmp_path / name), "revision": None, "json": own})

    assert framed.digest == of_file("framed")
    assert parted.digest != of_file("parted")


def test_without_a_token_that_ends_a_text_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lacks a padding, unknown or end-of-sequence token"):
        released(tmp_path, ("<a>",))
