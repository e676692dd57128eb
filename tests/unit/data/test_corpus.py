"""The pretraining text: caps, no evaluation sentence, errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.config import Params, check
from xlgap.data.corpus import normal, prepare_corpus
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
