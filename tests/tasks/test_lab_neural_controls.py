"""Neural controls of the lab tasks, with the project's own trainer and predictor.

A small model, pretrained for seconds on the lab's English text, learns every task from true labels;
that is shown first, since otherwise the rest would prove nothing. Trained in the same way on labels
that were dealt out to the items at random, it stays within :func:`tolerance` of chance on the true
held-out labels; on one side of each pair, within :data:`POINTS`, three standard errors of an accuracy
at chance, or more.
"""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import pytest

from xlgap.evaluation.chance import chance
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.predict import Predictor, predict
from xlgap.lab import corpus
from xlgap.lab.qa import CANDIDATES
from xlgap.lab.world import World
from xlgap.models.encode import Window, encode
from xlgap.models.ladder import scratch_config
from xlgap.models.masked import MaskedHead
from xlgap.models.network import Network, encoder_state, make_head, scratch_encoder
from xlgap.models.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from xlgap.tasks import get_task
from xlgap.tasks.base import Choose, Classify, Row, Span, Split, Tag, Task
from xlgap.training.data import MaskedText, TaskData, TrainingData, encode_lines
from xlgap.training.trainer import PhaseSettings, train_phase
from xlgap.training.zero import ZeroPlan

POINTS = 3.0
LENGTH = 64  # sub-words
SHAPE = {"layers": 2, "width": 64, "heads": 4, "feed_forward": 128}
LINES, PRETRAINING = 12_000, 600


class Silent:
    """Hears of steps and says nothing."""

    def on_start(self, step: int, *, steps: int) -> None: ...

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None: ...

    def on_saving(self) -> None: ...

    def on_evaluation(self, step: int, score: float) -> None: ...

    def on_event(self, name: str, sentence: str) -> None: ...

    def stop_requested(self) -> bool:
        return False


@dataclass(frozen=True)
class Control:
    """How a task is trained and on how many held-out items it is scored.

    Attributes:
        rows, batch, epochs, rate: of training.
        items: scored.
        learns: a score that the model reaches with true labels.
        shuffles: independent ones, in the mean of which it is at chance.
        alike: how many items are right or wrong together, as it were, a judgement: a model without
            knowledge often gives all items of one kind the same label, and all shuffles have one
            encoder. That of ``lab_qa`` prefers words that the question repeats, and is 1 to 3 points
            above chance in the mean; its figure makes the tolerance three points.
    """

    rows: int
    items: int
    learns: float
    shuffles: int
    alike: float = 1.0
    batch: int = 16
    epochs: int = 1
    rate: float = 1e-3


CONTROLS = {
    "lab_nli": Control(rows=12000, items=2400, learns=46.0, shuffles=2),
    "lab_ner": Control(rows=2000, items=300, learns=30.0, shuffles=1, epochs=4),
    "lab_qa": Control(rows=2400, items=4800, learns=55.0, shuffles=6, alike=5.5),
    "lab_typing": Control(rows=1200, items=1200, learns=60.0, shuffles=6, alike=25.0, epochs=6),
    "lab_order": Control(rows=2400, items=2500, learns=70.0, shuffles=4, alike=6.0),
    "lab_compare": Control(rows=4800, items=2500, learns=70.0, shuffles=2),
}


class Outcome(NamedTuple):
    """What was scored on so many true held-out labels, and what a guess would have."""

    reached: float
    by_chance: float
    items: int


def tolerance(name: str, outcomes: Sequence[Outcome]) -> float:
    """Three standard errors, in points, of the mean score of models that know nothing.

    An item's score of 0-100 with mean c has a variance of at most c (100 - c); c counts as 1 at least.
    All outcomes together have as many independent items as were scored, by :attr:`Control.alike`.
    """
    by_chance = max(1.0, fmean(o.by_chance for o in outcomes))
    items = sum(o.items for o in outcomes)
    return 3 * math.sqrt(CONTROLS[name].alike * by_chance * (100 - by_chance) / items)


def english(task: str, split: Split, count: int) -> list[Row]:
    generate = get_task(task).lab
    assert generate is not None
    return list(generate(World(("en",)), split, count, 1))


