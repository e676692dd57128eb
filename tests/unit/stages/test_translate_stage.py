"""The stage that translates: what it writes, and that what it writes is checked and gated."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from xlgap import layout
from xlgap.config import Params
from xlgap.errors import (
    DataError,
    ExpectationError,
    Interrupted,
    LeakageError,
    ResultError,
    UnknownNameError,
)
from xlgap.formats import dir_digest, read_json, read_jsonl, write_json, write_jsonl
from xlgap.models.translate import Batch
from xlgap.stages.leakage import leakage
from xlgap.stages.study import Study
from xlgap.stages.translate import translate

TRAIN = [
    {"id": f"train-{n}", "group": f"g{n}", "text": f"Cuba: in {n} weeks",
     "text_b": f"Chad: in {n} weeks", "label": ("less", "equal", "greater")[n % 3]} for n in range(1, 6)
]  # fmt: skip
TEST = [
    {"id": f"test-{n}", "group": f"t{n}", "text": f"Testtext Nummer {n}, der hier lange genug ist",
     "text_b": f"b {n}", "label": "neutral"} for n in range(3)
]  # fmt: skip


def lay_out() -> None:
    """Prepared rows of the intermediate task and of the target task."""
    for task, rows in (("lab_compare", TRAIN), ("lab_nli", TEST)):
        one = {"rows": len(rows), "released_rows": len(rows), "sha256": "0" * 64}
        splits: dict[str, Any] = {}
        for split in ("train", "dev", "test"):
            languages = ("en", "de") if split == "test" else ("en",)
            splits[split] = dict.fromkeys(languages, one)
            for code in languages:
                other = [{**row, "id": f"{split}{row['id']}", "text": f"{split} {code} {row['text']}",
                          "text_b": f"{split} {code} {row['text_b']}"} for row in rows]  # fmt: skip
                mine = rows if (task, split) == ("lab_compare", "train") else other
                write_jsonl(layout.rows(task, split, code), mine)
        write_json(layout.prepared(task) / "manifest.json", {"splits": splits})


@pytest.fixture
def toy(study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    lay_out()

    def make(**translations: Any) -> Study:
        arm = {
            "regime": "intermediate_translated", "intermediate": ["lab_compare"], "language": "de",
            "translations": translations,
        }  # fmt: skip
        return Study(
            study(
                languages={"evaluation": ["en", "de"], "pretraining": ["en", "de"]},
                arms={"de": arm}, tasks={"lab_nli": {}}, intermediate={"lab_compare": {}},
            )
        )  # fmt: skip

    return make


def given(texts: Callable[[int], str] = lambda n: f"Kuba: in {n} Wochen") -> None:
    rows = [
        {"id": row["id"], "text": texts(n), "text_b": f"Tschad: in {n} Wochen"}
        for n, row in enumerate(TRAIN, 1)
    ]
    Path("compare.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_the_phrase_book_translates_the_lab(toy: Callable[..., Study]) -> None:
    study = toy(lab=True)
    translate(study, "lab_compare", "de")
    folder = layout.translated("lab_compare", "de")
    rows = read_jsonl(folder / "train.jsonl")
    assert rows[1] == {**TRAIN[1], "text": "Kuba: in 2 Wochen", "text_b": "Tschad: in 2 Wochen"}
    manifest = read_json(folder / "manifest.json")
    assert (manifest["rows"], manifest["english_rows"], manifest["dropped"]) == (5, 5, 0)
    assert manifest["by"] == {"lab": True}
    checks = read_json(folder / "checks.json")
    assert checks["success"]
    assert checks["evaluated"] > 5
    (warm,) = study.grid.cells[0].arm.warm_phases
    assert study.training_rows("lab_compare", warm) == rows
    assert study.training_facts("lab_compare", warm)["sha256"] == manifest["sha256"]
    first = (folder / "manifest.json").read_bytes()
    translate(study, "lab_compare", "de")
    assert (folder / "manifest.json").read_bytes() == first


def test_a_file_stands_below_the_checkout(toy: Callable[..., Study]) -> None:
    study = toy(file="compare.jsonl")
    with pytest.raises(DataError, match="no such file of translations"):
        translate(study, "lab_compare", "de")
    given()
    translate(study, "lab_compare", "de")
    rows = read_jsonl(layout.translated("lab_compare", "de") / "train.jsonl")
    assert [row["text"] for row in rows] == [f"Kuba: in {n} Wochen" for n in range(1, 6)]


def test_rows_in_another_script_stop_it_and_leave_nothing(toy: Callable[..., Study]) -> None:
    given(lambda n: "нечто совсем другое, не по-немецки и довольно длинное")
    with pytest.raises(
        ExpectationError, match=r"'de', split 'translated': .* of the language's script"
    ):
        translate(toy(file="compare.jsonl"), "lab_compare", "de")
    assert not layout.translated("lab_compare", "de").exists()


def test_what_no_arm_trains_on_is_not_translated(toy: Callable[..., Study]) -> None:
    with pytest.raises(UnknownNameError, match="unknown translation 'lab_compare sw'"):
        translate(toy(lab=True), "lab_compare", "sw")
    (warm,) = toy(lab=True).grid.cells[0].arm.warm_phases
    with pytest.raises(ResultError, match="run 'dvc repro translate@lab_compare-de'"):
        toy(lab=True).training_rows("lab_compare", warm)


def test_the_leakage_gate_reads_translations(toy: Callable[..., Study]) -> None:
    study = toy(file="compare.jsonl")
    given()
    translate(study, "lab_compare", "de")
    leakage(study)
    assert "lab_compare/translated/de" in read_json(layout.LEAKAGE)["compared"]
    told = read_jsonl(layout.rows("lab_nli", "test", "de"))[0]["text"]
    given(lambda n: told if n == 3 else f"Kuba: in {n} Wochen")
    translate(study, "lab_compare", "de")
    with pytest.raises(LeakageError, match=r"lab_compare/translated/de train-3 <-> lab_nli/test/de"):
        leakage(study)


class Model:
    """In place of a hub model: marks each text; fails in the batch with number ``at``."""

    at: int | None = None
    how: Callable[[], None]
    asked: list[tuple[str, ...]]

    def __init__(self, repo: str, revision: str | None, *, language: str) -> None: ...

    def batch(self, texts: Sequence[str]) -> Batch:
        Model.asked.append(tuple(texts))
        if len(Model.asked) == Model.at:
            Model.how()
        return Batch(tuple(f"nach {text}" for text in texts), cut=1, unfinished=len(texts) - 1)


def killed() -> None:
    raise MemoryError


def stopped() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("how", "raised", "left"), [(killed, MemoryError, 3), (stopped, Interrupted, 2)]
)
def test_a_translation_goes_on_after_the_batches_that_are_done(
    toy: Callable[..., Study],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: Callable[[], None],
    raised: type[BaseException],
    left: int,
) -> None:
    """Ten texts, two in a batch."""
    monkeypatch.setattr("xlgap.stages.by_model.HubTranslator", Model)
    monkeypatch.setattr("xlgap.models.translate.BATCH", 2)
    study, folder = toy(hub="a/b", revision="0" * 40), layout.translated("lab_compare", "de")
    Model.at, Model.how, Model.asked = None, how, []
    translate(study, "lab_compare", "de")
    whole, batches = dir_digest(folder), Model.asked
    assert len(batches) == 5
    manifest = read_json(folder / "manifest.json")
    assert (manifest["cut"], manifest["unfinished"]) == (5, 5)
    said = capsys.readouterr().err
    assert "translate lab_compare de: 5 texts are longer than the model reads; their ends" in said
    assert "translate lab_compare de: 5 translations were ended at their most sub-words" in said
    assert not any(layout.SCRATCH.iterdir())
    Model.at, Model.asked = 3, []
    with pytest.raises(raised):
        translate(study, "lab_compare", "de")
    (kept,) = layout.SCRATCH.glob("*/batches.jsonl")
    with kept.open("a") as file:
        file.write('{"cut":1,"te')  # a kill in the middle of a line
    Model.at, Model.asked = None, []
    translate(study, "lab_compare", "de")
    assert Model.asked == batches[-left:]
    assert f"goes on after batch {5 - left} of 5" in capsys.readouterr().err
    assert dir_digest(folder) == whole
    assert not any(layout.SCRATCH.iterdir())


def test_another_model_does_not_go_on_with_what_one_has_done(
    toy: Callable[..., Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xlgap.stages.by_model.HubTranslator", Model)
    monkeypatch.setattr("xlgap.models.translate.BATCH", 2)
    Model.at, Model.how, Model.asked = 3, killed, []
    with pytest.raises(MemoryError):
        translate(toy(hub="a/b", revision="0" * 40), "lab_compare", "de")
    Model.at, Model.asked = None, []
    translate(toy(hub="a/b", revision="1" * 40), "lab_compare", "de")
    assert len(Model.asked) == 5
