"""A long question leaves room for the context in a short window."""

from __future__ import annotations

from xlgap.models.encode import MAX_QUESTION, Window, encode
from xlgap.tasks.base import Span

ROW = {
    "id": "1",
    "context": "The cat sat on the mat in 1999 and the dog ran after 25 birds. " * 3,
    "question": "Where did the cat sit and when did the dog run away from home? " * 5,
    "answers": {"text": ["the mat"], "answer_start": [15]},
}


def test_a_question_has_at_most_half_of_a_window(tokenizer):
    for length, stride in ((64, 16), (200, 32)):
        examples = encode(Span(), [ROW], tokenizer, Window(max_length=length, stride=stride))
        for example in examples:
            assert example.length <= length
            question = int((example.marks[:, 0] < 0).sum()) - 3  # the frame has three sub-words
            assert question == min(MAX_QUESTION, length // 2)
        assert any(example.labels.any() for example in examples)
