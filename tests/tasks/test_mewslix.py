"""Mewsli-X: mentions as queries, its pool, damaged files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rank_files
from rank_rows import MEWSLIX, of
from release_folder import edit

from xlgap.config import Params
from xlgap.data.prepare import prepare
from xlgap.errors import DataError
from xlgap.languages import CODES


def test_mentions_become_queries_of_one_sentence(rank_release: Path) -> None:
    (row,) = (row for row in of(MEWSLIX, "test", rank_release)["ja"] if row["id"] == "ja:21")
    name = rank_files.word("ja", 21)
    left, right = rank_files.word("ja", 8), rank_files.word("ja", 9)
    assert row["text"] == f"{name}: {left} {{ {name} }} {right}."
    assert row["group"] == "ja-10"
    assert row["targets"] == ["Q1047"]


def test_training_pairs_are_english_with_a_description_of_one_line(rank_release: Path) -> None:
    rows = of(MEWSLIX, "train", rank_release)["en"]
    assert len(rows) == 64
    assert rows[0]["targets"] == ["Q3000"]
    one, two, three = (rank_files.word("en", 3000 + k) for k in range(3))
    assert rows[0]["candidate"] == f"{one} {two}. {one} {three}."


def test_the_pool_is_by_the_language_of_descriptions(rank_release: Path) -> None:
    pool = of(MEWSLIX, "candidates", rank_release)
    assert list(pool) == list(CODES)
    assert all(len(rows) == 2 for rows in pool.values())


def line(name: str, rank_release: Path) -> Path:
    return rank_release / f"xtreme_r/mewslix/{name}.jsonl"


def query(rank_release: Path, change: Callable[[dict[str, Any]], None]) -> str:
    """That of the first mention in the test file after a change to its line."""
    path = line("wikinews_mentions-test", rank_release)
    first, *rest = path.read_text(encoding="utf8").splitlines()
    found = json.loads(first)
    change(found)
    path.write_text("\n".join([json.dumps(found), *rest]) + "\n", encoding="utf8")
    return of(MEWSLIX, "test", rank_release)["ar"][0]["text"]


def test_braces_around_the_mention_are_told_from_those_of_the_text(rank_release: Path) -> None:
    def replace(found: dict[str, Any]) -> None:
        span = {"start": 12, "end": 17, "text": "Essen"}
        found["context"] |= {
            "text": "A {b} c.\n\nIn Essen {d}  e\nf. Next.",
            "sentence_spans": [{"start": 0, "end": 8}, {"start": 10, "end": 28}],
        }
        found["mention"]["mention_span"] = span | {"start": 13, "end": 18}

    assert query(rank_release, replace) == "Essen: In { Essen } (d) e f."


def test_a_mention_over_two_sentences_is_shown_in_both(rank_release: Path) -> None:
    def replace(found: dict[str, Any]) -> None:
        spans = [{"start": 0, "end": 7}, {"start": 8, "end": 15}, {"start": 16, "end": 20}]
        found["context"] |= {"text": "Ask Dr. Who now. Then", "sentence_spans": spans}
        found["mention"]["mention_span"] = {"start": 4, "end": 11, "text": "Dr. Who"}

    assert query(rank_release, replace) == "Dr. Who: Ask { Dr. Who } now"


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "wikinews_mentions-test",
            '"entity_id": "Q1000"',
            '"entity_id": "Q77"',
            r"mentions-test\.jsonl, line 1: entity 'Q77' of a mention is not among the candidates",
        ),
        (
            "candidate_set_entities",
            '"description_language": "af"',
            '"description_language": "sr"',
            r"entities\.jsonl, line 1: entity 'Q1000' is described in 'sr', which is none of the 50",
        ),
        (
            "wikinews_mentions-test",
            '"text": "',
            '"text": "x',
            r"mentions-test\.jsonl, line 1: mention '.*' does not stand at offset",
        ),
        (
            "wikipedia_pairs-train",
            '"sentence_spans"',
            '"spans"',
            r"pairs-train\.jsonl, line 1: expected the key 'sentence_spans'",
        ),
        (
            "wikipedia_pairs-dev",
            '"entity":',
            '"entity',
            r"pairs-dev\.jsonl, line 1: not a JSON object",
        ),
    ],
)
def test_damaged_mewslix_files_stop_the_preparation(
    rank_release: Path, rank_study: Params, tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    edit(line(name, rank_release), old, new)
    with pytest.raises(DataError, match=message) as caught:
        prepare(MEWSLIX, rank_study, tmp_path / "out" / "mewslix", data_dir=rank_release)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_articles_whose_text_was_not_restored(rank_release: Path) -> None:
    def empty(found: dict[str, Any]) -> None:
        found["context"]["text"] = ""

    with pytest.raises(
        DataError, match=r"line 1: the article has no text, expected some; make the files again with"
    ):
        query(rank_release, empty)


def test_a_pool_language_without_a_description(rank_release: Path) -> None:
    path = line("candidate_set_entities", rank_release)
    rows = [r for r in path.read_text(encoding="utf8").splitlines() if '_language": "wo"' not in r]
    path.write_text("\n".join(rows) + "\n", encoding="utf8")
    with pytest.raises(DataError, match=r"entities\.jsonl, line 1: no rows in language 'wo'"):
        of(MEWSLIX, "candidates", rank_release)
