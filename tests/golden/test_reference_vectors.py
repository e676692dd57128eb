"""Chunks, chunk F1 and average precision to the last digit, on vectors that others' code made.

Origin, versions, commands and licences: ``data/README.md``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqeval.metrics import f1_score

from xlgap.evaluation.chunks import Vocabulary, chunk_ends, flatten
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.rank import average_precision
from xlgap.tasks import get_task

DATA = Path(__file__).parent / "data"


def vectors(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DATA / name).read_text(encoding="utf8"))["vectors"]
    assert len(found) >= 30
    return found


@pytest.fixture(scope="module")
def mock() -> dict[str, dict[str, str]]:
    """By language: labels, predictions and F1."""
    found: dict[str, dict[str, str]] = {}
    for line in (DATA / "udpos_mock.txt").read_text(encoding="utf8").splitlines():
        language, what, text = line.split(" ", 2)
        found.setdefault(language, {})[what] = text
    return found


def sentences(text: str) -> list[list[str]]:
    return [sentence.split() for sentence in text.split(" / ")]


def rows(text: str) -> list[dict[str, Any]]:
    return [{"id": str(n), "tags": tags} for n, tags in enumerate(sentences(text))]


def test_udpos_is_scored_as_seqeval_0_0_12_scores_xtremes_mock_data(
    mock: dict[str, dict[str, str]],
) -> None:
    task = get_task("udpos")
    metric = get_metric("f1", task)
    found = {
        language: metric.score(task, rows(of["labels"]), rows(of["predictions"]), language)
        for language, of in mock.items()
    }
    assert len(found) == 33
    for language, score in found.items():
        assert score == pytest.approx(float(mock[language]["f1"]), rel=1e-14), language
    assert f"{np.mean(list(found.values())):.3f}" == "70.217"


def test_seqeval_1_2_2_differs_where_cconj_and_sconj_meet(mock: dict[str, dict[str, str]]) -> None:
    scores = {
        language: 100 * f1_score(sentences(of["labels"]), sentences(of["predictions"]))
        for language, of in mock.items()
    }
    assert f"{np.mean(list(scores.values())):.3f}" == "70.398"
    higher = {code for code, score in scores.items() if score > float(mock[code]["f1"]) + 1e-9}
    assert {"pt", "vi"} <= higher  # a CCONJ for a SCONJ, or the other way round


def test_bio_chunks_and_their_types_are_those_of_seqeval_0_0_12() -> None:
    for vector in vectors("bio_chunks.json"):
        tags = [sentence.split() for sentence in vector["tags"]]
        vocabulary = Vocabulary.of({tag for sentence in tags for tag in sentence}, bio=True)
        names = {int(vocabulary.type[i]): tag.split("-")[-1] for tag, i in vocabulary.number.items()}
        ends = chunk_ends(flatten(tags, vocabulary), vocabulary)
        found = [
            [names[int(ends.type[i])], int(ends.begin[i]), int(i) - 1]
            for i in np.flatnonzero(ends.is_end)
        ]
        assert found == vector["chunks"], vector["tags"]


def test_average_precision_is_sklearns() -> None:
    for vector in vectors("average_precision.json"):
        ids = [f"c{place}" for place in range(len(vector["right"]))]
        wanted = [name for name, flag in zip(ids, vector["right"], strict=True) if flag == "1"]
        assert average_precision(ids, wanted) == pytest.approx(vector["value"], rel=1e-14)
