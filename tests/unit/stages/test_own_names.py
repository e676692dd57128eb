"""What names tasks, arms and models in anyone's table: other spellings, repeats, letters, Parquet."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pytest

from xlgap.analysis.own.study import own_study
from xlgap.analysis.study import Study
from xlgap.errors import XlgapError
from xlgap.report.canvas import picture, styled
from xlgap.report.letters import boxed, boxed_note
from xlgap.stages.own_rows import analyse_rows
from xlgap.tasks import task_names

ROW = {"model": "m", "params_total": "1000000", "regime": "direct_en", "task": "xnli", "language": "de",
       "metric": "accuracy", "value": "60"}  # fmt: skip
CHINESE = "\N{CJK UNIFIED IDEOGRAPH-6A21}\N{CJK UNIFIED IDEOGRAPH-578B}"
CYRILLIC = "\N{CYRILLIC SMALL LETTER EM}\N{CYRILLIC SMALL LETTER O}"


def study_of(**columns: str) -> Study:
    rows = [ROW, {**ROW, "model": "n", **columns}]
    return own_study([{c: r.get(c, "") for c in {**ROW, **columns}} for r in rows], name="rows",
                     columns=[*{**ROW, **columns}])  # fmt: skip


def refused(**columns: str) -> str:
    with pytest.raises(XlgapError) as error:
        study_of(**columns)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("XNLI", "xnli"),
        ("paws-x", "pawsx"),
        ("UD-POS", "udpos"),
        ("SQuAD 2", "squad2"),
        ("x.nli", "xnli"),
    ],
)
def test_a_task_in_other_letters_is_not_taken_as_another_one(name: str, known: str) -> None:
    assert known in task_names()
    assert refused(task=name) == (
        f"line 3, column 'task': {name!r} is the task {known!r} of xlgap but for case or punctuation; "
        f"write {known!r}, or give a task of your own another name."
    )
    said = refused(regime="joint", intermediate=f"hellaswag+{name}")
    assert said.startswith("line 3, column 'intermediate': ")
    assert said.endswith(f"write {known!r}, or give a task of your own another name.")


def test_tasks_of_ones_own_have_any_other_name() -> None:
    for name in ("xnli2", "my task", "XNLI-hard", "...", "xn", *task_names()):
        assert name in study_of(task=name).tasks


@pytest.mark.parametrize("regime", ["direct_tgt", "intermediate_tgt", "intermediate_translated"])
def test_training_in_a_target_language_is_not_in_english(regime: str) -> None:
    said = (
        f"{regime} trains in a target language other than en, got 'en'; name it in 'train_language', "
        "or name a regime that trains in English."
    )
    assert refused(regime=regime, train_language="en") == f"line 3, column 'train_language': {said}"
    assert refused(regime=regime, language="en") == f"line 3, column 'language': {said}"
    assert study_of(regime=regime, language="en", train_language="sw").arms[f"{regime}_sw"].language


@pytest.mark.parametrize("regime", ["intermediate_en", "joint", "sequential", "best_of"])
def test_an_intermediate_task_stands_there_once(regime: str) -> None:
    assert refused(regime=regime, intermediate="squad+mnli + mnli") == (
        "line 3, column 'intermediate': may hold each task once, but 'mnli' stands there more than "
        "once; leave out the others."
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_named_index_of_parquet_is_columns(folder: Path) -> None:
    frame = pd.DataFrame([ROW, {**ROW, "model": "n"}])
    frame.to_parquet("plain.parquet")
    frame.set_index("model").to_parquet("one.parquet")
    frame.set_index(["task", "model"]).to_parquet("two.parquet")
    said = [analyse_rows(folder / f"{n}.parquet", out=Path(n))[:5] for n in ("plain", "one", "two")]
    assert said[0] == said[1] == said[2]
    frame.set_index(pd.Index(["m", "n"], name="model")).to_parquet("twice.parquet")
    with pytest.raises(XlgapError, match="column 'model' stands there twice"):
        analyse_rows(Path("twice.parquet"))


@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, b"m"])
def test_a_cell_of_parquet_is_one_text_or_number(folder: Path, cell: object) -> None:
    pd.DataFrame([{**ROW, "model": cell}] * 2).to_parquet("wrong.parquet")
    with pytest.raises(XlgapError, match=r"^wrong\.parquet: line 2, column 'model': got .* type"):
        analyse_rows(Path("wrong.parquet"), out=Path("out"))
    assert not Path("out").exists()


def test_warnings_of_anything_else_go_on() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with styled() as made, boxed({CYRILLIC}) as found:
            figure = made()
            figure.suptitle(CYRILLIC + CHINESE)
            picture(figure)
            warnings.warn("another", UserWarning, stacklevel=1)
    assert found == set()
    assert boxed_note(found) == ()
    texts = {str(warning.message) for warning in told}
    assert "another" in texts
    assert {f"Glyph {ord(letter)} " in text for letter in CHINESE for text in texts} == {True, False}
    assert len(texts) == 3
