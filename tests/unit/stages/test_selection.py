"""What is selected on other rows than those scored: a sweep's layer and pooling, a mining threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xlgap import layout
from xlgap.config import check
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.predict import Predictor, predict, predict_swept, tune_threshold
from xlgap.evaluation.sweep import settings
from xlgap.formats import write_json, write_jsonl
from xlgap.models.encode import Window
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, scratch_encoder
from xlgap.models.tokenizer import Tokenizer
from xlgap.stages.finetune import _predict
from xlgap.stages.selection import Selection
from xlgap.stages.start import Start
from xlgap.stages.study import Study

SENTENCES = {
    "de": ["Die Katze saß", "13 Vögel", "der Hund lief", "eine Matte", "auf und nach"],
    "sw": ["ndege 13", "kete sat", "dog", "mat on the", "a and o"],
    "en": ["the cat sat", "13 birds", "the dog ran", "a mat", "on and after"],
}


@pytest.fixture
def how(tokenizer: Tokenizer) -> Predictor:
    return Predictor(tokenizer=tokenizer, window=Window(max_length=32), token_budget=64, layer=2)


@pytest.fixture
def network(tokenizer: Tokenizer) -> Network:
    config = scratch_config(
        layers=3, width=32, heads=2, feed_forward=16, vocabulary=tokenizer.size, positions=40
    )
    return Network(scratch_encoder(config, seed=0), None)


@pytest.fixture
def swept(
    study: Callable, how: Predictor, network: Network, tmp_path: Path,
    toy_tasks: None, monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Selection]:  # fmt: skip
    """Makes the selection of a retrieval cell that is scored in German and Swahili."""
    monkeypatch.chdir(tmp_path)
    for code in ("de", "sw"):
        pairs = zip(SENTENCES[code], SENTENCES["en"], strict=True)
        rows = [
            {"id": str(i), "group": str(i), "text": a, "english": b} for i, (a, b) in enumerate(pairs)
        ]
        write_jsonl(layout.rows("toy_retrieval", "test", code), rows)

    def make(*languages: str) -> Selection:
        arms = {"pretrained": {"regime": "pretrained"}, "direct_en": {"regime": "direct_en"}}
        params = study(
            arms=arms,
            tasks={"toy_nli": {}, "toy_retrieval": {}},
            evaluation={"sweep_languages": list(languages)},
        )
        found = Study(params)
        return Selection(found, found.grid.cell("nano-pretrained-toy_retrieval"), network, how)

    return make


def test_without_sweep_languages_nothing_is_selected(swept: Callable, how: Predictor) -> None:
    select = swept()
    assert select.how("de") is how
    assert select.predicted("de") == []
    assert select.facts() == {}


def test_other_languages_have_the_setting_that_the_swept_one_chose(
    swept: Callable, network: Network, how: Predictor
) -> None:
    select = swept("de")
    rows = select.study.rows("toy_retrieval", "test", "de")
    metric = get_metric("accuracy", select.cell.task)
    scores = {
        setting: metric.score(select.cell.task, rows, found, "de")
        for setting, found in predict_swept(network, rows, how).items()
    }
    best = max(scores.values())
    chosen = next(setting for setting in settings(3) if scores[setting] == best)
    assert len(set(scores.values())) > 1  # there is something to choose
    assert select.how("sw") == replace(how, layer=chosen.layer, pooling=chosen.pooling)
    assert select.predicted("sw") == []
    table = select.facts()["sweep.json"]
    assert table["chosen"]["sw"] == {"layer": chosen.layer, "pooling": chosen.pooling}
    assert [line["de"] for line in table["accuracy"]] == pytest.approx(list(scores.values()))


def test_the_only_swept_language_is_predicted_as_the_study_says(
    swept: Callable, network: Network, how: Predictor
) -> None:
    select = swept("de")
    rows = select.study.rows("toy_retrieval", "test", "de")
    assert select.how("de") == how
    assert select.predicted("de") == predict(network, select.cell.task.kind, rows, how)


def test_two_swept_languages_choose_for_each_other(
    swept: Callable, network: Network, how: Predictor
) -> None:
    select, only_de, only_sw = swept("de", "sw"), swept("de"), swept("sw")
    assert select.how("sw") == only_de.how("sw")
    assert select.how("de") == only_sw.how("de")
    for code in ("de", "sw"):
        rows = select.study.rows("toy_retrieval", "test", code)
        wanted = predict(network, select.cell.task.kind, rows, select.how(code))
        assert select.predicted(code) == wanted


def test_a_cell_writes_its_sweep_beside_its_predictions(
    swept: Callable, network: Network, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    start = Start("digest", lambda: network.encoder, tokenizer, {})
    for name, languages in (("plain", ()), ("swept", ("de",)), ("again", ("de",))):
        select = swept(*languages)
        _predict(select.study, select.cell, network, start, tmp_path / name)
    files = {name: {p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in
             ("plain", "swept", "again")}  # fmt: skip
    assert set(files["plain"]) == {"de.jsonl", "sw.jsonl"}
    assert set(files["swept"]) == {"de.jsonl", "sw.jsonl", "sweep.json"}
    assert files["swept"] == files["again"]
    assert files["plain"]["de.jsonl"] == files["swept"]["de.jsonl"]


def test_a_mining_cell_has_the_threshold_of_its_languages_dev_rows(
    raw_real_study: Callable[..., dict], network: Network, how: Predictor, tokenizer: Tokenizer,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    pairs = list(zip(SENTENCES["de"], SENTENCES["en"], strict=True))
    for split, own in (("dev", pairs[:4]), ("test", pairs[1:])):
        foreign = [
            {"id": f"de-{i}", "group": f"de-{i}", "side": "foreign", "text": a, "match": f"en-{i}"}
            for i, (a, _) in enumerate(own)
        ]
        english = [
            {"id": f"en-{i}", "group": f"de-{i}", "side": "english", "text": b, "match": ""}
            for i, (_, b) in enumerate(own)
        ]
        write_jsonl(layout.rows("bucc2018", split, "de"), foreign + english)
    raw = raw_real_study(
        arms={"pretrained": {"regime": "pretrained"}, "direct_en": {"regime": "direct_en"}},
        models={"nano": {"layers": 3, "width": 32, "heads": 2, "feed_forward": 16}},
        languages={"evaluation": ["en", "de"], "pretraining": ["en"]},
        tasks={"bucc2018": {}, "xquad": {}},
        intermediate={"squad": {}},
    )
    found = Study(check(raw, Path("params.yaml")))
    cell = found.grid.cell("nano-pretrained-bucc2018")
    select = Selection(found, cell, network, how)
    tuned = tune_threshold(network, found.rows("bucc2018", "dev", "de"), how)
    assert select.how("de") == replace(how, threshold=tuned.value)
    assert select.facts() == {
        "thresholds.json": {"de": {"threshold": round(tuned.value, 6), "dev_f1": round(tuned.f1, 6)}}
    }
    start = Start("digest", lambda: network.encoder, tokenizer, {})
    _predict(found, cell, network, start, tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"de.jsonl", "thresholds.json"}


def test_another_dev_file_makes_another_run_of_a_mining_cell(
    raw_real_study: Callable[..., dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xlgap.stages.identity import run_digest

    monkeypatch.chdir(tmp_path)
    raw = raw_real_study(tasks={"bucc2018": {}, "xquad": {}}, intermediate={"squad": {}})
    found = Study(check(raw, Path("params.yaml")))
    cell = next(cell for cell in found.grid.of_task("bucc2018") if cell.arm.name == "direct_en")

    def digest(dev: str) -> str:
        splits = {
            "dev": {code: {"rows": 1, "sha256": dev} for code in ("de", "ru")},
            "test": {code: {"rows": 1, "sha256": "test"} for code in ("de", "ru")},
        }
        write_json(layout.prepared("bucc2018") / "manifest.json", {"splits": splits})
        return run_digest(found, cell, 1, trained="weights")

    assert digest("a") == digest("a") != digest("b")
