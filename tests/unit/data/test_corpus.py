"""The pretraining text: caps, no evaluation sentence, errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlgap.cell import grid
from xlgap.config import Params, check
from xlgap.data.corpus import heldout_lines, normal, prepare_corpus
from xlgap.errors import DataError
from xlgap.formats import dir_digest, write_text
from xlgap.retained import scored_sets
from xlgap.stages.masked import heldout
from xlgap.stages.prepare import corpus
from xlgap.stages.study import Study


@pytest.fixture
def study(raw_real_study: Callable[..., dict]) -> Callable[..., Params]:
    return lambda **changes: check(raw_real_study(**changes), Path("params.yaml"))


def test_lines_are_capped_and_no_test_sentence_is_left(
    study: Callable[..., Params], release_files: Path, tmp_path: Path
) -> None:
    manifest = prepare_corpus(study(), tmp_path / "corpus", data_dir=release_files)
    for code, fact in manifest["languages"].items():
        lines = (tmp_path / "corpus" / f"{code}.txt").read_text(encoding="utf8").splitlines()
        assert fact["lines"] == len(lines)
        assert fact["lines"] + fact["dropped"] == 40
        assert fact["dropped"] > 0  # numbers below 20 stand in test data
        assert fact["characters"] == sum(map(len, lines))
        assert not any(line.endswith((" 9", " 12")) for line in lines)
    again = prepare_corpus(study(), tmp_path / "again", data_dir=release_files)
    assert again == manifest
    assert dir_digest(tmp_path / "again") == dir_digest(tmp_path / "corpus")


def test_tokenised_and_plain_sentences_are_the_same() -> None:
    assert normal("The boat , he said .") == normal("the boat, he said.")


def test_a_corpus_that_is_all_test_data(
    study: Callable[..., Params], release_files: Path, tmp_path: Path
) -> None:
    (release_files / "pretrain/de.txt").write_text("Boot Boot 0\n\n")
    with pytest.raises(DataError, match="pretraining language 'de' has no line of text"):
        prepare_corpus(study(), tmp_path / "corpus", data_dir=release_files)
    assert not (tmp_path / "corpus").exists()


def _held_out(study: Params, corpus: Path, data_dir: Path | None) -> dict[str, list[str]]:
    prepare_corpus(study, corpus, data_dir=data_dir)
    codes = study.languages.pretraining
    seen = {c: frozenset((corpus / f"{c}.txt").read_text("utf8").splitlines()) for c in codes}
    found = heldout_lines(study, seen, 7, data_dir)
    assert found == heldout_lines(study, seen, 7, data_dir)
    assert all(not set(lines) & seen[code] for code, lines in found.items())
    return found


def test_held_out_lines_are_none_of_the_corpus_nor_of_the_tests(
    study: Callable[..., Params], release_files: Path, tmp_path: Path
) -> None:
    small = study()
    small = small.model_copy(
        update={"pretrain": small.pretrain.model_copy(update={"corpus_lines": 25})}
    )
    found = _held_out(small, tmp_path / "corpus", release_files)
    assert {code: len(lines) for code, lines in found.items()} == {"en": 7, "de": 7, "ru": 7}
    assert not any(line.endswith((" 9", " 12")) for lines in found.values() for line in lines)


def test_a_language_whose_text_is_all_in_the_corpus_has_none(
    study: Callable[..., Params], release_files: Path, tmp_path: Path
) -> None:
    whole = study()
    whole = whole.model_copy(
        update={"pretrain": whole.pretrain.model_copy(update={"corpus_lines": 10_000})}
    )
    assert _held_out(whole, tmp_path / "corpus", release_files) == {"en": [], "de": [], "ru": []}


def test_the_lab_goes_on_where_the_corpus_ends(raw_study: Callable[..., dict], tmp_path: Path) -> None:
    lab = check(raw_study(tasks={"lab_nli": {"test_rows": 5}}, intermediate={}), Path("params.yaml"))
    found = _held_out(lab, tmp_path / "corpus", None)
    assert {code: len(lines) for code, lines in found.items()} == {"en": 7, "de": 7, "sw": 7}


RETAINED: dict[str, Any] = {
    "models": {"xlmr": {"hub": "FacebookAI/xlm-roberta-base"}},  # no tokenizer is trained
    "arms": {
        "text": {"regime": "intermediate_en_mlm", "intermediate": ["squad"], "mlm_rate": 0.2},
        "nli": {"regime": "intermediate_en_mlm", "intermediate": ["mnli"], "mlm_rate": 0.2},
    },
}
ASKED = "winter boat 9203?"
"""A question of the dev rows that SQuAD is scored on as an earlier task."""


@pytest.mark.parametrize(("arm", "asked"), [("text", {}), ("text", {"retention": {}}), ("nli", {})])
def test_no_row_that_an_earlier_task_may_be_scored_on_again_is_pretrained_on(
    study: Callable[..., Params],
    release_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arm: str,
    asked: dict[str, Any],
) -> None:
    """Whether it is asked for or not: asking later trains nothing."""
    (release_files / "pretrain/en.txt").write_text(f"{ASKED.upper()}\nThe door.\n")
    params = study(**{**RETAINED, "arms": {arm: RETAINED["arms"][arm]}}, evaluation=asked)
    task = "squad" if arm == "text" else "mnli"
    assert scored_sets(params, grid(params)) == {task: {"dev": ["en"]}}
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLGAP_DATA", str(release_files))
    corpus(Study(params))
    assert (ASKED.upper() in Path("data/corpus/en.txt").read_text().splitlines()) is (arm == "nli")


def test_nor_is_it_a_held_out_line(
    study: Callable[..., Params], release_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (release_files / "pretrain/en.txt").write_text(f"{ASKED.upper()}\nThe door.\n")
    params = study(**RETAINED, evaluation={"retention": {"targets": ["xnli"], "mlm_lines": 100}})
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLGAP_DATA", str(release_files))
    for code in params.languages.pretraining:
        write_text(Path(f"data/corpus/{code}.txt"), "")
    heldout(Study(params))
    assert Path("data/heldout/text/en.txt").read_text().splitlines() == ["The door."]


def test_held_out_lines_stand_in_no_language_of_the_corpus_in_any_form(
    study: Callable[..., Params], release_files: Path
) -> None:
    (release_files / "pretrain/de.txt").write_text("eins\tone\nzwei\ttwo\nDrei\nvier\n")
    corpus_of = {
        "en": ["two", "BOAT RIVER 30"],
        "de": ["one\teins", "zwei"],
        "ru": ["river river 31\tdrei"],
    }
    found = heldout_lines(study(), corpus_of, 100, release_files)
    assert sorted(found["de"]) == ["vier", "zwei\ttwo"]  # its sides were read, but never together
    assert not {"boat river 30", "river river 31"} & {*found["en"]}
    assert "stone river 32" in found["en"]
