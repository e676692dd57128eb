"""From a phase to its course: what it trains on, how many steps, and which step is of what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xlgap.config import Params
from xlgap.data.shots import shots
from xlgap.errors import TrainingError
from xlgap.models.encode import Example, encode
from xlgap.models.heads import MLM
from xlgap.models.tokenizer import Tokenizer
from xlgap.regimes.base import Phase, Sampling
from xlgap.stages.encoded import task_examples, text_lines
from xlgap.stages.recipe import Recipe, phase_recipe, window
from xlgap.stages.study import Study
from xlgap.tasks.base import Rank, Task
from xlgap.training.batches import Index
from xlgap.training.data import MaskedText, TaskData
from xlgap.training.engine import world_size
from xlgap.training.mixing import draw, shares, steps_to_reach, task_steps, text_steps, with_text
from xlgap.training.parts import Course, Part

_PARTS = 3  # beside what else generators of a seed draw


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A phase whose length is still open.

    Attributes:
        phase: the phase.
        seed: of all its draws.
        parts: its tasks, and behind them text, where it has some.
        recipes: of the tasks.
        rows: training rows of each task.
        own: optimizer steps of each task by its recipe.
    """

    phase: Phase
    seed: int
    parts: tuple[Part, ...]
    recipes: tuple[Recipe, ...]
    rows: tuple[int, ...]
    own: tuple[int, ...]

    @property
    def steps(self) -> int:
        """Its steps by the recipes: those of each task, and text beside them."""
        of_tasks, rate = sum(self.own), self.phase.mlm_rate
        return of_tasks if rate is None else of_tasks + text_steps(of_tasks, rate)

    def course(self, steps: int) -> Course:
        """All of it, in ``steps`` steps."""
        given = self.phase.budget is None
        warm = [replace(r, whole=r.whole and given).warmup_of(steps) for r in self.recipes]
        warm += warm[: len(self.parts) - len(warm)]  # text has the numbers of its phase's one task
        parts = (replace(p, warmup_steps=w) for p, w in zip(self.parts, warm, strict=True))
        return Course(tuple(parts), self._order(steps))

    def _order(self, steps: int) -> Index:
        if not self.phase.mixes:
            return np.zeros(steps, np.int64)
        rate, sampling = self.phase.mlm_rate, self.phase.sampling or Sampling()
        tasks = draw(self.rows, sampling, steps=task_steps(steps, rate), seed=self.seed)
        if rate is None:
            return tasks
        return with_text(tasks, text=len(self.rows), steps=steps, seed=self.seed)

    def seen(self, steps: int) -> int:
        """Sub-words that it sees in ``steps`` steps."""
        return self.course(steps).tokens()


def phase_course(
    study: Study,
    model: str,
    tokenizer: Tokenizer,
    phases: Sequence[Phase],
    number: int,
    *,
    seed: int,
    packed: bool,
) -> Course:
    """The course of one of the phases of a training.

    Args:
        study: with the tasks' rows and recipes, and the pretraining text.
        model: whose fine-tuning rates are taken.
        tokenizer: of the model.
        phases: all of the training: they may share a budget.
        number: which of them.
        seed: of the order of tasks and examples, and of masks.
        packed: whether the model computes sequences without padding.

    Raises:
        DataError: a task has no training row.
        TrainingError: a ranking task with too small a batch; a model that has no mask token.
    """
    phase = phases[number]
    plan = _plan(study, model, tokenizer, phase, seed, packed=packed)
    if phase.budget is None:
        return plan.course(plan.steps)
    if phase.budget.beyond:
        return plan.course(_longer(plan))
    sharing = [n for n, p in enumerate(phases) if p.budget is not None and not p.budget.beyond]
    plans = [
        plan if n == number else _plan(study, model, tokenizer, phases[n], seed, packed=packed)
        for n in sharing
    ]
    return plan.course(_shared(plans, sharing.index(number)))


def _longer(plan: _Plan) -> int:
    """Steps of a phase that goes on beyond its recipe."""
    budget = plan.phase.budget
    assert budget is not None
    if budget.steps is not None:
        return plan.steps + budget.steps
    assert budget.tokens is not None
    return steps_to_reach(plan.seen(plan.steps) + budget.tokens, plan.seen)


