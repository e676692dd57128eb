"""The pretraining text: caps, no evaluation sentence, errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.config import Params, check
from xlgap.data.corpus import heldout_lines, normal, prepare_corpus
from xlgap.errors import DataError
from xlgap.formats import dir_digest


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
