import numpy as np
import pytest

from xlgap.errors import DataError
from xlgap.models.encode import IGNORE, Window, encode
from xlgap.tasks.base import Choose
from xlgap.training.batches import schedule
from xlgap.training.data import MaskedText, TaskData, encode_lines
from xlgap.training.parts import seen_and_padded

LINES = ["the cat sat on the mat", "die Katze\tthe cat", "в 7 дней"]


@pytest.fixture
def text(tokenizer):
    sequences = encode_lines(LINES, tokenizer, length=40)
    return MaskedText(sequences, tokenizer, fraction=0.3, seed=5)


def test_a_tab_parts_a_pair_as_fine_tuning_does(tokenizer):
    (pair,) = encode_lines(["die Katze\tthe cat"], tokenizer, length=40)
    assert pair.ids.tolist() == tokenizer.fast.encode("die Katze", "the cat").ids


def test_a_long_line_becomes_several_and_loses_nothing(tokenizer):
    line = "the cat sat on the mat and the dog ran " * 5
    sequences = encode_lines([line], tokenizer, length=16)
    assert len(sequences) > 1
    assert all(len(s) <= 16 for s in sequences)
    words = [i for s in sequences for i in s.ids.tolist() if i > tokenizer.unk]
    assert words == tokenizer.fast.encode(line, add_special_tokens=False).ids


def test_no_text_is_refused(tokenizer):
    with pytest.raises(DataError, match="no sub-word to learn"):
        encode_lines([], tokenizer, length=16)


def test_the_loss_counts_what_is_masked_and_special_tokens_stay(text, tokenizer):
    indices = np.arange(3)
    for step in range(20):
        batch = text.batch(indices, step=step)
        masked = batch["labels"] != IGNORE
        assert int(masked.sum()) == text.supervised(indices)
        assert bool((batch["labels"][masked] > tokenizer.unk).all())
        assert bool((batch["attention_mask"][masked] == 1).all())
        kept = batch["input_ids"][~masked & (batch["attention_mask"] == 1)]
        original = np.concatenate([line.ids for line in text.sequences])
        assert set(kept.tolist()) <= set(original.tolist())


def test_the_draw_depends_on_seed_step_and_line_alone(text, tokenizer):
    one = text.batch(np.array([0]), step=3)
    again = text.batch(np.array([1, 0]), step=3)
    length = len(text.sequences[0])
    assert one["input_ids"][0, :length].tolist() == again["input_ids"][1, :length].tolist()
    other = text.batch(np.array([0]), step=4)
    assert one["labels"].tolist() != other["labels"].tolist()


def test_four_fifths_become_the_mask(tokenizer):
    line = encode_lines(["the cat sat on the mat and the dog ran"], tokenizer, length=64)
    text = MaskedText(line, tokenizer, fraction=0.5, seed=1)
    masked = total = 0
    for step in range(300):
        batch = text.batch(np.array([0]), step=step)
        where = batch["labels"] != IGNORE
        masked += int((batch["input_ids"][where] == tokenizer.mask).sum())
        total += int(where.sum())
    assert masked / total == pytest.approx(0.8, abs=0.04)


def test_sub_words_and_their_pairs_are_those_of_the_tensors(text):
    plan = schedule(text.lengths, steps=4, batch_rows=2, token_budget=30, world=2, seed=1)
    passes = [r for step in plan for micro in step.micro for r in micro.ranks if len(r)]
    masks = [text.batch(p, step=0)["attention_mask"] for p in passes]
    seen = sum(int(m.sum()) for m in masks)
    assert seen_and_padded(text.sequences_of, passes, power=1) == (seen, sum(m.numel() for m in masks))
    each = sum(int((m.sum(1) ** 2).sum()) for m in masks)
    assert seen_and_padded(text.sequences_of, passes, power=2) == (
        each,
        sum(m.numel() * m.shape[1] for m in masks),
    )


def test_several_sequences_of_an_example_attend_apart(tokenizer):
    rows = [
        {"id": "1", "group": "1", "text": "the cat", "choices": ["sat", "ran"], "label": 0},
        {"id": "2", "group": "2", "text": "the dog", "choices": ["on the mat", "sat"], "label": 1},
    ]
    data = TaskData(encode(Choose(choices=2), rows, tokenizer, Window(max_length=32)), tokenizer.pad)
    ids = data.batch(np.arange(2), step=0)["input_ids"]
    longest = ids.shape[-1]
    own = [len(sequence) for example in data.examples for sequence in example.sequences]
    assert len(set(own)) > 1
    both = [np.arange(2)]
    assert seen_and_padded(data.sequences_of, both, power=1) == (sum(own), 4 * longest)
    squares = sum(length**2 for length in own)
    assert seen_and_padded(data.sequences_of, both, power=2) == (squares, 4 * longest**2)


def test_special_tokens_of_a_checkpoint_are_never_masked_wherever_they_stand(tokenizer):
    """mBERT's stand behind the unknown one: 101, 102 and 103."""
    lines = encode_lines(["the cat sat on the mat"], tokenizer, length=64)
    word = int(lines[0].ids[2])
    text = MaskedText(lines, tokenizer, fraction=0.9, seed=1, special=frozenset({0, 1, 2, 3, word}))
    at = np.flatnonzero(lines[0].ids == word)
    for step in range(20):
        labels = text.batch(np.array([0]), step=step)["labels"][0].numpy()
        assert (labels[at] == IGNORE).all()
        assert int((labels != IGNORE).sum()) == text.supervised(np.array([0]))
