"""When a phase has learned nothing: constants of all kinds of tasks, and the rule on planted losses."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from xlgap.models.encode import IGNORE, Example
from xlgap.models.encoded import Encoded, write_examples
from xlgap.training.collapse import LEAST, learned_nothing
from xlgap.training.data import EncodedLines, Line, MaskedText, TaskData, line_examples
from xlgap.training.parts import Course, Part

NONE = np.empty(0, np.int64)
IDS = np.arange(5, 12, dtype=np.int32)


def example(row, labels, *, sequences=1, marks=None):
    return Example(
        row,
        tuple(IDS + row % 3 for _ in range(sequences)),
        np.asarray(labels, np.int64),
        np.empty(0, np.int32) if marks is None else marks,
    )


def classes(labels):
    return [example(i, [label]) for i, label in enumerate(labels)]


def entropy(*shares):
    return -sum(p * math.log(p) for p in shares)


def tagged(row, *tags):
    labels = np.full(len(IDS), IGNORE)
    labels[1 : 1 + len(tags)] = tags
    return example(row, labels, marks=np.arange(len(IDS), dtype=np.int32))


def spans(*places):
    marks = np.zeros((len(IDS), 2), np.int32)
    return [example(i, place, marks=marks) for i, place in enumerate(places)]


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        (classes([0, 0, 0, 2]), entropy(0.75, 0.25)),
        ([example(i, [k], sequences=4) for i, k in enumerate([0, 0, 1])], math.log(4)),
        ([tagged(0, 1, 1, 1), tagged(1, 2)], entropy(0.75, 0.25)),
        (spans((2, 3), (2, 4), (5, 6), (2, 6)), (entropy(0.75, 0.25) + entropy(0.5, 0.25, 0.25)) / 2),
    ],
    ids=["classes", "choices", "tags", "spans"],
)
def test_the_best_answer_to_all_examples_alike(tmp_path, examples, expected):
    """The same from memory and from the file of encoded examples."""
    assert TaskData(examples, pad=1).constant_loss([]) == pytest.approx(expected)
    write_examples(examples, tmp_path / "kept.arrow")
    kept = TaskData(Encoded(tmp_path / "kept.arrow"), pad=1)
    assert kept.constant_loss([]) == pytest.approx(expected)


def test_of_ranking_it_is_to_like_the_candidates_of_a_pass_alike():
    """Equal candidates count once: they are no wrong answer."""
    rows = [example(i, NONE, sequences=2) for i in range(4)]  # the first and the last are equal
    data = TaskData(rows, pad=1)
    assert data.constant_loss([np.arange(3), np.arange(1, 3)]) == pytest.approx(
        (3 * math.log(3) + 2 * math.log(2)) / 5
    )
    assert data.constant_loss([np.asarray([0, 3])]) == 0
    assert data.constant_loss([np.asarray([0, 1, 3])]) == pytest.approx(
        (2 * math.log(2) + math.log(3)) / 3
    )


def test_of_text_it_is_how_often_each_sub_word_is_there(tmp_path):
    tokenizer = SimpleNamespace(unk=3)
    lines = [Line(np.asarray(ids, np.int32)) for ids in ([0, 5, 5, 2], [0, 5, 7, 3, 2])]
    made = MaskedText(lines, tokenizer, fraction=0.2, seed=1)
    assert made.constant_loss([]) == pytest.approx(entropy(0.75, 0.25))
    special = replace(made, special=frozenset({0, 2, 5, 99}))
    assert special.constant_loss([]) == pytest.approx(entropy(0.5, 0.5))
    write_examples(line_examples(lines), tmp_path / "lines.arrow")
    kept = replace(made, sequences=EncodedLines(Encoded(tmp_path / "lines.arrow")))
    assert kept.constant_loss([]) == pytest.approx(entropy(0.75, 0.25))


CONSTANT = entropy(0.5, 0.5)


def found(losses, *, kept=None, order=None, labels=(0, 1)):
    data = TaskData(classes([*labels] * 8), pad=1)
    count = 1 if order is None else max(order) + 1
    parts = tuple(
        Part(name=f"t{k}" if count > 1 else None, data=data, batch_rows=2, learning_rate=1e-3, seed=1)
        for k in range(count)
    )
    course = Course(parts, np.asarray(order or [0] * len(losses), np.int64))
    plan = course.plan(token_budget=100, world=1)
    return learned_nothing(course, plan, losses, kept=len(losses) if kept is None else kept)


def noisy(mean, steps, spread=0.02, seed=0):
    return [float(x) for x in np.random.default_rng(seed).normal(mean, spread, steps)]


@pytest.mark.parametrize("seed", range(5))
def test_a_loss_that_stays_or_rises_has_learned_nothing_and_one_that_falls_has(seed):
    [of_task] = found(noisy(CONSTANT, 200, seed=seed))
    assert (of_task.steps, of_task.constant) == (20, pytest.approx(CONSTANT))
    assert found(noisy(0.9, 200, seed=seed))
    assert found(noisy(CONSTANT - 0.03, 200, seed=seed)) == ()
    fell_and_came_back = noisy(0.3, 100, seed=seed) + noisy(CONSTANT, 100, seed=seed)
    assert found(fell_and_came_back)
    assert found(fell_and_came_back[::-1]) == ()


def test_the_weights_that_are_kept_are_judged():
    fell_and_came_back = noisy(0.3, 100) + noisy(CONSTANT, 100)
    assert found(fell_and_came_back, kept=100) == ()
    assert found(fell_and_came_back[::-1], kept=100)


def test_of_a_few_steps_nothing_is_said_and_lost_ones_do_not_count():
    assert found(noisy(CONSTANT, LEAST - 1)) == ()
    assert found(noisy(CONSTANT, LEAST))
    assert found([*noisy(CONSTANT, LEAST - 1), math.nan]) == ()
    assert found([*noisy(0.2, 190), *([math.nan] * 10)]) == ()


def test_where_all_answers_are_the_same_there_is_nothing_to_learn():
    assert found(noisy(0.01, 50, spread=0.001), labels=(1, 1)) == ()


def test_tasks_of_a_mixture_are_judged_each_by_its_own_steps():
    losses = [x for pair in zip(noisy(0.3, 100), noisy(CONSTANT, 100), strict=True) for x in pair]
    [of_task] = found(losses, order=[0, 1] * 100)
    assert (of_task.task, of_task.steps) == ("t1", 10)
    assert "training has learned nothing of t1: the loss is 0.6" in str(of_task)
    assert "one answer for all examples has 0.6931" in str(of_task)
