"""Every task that reads release files: its sample end to end, its declaration, the real files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.checks.validate import validate
from xlgap.config import check
from xlgap.data import schema
from xlgap.data.prepare import prepare
from xlgap.data.sources import ReleaseDirectory, load, release_names
from xlgap.errors import DataError
from xlgap.evaluation.metrics import get_metric
from xlgap.formats import read_json
from xlgap.languages import CODES
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import SPLITS, Mine, Rank, Retrieve, Row, Span, Split, Tag, Task

TASKS = [task for name in task_names() if (task := get_task(name)).release is not None]
# XTREME-R's table of tasks, and XTREME's
OFFICIAL_LANGUAGES = {
    "xnli": 15,
    "udpos": 38,
    "xquad": 12,
    "tatoeba": 41,
    "lareqa": 11,
    "mewslix": 11,
    "bucc2018": 4,
    "pawsx": 7,
    "wikiann": 48,
    "xcopa": 11,
    "exams": 12,
    "mlqa": 7,
    "tydiqa": 9,
    "multichecklist": 49,
}
# divided, joined, generated or with rows dropped: see their own tests
COUNTED_ELSEWHERE = {
    *("pawsx", "wikiann", "anli_plus", "exams", "squad", "qamr", "tydiqa", "multichecklist"),
}
NOT_RELEASED = {  # languages without a file in the bundle
    "wikiann": {"th"},
    "tydiqa": {"ar", "bn", "fi", "id", "ru", "te"},
}
NOTHING_LEFT = {"f1", "em", "f1_mlqa", "em_mlqa"}
"""Rules of which some right answers are nothing: an article, a sign. Those score 0, as officially."""

every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


def gold_predictions(task: Task, rows: list[Row]) -> list[Row]:
    """Predictions that are right."""
    if isinstance(task.kind, Tag):
        return [{"id": row["id"], "tags": row["tags"]} for row in rows]
    if isinstance(task.kind, Span):
        return [
            {"id": row["id"], "text": max(row["answers"]["text"], key=len, default="")} for row in rows
        ]
    if isinstance(task.kind, Retrieve):
        return [{"id": row["id"], "match": row["id"]} for row in rows]
    if isinstance(task.kind, Mine):
        return [{"id": row["id"], "match": row["match"]} for row in rows]
    if isinstance(task.kind, Rank):
        return [{"id": row["id"], "ranked": row["targets"]} for row in rows]
    return [{"id": row["id"], "label": row["label"]} for row in rows]


def split_languages(task: Task, split: Split) -> tuple[str, ...]:
    if split == "candidates":
        return task.kind.pool if isinstance(task.kind, Rank) else ()
    return task.eval_languages if split == "test" else task.train_languages


def has_files(task: Task, directory: ReleaseDirectory) -> bool:
    names = (
        name
        for split in task.release or ()
        for code in split_languages(task, split)
        for name in release_names(task, split, code, directory)
    )
    return any(map(directory.stored, names))


@every_task
def test_sample(task: Task) -> None:
    assert len(task.sample) == 3
    rows = [{k: v for k, v in row.items() if k != "language"} for row in task.sample]
    assert [schema.problem(task.kind, row) for row in rows] == [None] * 3
    assert {row["language"] for row in task.sample} <= {*task.eval_languages, *task.train_languages}
    for name in task.metrics:
        metric = get_metric(name, task)
        assert metric.score(task, rows, gold_predictions(task, rows), "en") == 100


@every_task
def test_declaration(task: Task) -> None:
    assert {*task.train_languages, *task.eval_languages} <= set(CODES)
    assert len(task.eval_languages) == OFFICIAL_LANGUAGES.get(task.name, 0)
    assert task.licence
    assert task.citation
    if task.proxy_train is None:
        assert "en" in task.train_languages or task.role == "supplementary"
    else:
        assert not task.train_languages
        assert "en" in get_task(task.proxy_train).train_languages
    assert task.release is not None
    for split in SPLITS:
        if split == "dev" and split not in task.release:
            assert task.proxy_train or task.recipe.select == "last"  # nothing is selected on dev
            continue
        for code in split_languages(task, split):
            files = [f for f in task.release[split] if f.languages is None or code in f.languages]
            assert len([f for f in files if not f.needs]) <= 1, (split, code)
            assert files, (split, code)


@pytest.mark.slow
@every_task
def test_real_files(task: Task, real_data: Path) -> None:
    """All languages and splits: as many rows as released, gold perfect, ids of parallel sets agree."""
    directory = ReleaseDirectory(real_data)
    listed = directory.listed
    assert task.release is not None
    if not has_files(task, directory):
        pytest.skip(f"{real_data} has no file of '{task.name}'")
    for split in task.release:
        absent = NOT_RELEASED.get(task.name, set())
        codes = [code for code in split_languages(task, split) if code not in absent]
        loaded = load(task, split, codes, source="release", data_dir=real_data)
        for code, found in loaded.items():
            names = [file["path"] for file in found.origin["files"]]
            stands_in = "dev-" in names[0] or "/val." in names[0]
            divided = task.name in {"mnli", "udpos", "copa"} and split != "test" and stands_in
            divided |= task.name in COUNTED_ELSEWHERE or (task.name, code) == ("mnli", "id")
            for name in names if split != "candidates" else ():  # there a row is a sentence
                assert divided or len(found.rows) == listed[name]["rows"], name
            assert task.noncommercial or not found.noncommercial
            assert len({row["id"] for row in found.rows}) == len(found.rows)
            scored = split == "test" or (code == "en" and split != "candidates")
            for metric in task.metrics if scored else ():
                gold = gold_predictions(task, found.rows)
                reached = get_metric(metric, task).score(task, found.rows, gold, code)
                assert reached == 100 or (metric in NOTHING_LEFT and reached > 99.5), (code, metric)
        if split == "test" and task.parallel:
            ids = {code: [row["id"] for row in found.rows] for code, found in loaded.items()}
            first, *others = ids.values()
            assert all(found == first for found in others)


@pytest.mark.slow
def test_real_files_prepare_and_validate(
    raw_real_study: Callable[..., dict], real_data: Path, tmp_path: Path
) -> None:
    caps = {"train_rows": 500, "dev_rows": 100, "test_rows": 100}
    directory = ReleaseDirectory(real_data)
    tasks = [t for t in TASKS if t.role in {"target", "intermediate"} and has_files(t, directory)]
    names = [task.name for task in tasks]
    raw = raw_real_study(
        languages={"evaluation": ["en", "de", "ko", "sw", "tr", "zh"], "pretraining": ["en"]},
        tasks={name: caps for name in names if get_task(name).role == "target"},
        intermediate={name: caps for name in names if get_task(name).role == "intermediate"},
    )
    params = check(raw, Path("params.yaml"))
    for task in tasks:
        manifest = prepare(task, params, tmp_path / task.name, data_dir=real_data)
        capped = [found for split, found in manifest["splits"].items() if split != "candidates"]
        assert all(of_one["rows"] <= 500 for found in capped for of_one in found.values())
    for task in tasks:
        proxy = tmp_path / task.proxy_train if task.proxy_train else None
        out = tmp_path / "checks" / f"{task.name}.json"
        validate(task, params, tmp_path / task.name, out, proxy=proxy)
        assert read_json(out)["success"]


def test_a_real_file_truncated(real_data: Path, tmp_path: Path) -> None:
    name = "xtreme_r/xquad/xquad.de.json.xz"
    if not (real_data / name).is_file():
        pytest.skip(f"{real_data} has no {name}")
    (tmp_path / name).parent.mkdir(parents=True)
    whole = (real_data / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-1000])
    with pytest.raises(DataError, match=r"xquad\.de\.json\.xz, line \d+: damaged or truncated"):
        load(get_task("xquad"), "test", ["de"], source="release", data_dir=tmp_path)


def test_a_real_file_that_its_manifest_does_not_list_so(real_data: Path, tmp_path: Path) -> None:
    name = "xtreme_r/xnli/test-sw.tsv"
    if not (real_data / "MANIFEST.json").is_file():
        pytest.skip(f"{real_data} has no MANIFEST.json")
    shutil.copy(real_data / "MANIFEST.json", tmp_path)
    text, _ = ReleaseDirectory(real_data).read(name)
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(text.replace("neutral", "entailment", 1), encoding="utf8")
    with pytest.raises(DataError, match=r"test-sw\.tsv: its content has SHA-256"):
        load(get_task("xnli"), "test", ["sw"], source="release", data_dir=tmp_path)
