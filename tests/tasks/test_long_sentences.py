"""Tagging of the longest real sentences in windows of 64 sub-words: split, stitched, no word lost."""

from __future__ import annotations

import copy
import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import tokenizers

from xlgap.data.sources import load
from xlgap.evaluation.predict import Predictor, predict
from xlgap.models.encode import IGNORE, Example, Window, encode
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, make_head, scratch_encoder
from xlgap.models.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from xlgap.tasks import get_task
from xlgap.tasks.base import Row, Tag

pytestmark = pytest.mark.slow

LIMIT = Window(max_length=64)
WHOLE = Window(max_length=1_000_000)
LONGEST = 200  # sentences a language
NOT_RELEASED = {"wikiann": {"th"}}  # languages without a file in the bundle
FREE = ("\u200c", "\u200d\u200c", "\ufeff")  # words of characters that have no width
VERY_LONG = "Donaudampfschifffahrtsgesellschaft" * 40

Sentences = dict[str, list[Row]]


def kind(task: str) -> Tag:
    found = get_task(task).kind
    assert isinstance(found, Tag)
    return found


@pytest.fixture(scope="module")
def longest() -> Callable[[str, Path], Sentences]:
    """The longest sentences of the test split in every language, read once."""
    read: dict[str, Sentences] = {}

    def make(name: str, data: Path) -> Sentences:
        if name not in read:
            task = get_task(name)
            languages = [c for c in task.eval_languages if c not in NOT_RELEASED.get(name, ())]
            loaded = load(task, "test", languages, source="release", data_dir=data)
            read[name] = {
                code: heapq.nlargest(LONGEST, found.rows, key=lambda row: len("".join(row["tokens"])))
                for code, found in loaded.items()
            }
        return read[name]

    return make


def characters(rows: Sentences) -> Iterator[str]:
    """Lines of words, and of single characters, so that none is unknown."""
    words = [word for found in rows.values() for row in found for word in row["tokens"]]
    yield " ".join(sorted({character for word in words for character in word}))
    yield from (" ".join(row["tokens"]) for found in rows.values() for row in found[:20])


def unigram(rows: Sentences, folder: Path) -> Tokenizer:
    """As the ladder's: every word has a sub-word, if only the mark of its beginning."""
    path = folder / "tokenizer.json"
    train_tokenizer(characters(rows), path, vocabulary=8000)
    return load_tokenizer(path)


def word_pieces(rows: Sentences, folder: Path) -> Tokenizer:
    """As multilingual BERT's: characters without width are removed, and words of them vanish."""
    fast = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    fast.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=False)
    fast.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=8000, special_tokens=special, show_progress=False
    )
    fast.train_from_iterator(characters(rows), trainer)
    ids = {name: fast.token_to_id(name) for name in special}
    fast.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, ids[name]) for name in special[2:]]
    )
    return Tokenizer(
        fast=fast, pad=ids["[PAD]"], unk=ids["[UNK]"], eos=ids["[SEP]"], mask=None,
        size=fast.get_vocab_size(), digest="",
    )  # fmt: skip


def of_row(examples: Sequence[Example], count: int) -> list[list[Example]]:
    found: list[list[Example]] = [[] for _ in range(count)]
    for example in examples:
        found[example.row].append(example)
    return found


def inner(examples: Sequence[Example]) -> list[int]:
    """The sub-words of the windows one after another, without their frames."""
    return [int(i) for example in examples for i in example.sequences[0][1:-1]]


def expected(example: Example, tokenizer: Tokenizer) -> list[int]:
    """The sub-words of a sentence in one window, a word that 64 cannot hold being unknown."""
    words: list[list[int]] = []
    for mark, sub_word in zip(example.marks[1:-1], inner([example]), strict=True):
        if mark >= 0:
            words.append([])
        words[-1].append(sub_word)
    room = LIMIT.max_length - 2
    return [i for word in words for i in (word if len(word) <= room else [tokenizer.unk])]


def planted(rows: Sequence[Row]) -> list[Row]:
    """``rows`` with words without width and a word longer than the window in their middle."""
    found = []
    for number, row in enumerate(copy.deepcopy(rows)):
        middle, word = len(row["tokens"]) // 2, (*FREE, VERY_LONG)[number % 4]
        row["tokens"].insert(middle, word)
        row["tags"].insert(middle, row["tags"][0])
        found.append(row)
    return found


