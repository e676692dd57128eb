"""The best answer of a question over its windows, and when there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xlgap.evaluation.predict import MAX_ANSWER, best_answers, most_context
from xlgap.models.encode import Example
from xlgap.tasks.base import Span

CONTEXT = "alpha beta gamma"
OFFSETS = ((0, 5), (5, 6), (6, 10), (10, 16))  # the second is the space alone
ROW = {"id": "q", "context": CONTEXT}


def window(offsets: tuple[tuple[int, int], ...] = OFFSETS, row: int = 0) -> Example:
    """Two sub-words of the question, then the context's."""
    marks = np.array([(-1, -1), (-1, -1), *offsets], np.int32)
    ids = np.zeros(len(marks), np.int32)
    return Example(row, (ids,), np.zeros(2, np.int64), marks)


def scores(none: float, *pairs: tuple[float, float]) -> np.ndarray:
    """Half of ``none`` for position 0 as first and as last; then those of the context's sub-words."""
    return np.array([(none / 2, none / 2), (9, 9), *pairs], np.float32)


BETA = ((0, 0), (8, 8), (4, 4), (0, 0))  # the space alone scores best: it is no answer


@pytest.mark.parametrize(("none", "text"), [(7.9, "beta"), (8.0, "beta"), (8.1, "")])
def test_a_question_is_left_without_answer_when_none_scores_above_the_best(
    none: float, text: str
) -> None:
    found = best_answers(Span(unanswerable=True), [ROW], [window()], [scores(none, *BETA)])
    assert found == [{"id": "q", "text": text}]


def test_the_score_of_none_is_the_lowest_of_all_windows() -> None:
    kind, windows = Span(unanswerable=True), [window(), window()]
    low, high = scores(-5, *BETA), scores(30, *[(0, 0)] * 4)
    assert best_answers(kind, [ROW], windows, [low, high])[0]["text"] == "beta"
    assert best_answers(kind, [ROW], windows, [high, high])[0]["text"] == ""


def test_where_every_question_has_an_answer_none_is_left_without() -> None:
    found = best_answers(Span(), [ROW], [window()], [scores(1000, *BETA)])
    assert found[0]["text"] == "beta"


def test_an_answer_is_found_where_all_best_ends_stand_before_all_best_starts() -> None:
    words = tuple((2 * n, 2 * n + 1) for n in range(60))
    row = {"id": "q", "context": "x " * 60}
    pairs = [(0.0, 5.0)] * 30 + [(5.0, 0.0)] * 30
    found = best_answers(Span(), [row], [window(words)], [scores(0, *pairs)])
    assert found[0]["text"] == "x"


def test_no_answer_is_longer_than_its_limit() -> None:
    words = tuple((2 * n, 2 * n + 1) for n in range(60))
    row = {"id": "q", "context": "x " * 60}
    pairs = [(9.0 if n == 0 else 0.0, 9.0 if n == 59 else n / 100) for n in range(60)]
    text = best_answers(Span(), [row], [window(words)], [scores(0, *pairs)])[0]["text"]
    assert len(text.split()) <= MAX_ANSWER


def test_answers_go_to_their_own_rows() -> None:
    rows = [{"id": str(n), "context": CONTEXT} for n in range(3)]
    windows = [window(row=n) for n in range(3)]
    of = [((9, 9), (0, 0), (0, 0), (0, 0)), BETA, ((0, 0), (0, 0), (0, 0), (9, 9))]
    found = best_answers(Span(), rows, windows, [scores(0, *pairs) for pairs in of])
    assert [row["text"] for row in found] == ["alpha", "beta", "gamma"]


LETTERS = {"id": "q", "context": "abcdefghij"}


def part(begin: int, end: int, row: int = 0) -> Example:
    """A window of some letters, each of which is a sub-word."""
    return replace(window(tuple((n, n + 1) for n in range(begin, end)), row), begin=begin)


def test_an_answer_begins_only_in_the_window_where_that_has_the_most_context() -> None:
    """The letter f ends the first window, and has three letters to both sides in the second."""
    windows = [part(0, 6), part(2, 9), part(4, 10)]
    edge = scores(0, *[(0, 0)] * 5, (9, 0))
    middle = scores(0, (0, 0), (0, 0), (3, 3), *[(0, 0)] * 4)
    last = scores(0, *[(0, 0)] * 6)
    assert best_answers(Span(), [LETTERS], windows, [edge, middle, last])[0]["text"] == "e"
    middle[5] = (4, 4)  # f again, where it counts
    assert best_answers(Span(), [LETTERS], windows, [edge, middle, last])[0]["text"] == "f"


def test_an_answer_may_end_where_another_window_has_more_context() -> None:
    windows = [part(0, 6), part(3, 9)]
    one = scores(0, *[(0, 0)] * 3, (9, 0), (0, 0), (0, 9))
    text = best_answers(Span(), [LETTERS], windows, [one, scores(0, *[(0, 0)] * 6)])[0]["text"]
    assert text == "def"


def test_the_most_context_is_the_shorter_sides_then_the_longer_windows_then_the_first_ones() -> None:
    rows = [part(0, 6), part(2, 9), part(4, 10), part(0, 6, row=1)]
    found = [
        [int(n) for n in np.flatnonzero(flags[2:]) + example.begin]
        for example, flags in zip(rows, most_context(rows), strict=True)
    ]
    assert found == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9], [0, 1, 2, 3, 4, 5]]
    equal = [part(0, 4), part(0, 4)]
    assert [flags.any() for flags in most_context(equal)] == [True, False]


@pytest.mark.parametrize(("total", "room", "step"), [(1, 5, 3), (50, 7, 3), (50, 20, 1), (31, 10, 10)])
def test_every_sub_word_counts_in_one_window_by_the_rule_as_it_is_written(
    total: int, room: int, step: int
) -> None:
    bounds = [(n, min(n + room, total)) for n in range(0, max(1, total - room + step), step)]
    found = most_context([part(*bound) for bound in bounds])
    for position in range(total):
        context = [
            min(position - begin, end - 1 - position) + 0.01 * (end - begin)
            if begin <= position < end
            else -1
            for begin, end in bounds
        ]
        counts = [
            begin <= position < end and bool(flags[2 + position - begin])
            for (begin, end), flags in zip(bounds, found, strict=True)
        ]
        assert counts == [n == context.index(max(context)) for n in range(len(bounds))]
