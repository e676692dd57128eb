"""Tables of the hub that are damaged or without labels, as parquet files on this disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xlgap.data.sources import load
from xlgap.errors import DataError
from xlgap.tasks import get_task
from xlgap.tasks.base import Row

Table = Mapping[str, Any]
XNLI: Table = {
    "premise": [f"a {i}" for i in range(300)],
    "hypothesis": [f"b {i}" for i in range(300)],
    "label": [i % 3 for i in range(300)],
}


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Row]]:
    """The test rows of a task in German from a table, whose file is damaged before."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def rows(
        table: Table, damage: Callable[[bytes], bytes] = bytes, task: str = "xnli", config: str = "de"
    ) -> list[Row]:
        (tmp_path / config).mkdir()
        path = tmp_path / config / "test-00000-of-00001.parquet"
        pq.write_table(pa.table(dict(table)), path)
        path.write_bytes(damage(path.read_bytes()))
        card = f"configs:\n- config_name: {config}\n  data_files:\n"
        card += f"  - split: test\n    path: {config}/test-*\n"
        (tmp_path / "README.md").write_text(f"---\n{card}---\n")
        found = get_task(task)
        assert found.hub is not None
        here = replace(found, hub=replace(found.hub, repo=str(tmp_path)))
        return load(here, "test", ["de"], source="hub")["de"].rows

    return rows


def zeroed(content: bytes) -> bytes:
    return content[:200] + bytes(60) + content[260:]


def halved(content: bytes) -> bytes:
    return content[: len(content) // 2]


def emptied(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [zeroed, halved, emptied])
def test_a_damaged_file_is_told_as_one(read: Callable[..., Any], damage: Callable[..., bytes]) -> None:
    message = r"cannot load .*; a file is damaged or truncated, expected parquet: remove it"
    with pytest.raises(DataError, match=message) as caught:
        read(XNLI, damage)
    assert "connection" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": [1] * 300}, "row 1: every label of the table is 'neutral', expected several"),
        ({"label": pa.array([None] * 300, pa.int64())}, r"row 1 \(id '1'\): label 'None' is outside"),
        ({"label": [-1] * 300}, r"row 1 \(id '1'\): label '-1' is outside the set"),
        (
            {"premise": pa.array([None] * 300, pa.string())},
            "expected a non-empty text as 'text', got None",
        ),
    ],
)
def test_labels_and_texts_that_are_none(read: Callable[..., Any], change: Table, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read({**XNLI, **change})


def test_a_column_without_values_that_a_reader_takes_apart(read: Callable[..., Any]) -> None:
    table = {"tokens": [["Haus"], None], "pos_tags": [[7], None]}
    message = (
        r"udpos\.German, test, row 2: expected a value in the columns tokens, pos_tags, got none in "
        r"tokens, pos_tags; the table is damaged or stripped"
    )
    with pytest.raises(DataError, match=message):
        read(table, task="udpos", config="udpos.German")


def test_tags_that_are_all_the_same(read: Callable[..., Any]) -> None:
    table = {"tokens": [["Haus"]] * 12, "pos_tags": [[7]] * 12}
    with pytest.raises(DataError, match="row 1: every tag of the table is 'NOUN', expected several"):
        read(table, task="udpos", config="udpos.German")


def test_words_as_the_official_preparation_writes_them(read: Callable[..., Any]) -> None:
    words = ["می\u200cخواهم", "thị trường", "\u200c", "Haus"]
    (row,) = read(
        {"tokens": [words], "pos_tags": [[15, 7, 12, 11]]}, task="udpos", config="udpos.German"
    )
    assert row["tokens"] == ["میخواهم", "thịtrường", "Haus"]
    assert row["tags"] == ["VERB", "NOUN", "PROPN"]
