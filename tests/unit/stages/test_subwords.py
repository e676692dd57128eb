"""Sub-words and pretraining text of a study's languages, from its files."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap import layout
from xlgap.config import Params
from xlgap.data.prepare import prepare
from xlgap.formats import write_json
from xlgap.models.tokenizer import train_tokenizer
from xlgap.stages.study import Study
from xlgap.stages.subwords import LADDER, pretraining_amounts, subword_rows
from xlgap.tasks import get_task

CODES = ["en", "de", "ru", "zh"]


@pytest.fixture
def toy(study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A prepared study of the lab; its tokenizer has seen English alone."""
    monkeypatch.chdir(tmp_path)
    shape = {"layers": 1, "width": 16, "heads": 2, "feed_forward": 32}
    small = {"train_rows": 48, "dev_rows": 8, "test_rows": 8}
    params = study(
        study={"name": "toy", "source": "lab", "seeds": [1]},
        models={"nano": shape, "twin": {**shape, "pretrained": False}},
        languages={"evaluation": CODES, "pretraining": CODES},
        tasks={"lab_nli": small, "lab_qa": small, "lab_retrieval": {"test_rows": 8}},
        intermediate={},
    )
    found = Study(params)
    for name in params.tasks:
        prepare(get_task(name), params, layout.prepared(name), data_dir=None)
    read = found.rows("lab_nli", "train", "en") + found.rows("lab_nli", "test", "en")
    texts = [row["text"] + " " + row["text_b"] for row in read]
    train_tokenizer(texts, layout.TOKENIZER, vocabulary=50)
    lines = {"en": {"lines": 1000}, "de": {"lines": 100}, "ru": {"lines": 10}, "zh": {"lines": 0}}
    write_json(layout.CORPUS / "manifest.json", {"languages": lines})
    return found


def test_every_language_is_counted_against_its_own_english(toy: Study) -> None:
    rows, lacking = subword_rows(toy)
    assert lacking == []
    found = {(row.task, row.language): row for row in rows}
    assert {code for task, code in found if task == "lab_nli"} == set(CODES)
    english, german = found["lab_nli", "en"], found["lab_nli", "de"]
    assert english.relative == english.shared == 1.0
    assert english.tokenizer == LADDER
    assert english.models == ("nano", "twin")
    assert german.relative is not None
    assert german.relative > 1  # the tokenizer has not seen it
    assert 0 < german.shared < 1
    assert found["lab_nli", "zh"].fertility is None  # no spaces, no words
    assert german.fertility == pytest.approx(german.subwords / german.words)
    assert {row.rows for row in rows if row.task == "lab_nli"} == {8}


def test_the_english_side_of_a_retrieval_set_is_its_english(toy: Study) -> None:
    rows = {r.language: r for r in subword_rows(toy)[0] if r.task == "lab_retrieval"}
    assert "en" not in rows
    assert rows["ru"].relative is not None
    ours = toy.rows("lab_retrieval", "test", "ru")
    assert rows["ru"].characters == sum(len(row["text"]) for row in ours)


def test_a_tokenizer_that_is_not_there_is_told_and_not_counted(toy: Study) -> None:
    layout.TOKENIZER.unlink()
    rows, lacking = subword_rows(toy)
    assert rows == []
    [sentence] = lacking
    assert sentence.startswith("The sub-words of nano, twin are not counted: ")


def test_pretraining_text_is_that_of_the_corpus_and_none_of_the_untrained(toy: Study) -> None:
    amounts, notes = pretraining_amounts(toy)
    assert set(amounts) == {"nano"}
    assert amounts["nano"] == {"en": 3.0, "de": 2.0, "ru": 1.0}  # no line, no logarithm
    assert notes == []


def test_checkpoints_take_their_own_corpus_or_one_that_stands_in(toy: Study) -> None:
    hub = {
        "base": {"hub": "FacebookAI/xlm-roberta-base"},
        "mt5": {"hub": "google/mt5-small", "revision": "0" * 40},
    }
    params = toy.params.model_validate(toy.params.model_dump() | {"models": hub})
    amounts, notes = pretraining_amounts(Study(params))
    assert amounts["base"]["sw"] == pytest.approx(math.log10(1.6))
    assert "ht" not in amounts["base"]
    assert notes == ["For mt5 the size in CC-100 stands in for the pretraining text."]
