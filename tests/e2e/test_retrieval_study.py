"""Tatoeba with a sweep and BUCC through the whole graph, on invented files of the official schemas."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from bucc_files import SENTENCES, bucc_files
from checkout import STUDY, Checkout

from xlgap.formats import read_json, read_jsonl

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TUNED = {"max_length": 64, "learning_rate": 0.001, "batch_rows": 8}
RETRIEVAL: dict[str, Any] = {
    **STUDY,
    "study": {"name": "retrieval", "source": "release", "seeds": [1]},
    "languages": {"evaluation": ["de", "ru"], "pretraining": ["en", "de", "ru"]},
    "models": {"two": {"layers": 2, "width": 16, "heads": 2, "feed_forward": 32}},
    "arms": {"direct_en": {"regime": "direct_en"}, "pretrained": {"regime": "pretrained"}},
    "tasks": {"tatoeba": TUNED, "bucc2018": TUNED},
    "intermediate": {"squad": {**TUNED, "train_rows": 16, "dev_rows": 8, "epochs": 1}},
    "pretrain": {**STUDY["pretrain"], "corpus_lines": 40, "vocabulary": 50, "tokens": 5_000},
    "evaluation": {"sweep_languages": ["de"]},
}


def test_a_study_mines_and_sweeps(release_files: Path, tmp_path: Path) -> None:
    for code in ("de", "ru"):
        bucc_files(release_files, code, "dev", 0)
        bucc_files(release_files, code, "test", 100)
    study = Checkout.make(tmp_path / "checkout", RETRIEVAL)
    study.xlgap("run", "--workers", "2", XLGAP_DATA=str(release_files))
    results = study.folder / "results"
    for arm in ("direct_en", "pretrained"):
        swept = read_json(results / "predictions" / "tatoeba" / f"two-{arm}" / "seed1" / "sweep.json")
        assert swept["swept"] == ["de"]
        assert swept["chosen"]["de"] == swept["default"] == {"layer": 2, "pooling": "mean"}
        best = max(line["de"] for line in swept["accuracy"])
        chosen = next(line for line in swept["accuracy"] if line["de"] == best)
        assert swept["chosen"]["ru"] == {name: chosen[name] for name in ("layer", "pooling")}
        assert len(swept["accuracy"]) == 4
        own = next(line for line in swept["accuracy"] if swept["default"].items() <= line.items())
        assert own["de"] == pytest.approx(value(results, "tatoeba", arm, "de", "accuracy"))

        folder = results / "predictions" / "bucc2018" / f"two-{arm}" / "seed1"
        thresholds = read_json(folder / "thresholds.json")
        assert set(thresholds) == {"de", "ru"}
        for code in ("de", "ru"):
            found = read_jsonl(folder / f"{code}.jsonl")
            assert len(found) == 2 * SENTENCES
            for row in found:
                assert not row["match"] or row["score"] >= thresholds[code]["threshold"] - 1e-6
            assert 0 <= value(results, "bucc2018", arm, code, "f1") <= 100
    assert not [name for name in study.stale() if name.startswith(("finetune", "score"))]


def value(results: Path, task: str, arm: str, language: str, metric: str) -> float:
    wanted = {"arm": arm, "language": language, "metric": metric}
    with (results / "scores" / f"{task}.csv").open(encoding="utf8") as file:
        (row,) = [row for row in csv.DictReader(file) if wanted.items() <= row.items()]
    return float(row["value"])
