"""A tiny study through DVC with mixtures, sequences, mixed-in text and budgets."""

from __future__ import annotations

import copy
import json
import sqlite3
from typing import Any

import pytest
from checkout import STUDY, Checkout

from xlgap.cell import grid
from xlgap.config import load_params
from xlgap.planning.planner import plan_study

pytestmark = pytest.mark.e2e

ROWS = {"train_rows": 96, "dev_rows": 24, "test_rows": 24, "epochs": 1, "max_length": 64}
BOTH = ["lab_typing", "lab_compare"]
ARMS: dict[str, Any] = {
    "direct_en": {"regime": "direct_en"},
    "direct_steps": {"regime": "direct_en", "budget": {"steps": 6}},
    "typing": {"regime": "intermediate_en", "intermediate": ["lab_typing"]},
    "typing_mlm": {
        "regime": "intermediate_en_mlm", "intermediate": ["lab_typing"], "mlm_rate": 0.5,
    },
    "joint": {
        "regime": "joint", "intermediate": BOTH,
        "sampling": {"rule": "temperature", "temperature": 2, "cap": 50},
    },
    "joint_steps": {"regime": "joint", "intermediate": BOTH, "budget": {"steps": 6}},
    "seq": {"regime": "sequential", "intermediate": BOTH},
    "seq_back": {"regime": "sequential", "intermediate": BOTH[::-1]},
    "seq_tokens": {"regime": "sequential", "intermediate": BOTH, "budget": {"tokens": 3000}},
}  # fmt: skip


def small() -> dict[str, Any]:
    found = copy.deepcopy(STUDY)
    found["models"] = {"one": STUDY["models"]["one"]}
    found["arms"] = ARMS
    found["tasks"] = {"lab_nli": ROWS}
    found["intermediate"] = {
        "lab_typing": {**ROWS, "train_rows": 60, "batch_rows": 16},
        "lab_compare": {**ROWS, "train_rows": 40, "batch_rows": 16},
    }
    return found


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    made = Checkout.make(tmp_path_factory.mktemp("mixture") / "checkout", small())
    made.xlgap("run", "--workers", "2")
    return made


def warm(done: Checkout, arm: str) -> list[dict[str, Any]]:
    path = done.folder / "models" / "warm" / "one" / arm / "seed1" / "facts.json"
    phases: list[dict[str, Any]] = json.loads(path.read_text())["phases"]
    return phases


def cell(done: Checkout, arm: str) -> dict[str, Any]:
    path = done.folder / "results" / "predictions" / "lab_nli" / f"one-{arm}" / "cell.json"
    seed: dict[str, Any] = json.loads(path.read_text())["seeds"][0]
    return seed


def test_joint_and_sequential_arms_have_equal_steps(done: Checkout) -> None:
    assert [phase["steps"] for phase in warm(done, "joint")] == [7]
    assert [phase["steps"] for phase in warm(done, "seq")] == [4, 3]
    assert [phase["tasks"] for phase in warm(done, "seq_back")] == [["lab_compare"], ["lab_typing"]]
    (mixed,) = warm(done, "joint")
    assert set(mixed["mixed"]) == set(BOTH)
    assert sum(part["steps"] for part in mixed["mixed"].values()) == 7
    assert mixed["sampling"]["cap"] == 50
    assert len(mixed["dev"]) == 1


def test_text_is_mixed_in_at_its_rate(done: Checkout) -> None:
    (phase,) = warm(done, "typing_mlm")
    assert {name: part["steps"] for name, part in phase["mixed"].items()} == {
        "lab_typing": 4, "mlm": 4,
    }  # fmt: skip
    assert phase["mlm_rate"] == 0.5


def test_budgets_are_kept(done: Checkout) -> None:
    assert [phase["steps"] for phase in warm(done, "joint_steps")] == [6]
    own = cell(done, "direct_en")["phases"][0]["steps"]
    assert cell(done, "direct_steps")["phases"][0]["steps"] == own + 6
    seen = sum(phase["tokens"] for phase in warm(done, "seq_tokens"))
    assert 3000 <= seen < 3000 + 2 * 16 * 64
    assert cell(done, "seq_tokens")["warm"]["tokens"] == seen
    assert cell(done, "joint_steps")["warm"]["steps"] == 6
    assert "warm" not in cell(done, "direct_steps")


def test_every_arm_has_weights_of_its_own(done: Checkout) -> None:
    digests = {cell(done, arm)["digest"] for arm in ARMS}
    assert len(digests) == len(ARMS)


def test_the_plan_counts_the_steps_that_are_done(done: Checkout) -> None:
    params = load_params(done.folder / "params.yaml")
    plan = {stage.stage: stage for stage in plan_study(params, grid(params)).stages}
    assert plan["warmstart@one-seq"].training.steps == warm(done, "seq")[-1]["steps"]  # after typing's
    for arm in ("typing", "typing_mlm", "joint", "joint_steps", "seq_back"):
        planned = plan[f"warmstart@one-{arm}"].training.steps
        assert planned == sum(phase["steps"] for phase in warm(done, arm)), arm
    for arm in ("direct_en", "direct_steps", "joint"):
        assert (
            plan[f"finetune@one-{arm}-lab_nli"].training.steps == cell(done, arm)["phases"][0]["steps"]
        )


def test_runs_are_found_by_what_their_arms_mix(done: Checkout) -> None:
    with sqlite3.connect(done.folder / "mlflow.db") as db:
        found = set(db.execute("select key, value from params").fetchall())
        metrics = {key for (key,) in db.execute("select distinct key from latest_metrics")}
    assert {
        ("mlm_rate", "0.5"), ("budget.steps", "6"), ("budget.tokens", "3000"),
        ("sampling.rule", "temperature"), ("sampling.cap", "50"), ("regime", "sequential"),
    } <= found  # fmt: skip
    assert {"warm_steps", "warm_tokens"} <= metrics


def test_a_second_run_does_nothing_and_other_text_is_mixed_in_anew(done: Checkout) -> None:
    assert done.stale() == set()
    path = done.folder / "data" / "corpus" / "en.txt"
    path.chmod(0o644)
    text = path.read_text()
    path.unlink()  # it may be a link into the cache
    path.write_text(text + "one more line\n")
    stale = {stage for stage in done.stale() if stage.startswith("warmstart")}
    assert stale == {"warmstart@one-typing_mlm"}
