from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xlgap.models.encode import Example
from xlgap.training.batches import schedule
from xlgap.training.data import TaskData
from xlgap.training.parts import Course, Part


def part(name: str, count: int, *, rows: int, seed: int) -> Part:
    random = np.random.default_rng(count)
    examples = [
        Example(i, (np.full(int(random.integers(3, 20)), 7, np.int32),), np.zeros(1, np.int64))
        for i in range(count)
    ]
    return Part(
        name=name, data=TaskData(examples, pad=1), batch_rows=rows, learning_rate=0.1, seed=seed
    )


A, B = part("a", 30, rows=4, seed=1), part("b", 7, rows=16, seed=2)
ORDER = np.asarray([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1])


def contents(plan):
    return [sorted(step.examples.tolist()) for step in plan]


def test_a_part_goes_on_where_its_last_step_ended_whatever_stands_between():
    course = Course((A, B), ORDER)
    mixed = contents(course.plan(token_budget=60, world=2))
    for number, single in enumerate((A, B)):
        count = int((number == ORDER).sum())
        alone = schedule(
            single.data.lengths, steps=count, batch_rows=single.batch_rows, token_budget=1000,
            world=1, seed=single.seed,
        )  # fmt: skip
        mine = [step for step, of in zip(mixed, ORDER, strict=True) if of == number]
        assert mine == contents(alone)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_all_ranks_call_one_head_in_a_step_and_as_often(world):
    course = Course((A, B), ORDER)
    for step in course.plan(token_budget=30, world=world):
        assert {len(micro.ranks) for micro in step.micro} == {world}
    assert [course.part(n).name for n in range(3)] == ["a", "b", "b"]


def test_tokens_are_those_of_the_steps_however_they_are_cut():
    course = Course((A, B), ORDER)
    for world, budget in ((1, 1000), (3, 25)):
        facts = course.facts(course.plan(token_budget=budget, world=world))
        assert facts["tokens"] == course.tokens()
        assert {name: of["steps"] for name, of in facts["mixed"].items()} == {"a": 7, "b": 4}
        assert sum(of["tokens"] for of in facts["mixed"].values()) == facts["tokens"]
        assert facts["examples"] == 7 * 4 + 4 * 7  # the second one has no more than 7 rows


def test_a_phase_that_mixes_nothing_has_no_facts_by_part():
    alone = Course((replace(A, name=None),), np.zeros(3, np.int64))
    assert set(alone.facts(alone.plan(token_budget=50, world=1))) == {
        "examples", "tokens", "padded_tokens", "pairs", "padded_pairs",
    }  # fmt: skip
