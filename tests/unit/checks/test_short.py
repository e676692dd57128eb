"""Short sentences that a test set shares with its training set: a few are natural, a lot is copied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.checks import short
from xlgap.checks.frames import Training, language_table
from xlgap.checks.validate import validate
from xlgap.config import Params, check
from xlgap.data.prepare import prepare
from xlgap.data.sources import load
from xlgap.errors import ExpectationError
from xlgap.formats import read_json, read_jsonl, write_json, write_jsonl
from xlgap.tasks import get_task
from xlgap.tasks.base import Row

UDPOS = get_task("udpos")


def sentence(number: int) -> Row:
    """A short sentence of its own."""
    tokens = ["Boat", str(number), "left", "."]
    return {"id": f"{number}", "group": "g", "tokens": tokens, "tags": ["NOUN", "NUM", "VERB", "PUNCT"]}


@pytest.mark.parametrize("planted", [short.FEW, short.FEW + 1])
def test_a_planted_lot_of_short_sentences_stops_and_a_few_do_not(
    planted: int, raw_real_study: Callable[..., dict], release_files: Path, tmp_path: Path
) -> None:
    params: Params = check(raw_real_study(), Path("params.yaml"))
    folder = tmp_path / "udpos"
    prepare(UDPOS, params, folder, data_dir=release_files)
    manifest = read_json(folder / "manifest.json")
    for split, rows in {"test": range(20), "train": range(planted)}.items():
        path = folder / split / "en.jsonl"
        there = read_jsonl(path) + [sentence(1000 + n) | {"id": f"p{n}"} for n in rows]
        write_jsonl(path, there)
        manifest["splits"][split]["en"]["rows"] = len(there)
    write_json(folder / "manifest.json", manifest)
    if planted <= short.FEW:
        validate(UDPOS, params, folder, tmp_path / "checks.json")
        return
    said = rf"'en', split 'test': .*tenth of the test sentences under 40.*{planted} of 35 rows .*"
    with pytest.raises(ExpectationError, match=said + r"\(ids p0, p1, p2, p3, p4, \.\.\.\)"):
        validate(UDPOS, params, folder, tmp_path / "checks.json")


def test_twice_the_measured_share_is_let_pass_and_at_least_a_tenth() -> None:
    known = [str(n) for n in range(101)]
    assert not short.too_many("udpos", "de", 1000, known[:100])
    assert short.too_many("udpos", "de", 1000, known) == known
    assert short.allowed("udpos", "uk", 1000) == 352
    assert short.allowed("wikiann", "uk", 1000) == 100
    assert short.allowed("udpos", "uk", 0) == short.FEW


def shared(rows: list[Row], train: list[Row], language: str) -> list[str]:
    manifest = {"splits": {"test": {language: {"rows": len(rows)}}}}
    training = Training(UDPOS.kind, {language: train})
    table = language_table(UDPOS, {"test": {language: rows}}, manifest, training)
    return table.ids.get(("test", language, "short_known"), [])


@pytest.mark.parametrize("language", ["ar", "el", "en", "fa", "id", "ko", "nl", "te", "uk"])
def test_what_recurs_in_the_real_files_is_let_pass_and_a_planted_third_is_not(
    language: str, real_data: Path
) -> None:
    def rows(split: str) -> list[Row]:
        found = load(UDPOS, split, [language], source="release", data_dir=real_data)  # type: ignore[arg-type]
        return list(found[language].rows)

    train, test = rows("train"), rows("test")
    brief = [row for row in test if len(" ".join(row["tokens"])) < short.SHORT]
    known = {tuple(row["tokens"]) for row in train}
    natural = sum(tuple(row["tokens"]) in known for row in brief) / len(brief)
    measured = short.MEASURED.get(("udpos", language))
    assert natural <= 0.05 if measured is None else natural == pytest.approx(measured, abs=6e-4)
    assert shared(test, train, language) == []
    fresh = [row for row in brief if tuple(row["tokens"]) not in known]
    lot = fresh[: len(fresh) // 3]
    caught = set(shared(test, train + lot, language))
    assert caught >= {row["id"] for row in lot}
