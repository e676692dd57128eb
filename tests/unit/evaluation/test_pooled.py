"""Predicting all languages at once gives what predicting each alone gives."""

from __future__ import annotations

import pytest

from xlgap.evaluation.pooled import can_pool, predict_languages
from xlgap.evaluation.predict import Predictor, predict
from xlgap.models.encode import Window
from xlgap.models.ladder import scratch_config
from xlgap.models.network import Network, make_head, scratch_encoder
from xlgap.models.tokenizer import Tokenizer
from xlgap.tasks import get_task
from xlgap.tasks.base import Choose, Classify, Kind, Retrieve, Row, Span, Tag

WORDS = ["the", "dog", "ran", "after", "25", "birds", "and", "the", "cat", "sat", "in", "1999"]


def rows(kind: Kind, language: str, count: int) -> list[Row]:
    """Rows of many lengths; ids are the same in all languages."""
    made: list[Row] = []
    for n in range(count):
        words = [language, *WORDS[: 1 + (5 * n + len(language)) % len(WORDS)]]
        text = " ".join(words)
        values: Row
        match kind:
            case Classify():
                values = {"text": text, "text_b": f"{n} birds", "label": kind.labels[0]}
            case Choose():
                values = {"text": text, "choices": [f"dog {n}", "cat"], "label": 0}
            case Tag():
                values = {"tokens": words, "tags": [kind.tags[0]] * len(words)}
            case _:
                values = {"context": text, "question": "where?",
                          "answers": {"text": [words[0]], "answer_start": [0]}}  # fmt: skip
        made.append({"id": f"i{n}", "group": f"i{n}", **values})
    return made


@pytest.mark.parametrize(
    "kind",
    [Classify(labels=("a", "b", "c")), Choose(choices=2), Tag(tags=("X", "Y", "Z"), bio=False), Span()],
    ids=lambda kind: kind.name,
)
@pytest.mark.parametrize("at_once", [20_000, 5])
def test_the_pool_predicts_what_each_language_alone_does(
    kind: Kind, at_once: int, tokenizer: Tokenizer
) -> None:
    config = scratch_config(
        layers=2, width=32, heads=2, feed_forward=64, vocabulary=tokenizer.size, positions=64
    )
    encoder = scratch_encoder(config, seed=0)
    network = Network(encoder, make_head(kind, encoder, seed=1))
    how = Predictor(tokenizer=tokenizer, window=Window(max_length=64, stride=16), token_budget=256)
    data = {code: rows(kind, code, 9 if code == "en" else 4) for code in ("en", "de", "sw")}
    found = predict_languages(network, kind, data, how, at_once=at_once)
    alone = {code: predict(network, kind, of_one, how) for code, of_one in data.items()}
    assert found == alone
    assert list(found) == ["en", "de", "sw"]


def test_a_language_without_rows_stays_empty_and_retrieval_is_not_pooled(tokenizer: Tokenizer) -> None:
    assert not can_pool(Retrieve())
    assert not can_pool(get_task("lareqa").kind)
    assert can_pool(get_task("xnli").kind)
