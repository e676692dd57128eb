"""What is kept and told of a training that has learned nothing, from its facts to scores and lines."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from xlgap.analysis.learned import in_words, learned_nothing
from xlgap.analysis.rows import Collapsed
from xlgap.analysis.tables import FIELDS, read_scores, write_rows, write_scores
from xlgap.records import Score
from xlgap.stages.learned import event_tags, nothing_learned, told
from xlgap.stages.overall import nothing_lines
from xlgap.training.collapse import LearnedNothing
from xlgap.training.facts import PhaseResult

NOTHING = LearnedNothing(task="", loss=1.0991, constant=1.0986, steps=14)
RESULT = PhaseResult(
    steps=140, examples=1, tokens=1, padded_tokens=1, pairs=1, padded_pairs=1, dev=(), best_step=140,
    final_loss=1.1,
)  # fmt: skip


class Told:
    """Remembers events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def on_start(self, step: int, *, steps: int) -> None: ...

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None: ...

    def on_saving(self) -> None: ...

    def on_evaluation(self, step: int, score: float) -> None: ...

    def on_event(self, name: str, sentence: str) -> None:
        self.events.append((name, sentence))

    def stop_requested(self) -> bool:
        return False


def test_an_observer_is_told_the_task_and_facts_keep_it() -> None:
    observer = Told()
    assert told(RESULT, "nli", observer) == RESULT
    assert observer.events == []
    found = told(replace(RESULT, learned_nothing=(NOTHING,)), "nli", observer)
    [(name, sentence)] = observer.events
    assert name == "learned_nothing"
    assert sentence.startswith("training has learned nothing of nli: the loss is 1.0991 in the last 14")
    facts = [asdict(found), {"steps": 3}]
    assert nothing_learned(facts) == [replace(NOTHING, task="nli")]
    assert event_tags(facts) == {"xlgap.event.learned_nothing": sentence}
    assert event_tags([{"steps": 3}]) == {}


def score(**changes: object) -> Score:
    made = Score(
        source="measured", model="xs", family="lab", params_total=9, params_nonembedding=8,
        arm="direct_en", regime="direct_en", train_language="en", task="nli", language="en", seed=1,
        metric="accuracy", value=33.0, chance=33.0, stderr=2.0,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_files_of_scores_have_the_column_where_a_run_needs_it(tmp_path: Path) -> None:
    healthy = [score(), score(seed=2)]
    write_scores(tmp_path / "healthy.csv", healthy)
    write_rows(tmp_path / "plain.csv", [asdict(s) for s in healthy], FIELDS)
    assert (tmp_path / "healthy.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()
    assert "learned_nothing" not in (tmp_path / "healthy.csv").read_text()
    assert read_scores(tmp_path / "healthy.csv") == healthy
    fallen = [score(learned_nothing="typing nli"), score(seed=2)]
    write_scores(tmp_path / "fallen.csv", fallen)
    assert read_scores(tmp_path / "fallen.csv") == fallen


def test_runs_are_listed_once_and_told_from_collapsed_ones() -> None:
    scores = [
        score(learned_nothing="nli"), score(learned_nothing="nli", language="de"),
        score(learned_nothing="nli", seed=2), score(learned_nothing="typing", arm="inter"),
        score(seed=3),
    ]  # fmt: skip
    run = Collapsed(
        model="xs", arm="direct_en", task="nli", language="en", seed=2, value=33.0, others=70.0,
        chance=33.0,
    )  # fmt: skip
    found = learned_nothing(scores, [run])
    assert [(r.arm, r.seed, r.of, r.collapsed) for r in found] == [
        ("direct_en", 1, "nli", False), ("direct_en", 2, "nli", True), ("inter", 1, "typing", False),
    ]  # fmt: skip
    lines = ["xs, nli: direct_en seeds 1 2", "xs, nli (nothing of typing): inter seed 1"]
    assert in_words(found) == lines
    first, *rest = nothing_lines(scores)
    assert first == "training has learned nothing, by its loss, in 3 runs:"
    assert [line.strip() for line in rest] == lines
    assert nothing_lines([score()]) == []
