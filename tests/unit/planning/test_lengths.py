"""Prepared rows are counted in sub-words of the ladder's tokenizer."""

from __future__ import annotations

import pytest

from xlgap import layout
from xlgap.formats import write_json, write_jsonl
from xlgap.planning.figures import model_figures
from xlgap.planning.lengths import prepared_lengths
from xlgap.planning.work import phase_work, prediction_work, prepared_manifests
from xlgap.regimes.base import Phase

pytestmark = pytest.mark.usefixtures("toy_tasks")


@pytest.fixture
def prepared(tmp_path, tokenizer):
    """Rows whose text has 1 word in training and 6 in test, and the tokenizer."""
    (tmp_path / layout.TOKENIZER).parent.mkdir(parents=True)
    tokenizer.fast.save(str(tmp_path / layout.TOKENIZER))
    splits = {}
    for split, words in (("train", 1), ("test", 6)):
        rows = [
            {
                "id": str(i),
                "group": str(i),
                "text": " ".join(["a"] * words),
                "text_b": "a",
                "label": "a",
            }
            for i in range(10)
        ]
        write_jsonl(tmp_path / layout.rows("toy_nli", split, "en"), rows)
        splits[split] = {"en": {"released_rows": 10}}
    manifest = {"source": "lab", "splits": splits}
    write_json(tmp_path / layout.prepared("toy_nli") / "manifest.json", manifest)
    return tmp_path


def test_sub_words_of_rows_are_counted(prepared, study):
    params = study(tasks={"toy_nli": {"train_rows": 100, "test_rows": 10}})
    found = prepared_lengths(prepared, params, "toy_nli")
    train, test = found["train"]["en"], found["test"]["en"]
    assert train["examples"] == train["sequences"] == 1
    assert test["tokens"] == train["tokens"] + 5
    assert train["pairs"] == train["tokens"] ** 2


def test_the_ladder_is_planned_by_them_and_checkpoints_are_not(prepared, study):
    params = study(
        tasks={"toy_nli": {"train_rows": 96, "test_rows": 10}},
        models={
            "nano": {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64},
            "xlmr": {"hub": "FacebookAI/xlm-roberta-base"},
        },
    )
    known = prepared_manifests(prepared, params)
    tokens = known["toy_nli"]["lengths"]["train"]["en"]["tokens"]
    phase = Phase(tasks=("toy_nli",), language="en")
    own, other = (phase_work(phase, params, model_figures(m, params), known) for m in ("nano", "xlmr"))
    assert own.tokens == own.rows * tokens
    assert own.steps == other.steps
    assert other.tokens == other.rows * 16
    predicted = prediction_work("toy_nli", ("en",), params, model_figures("nano", params), known)
    assert (predicted.tokens, predicted.calls) == (10 * (tokens + 5), 1)


def test_without_a_tokenizer_nothing_is_counted(prepared, study):
    (prepared / layout.TOKENIZER).unlink()
    assert prepared_lengths(prepared, study(), "toy_nli") == {}
