"""What makes a cell's MLflow run another run, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlgap import layout
from xlgap.config import Params
from xlgap.formats import write_json
from xlgap.stages.identity import evaluated, run_digest
from xlgap.stages.study import Study

ARMS = {"direct_en": {"regime": "direct_en"}}
NLI, RETRIEVAL = "nano-direct_en-toy_nli", "nano-direct_en-toy_retrieval"

pytestmark = pytest.mark.usefixtures("toy_tasks")


@pytest.fixture
def digests(
    study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, str]]:
    """The digests of two cells' runs, whose weights are the same, in a study with some changes."""
    monkeypatch.chdir(tmp_path)

    def made(test: str = "rows", nli: dict[str, Any] | None = None, **changes: Any) -> dict[str, str]:
        for name in ("toy_nli", "toy_retrieval"):
            tests = {code: {"rows": 10, "sha256": test + code} for code in ("en", "de", "sw")}
            write_json(layout.prepared(name) / "manifest.json", {"splits": {"test": tests}})
        tasks = {"toy_nli": nli or {}, "toy_retrieval": {}}
        found = Study(study(arms=ARMS, tasks=tasks, **changes))
        cells = map(found.grid.cell, (NLI, RETRIEVAL))
        return {cell.key: run_digest(found, cell, 1, trained="weights") for cell in cells}

    return made


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {key for key in before if before[key] != after[key]}


@pytest.mark.parametrize(
    "setting", [{"pooling": "cls"}, {"retrieval_layer": 0.9}, {"centred": True}], ids=str
)
def test_how_sentences_become_vectors_makes_other_runs_of_retrieval_alone(
    digests: Callable[..., dict[str, str]], setting: dict[str, Any]
) -> None:
    assert changed(digests(), digests(evaluation=setting)) == {RETRIEVAL}


def test_other_test_rows_make_other_runs(digests: Callable[..., dict[str, str]]) -> None:
    assert changed(digests(), digests("other")) == {NLI, RETRIEVAL}
    english = {"evaluation": ["en", "de"], "pretraining": ["en", "de", "sw"]}
    assert changed(digests(), digests(languages=english)) == {NLI, RETRIEVAL}


@pytest.mark.parametrize("numbers", [{"max_length": 24}, {"version": 2}], ids=str)
def test_how_a_tasks_rows_are_read_makes_another_run(
    digests: Callable[..., dict[str, str]], numbers: dict[str, Any]
) -> None:
    assert changed(digests(), digests(nli=numbers)) == {NLI}


def test_batches_of_evaluation_make_no_other_run(digests: Callable[..., dict[str, str]]) -> None:
    assert digests() == digests(evaluation={"batch_tokens": 99})


def test_a_run_has_the_settings_of_its_evaluation(study: Callable[..., Params]) -> None:
    found = Study(
        study(
            arms=ARMS,
            tasks={"toy_nli": {"max_length": 24}, "toy_retrieval": {}},
            evaluation={"pooling": "cls", "retrieval_layer": 0.5},
        )
    )
    assert evaluated(found, found.grid.cell(NLI)) == {"evaluation.max_length": 24}
    assert evaluated(found, found.grid.cell(RETRIEVAL)) == {
        "evaluation.max_length": 32,
        "evaluation.retrieval_layer": 0.5,
        "evaluation.pooling": "cls",
        "evaluation.centred": False,
    }


def test_a_models_own_block_makes_other_runs_of_its_retrieval_alone(
    digests: Callable[..., dict[str, str]], study: Callable[..., Params]
) -> None:
    size = {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}
    first = digests(models={"nano": {**size, "retrieval_layer": 1}})
    assert changed(digests(models={"nano": size}), first) == {RETRIEVAL}
    second = {"nano": {**size, "retrieval_layer": 2}}
    assert changed(first, digests(models=second)) == {RETRIEVAL}
    assert digests(models=second) == digests(models=second, evaluation={"retrieval_layer": 0.9})
    tasks = {"toy_nli": {}, "toy_retrieval": {}}
    found = Study(study(arms=ARMS, tasks=tasks, models=second))
    told = evaluated(found, found.grid.cell(RETRIEVAL))
    assert told["evaluation.retrieval_block"] == 2
    assert "evaluation.retrieval_layer" not in told


def test_a_sweep_makes_other_runs_of_retrieval_alone(digests: Callable[..., dict[str, str]]) -> None:
    assert digests() == digests(evaluation={"sweep_languages": []})
    one = digests(evaluation={"sweep_languages": ["de"]})
    assert changed(digests(), one) == {RETRIEVAL}
    assert changed(one, digests(evaluation={"sweep_languages": ["de", "sw"]})) == {RETRIEVAL}
