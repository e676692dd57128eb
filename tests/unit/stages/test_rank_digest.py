"""What weights of ranking depend on beside the rest: how a batch is spread over micro-batches."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xlgap import layout
from xlgap.config import check
from xlgap.errors import TrainingError
from xlgap.evaluation.predict import Predictor, embed_pool, predict
from xlgap.formats import write_json, write_jsonl
from xlgap.models.encode import Window, encode
from xlgap.models.ladder import scratch_config
from xlgap.models.network import scratch_encoder
from xlgap.planning.figures import model_figures
from xlgap.planning.work import prediction_work
from xlgap.regimes.base import Phase
from xlgap.stages import recipe
from xlgap.stages.course import require_negatives
from xlgap.stages.fit import fit
from xlgap.stages.identity import run_digest
from xlgap.stages.recipe import train_digest
from xlgap.stages.start import Start
from xlgap.stages.study import Study
from xlgap.tasks import get_task

ROWS = [
    {"id": str(n), "group": "1", "text": f"the cat {n}", "targets": [f"c{n}"], "candidate": "a dog"}
    for n in range(4)
]


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
def study(
    raw_real_study: Callable[..., dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Study]:
    monkeypatch.chdir(tmp_path)
    for name in ("mewslix", "udpos"):
        for split in ("train", "dev"):
            write_jsonl(layout.rows(name, split, "en"), [{"id": "1"}])

    def make(given: dict[str, Any] | None = None, **train: Any) -> Study:
        raw = raw_real_study(
            tasks={"mewslix": given or {}, "udpos": given or {}},
            intermediate={},
            arms={"d": {"regime": "direct_en"}},
        )
        raw = copy.deepcopy(raw)
        raw["train"] = {**raw["train"], **train}
        return Study(check(raw, Path("params.yaml")))

    return make


def digest(study: Study, task: str) -> str:
    model = next(iter(study.params.models))
    phase = Phase(tasks=(task,), language="en", select_language="en")
    return train_digest(study, model, "start", [phase], 1)


def test_the_size_of_micro_batches_makes_other_weights_of_ranking_alone(
    study: Callable[..., Study],
) -> None:
    one, other = study(micro_batch_tokens=4096), study(micro_batch_tokens=2048)
    assert digest(one, "mewslix") != digest(other, "mewslix")
    assert digest(one, "udpos") == digest(other, "udpos")
    assert digest(one, "mewslix") == digest(study(micro_batch_tokens=4096), "mewslix")


def test_rows_of_a_forward_pass_make_other_weights_of_ranking_alone(
    study: Callable[..., Study],
) -> None:
    own, other = study(), study({"micro_rows": 8})
    assert digest(own, "mewslix") != digest(other, "mewslix")
    assert digest(own, "udpos") == digest(other, "udpos")
    assert digest(own, "mewslix") == digest(study({"micro_rows": 64}), "mewslix")


def test_ranking_takes_the_official_rows_in_a_forward_pass(study: Callable[..., Study]) -> None:
    assert get_task("lareqa").recipe.micro_rows == 4
    params = study().params
    assert recipe.recipe(get_task("mewslix"), params, "xs").micro_rows == 64
    given = study({"micro_rows": 8}).params
    assert recipe.recipe(get_task("mewslix"), given, "xs").micro_rows == 8


@pytest.mark.usefixtures("one_rank")
@pytest.mark.parametrize(
    ("given", "tokens", "rows"),
    [
        ({"micro_rows": 3}, 4096, [3, 3, 2]),
        ({}, 4096, [8]),
        ({"micro_rows": 6}, 50, [3, 3, 2]),  # a row has 16 sub-words: three fit, not six
    ],
)
def test_a_forward_pass_has_at_most_the_rows_that_are_given_and_those_that_fit(
    study: Callable[..., Study],
    tokenizer: Any,
    given: dict[str, int],
    tokens: int,
    rows: list[int],
) -> None:
    made = study({"batch_rows": 8, "epochs": 1, "max_length": 32, **given}, micro_batch_tokens=tokens)
    words = [{**ROWS[0], "id": str(n), "text": "the cat", "targets": [f"c{n}"]} for n in range(8)]
    for split in ("train", "dev"):
        write_jsonl(layout.rows("mewslix", split, "en"), words)
    config = scratch_config(
        layers=1, width=16, heads=2, feed_forward=16, vocabulary=tokenizer.size, positions=64
    )
    seen: list[int] = []

    def sequences(module: Any, _: Any, inputs: dict[str, Any]) -> None:
        if module.training:
            seen.append(sum(count for count, _ in inputs["runs"]))  # packed sequences

    def watched() -> Any:
        encoder = scratch_encoder(config, seed=0)
        encoder.register_forward_pre_hook(sequences, with_kwargs=True)
        return encoder

    (example, *_) = encode(get_task("mewslix").kind, words, tokenizer, Window(max_length=32))
    assert 2 * example.length == 16
    phases = made.grid.cells[0].phases
    fit(made, "xs", Start("s", watched, tokenizer, {}), phases, seed=1, observer=Silent())
    assert seen == [2 * count for count in rows]  # a query and its candidate each


def test_one_row_a_forward_pass_is_refused_of_ranking(
    study: Callable[..., Study], tokenizer: Any
) -> None:
    task, params = get_task("mewslix"), study({"micro_rows": 1}).params
    examples = encode(task.kind, ROWS, tokenizer, Window(max_length=32))
    with pytest.raises(TrainingError, match="takes two rows: 'micro_rows' is 1; raise it"):
        require_negatives(examples, params, recipe.recipe(task, params, "xs"), task)


def test_ranks_make_other_weights_of_ranking_alone(
    study: Callable[..., Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = study()
    before = {task: digest(made, task) for task in ("mewslix", "udpos")}
    monkeypatch.setattr(recipe, "world_size", lambda: 2)
    assert digest(made, "mewslix") != before["mewslix"]
    assert digest(made, "udpos") == before["udpos"]


def test_another_pool_makes_another_run(study: Callable[..., Study]) -> None:
    made, found = study(), []
    cell = next(cell for cell in made.grid.cells if cell.task.name == "mewslix")
    for pool in ("one", "two"):
        codes = cell.eval_languages(made.params)
        splits = {
            "test": {code: {"rows": 1, "sha256": code} for code in codes},
            "candidates": {"sw": {"rows": 1, "sha256": pool}},
        }
        write_json(layout.prepared("mewslix") / "manifest.json", {"splits": splits})
        found.append(run_digest(made, cell, 1, trained="weights"))
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("tokens", "batch_rows", "rows", "refused"),
    [(1000, 16, 4, False), (10, 16, 4, True), (1000, 1, 4, True), (1000, 16, 1, True)],
)
def test_a_micro_batch_of_one_row_is_refused(
    study: Callable[..., Study],
    tokenizer: Any,
    tokens: int,
    batch_rows: int,
    rows: int,
    *,
    refused: bool,
) -> None:
    task, params = get_task("mewslix"), study(micro_batch_tokens=tokens).params
    examples = encode(task.kind, ROWS[:rows], tokenizer, Window(max_length=32))
    longest = max(example.length for example in examples)
    numbers = replace(recipe.recipe(task, params, "xs"), batch_rows=batch_rows)
    if refused:
        with pytest.raises(
            TrainingError, match=rf"its longest row {2 * longest} sub-words; raise it to"
        ):
            require_negatives(examples, params, numbers, task)
    else:
        require_negatives(examples, params, numbers, task)
        fits = study(micro_batch_tokens=4 * longest).params
        require_negatives(examples, fits, numbers, task)


def test_the_plan_counts_the_whole_pool_whatever_languages_are_scored(
    study: Callable[..., Study],
) -> None:
    params = study().params
    figures = model_figures(next(iter(params.models)), params)
    splits = {
        "test": {code: {"released_rows": 10} for code in ("de", "en")},
        "candidates": {code: {"released_rows": 3} for code in get_task("mewslix").kind.pool},
    }
    manifests = {"mewslix": {"source": "release", "splits": splits}}
    one = prediction_work("mewslix", ["de"], params, figures, manifests)
    two = prediction_work("mewslix", ["de", "en"], params, figures, manifests)
    assert one.rows == 10 + 50 * 3
    assert two.rows == one.rows + 10
    assert one.tokens == one.rows * 32  # half of a sequence, one for each


@pytest.mark.parametrize("name", ["mewslix", "tatoeba", "bucc2018"])
def test_an_encoder_that_nothing_trains_gets_the_head_that_is_scored(
    study: Callable[..., Study], tokenizer: Any, name: str
) -> None:
    config = scratch_config(
        layers=1, width=16, heads=2, feed_forward=16, vocabulary=tokenizer.size, positions=64
    )
    start = Start("start", lambda: scratch_encoder(config, seed=0), tokenizer, {})
    kind = get_task(name).kind
    fitted = fit(study(), "nano", start, (), seed=1, observer=Silent(), scored=kind)
    assert (fitted.digest, fitted.phases, fitted.reused) == ("start", (), True)
    if name != "mewslix":
        assert fitted.network.head is None
        return
    how = Predictor(tokenizer=tokenizer, window=Window(max_length=32), token_budget=512)
    candidates = [{"id": f"c{n}", "group": "1", "candidate": row["text"]} for n, row in enumerate(ROWS)]
    pool = embed_pool(fitted.network, kind, candidates, how)
    found = predict(fitted.network, kind, ROWS, replace(how, pool=pool))
    assert [row["ranked"][0] for row in found] == ["c0", "c1", "c2", "c3"]
