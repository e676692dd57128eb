"""Distances of the 50 languages from English: the table, what it rests on, and how it is computed."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import pytest

from xlgap.__main__ import main
from xlgap.languages import CODES
from xlgap.published.distances import FEWEST_FEATURES, MEASURES, distances_of, load_distances
from xlgap.published.loader import TABLES, read_table
from xlgap.published.uriel import cosine_distance, observed_distance, write_distances


def test_all_fifty_languages_are_there_and_english_is_at_zero() -> None:
    found = load_distances()
    assert tuple(found) == CODES
    assert set(found["en"].values.values()) == {0.0}
    assert {m.name for m in MEASURES} == set(found["sw"].values)


@pytest.mark.parametrize(
    ("measure", "column"),
    [
        ("syntax", "dist_en_syntax"),
        ("phonology", "dist_en_phonology"),
        ("inventory", "dist_en_inventory"),
        ("genetic", "dist_en_genetic"),
        ("geographic", "dist_en_geographic_km"),
    ],
)
def test_imputed_distances_are_those_of_the_published_table(measure: str, column: str) -> None:
    for row in read_table("languages"):
        value = load_distances()[row["iso639_1"]].values[measure]
        assert value == (float(row[column]) if row[column] else None), row["iso639_1"]


def test_scripts_are_those_of_the_published_table() -> None:
    for row in read_table("languages"):
        language = load_distances()[row["iso639_1"]]
        assert (language.values["script"] == 0) == (row["script_iso15924"] == "Latn")


def test_an_observed_distance_over_few_features_is_none() -> None:
    found = load_distances()
    for family in ("syntax", "phonology", "inventory"):
        for language in found.values():
            known = language.values[f"{family}_observed"] is not None
            assert known == (language.features[family] >= FEWEST_FEATURES)
    missing = {c for c, v in found.items() if v.values["syntax_observed"] is None}
    assert missing == {"az", "jv", "kk", "ms", "qu"}
    assert found["ms"].missing("syntax") == pytest.approx(1 - 12 / 103)
    assert found["sw"].values["syntax_observed"] == pytest.approx(0.5442)


def test_what_is_unknown_is_left_out_not_zero() -> None:
    assert "eu" not in distances_of("genetic")  # an isolate: its vector is empty
    assert "en" not in distances_of("syntax")
    assert len(distances_of("syntax")) == 49


def test_cosine_and_observed_distance() -> None:
    assert cosine_distance([1.0, 0.0], [0.0, 1.0]) == pytest.approx(1.0)
    assert cosine_distance([0.0, 0.0], [0.0, 1.0]) is None
    assert cosine_distance([], []) is None
    found, features = observed_distance([1.0, "--", 1.0, 0.0], [1.0, 1.0, "--", 1.0])
    assert features == 2
    assert found == pytest.approx(1 - 1 / 2**0.5)


@pytest.mark.skipif(importlib.util.find_spec("lang2vec") is None, reason="lang2vec is not installed")
def test_table_is_what_lang2vec_gives(tmp_path: Path) -> None:
    write_distances(tmp_path / "distances.csv")
    assert (tmp_path / "distances.csv").read_text() == (TABLES / "distances.csv").read_text()


def test_command_lists_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["languages", "--json"]) == 0
    rows = {row["code"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["sw"]["genus"] == "Bantoid"
    assert rows["ar"]["missing"] == {"syntax": 0.3592, "phonology": 1.0, "inventory": 1.0}
    assert rows["eu"]["distance"]["genetic"] is None
    assert main(["languages"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 51
    assert "no source has" in shown.err


def test_table_has_one_row_a_language() -> None:
    rows = list(csv.DictReader((TABLES / "distances.csv").read_text().splitlines()))
    assert [row["iso639_1"] for row in rows] == list(CODES)