def held_out(task: str, count: int) -> list[Row]:
    """Dev items; of questions as many that repeat words of their context as that repeat none.

    Even without training the network prefers words that the question repeats, by 4 points in all.
    """
    rows = english(task, "dev", count)
    if not isinstance(get_task(task).kind, Span):
        return rows
    repeats, none = (
        [row for row in rows if bool(words(row["question"]) & words(row["context"])) is there]
        for there in (True, False)
    )
    count = min(len(repeats), len(none))
    return repeats[:count] + none[:count]


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def train(
    network: Network,
    data: TrainingData,
    folder: Path,
    *,
    steps: int,
    batch: int,
    rate: float,
    seed: int = 1,
) -> dict[str, Any]:
    """The weights after ``steps`` of the project's own trainer."""
    settings = PhaseSettings(
        steps=steps,
        warmup_steps=steps // 10,
        batch_rows=batch,
        token_budget=8192,
        evaluations=0,
        select="last",
        seed=seed,
        zero=ZeroPlan(learning_rate=rate),
    )
    return train_phase(network, data, settings, evaluate=None, observer=Silent(), scratch=folder)[1]


@dataclass
class Lab:
    """A pretrained encoder, and what was learned from it."""

    tokenizer: Tokenizer
    folder: Path
    encoder: dict[str, Any] = field(default_factory=dict)
    trainings: int = 0

    def scratch(self) -> Path:
        """A folder of its own for each training: none goes on from what another one saved."""
        self.trainings += 1
        return self.folder / str(self.trainings)

    def network(self) -> Network:
        """The encoder without a head, as it was pretrained."""
        config = scratch_config(**SHAPE, vocabulary=self.tokenizer.size, positions=LENGTH)
        config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        network = Network(scratch_encoder(config, seed=1), None)
        if self.encoder:
            network.encoder.load_state_dict(self.encoder)
        return network

    def pretrain(self, lines: list[str]) -> None:
        """Masked-word prediction, as the ladder is pretrained."""
        data = MaskedText(
            encode_lines(lines, self.tokenizer, length=LENGTH), self.tokenizer, fraction=0.2, seed=1
        )
        network = self.network()
        network.head = MaskedHead(SHAPE["width"], self.tokenizer.size)
        weights = train(network, data, self.scratch(), steps=PRETRAINING, batch=32, rate=2e-3)
        self.encoder = encoder_state(weights)

    def answers(self, task: Task, rows: list[Row], held_out: list[Row], *, seed: int) -> list[Row]:
        """Predictions for ``held_out`` after fine-tuning on ``rows``; ``seed`` is of head and order."""
        control, network = CONTROLS[task.name], self.network()
        how = Predictor(
            tokenizer=self.tokenizer, window=Window(max_length=LENGTH, stride=16), token_budget=16384
        )
        network.head = make_head(task.kind, network.encoder, seed=seed)
        data = TaskData(encode(task.kind, rows, self.tokenizer, how.window), self.tokenizer.pad)
        steps = control.epochs * len(rows) // control.batch
        how_long = {"steps": steps, "batch": control.batch, "rate": control.rate}
        weights = train(network, data, self.scratch(), **how_long, seed=seed)
        trained = self.network()
        trained.head = make_head(task.kind, trained.encoder, seed=1)
        trained.load_state_dict(weights)
        return predict(trained, task.kind, held_out, how)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, group_of_one: Mapping[str, str]) -> Iterator[Lab]:
    """The control model, pretrained on English text alone."""
    folder = tmp_path_factory.mktemp("lab")
    lines = [line for _, line in corpus.lines(World(("en",)), LINES, 1)]
    train_tokenizer(
        (part for line in lines for part in line.split("\t")), folder / "t.json", vocabulary=336
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in group_of_one.items():
            patch.setenv(name, value)
        lab = Lab(load_tokenizer(folder / "t.json"), folder / "scratch")
        lab.pretrain(lines)
        yield lab


def shuffled(task: Task, rows: list[Row], seed: int) -> list[Row]:
    """``rows`` with their labels dealt out to them at random.

    Tags to all tokens, answers to the questions of their own context.
    """
    rng = random.Random(seed)
    match task.kind:
        case Classify() | Choose():
            labels = [row["label"] for row in rows]
            rng.shuffle(labels)
            return [{**row, "label": label} for row, label in zip(rows, labels, strict=True)]
        case Tag():
            tags = [tag for row in rows for tag in row["tags"]]
            rng.shuffle(tags)
            left = iter(tags)
            return [{**row, "tags": [next(left) for _ in row["tags"]]} for row in rows]
        case Span():
            dealt = {group: rng.sample(own, len(own)) for group, own in candidates(rows).items()}
            return [{**row, "answers": dealt[row["group"]].pop()} for row in rows]
    raise AssertionError(task.kind)


def candidates(rows: list[Row]) -> dict[str, list[Row]]:
    """The answers to all questions of each context."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["group"]].append(row["answers"])
    return found


def score(task: Task, gold: list[Row], found: list[Row]) -> float:
    return get_metric(task.metrics[0], task).score(task, gold, found, "en")


def guessing(task: Task, gold: list[Row], found: list[Row]) -> float:
    """What ``found`` would score without knowing of the items.

    For a span task: what one of the context's answers scores, any of them with equal chance.
    """
    if not isinstance(task.kind, Span):
        return chance(get_metric(task.metrics[0], task), task, gold, found, "en")
    answers = candidates(english(task.name, "dev", CONTROLS[task.name].items))
    turns = [
        [{"id": row["id"], "text": answers[row["group"]][turn]["text"][0]} for row in gold]
        for turn in range(CANDIDATES)
    ]
    return sum(score(task, gold, guesses) for guesses in turns) / len(turns)


def without(side: str, rows: list[Row]) -> list[Row]:
    return [{**row, side: "?"} for row in rows]


def trained_on(
    lab: Lab,
    name: str,
    change: Callable[[Task, list[Row]], list[Row]],
    *,
    also: bool = False,
    seed: int = 1,
) -> Outcome:
    """The score on held-out items after training on changed rows.

    ``also`` changes the held-out items, too: all dev items, since no question is left to repeat a word.
    """
    task, control = get_task(name), CONTROLS[name]
    rows = english(name, "train", control.rows)
    gold = english(name, "dev", control.items) if also else held_out(name, control.items)
    asked = change(task, gold) if also else gold
    found = lab.answers(task, change(task, rows), asked, seed=seed)
    return Outcome(score(task, gold, found), guessing(task, gold, found), len(gold))


@pytest.mark.parametrize("name", CONTROLS)
def test_the_model_learns_from_true_labels(lab: Lab, name: str) -> None:
    """So far above chance that labels which were not shuffled cannot pass for shuffled ones."""
    outcome, learns = trained_on(lab, name, lambda task, rows: rows), CONTROLS[name].learns
    far = max(4 * POINTS, tolerance(name, [outcome]))
    assert outcome.reached >= learns > outcome.by_chance + far


@pytest.mark.parametrize("name", CONTROLS)
def test_shuffled_labels_teach_nothing(lab: Lab, name: str) -> None:
    """Neither the mean of the shuffles is off chance, nor does one of them come near true labels.

    Each has a head and an order of its own: with the same head and order in all of them, ``lab_typing``
    gave 18 to 26 in eight shuffles, in the mean 21, where chance is 17.
    """
    outcomes = [
        trained_on(lab, name, lambda task, rows, seed=seed: shuffled(task, rows, seed), seed=seed)
        for seed in range(1, 1 + CONTROLS[name].shuffles)
    ]
    off = fmean(o.reached - o.by_chance for o in outcomes)
    assert abs(off) <= tolerance(name, outcomes), outcomes
    assert max(o.reached for o in outcomes) < CONTROLS[name].learns, outcomes


@pytest.mark.parametrize(
    ("name", "side"), [("lab_nli", "text"), ("lab_nli", "text_b"), ("lab_qa", "question")]
)
def test_without_one_side_there_is_nothing_to_learn(lab: Lab, name: str, side: str) -> None:
    outcome = trained_on(lab, name, lambda task, rows: without(side, rows), also=True)
    assert abs(outcome.reached - outcome.by_chance) <= POINTS
