import numpy as np
import pytest

from xlgap.errors import TrainingError
from xlgap.models.encode import IGNORE, Window, encode
from xlgap.tasks.base import Choose, Classify, Retrieve, Span, Tag

NLI = Classify(labels=("entailment", "neutral", "contradiction"))
NER = Tag(tags=("O", "B-X", "I-X"), bio=True)


def test_a_pair_is_cut_at_its_longer_side(tokenizer):
    row = {"id": "1", "text": "the cat sat on the mat " * 9, "text_b": "the dog", "label": "neutral"}
    (example,) = encode(NLI, [row], tokenizer, Window(max_length=24))
    assert example.length == 24
    hypothesis = tokenizer.fast.encode("the dog", add_special_tokens=False).ids
    assert list(example.sequences[0][-len(hypothesis) - 1 : -1]) == hypothesis
    assert example.labels.tolist() == [1]


@pytest.mark.parametrize("pair", [True, False])
def test_what_is_cut_is_what_the_library_cuts(tokenizer, pair):
    random = np.random.default_rng(5)
    words = np.array(["the", "cat", "sat", "on", "mat", "dog", "ran", "after", "birds", "in"])
    texts = [[" ".join(random.choice(words, n)) for n in random.integers(1, 30, 2)] for _ in range(300)]
    rows = [{"id": "1", "text": a, "text_b": b, "label": "neutral"} for a, b in texts]
    kind = Classify(labels=NLI.labels, pair=pair)
    for length in (6, 7, 12, 33):
        found = [
            e.sequences[0].tolist() for e in encode(kind, rows, tokenizer, Window(max_length=length))
        ]
        tokenizer.fast.enable_truncation(length)
        theirs = tokenizer.fast.encode_batch([tuple(t) if pair else t[0] for t in texts])
        tokenizer.fast.no_truncation()
        assert found == [e.ids for e in theirs]


def test_every_choice_is_a_sequence(tokenizer):
    row = {"id": "1", "text": "the cat", "choices": ["sat", "ran"], "label": 1}
    (example,) = encode(Choose(choices=2), [row], tokenizer, Window(max_length=32))
    assert len(example.sequences) == 2
    assert example.labels.tolist() == [1]


@pytest.mark.parametrize("limit", [6, 9, 64])
def test_no_token_of_a_long_sentence_is_lost(tokenizer, limit):
    tokens = [
        "The",
        "cat",
        "sat",
        "on",
        "the",
        "mat",
        "in",
        "1999",
        "and",
        "the",
        "dog",
        "ran",
        "after",
        "25",
        "birds",
    ]
    tags = ["B-X" if i % 3 == 0 else "O" for i in range(len(tokens))]
    row = {"id": "1", "tokens": tokens, "tags": tags}
    examples = encode(NER, [row], tokenizer, Window(max_length=limit))
    assert all(e.length <= limit for e in examples)
    marks = np.concatenate([e.marks[e.marks >= 0] for e in examples])
    assert marks.tolist() == list(range(len(tokens)))
    labels = np.concatenate([e.labels[e.labels != IGNORE] for e in examples])
    assert [NER.tags[i] for i in labels] == tags
    assert len(examples) == 1 or limit < 64


def test_a_token_without_sub_words_becomes_unknown(tokenizer):
    row = {"id": "1", "tokens": ["cat", "", "dog"], "tags": ["O", "B-X", "O"]}
    (example,) = encode(NER, [row], tokenizer, Window(max_length=32))
    (position,) = np.flatnonzero(example.marks == 1)
    assert example.sequences[0][position] == tokenizer.unk


CONTEXT = "The cat sat on the mat in 1999 and the dog ran after 25 birds and the cat sat on the mat."


def span_row(answer):
    return {
        "id": "1",
        "context": CONTEXT,
        "question": "Where did the cat sit?",
        "answers": {"text": [answer], "answer_start": [CONTEXT.index(answer)]},
    }


@pytest.mark.parametrize("answer", ["1999", "25 birds", "The cat", "the mat in"])
def test_the_answer_stands_where_the_labels_say(tokenizer, answer):
    (example,) = encode(Span(), [span_row(answer)], tokenizer, Window(max_length=200, stride=10))
    first, last = example.labels
    begin, end = example.marks[first, 0], example.marks[last, 1]
    assert CONTEXT[begin:end].strip() == answer


@pytest.mark.parametrize("stride", [1, 4, 8, 1000])
def test_windows_start_a_stride_apart_and_cover_the_context(tokenizer, stride):
    examples = encode(Span(), [span_row("25 birds")], tokenizer, Window(max_length=40, stride=stride))
    assert len(examples) > 1
    assert all(e.length <= 40 for e in examples)
    covered = {tuple(m) for e in examples for m in e.marks.tolist() if m[0] >= 0}
    offsets = tokenizer.fast.encode(CONTEXT, add_special_tokens=False).offsets
    assert covered == set(offsets)
    spans = [[tuple(m) for m in e.marks.tolist() if m[0] >= 0] for e in examples]
    room = len(spans[0])
    step = min(stride, room)  # no more than there is room for
    assert [e.begin for e in examples] == list(range(0, len(offsets) - room + step, step))
    assert spans == [offsets[e.begin : e.begin + room] for e in examples]
    if stride == 1000:
        return  # windows that share nothing may cut the answer
    held = [e for e in examples if e.labels.tolist() != [0, 0]]
    assert held
    for example in held:
        begin, end = example.marks[example.labels[0], 0], example.marks[example.labels[1], 1]
        assert CONTEXT[begin:end].strip() == "25 birds"


def test_a_window_without_room_is_refused(tokenizer):
    with pytest.raises(TrainingError, match=r"no room for a context .* must be at least 7"):
        encode(Span(), [span_row("1999")], tokenizer, Window(max_length=6))
    examples = encode(Span(), [span_row("1999")], tokenizer, Window(max_length=7))
    shown = [(e.marks[:, 0] >= 0).sum() for e in examples]
    assert shown == [1] * len(tokenizer.fast.encode(CONTEXT, add_special_tokens=False).ids)


@pytest.mark.parametrize("room", [-1, 0, 1])
def test_a_context_that_fits_is_one_window_whatever_the_stride(tokenizer, room):
    """The sub-words left for it beside its question are ``room`` more than the stride."""
    row = span_row("mat") | {"context": "the mat", "answers": {"text": ["mat"], "answer_start": [4]}}
    question = len(tokenizer.fast.encode(row["question"], add_special_tokens=False).ids)
    stride = 20
    window = Window(max_length=question + 3 + stride + room, stride=stride)
    (example,) = encode(Span(), [row], tokenizer, window)
    begin, end = example.marks[example.labels[0], 0], example.marks[example.labels[1], 1]
    assert "the mat"[begin:end].strip() == "mat"


def test_an_unanswerable_question_points_at_position_0(tokenizer):
    row = {**span_row("1999"), "answers": {"text": [], "answer_start": []}}
    (example,) = encode(Span(), [row], tokenizer, Window(max_length=200, stride=10))
    assert example.labels.tolist() == [0, 0]


def test_retrieval_has_no_label(tokenizer):
    (example,) = encode(Retrieve(), [{"text": "the cat"}], tokenizer, Window(max_length=32))
    assert example.labels.size == 0
