"""The sweep over layers and poolings: what it chooses, and that it embeds as prediction does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from xlgap.evaluation.predict import Predictor, predict, predict_swept
from xlgap.evaluation.sweep import Setting, Sweep, settings
from xlgap.models.encode import Window
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, scratch_encoder
from xlgap.models.tokenizer import Tokenizer
from xlgap.tasks.base import Retrieve

LOW, HIGH, DEFAULT = Setting(1, "mean"), Setting(2, "cls"), Setting(9, "mean")


def swept(**accuracy: tuple[float, float]) -> Sweep:
    table = {code: dict(zip((LOW, HIGH), values, strict=True)) for code, values in accuracy.items()}
    return Sweep(DEFAULT, table, {})


def test_a_language_that_is_not_swept_has_what_is_best_over_all_swept_ones() -> None:
    assert swept(de=(10.0, 30.0), sw=(25.0, 10.0)).best("ru") == HIGH
    assert swept(de=(10.0, 20.0), sw=(25.0, 10.0)).best("ru") == LOW


def test_a_swept_language_has_what_is_best_over_the_others() -> None:
    found = swept(de=(10.0, 90.0), sw=(25.0, 10.0))
    assert (found.best("de"), found.best("sw"), found.best("ru")) == (LOW, HIGH, HIGH)


def test_the_only_swept_language_keeps_the_studys_own_setting() -> None:
    assert swept(de=(10.0, 90.0)).best("de") == DEFAULT
    assert swept(de=(10.0, 90.0)).best("ru") == HIGH


def test_of_equally_good_settings_the_lowest_layer_is_chosen() -> None:
    assert swept(de=(10.0, 10.0)).best("ru") == LOW


def test_the_table_holds_every_score_and_choice() -> None:
    assert swept(de=(10.0, 30.0), sw=(25.0, 20.0)).table(["de", "ru"]) == {
        "swept": ["de", "sw"],
        "default": {"layer": 9, "pooling": "mean"},
        "chosen": {"de": {"layer": 1, "pooling": "mean"}, "ru": {"layer": 2, "pooling": "cls"}},
        "accuracy": [
            {"layer": 1, "pooling": "mean", "mean": 17.5, "de": 10.0, "sw": 25.0},
            {"layer": 2, "pooling": "cls", "mean": 25.0, "de": 30.0, "sw": 20.0},
        ],
    }


ROWS = [
    {"id": str(i), "text": text, "english": english}
    for i, (text, english) in enumerate(
        [
            ("Die Katze saß", "the cat sat"),
            ("13 Vögel", "13 birds"),
            ("der Hund lief", "the dog"),
            ("кошка", "on the mat"),
            ("猫坐在垫子上", "a cat and a dog and a bird"),
        ]
    )
]


@pytest.fixture
def network(tokenizer: Tokenizer) -> Network:
    config = scratch_config(
        layers=3, width=16, heads=2, feed_forward=16, vocabulary=tokenizer.size, positions=40
    )
    return Network(scratch_encoder(config, seed=0), None)


@pytest.mark.parametrize("centred", [True, False])
def test_a_sweep_predicts_what_each_setting_predicts(
    network: Network, tokenizer: Tokenizer, centred: bool
) -> None:
    how = Predictor(tokenizer=tokenizer, window=Window(max_length=32), token_budget=40, centred=centred)
    found = predict_swept(network, ROWS, how)
    assert tuple(found) == settings(3)
    for setting, rows in found.items():
        own = replace(how, layer=setting.layer, pooling=setting.pooling)
        assert rows == predict(network, Retrieve(), ROWS, own)
    assert len({str(rows) for rows in found.values()}) > 1  # settings differ on these sentences


def test_a_sweep_embeds_each_sentence_once(network: Network, tokenizer: Tokenizer) -> None:
    sequences = []
    network.encoder.encoder.layer[0].register_forward_hook(  # type: ignore[union-attr, index, operator]
        lambda module, given, named, out: sequences.append(
            sum(count for count, _ in named["runs"]) if named.get("runs") else len(given[0])
        ),
        with_kwargs=True,
    )
    how = Predictor(tokenizer=tokenizer, window=Window(max_length=32), token_budget=40)
    with torch.no_grad():
        predict_swept(network, ROWS, replace(how, pooling="cls"))
    probe = 1  # a causal model is told by one forward pass a side, over a single sequence
    assert sum(sequences) == 2 * (len(ROWS) + probe)
