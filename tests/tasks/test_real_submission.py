"""Anyone's predictions on the real test sets: gold answers in the official layout score perfect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xlgap.data.sources import ReleaseDirectory, load, release_names
from xlgap.errors import DataError
from xlgap.evaluation import ledger, official
from xlgap.evaluation.submission import official_first, score_folder
from xlgap.tasks import get_task
from xlgap.tasks.base import Choose, Classify, Mine, Rank, Retrieve, Row, Span, Tag, Task

FEW = 2  # languages of a task, to be quick
EMPTY_GOLD = {("mlqa", "es"): "one gold answer is punctuation alone: F1 0 by MLQA's own script"}


def answer(task: Task, row: Row) -> dict[str, Any]:
    match task.kind:
        case Classify() | Choose():
            return {"label": row["label"]}
        case Tag():
            return {"tags": row["tags"]}
        case Span():
            return {"text": max(row["answers"]["text"], key=len)}
        case Retrieve():
            return {"match": row["id"]}
        case Mine():
            return {"match": row["match"]}
        case Rank():
            return {"ranked": list(row["targets"])}
    raise AssertionError(task.kind)


# The first lines of google-research/xtreme, mock_test_data/labels/tatoeba (commit 522434d).
TATOEBA_LABELS = {
    "af": (308, 441, 713, 233, 757, 35, 93, 939, 872, 52),
    "de": (367, 258, 374, 529, 528, 283, 348, 344, 282, 212),
}


@pytest.mark.parametrize("code", TATOEBA_LABELS)
def test_the_gold_answers_of_tatoeba_are_the_official_labels(real_data: Path, code: str) -> None:
    task = get_task("tatoeba")
    rows = load(task, "test", [code], source="release", data_dir=real_data)[code].rows
    text = official.written(task, rows, [{"id": row["id"], **answer(task, row)} for row in rows])
    assert tuple(map(int, text.split()[:10])) == TATOEBA_LABELS[code]
    assert len(text.split()) == 1000


def there(task: Task, language: str, directory: ReleaseDirectory) -> bool:
    try:
        names = release_names(task, "test", language, directory)
    except DataError:
        return False
    return all(directory.stored(name) is not None for name in names)


@pytest.mark.parametrize("name", [*official.layout()])
def test_gold_answers_in_the_official_layout_score_perfect(
    name: str, real_data: Path, tmp_path: Path
) -> None:
    task = official_first(official.layout()[name])
    directory = ReleaseDirectory(real_data)
    codes = [c for c in task.eval_languages if there(task, c, directory)][:FEW]
    if not codes:
        pytest.skip(f"no test file of {task.name} below {real_data}")
    gold = load(task, "test", codes, source="release", data_dir=real_data)
    (tmp_path / name).mkdir()
    for code in codes:
        rows = gold[code].rows
        found = [{"id": row["id"], **answer(task, row)} for row in rows]
        text = official.written(task, rows, found)
        path = tmp_path / name / official.file_name(task, code)
        path.write_text(text, encoding="utf8", newline="")
    scores = score_folder(tmp_path, real_data).scores[task.name]
    assert list(scores) == codes
    for code in set(codes) - {c for n, c in EMPTY_GOLD if n == task.name}:
        assert {scores[code][m] for m in (*ledger.official(task), *ledger.corrected(task))} == {100}


def test_an_official_submission_of_pawsx_is_scored_where_its_test_files_are(
    real_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "pawsx").mkdir()
    task = get_task("pawsx")
    for code in task.eval_languages:  # 2,000 lines in every language, as the benchmark takes them
        (tmp_path / "pawsx" / f"test-{code}.tsv").write_text("0\n" * 2000)
    found = score_folder(tmp_path, real_data)
    absent = {c: f"test-{c}.tsv" for c in ("en", "es", "fr", "ja", "ko")}
    assert sorted(found.scores["pawsx"]) == ["de", "zh"]
    assert set(found.unscored) == {f"pawsx/{name}" for name in absent.values()}
    labels = load(official_first(task), "test", ["de"], source="release", data_dir=real_data)["de"].rows
    assert len(labels) == 2000
    zeros = sum(row["label"] == "0" for row in labels)
    assert found.scores["pawsx"]["de"]["accuracy"] == pytest.approx(zeros / 20)


def test_an_official_submission_of_wikiann_beside_stripped_tests_stops_no_other_task(
    real_data: Path, tmp_path: Path
) -> None:
    for name in ("panx", "xnli"):
        (tmp_path / name).mkdir()
    (tmp_path / "panx" / "test-de.tsv").write_text("O\n\n" * 10_000)
    (tmp_path / "xnli" / "test-de.tsv").write_text("neutral\n" * 5010)
    found = score_folder(tmp_path, real_data)
    assert list(found.scores) == ["xnli"]
    assert "test-de.tsv is not there and" in found.unscored["panx/test-de.tsv"]
