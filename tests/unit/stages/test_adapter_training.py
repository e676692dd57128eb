"""Training the adapters of a model: what is kept, and what later phases go on from."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from xlgap import layout
from xlgap.config import Params
from xlgap.errors import DataError, Interrupted
from xlgap.evaluation.predict import Predictor, predict
from xlgap.formats import read_json, write_jsonl
from xlgap.models.adapters import is_adapted, save_adapters
from xlgap.models.encode import Window
from xlgap.models.ladder import scratch_config
from xlgap.models.network import load_state, save_state, scratch_encoder
from xlgap.regimes.base import Phase
from xlgap.stages.fit import Fitted, fit
from xlgap.stages.recipe import train_digest
from xlgap.stages.start import Start, _warm_encoder
from xlgap.stages.study import Study
from xlgap.tasks import get_task

pytestmark = pytest.mark.usefixtures("toy_tasks", "one_rank")

NLI = Phase(tasks=("toy_nli",), language="en")
ENGLISH = Phase(tasks=("toy_english",), language="en")
WORDS = ["cat", "dog", "mat", "bird", "ran", "sat", "house", "home"]
SIZE = {"layers": 1, "width": 16, "heads": 2, "feed_forward": 16}
LORA = {"rank": 2, "alpha": 4}


class Watching:
    """An observer that may ask for a stop after some step."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.step, self.stop_after = 0, stop_after
        self.losses: list[float] = []

    def on_start(self, step: int, *, steps: int) -> None: ...

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None:
        self.step = step
        self.losses.append(loss)

    def on_saving(self) -> None: ...

    def on_evaluation(self, step: int, score: float) -> None: ...

    def on_event(self, name: str, sentence: str) -> None: ...

    def stop_requested(self) -> bool:
        return self.step == self.stop_after


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw = random.Random(1)
    for name in ("toy_nli", "toy_english"):
        for split, count in (("train", 32), ("dev", 8)):
            found = [
                {
                    "id": str(n), "group": str(n), "label": "ab"[n % 2], "text_b": "the cat",
                    "text": " ".join(draw.choices(WORDS, k=draw.randint(2, 9))),
                }
                for n in range(count)
            ]  # fmt: skip
            write_jsonl(layout.rows(name, split, "en"), found)


@pytest.fixture
def made(rows: None, study: Callable[..., Params]) -> Callable[..., Study]:
    """Makes a study of one model, with the ``lora`` given or without."""

    def make(**lora: Any) -> Study:
        model = {**SIZE, **({"lora": lora} if lora else {})}
        tasks = {name: {"learning_rate": 0.01} for name in ("toy_nli", "toy_english")}
        params = study(models={"nano": model}, tasks=tasks, intermediate={}, train={"evaluations": 2})
        return Study(params)

    return make


@pytest.fixture
def start(tokenizer: Any) -> Start:
    config = scratch_config(**SIZE, vocabulary=tokenizer.size, positions=64)
    return Start("start", lambda: scratch_encoder(config, seed=0), tokenizer, {})


def answers(fitted: Fitted, tokenizer: Any) -> list[Any]:
    texts = (" ".join(WORDS[n : n + 3]) for n in range(6))
    rows = [
        {"id": str(n), "text": text, "text_b": "the cat", "label": "a"} for n, text in enumerate(texts)
    ]
    how = Predictor(tokenizer=tokenizer, window=Window(max_length=32), token_budget=200)
    return predict(fitted.network, get_task("toy_nli").kind, rows, how)


def equal(one: Fitted, two: Fitted) -> bool:
    kept = one.weights(), two.weights()
    return kept[0].keys() == kept[1].keys() and all(
        torch.equal(kept[0][k], kept[1][k]) for k in kept[0]
    )


def test_adapters_and_head_are_kept_and_found_again(made: Any, start: Start, tokenizer: Any) -> None:
    study = made(**LORA)
    fitted = fit(study, "nano", start, [NLI], seed=1, observer=Watching())
    kept = load_state(layout.weights(fitted.digest) / "model.safetensors")
    assert {".lora_" in name or name.startswith("head.") for name in kept} == {True}
    assert len({name for name in kept if ".lora_" in name}) == 12
    base = start.encoder().state_dict()
    now = {n.replace(".base_layer", ""): t for n, t in fitted.network.encoder.state_dict().items()}
    assert all(torch.equal(now[name], tensor) for name, tensor in base.items())
    again = fit(study, "nano", start, [NLI], seed=1, observer=Watching())
    assert again.reused
    assert equal(again, fitted)
    assert answers(again, tokenizer) == answers(fitted, tokenizer)


def test_a_stopped_training_goes_on_to_the_same_weights(
    made: Any, start: Start, tmp_path: Path
) -> None:
    study = made(**LORA)
    whole = fit(study, "nano", start, [NLI], seed=1, observer=Watching())
    (layout.weights(whole.digest)).rename(tmp_path / "whole")
    with pytest.raises(Interrupted):
        fit(study, "nano", start, [NLI], seed=1, observer=Watching(stop_after=2))
    rest = Watching()
    again = fit(study, "nano", start, [NLI], seed=1, observer=rest)
    assert not again.reused
    assert len(rest.losses) == whole.phases[0]["steps"] - 2
    assert equal(again, whole)


def test_a_later_phase_goes_on_with_the_same_adapters(made: Any, start: Start, tmp_path: Path) -> None:
    study = made(**LORA)
    both = fit(study, "nano", start, [ENGLISH, NLI], seed=1, observer=Watching())
    first = fit(study, "nano", start, [ENGLISH], seed=1, observer=Watching())
    assert first.reused
    save_adapters(first.network.encoder, tmp_path / "warm", {}, lora=study.params.models["nano"].lora)
    assert "model.safetensors" not in {path.name for path in (tmp_path / "warm").iterdir()}
    assert read_json(tmp_path / "warm" / "adapters.json", {})["rank"] == 2
    warm = replace(start, digest="warm", encoder=lambda: _warm_encoder(start, tmp_path / "warm"))
    assert is_adapted(warm.encoder())
    after = fit(study, "nano", warm, [NLI], seed=1, observer=Watching())
    assert equal(after, both)
    alone = fit(study, "nano", start, [NLI], seed=1, observer=Watching())
    assert not equal(after, alone)


def test_a_phase_goes_on_with_the_head_too(made: Any, start: Start) -> None:
    going_on = replace(NLI, keeps_head=True)
    fitted = fit(made(**LORA), "nano", start, [ENGLISH, going_on], seed=1, observer=Watching())
    assert is_adapted(fitted.network)


def test_adapters_are_in_the_digest_and_their_absence_is_not(made: Any) -> None:
    def of(**lora: Any) -> str:
        return train_digest(made(**lora), "nano", "start", [NLI], 1)

    others = ({}, LORA, {**LORA, "rank": 3}, {**LORA, "dropout": 0.1}, {**LORA, "modules": ["query"]})
    assert len({of(**lora) for lora in others}) == len(others)
    assert of(**LORA) == of(**LORA, modules="default")


def test_weights_of_other_adapters_are_not_loaded(made: Any, start: Start) -> None:
    study = made(**LORA)
    fitted = fit(study, "nano", start, [NLI], seed=1, observer=Watching())
    file = layout.weights(fitted.digest) / "model.safetensors"
    weights = load_state(file)
    del weights[next(name for name in weights if ".lora_" in name)]
    save_state(weights, file)
    with pytest.raises(DataError, match=r"1 weights are not those of this model's adapters and head"):
        fit(study, "nano", start, [NLI], seed=1, observer=Watching())