def _shared(plans: Sequence[_Plan], mine: int) -> int:
    """Steps of one of the phases that share a budget, in proportion to their own steps or sub-words."""
    budget = plans[mine].phase.budget
    assert budget is not None
    if budget.steps is not None:
        return shares(budget.steps, [plan.steps for plan in plans])[mine]
    assert budget.tokens is not None
    amounts = shares(budget.tokens, [plan.seen(plan.steps) for plan in plans])
    return steps_to_reach(amounts[mine], plans[mine].seen)


def _plan(
    study: Study, model: str, tokenizer: Tokenizer, phase: Phase, seed: int, *, packed: bool
) -> _Plan:
    parts, recipes, rows, own = [], [], [], []
    for number, name in enumerate(phase.tasks):
        task = study.task(name)
        numbers = phase_recipe(phase, task, study.params, model)
        count, examples = _examples(study, tokenizer, phase, task, seed)
        if isinstance(task.kind, Rank):
            require_negatives(examples, study.params, numbers, task)
        recipes.append(numbers)
        rows.append(count)
        own.append(max(1, math.ceil(numbers.epochs * len(examples) / numbers.batch_rows)))
        parts.append(
            Part(
                name=name if phase.mixes else None,
                data=TaskData(examples, tokenizer.pad),
                batch_rows=numbers.batch_rows,
                learning_rate=numbers.learning_rate,
                weight_decay=numbers.weight_decay,
                micro_rows=numbers.micro_rows,
                dropout=numbers.dropout,
                seed=(seed, _PARTS, number) if phase.mixes else seed,
                packed=packed,
                compares=isinstance(task.kind, Rank),
            )
        )
    if phase.mlm_rate is not None:
        text = _text(study.params, model, tokenizer, seed)
        order = (seed, _PARTS, len(parts))
        alike = replace(parts[0], micro_rows=None, compares=False)
        parts.append(replace(alike, name=MLM, data=text, seed=order))
    return _Plan(
        phase=phase, seed=seed, parts=tuple(parts), recipes=tuple(recipes), rows=tuple(rows),
        own=tuple(own),
    )  # fmt: skip


def _examples(
    study: Study, tokenizer: Tokenizer, phase: Phase, task: Task, seed: int
) -> tuple[int, Sequence[Example]]:
    """How many rows of ``task`` the phase reads, and what they become."""
    if phase.shots is None:
        examples = task_examples(study, tokenizer, phase, task)
        return examples[-1].row + 1, examples
    rows = study.training_rows(task.name, phase)
    rows = shots(rows, phase.shots, task=task, language=phase.language, seed=seed)
    return len(rows), encode(task.kind, rows, tokenizer, window(task, study.params))


def _text(params: Params, model: str, tokenizer: Tokenizer, seed: int) -> MaskedText:
    """The study's pretraining text in all its languages, masked as in pretraining."""
    if tokenizer.mask is None:
        raise TrainingError(
            f"model '{model}' has no mask token, so that masked language modelling cannot be mixed "
            "into its training; leave the arms with 'mlm_rate' out of its study."
        )
    numbers = params.pretrain
    sequences = text_lines(params, tokenizer)
    added = tokenizer.fast.get_added_tokens_decoder()
    special = frozenset(number for number, token in added.items() if token.special)
    return MaskedText(
        sequences, tokenizer, fraction=numbers.mask_fraction, seed=seed, special=special or None
    )


def require_negatives(examples: Sequence[Example], params: Params, numbers: Recipe, task: Task) -> None:
    """Two rows at least in a micro-batch: alone, a row's candidate has nothing to be told from."""
    if numbers.micro_rows == 1:
        raise TrainingError(
            f"task '{task.name}' learns to tell candidates of a micro-batch apart, which takes two "
            "rows: 'micro_rows' is 1; raise it."
        )
    longest = max(example.length * len(example.sequences) for example in examples)
    tokens = params.train.micro_batch_tokens
    rows = min(numbers.batch_rows, len(examples)) // world_size()
    if rows < 2 or tokens < 2 * longest:
        raise TrainingError(
            f"task '{task.name}' learns to tell candidates of a micro-batch apart, which takes "
            f"two rows: a device has {rows} of a batch, and 'train.micro_batch_tokens' is "
            f"{tokens}, its longest row {longest} sub-words; raise it to {2 * longest} or more, or "
            "'batch_rows'."
        )