@pytest.mark.parametrize("make", [unigram, word_pieces])
@pytest.mark.parametrize("task", ["udpos", "wikiann"])
def test_every_word_has_its_tag_in_one_window(
    task: str,
    make: Callable[[Sentences, Path], Tokenizer],
    longest: Callable[[str, Path], Sentences],
    real_data: Path,
    tmp_path: Path,
) -> None:
    sentences = longest(task, real_data)
    assert len(sentences) == {"udpos": 38, "wikiann": 47}[task]
    tokenizer, tags = make(sentences, tmp_path), kind(task).tags
    several = 0
    for code, rows in sentences.items():
        found = of_row(encode(kind(task), rows, tokenizer, LIMIT), len(rows))
        whole = encode(kind(task), rows, tokenizer, WHOLE)
        for row, windows, one in zip(rows, found, whole, strict=True):
            assert all(window.length <= 64 for window in windows), (code, row["id"])
            marks = np.concatenate([window.marks[window.marks >= 0] for window in windows])
            assert marks.tolist() == list(range(len(row["tokens"]))), (code, row["id"])
            labels = np.concatenate([w.labels[w.marks >= 0] for w in windows])
            assert [tags[i] for i in labels] == row["tags"], (code, row["id"])
            assert all((w.labels[w.marks < 0] == IGNORE).all() for w in windows)
            assert inner(windows) == expected(one, tokenizer), (code, row["id"])
            several += len(windows) > 1
    assert several > 1000, "the test sees hardly a long sentence"


@pytest.mark.parametrize("make", [unigram, word_pieces])
@pytest.mark.parametrize("task", ["udpos", "wikiann"])
def test_words_without_and_with_too_many_sub_words_are_unknown_but_tagged(
    task: str,
    make: Callable[[Sentences, Path], Tokenizer],
    longest: Callable[[str, Path], Sentences],
    real_data: Path,
    tmp_path: Path,
) -> None:
    sentences = longest(task, real_data)
    tokenizer = make(sentences, tmp_path)
    rows = planted([row for found in sentences.values() for row in found[:8]])
    alone = {word: tokenizer.fast.encode(word, add_special_tokens=False).ids for word in FREE}
    for row, windows in zip(
        rows, of_row(encode(kind(task), rows, tokenizer, LIMIT), len(rows)), strict=True
    ):
        marks = np.concatenate([window.marks[window.marks >= 0] for window in windows])
        assert marks.tolist() == list(range(len(row["tokens"])))
        assert all(window.length <= 64 and (window.marks >= 0).any() for window in windows)
        word = len(row["tokens"]) // 2 - (len(row["tokens"]) % 2 == 0)
        (held,) = (w.sequences[0][w.marks == word] for w in windows if (w.marks == word).any())
        text = row["tokens"][word]
        assert text in (*FREE, VERY_LONG)
        if text == VERY_LONG or not alone[text]:
            assert held.tolist() == [tokenizer.unk]
    assert make is unigram or not any(alone.values()), "none of the words is without sub-words"


@pytest.mark.parametrize("task", ["udpos", "wikiann"])
def test_predictions_are_one_tag_a_word_and_those_of_the_windows(
    task: str, longest: Callable[[str, Path], Sentences], real_data: Path, tmp_path: Path
) -> None:
    """A window is predicted as the same words would be that stand alone."""
    sentences = longest(task, real_data)
    tokenizer = unigram(sentences, tmp_path)
    rows = planted([row for found in sentences.values() for row in found[:4]])
    config = scratch_config(
        layers=1, width=16, heads=2, feed_forward=32, vocabulary=tokenizer.size, positions=64
    )
    encoder = scratch_encoder(config, seed=1)
    network = Network(encoder, make_head(kind(task), encoder, seed=1))
    how = Predictor(tokenizer=tokenizer, window=LIMIT, token_budget=4096)
    found = predict(network, kind(task), rows, how)
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    assert [len(a["tags"]) for a in found] == [len(b["tokens"]) for b in rows]
    assert {tag for row in found for tag in row["tags"]} <= set(kind(task).tags)
    assert len({tag for row in found for tag in row["tags"]}) > 1
    pieces, several = [], 0
    for row, windows in zip(
        rows, of_row(encode(kind(task), rows, tokenizer, LIMIT), len(rows)), strict=True
    ):
        several += len(windows) > 1
        for window in windows:
            words = window.marks[window.marks >= 0]
            part = {key: [row[key][i] for i in words] for key in ("tokens", "tags")}
            pieces.append({"id": row["id"], "group": row["group"], **part})
    assert several > 50
    alone = predict(network, kind(task), pieces, how)
    stitched = [tag for row in found for tag in row["tags"]]
    assert stitched == [tag for piece in alone for tag in piece["tags"]]
