"""What predictions are scored on: official test files where they are, else what stands in, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlgap.data.sources import load
from xlgap.errors import DataError
from xlgap.evaluation.submission import score_folder
from xlgap.records import official_words
from xlgap.stages.official import score_predictions, submission_notes
from xlgap.tasks import get_task
from xlgap.tasks.base import Row

PAWSX = "xtreme_v1/pawsx"
PAIRS = [(f"boat {n} meets ship {n}", f"ship {n} meets boat {n}", str(n % 2)) for n in range(40)]
GOLD = "".join(f"{n % 2}\n" for n in range(40))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf8")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """PAWS-X without its training file, of the test files the German one alone."""
    dev = "".join("\t".join(pair) + "\n" for pair in PAIRS)
    for code in ("en", "de", "fr"):
        write(tmp_path / "data" / PAWSX / f"dev-{code}.tsv", dev)
    test = "".join("\t".join(("Test", *pair[1:])) + "\n" for pair in PAIRS)
    write(tmp_path / "data" / PAWSX / "test-de.tsv", test)
    return tmp_path / "data"


def of_dev(release: Path, code: str) -> list[Row]:
    task = get_task("pawsx")
    return load(task, "test", [code], source="release", data_dir=release)[code].rows


def test_pawsx_is_scored_on_its_test_file_whatever_there_is_to_train_on(
    release: Path, tmp_path: Path
) -> None:
    write(tmp_path / "found/pawsx/test-de.tsv", GOLD)
    alone = score_folder(tmp_path / "found", release)
    write(release / PAWSX / "train-en.tsv", "one\tother\t0\n")
    beside = score_folder(tmp_path / "found", release)
    assert alone == beside
    assert alone.scores == {"pawsx": {"de": {"accuracy": 100}}}
    assert alone.stand_ins == alone.unscored == {}


def test_a_study_s_test_split_is_no_part_of_the_official_test_file(release: Path) -> None:
    assert len(of_dev(release, "de")) == 8
    assert not any(row["text"].startswith("Test") for row in of_dev(release, "de"))


def test_what_is_of_another_test_file_is_named_and_the_rest_scored(
    release: Path, tmp_path: Path
) -> None:
    write(tmp_path / "found/pawsx/test-de.tsv", GOLD)
    write(tmp_path / "found/pawsx/test-fr.tsv", GOLD)
    write(tmp_path / "found/pawsx/test-ja.tsv", GOLD)
    found = score_folder(tmp_path / "found", release)
    assert list(found.scores["pawsx"]) == ["de"]
    assert found.unscored["pawsx/test-fr.tsv"].startswith(
        f"{PAWSX}/test-fr.tsv is not there and {PAWSX}/dev-fr.tsv stands in for it: line 9: expected 8"
    )
    assert found.unscored["pawsx/test-ja.tsv"].endswith(f"{PAWSX}/test-ja.tsv is not there")
    (note,) = (note for note in submission_notes(found) if ": not scored: " in note)
    assert note.startswith("pawsx: not scored: test-ja.tsv (")
    assert note.endswith("test-ja.tsv is not there), test-fr.tsv.")


def test_predictions_of_what_stands_in_are_scored_and_said_to_be_so(
    release: Path, tmp_path: Path
) -> None:
    labels = "".join(f"{row['label']}\n" for row in of_dev(release, "fr"))
    write(tmp_path / "found/pawsx/test-fr.tsv", labels)
    found = score_folder(tmp_path / "found", release)
    assert found.scores["pawsx"]["fr"] == {"accuracy": 100}
    (note,) = (note for note in submission_notes(found) if "not comparable" in note)
    assert note.startswith(f"pawsx: not comparable with official scores: test-fr.tsv ({PAWSX}/test-fr")
    assert note.endswith(f"{PAWSX}/dev-fr.tsv stands in for it).")
    _, rows = score_predictions(tmp_path / "found", release)
    pawsx = next(row for row in rows if row.name == "pawsx")
    whole = next(row for row in rows if row.name == "XTREME")
    assert pawsx.standing_in == ("fr",)
    assert pawsx.stands_in
    assert official_words([whole]) == "official metrics on stand-in files"


def test_what_is_wrong_in_any_case_is_an_error_beside_a_stand_in_too(
    release: Path, tmp_path: Path
) -> None:
    write(tmp_path / "found/pawsx/test-fr.tsv", "2\n" * 8)
    with pytest.raises(DataError, match=r"test-fr\.tsv, line 1: label '2' is outside the set"):
        score_folder(tmp_path / "found", release)
