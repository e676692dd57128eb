"""LAReQA and Mewsli-X through the whole graph on files of the official schemas: rows to scores."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import rank_files
from checkout import STUDY, Checkout

from xlgap.evaluation.rank import DEPTH
from xlgap.formats import read_json, read_jsonl

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TUNED = {"learning_rate": 0.003, "batch_rows": 8, "epochs": 2, "max_length": 32}
RANKING: dict[str, Any] = {
    **STUDY,
    "study": {"name": "ranking", "source": "release", "seeds": [1]},
    "models": {"one": STUDY["models"]["one"]},
    "arms": {"direct_en": {"regime": "direct_en"}},
    "tasks": {"lareqa": TUNED, "mewslix": TUNED},
    "intermediate": {},
    "pretrain": {**STUDY["pretrain"], "vocabulary": 110},
    "train": {**STUDY["train"], "micro_batch_tokens": 512},
}


def test_questions_and_mentions_are_ranked_against_the_whole_pool(tmp_path: Path) -> None:
    files = rank_files.write(tmp_path / "release")
    study = Checkout.make(tmp_path / "checkout", RANKING)
    study.xlgap("run", "--workers", "2", XLGAP_DATA=str(files))
    for task in RANKING["tasks"]:
        prepared = study.folder / "data" / "prepared" / task
        pool = {
            row["id"] for path in (prepared / "candidates").glob("*.jsonl") for row in read_jsonl(path)
        }
        folder = study.folder / "results" / "predictions" / task / "one-direct_en"
        for code in ("de", "en"):
            rows = read_jsonl(folder / "seed1" / f"{code}.jsonl")
            gold = read_jsonl(prepared / "test" / f"{code}.jsonl")
            assert [row["id"] for row in rows] == [row["id"] for row in gold]
            for row in rows:
                assert len(set(row["ranked"])) == len(row["ranked"]) == DEPTH
                assert set(row["ranked"]) <= pool
        with (study.folder / "results" / "scores" / f"{task}.csv").open(newline="") as file:
            scores = {(s["language"], s["metric"]): s for s in csv.DictReader(file)}
        assert set(scores) == {("de", "map20"), ("en", "map20")}
        assert all(0 <= float(s["value"]) <= 100 and float(s["chance"]) > 0 for s in scores.values())
        (seed,) = read_json(folder / "cell.json")["seeds"]
        assert seed["phases"][0]["steps"] == {"lareqa": 10, "mewslix": 16}[task]
