"""Phases that mix, and phases of a given length: what is trained, how long, and what is kept."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from xlgap import layout
from xlgap.config import Params
from xlgap.errors import TrainingError
from xlgap.formats import read_jsonl, write_json, write_jsonl
from xlgap.models.heads import masked_head
from xlgap.models.ladder import scratch_config
from xlgap.models.network import MASKED_HEAD, load_state, save_state, scratch_encoder
from xlgap.regimes.base import Budget, Phase, Sampling
from xlgap.stages.course import phase_course
from xlgap.stages.fit import _text_head, fit
from xlgap.stages.recipe import train_digest
from xlgap.stages.start import Start
from xlgap.stages.study import Study

pytestmark = pytest.mark.usefixtures("toy_tasks", "one_rank")

ROWS = {"toy_nli": 96, "toy_english": 32}
NLI, ENGLISH = (Phase(tasks=(name,), language="en") for name in ROWS)
JOINT = Phase(tasks=("toy_english", "toy_nli"), language="en", sampling=Sampling())
MASKED = replace(NLI, mlm_rate=0.25)
WORDS = ["cat", "dog", "mat", "bird", "ran", "sat", "house", "home"]


class Silent:
    """An observer that nobody asks anything."""

    def on_start(self, step: int, *, steps: int) -> None: ...

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None: ...

    def on_saving(self) -> None: ...

    def on_evaluation(self, step: int, score: float) -> None: ...

    def on_event(self, name: str, sentence: str) -> None: ...

    def stop_requested(self) -> bool:
        return False


@pytest.fixture
def made(study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of two small tasks with rows, and text."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(1)
    for name, count in ROWS.items():
        for split, rows in (("train", count), ("dev", 8)):
            write_jsonl(
                layout.rows(name, split, "en"),
                [
                    {
                        "id": str(n), "group": str(n), "label": "ab"[n % 2],
                        "text": " ".join(draw.choices(WORDS, k=draw.randint(2, 9))),
                        "text_b": "the cat",
                    }
                    for n in range(rows)
                ],
            )  # fmt: skip
    layout.CORPUS.mkdir(parents=True)
    for code in ("en", "de", "sw"):
        text = "".join(f"the {word} ran to the {code} home\n" for word in WORDS)
        (layout.CORPUS / f"{code}.txt").write_text(text, encoding="utf8")
    write_json(layout.CORPUS / "manifest.json", {"languages": {}})
    tasks = {name: {"learning_rate": 0.01} for name in ROWS}
    return Study(study(tasks=tasks, intermediate={}, train={"evaluations": 2}))


@pytest.fixture
def start(tokenizer: Any) -> Start:
    config = scratch_config(
        layers=1, width=16, heads=2, feed_forward=16, vocabulary=tokenizer.size, positions=64
    )
    return Start("start", lambda: scratch_encoder(config, seed=0), tokenizer, {})


def steps(study: Study, tokenizer: Any, *phases: Phase) -> list[int]:
    courses = (
        phase_course(study, "nano", tokenizer, phases, n, seed=1, packed=True)
        for n in range(len(phases))
    )
    return [len(course) for course in courses]


def test_joint_and_sequential_training_have_equal_steps(made: Study, tokenizer: Any) -> None:
    """Each task has two passes in batches of 16."""
    assert steps(made, tokenizer, NLI, ENGLISH) == [12, 4]
    assert steps(made, tokenizer, JOINT) == [16]
    assert steps(made, tokenizer, MASKED) == [16]  # 12 and a quarter of all


def test_steps_of_text_are_its_share(made: Study, tokenizer: Any) -> None:
    course = phase_course(made, "nano", tokenizer, [MASKED], 0, seed=1, packed=True)
    assert [part.name for part in course.parts] == ["toy_nli", "mlm"]
    assert course.steps_of() == [12, 4]
    assert len(course.parts[1].data.lengths) == 3 * len(WORDS)  # of all languages


def test_phases_share_a_budget_and_a_longer_one_has_it_on_top(made: Study, tokenizer: Any) -> None:
    shared = [replace(phase, budget=Budget(steps=40)) for phase in (NLI, ENGLISH)]
    assert steps(made, tokenizer, *shared) == [30, 10]
    assert steps(made, tokenizer, replace(JOINT, budget=Budget(steps=40))) == [40]
    assert steps(made, tokenizer, replace(NLI, budget=Budget(steps=40, beyond=True))) == [52]


def test_a_budget_of_sub_words_ends_with_the_step_that_reaches_it(made: Study, tokenizer: Any) -> None:
    def course(*phases: Phase, number: int = 0) -> Any:
        return phase_course(made, "nano", tokenizer, phases, number, seed=1, packed=True)

    own = course(NLI).tokens()
    for phase in (NLI, JOINT, MASKED):
        longer = course(replace(phase, budget=Budget(tokens=4000)))
        assert 4000 <= longer.tokens() < 4000 + 16 * 32
    beyond = course(replace(NLI, budget=Budget(tokens=4000, beyond=True)))
    assert 0 <= beyond.tokens() - own - 4000 < 16 * 32
    both = [replace(phase, budget=Budget(tokens=4000)) for phase in (NLI, ENGLISH)]
    seen = [course(*both, number=number).tokens() for number in (0, 1)]
    assert 4000 <= sum(seen) < 4000 + 2 * 16 * 32
    assert seen[0] > 2 * seen[1]  # three times the rows


def test_a_mixture_keeps_a_head_of_each_task_and_says_what_it_did(made: Study, start: Start) -> None:
    fitted = fit(made, "nano", start, [JOINT, MASKED], seed=1, observer=Silent())
    before = fit(made, "nano", start, [JOINT], seed=1, observer=Silent())
    assert before.reused  # the first phase is a training of its own
    kept = [load_state(layout.weights(of.digest) / "model.safetensors") for of in (before, fitted)]
    heads = [{".".join(k.split(".")[:2]) for k in found if k.startswith("head.")} for found in kept]
    assert heads == [{"head.toy_english", "head.toy_nli"}, {"head.mlm", "head.toy_nli"}]
    first, second = fitted.phases
    assert first["sampling"]["rule"] == "proportional"
    assert "mlm_rate" not in first
    assert second["mlm_rate"] == 0.25
    assert sum(part["steps"] for part in first["mixed"].values()) == first["steps"] == 16
    assert second["mixed"]["mlm"]["steps"] == 4
    assert len(first["dev"]) == 2
    assert all(0 <= score <= 100 for _, score in first["dev"])
    assert fit(made, "nano", start, [JOINT, MASKED], seed=1, observer=Silent()).reused


def test_a_dev_score_without_a_value_is_null_in_the_facts(
    made: Study, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any) -> Any:
        return lambda network: math.nan

    monkeypatch.setattr("xlgap.stages.dev.dev_scorer", nothing)
    fitted = fit(made, "nano", start, [NLI], seed=3, observer=Silent())
    written = json.loads((layout.weights(fitted.digest) / "facts.json").read_text())
    assert [score for _, score in written["phases"][0]["dev"]] == [None, None]


def test_where_dev_rows_choose_nothing_they_are_scored_once_at_the_end(
    made: Study, start: Start, study: Callable[..., Params]
) -> None:
    for split in ("train", "dev"):
        rows = read_jsonl(layout.rows("toy_nli", split, "en"))
        write_jsonl(layout.rows("toy_last", split, "en"), rows)
    last = Study(study(tasks={"toy_last": {}}, intermediate={}, train={"evaluations": 2}))
    phase = replace(NLI, tasks=("toy_last",))
    (facts,) = fit(last, "nano", start, [phase], seed=1, observer=Silent()).phases
    assert [step for step, _ in facts["dev"]] == [facts["steps"]] == [facts["best_step"]]
    (other,) = fit(made, "nano", start, [NLI], seed=1, observer=Silent()).phases
    assert len(other["dev"]) == 2


def test_a_phase_of_one_task_keeps_the_names_of_its_head(made: Study, start: Start) -> None:
    fitted = fit(made, "nano", start, [NLI], seed=1, observer=Silent())
    assert set(fitted.phases[0]) == {
        "tasks", "language", "select_language", "keeps_head", "steps", "examples", "tokens",
        "padded_tokens", "pairs", "padded_pairs", "dev", "best_step", "final_loss",
    }  # fmt: skip
    names = {k for k in fitted.network.state_dict() if k.startswith("head.")}
    assert names == {"head.out.weight", "head.out.bias"}


@pytest.mark.parametrize(
    "other",
    [
        replace(JOINT, sampling=Sampling(rule="uniform")),
        replace(JOINT, budget=Budget(steps=16)),
        replace(JOINT, budget=Budget(tokens=16)),
        NLI,
        MASKED,
        replace(MASKED, mlm_rate=0.5),
    ],
)
def test_what_is_mixed_and_how_long_makes_other_weights(made: Study, other: Phase) -> None:
    digests = [train_digest(made, "nano", "start", [phase], 1) for phase in (JOINT, other, JOINT)]
    assert digests[0] == digests[2] != digests[1]


def test_other_text_makes_other_weights_of_what_reads_it(made: Study) -> None:
    before = [train_digest(made, "nano", "start", [phase], 1) for phase in (NLI, MASKED)]
    (layout.CORPUS / "en.txt").write_text("another text\n", encoding="utf8")
    after = [train_digest(made, "nano", "start", [phase], 1) for phase in (NLI, MASKED)]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_text_goes_on_with_the_head_that_pretraining_or_the_phase_before_left(
    made: Study, start: Start
) -> None:
    kept = masked_head(start.encoder(), seed=9).state_dict()
    plain = train_digest(made, "nano", "start", [MASKED], 1)
    assert _text_head("nano", None) == {}
    layout.pretrained("nano").mkdir(parents=True)
    save_state(kept, layout.pretrained("nano") / MASKED_HEAD)
    assert train_digest(made, "nano", "start", [MASKED], 1) != plain
    found = _text_head("nano", None)
    assert all(torch.equal(found[name], weight) for name, weight in kept.items())
    later = {f"head.mlm.{name}": weight + 1 for name, weight in kept.items()}
    again = _text_head("nano", {**later, "head.toy_nli.out.bias": torch.zeros(2)})
    assert all(torch.equal(again[name], weight + 1) for name, weight in kept.items())
    fitted = fit(made, "nano", start, [MASKED], seed=1, observer=Silent())
    moved = fitted.network.state_dict()["head.mlm.dense.weight"].cpu() - kept["dense.weight"]
    assert 0 < float(moved.abs().max()) < 0.2  # by 16 steps of 0.01 at most, from the kept one


# Of the digests before mixtures were there: whoever moves them trains everything again.
PINNED = {"direct": "6df7bacb448f91f5", "two phases": "8706b17869201051"}


def test_digests_of_trainings_that_mix_nothing_are_what_they_were(made: Study) -> None:
    found = {
        "direct": train_digest(made, "nano", "start", [NLI], 1),
        "two phases": train_digest(made, "nano", "start", [ENGLISH, replace(NLI, keeps_head=True)], 1),
    }
    assert found == PINNED


def test_a_model_without_a_mask_token_mixes_no_text(made: Study, tokenizer: Any) -> None:
    with pytest.raises(TrainingError, match="model 'nano' has no mask token, so that masked"):
        phase_course(made, "nano", replace(tokenizer, mask=None), [MASKED], 0, seed=1, packed=True)
