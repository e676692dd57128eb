"""A slice of the real release files through the whole graph: corpus, pretraining, cells, report.

What the study must have read and scored is computed here from the official files themselves.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from checkout import STUDY, Checkout

from xlgap.data.sources import ReleaseDirectory
from xlgap.formats import read_json, read_jsonl

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SHAPE = {"layers": 2, "width": 64, "heads": 2, "feed_forward": 128}
TUNED = {"learning_rate": 0.002, "batch_rows": 16, "max_length": 192}
SLICE: dict[str, Any] = {
    **STUDY,
    "study": {"name": "slice", "source": "release", "seeds": [1]},
    "models": {"small": SHAPE, "small_untrained": {**SHAPE, "pretrained": False}},
    "arms": {"direct_en": {"regime": "direct_en"}, "pretrained": {"regime": "pretrained"}},
    "tasks": {
        "udpos": {**TUNED, "train_rows": 600, "dev_rows": 40, "test_rows": 120, "epochs": 5},
        "xnli": {**TUNED, "test_rows": 120},
        "xquad": {**TUNED, "test_rows": 30},
        "tatoeba": {**TUNED, "test_rows": 150},
    },
    "intermediate": {
        "mnli": {**TUNED, "train_rows": 96, "dev_rows": 30, "epochs": 1},
        "squad": {**TUNED, "train_rows": 48, "dev_rows": 20, "epochs": 1},
    },
    "pretrain": {
        **STUDY["pretrain"],
        "corpus_lines": 1500,
        "vocabulary": 2000,
        "positions": 192,
        "tokens": 250_000,
        "learning_rate": 0.002,
    },
}
FILES = {
    "udpos": "xtreme_r/udpos/test-{code}.tsv",
    "xnli": "xtreme_r/xnli/test-{code}.tsv",
    "xquad": "xtreme_r/xquad/xquad.{code}.json",
    "tatoeba": "xtreme_r/tatoeba/v1/tatoeba.deu-eng.deu",
}
PRIMARY = {"udpos": "f1", "xnli": "accuracy", "xquad": "f1", "tatoeba": "accuracy"}
ABOVE = 20.0  # points of English token accuracy above that of the most frequent tag


def test_a_slice_of_the_real_files_ends_in_a_report(real_data: Path, tmp_path: Path) -> None:
    study = Checkout.make(tmp_path / "checkout", SLICE)
    study.xlgap("run", "--workers", "2", XLGAP_DATA=str(real_data.resolve()))
    folder = study.folder
    assert {a["question"] for a in read_json(folder / "report" / "answers.json")} == {1, 2, 3, 4, 5}
    assert "<svg" in (folder / "report" / "index.html").read_text(encoding="utf8")
    for task in FILES:
        predictions_stand_for_the_official_rows(folder, real_data, task)
    english_tags_are_learnt(folder, real_data)
    tasks_at_chance_are_called_so(folder)


def official(data: Path, task: str, code: str) -> dict[str, str]:
    """The items of an official test file by id: the line, the block of lines, the question."""
    text, _ = ReleaseDirectory(data).read(FILES[task].format(code=code))
    if task == "xquad":
        paragraphs = [p for article in json.loads(text)["data"] for p in article["paragraphs"]]
        return {asked["id"]: asked["question"] for p in paragraphs for asked in p["qas"]}
    items = text.strip("\n").split("\n\n" if task == "udpos" else "\n")
    return {str(number): item for number, item in enumerate(items, 1)}


def taken(data: Path, task: str, code: str) -> dict[str, str]:
    """Those items that a study takes: the ones whose ids have the smallest SHA-256, in their order."""
    items, limit = official(data, task, code), SLICE["tasks"][task]["test_rows"]
    assert len(items) > limit
    kept = set(sorted(items, key=lambda key: hashlib.sha256(key.encode()).digest())[:limit])
    return {key: item for key, item in items.items() if key in kept}


def predictions_stand_for_the_official_rows(folder: Path, data: Path, task: str) -> None:
    retrieval = task == "tatoeba"
    languages, arms = (["de"], SLICE["arms"]) if retrieval else (["de", "en"], ["direct_en"])
    found = folder / "results" / "predictions" / task
    assert {p.relative_to(found).as_posix() for p in found.rglob("*.jsonl")} == {
        f"{model}-{arm}/seed1/{code}.jsonl"
        for model in SLICE["models"]
        for arm in arms
        for code in languages
    }
    for path in found.rglob("*.jsonl"):
        rows, expected = read_jsonl(path), taken(data, task, path.stem)
        assert [row["id"] for row in rows] == list(expected)
        read = read_jsonl(folder / "data" / "prepared" / task / "test" / path.name)
        assert {row["id"]: as_released(task, row) for row in read} == expected
        if task == "udpos":
            sizes = [len(sentence.split("\n")) for sentence in expected.values()]
            assert [len(row["tags"]) for row in rows] == sizes
        if retrieval:
            assert {row["match"] for row in rows} <= set(expected)


def as_released(task: str, row: dict[str, Any]) -> str:
    """A prepared row as the official file has it."""
    if task == "udpos":
        return "\n".join(map("\t".join, zip(row["tokens"], row["tags"], strict=True)))
    texts = {"xnli": ("text", "text_b", "label"), "xquad": ("question",), "tatoeba": ("text",)}
    return "\t".join(row[key] for key in texts[task])


def english_tags_are_learnt(folder: Path, data: Path) -> None:
    sentences = taken(data, "udpos", "en").values()
    right = [line.split("\t")[1] for sentence in sentences for line in sentence.split("\n")]
    often = 100 * max(Counter(right).values()) / len(right)
    found = folder / "results" / "predictions" / "udpos" / "small-direct_en" / "seed1" / "en.jsonl"
    given = [tag for row in read_jsonl(found) for tag in row["tags"]]
    accuracy = 100 * sum(a == b for a, b in zip(right, given, strict=True)) / len(right)
    assert accuracy > often + ABOVE
    (said,) = [
        s
        for s in scores(folder, "udpos")
        if (s["model"], s["language"], s["metric"]) == ("small", "en", "token_accuracy")
    ]
    assert float(said["value"]) == pytest.approx(accuracy, abs=1e-6)
    assert float(said["majority"]) == pytest.approx(often, abs=1e-6)


def scores(folder: Path, task: str) -> list[dict[str, str]]:
    with (folder / "results" / "scores" / f"{task}.csv").open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def tasks_at_chance_are_called_so(folder: Path) -> None:
    """A cell of the page says it where its score is not above chance by two standard errors."""
    page = (folder / "report" / "index.html").read_text(encoding="utf8")
    (table,) = re.findall(r"<th>Model</th><th>tatoeba \(.*?</table>", page, re.DOTALL)
    heads = re.findall(r"<th>(\w+) \((\w+), (\w+)[,)]", table)
    called = {}
    for model in SLICE["models"]:
        (row,) = re.findall(rf"<tr><td>{model}</td>(.*?)</tr>", table)
        for head, cell in zip(heads, re.findall(r"<td>(.*?)</td>", row), strict=True):
            called[model, *head] = cell.endswith("; at chance")
    expected = {
        (s["model"], task, s["metric"], s["arm"]): (
            float(s["value"]) - float(s["chance"]) <= 2 * float(s["stderr"])
        )
        for task, metric in PRIMARY.items()
        for s in scores(folder, task)
        if s["metric"] == metric and s["language"] == ("de" if task == "tatoeba" else "en")
    }
    assert {key: said for key, said in called.items() if key in expected} == expected
    assert expected["small", "xnli", "accuracy", "direct_en"]
    assert not expected["small", "udpos", "f1", "direct_en"]
    hopeless = sorted(
        task
        for task in PRIMARY
        if all(at for key, at in expected.items() if key[:2] == ("small", task))
    )
    said = f"At chance in English for every model and left out: {', '.join(hopeless)}."
    assert said in read_json(folder / "report" / "answers.json")[0]["reason"]
