"""Expectations: good data pass, each kind of damage stops with its sentence, results are repeatable."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.checks.validate import validate
from xlgap.config import Params, check
from xlgap.data.prepare import prepare
from xlgap.errors import DataError, ExpectationError
from xlgap.formats import read_json, read_jsonl, write_jsonl
from xlgap.tasks import get_task

REAL = ("udpos", "xnli", "xquad", "tatoeba", "mnli", "squad")


@pytest.fixture
def params(raw_real_study: Callable[..., dict]) -> Params:
    return check(raw_real_study(), Path("params.yaml"))


@pytest.fixture
def prepared(params: Params, release_files: Path, tmp_path: Path) -> Path:
    for name in REAL:
        prepare(get_task(name), params, tmp_path / "prepared" / name, data_dir=release_files)
    return tmp_path / "prepared"


@pytest.mark.parametrize("name", REAL)
def test_good_data_pass(name: str, params: Params, prepared: Path, tmp_path: Path) -> None:
    task = get_task(name)
    proxy = prepared / task.proxy_train if task.proxy_train else None
    findings = validate(task, params, prepared / name, tmp_path / "checks.json", proxy=proxy)
    assert all(finding.success for finding in findings)
    report = read_json(tmp_path / "checks.json")
    assert report["success"]
    assert report["evaluated"] == report["successful"] == len(findings) >= 18
    assert {f["split"] for f in report["findings"]} == {*report["splits"], "all"}


def test_results_are_the_same_bytes_and_docs_stand_apart(
    params: Params, prepared: Path, tmp_path: Path
) -> None:
    task = get_task("xnli")
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    validate(task, params, prepared / "xnli", first, tmp_path / "docs")
    validate(task, params, prepared / "xnli", second)
    assert first.read_bytes() == second.read_bytes()
    assert str(tmp_path) not in first.read_text()
    docs = tmp_path / "docs"
    pages = {str(page.relative_to(docs)) for page in docs.rglob("*.html")}
    validate(task, params, prepared / "xnli", second, docs)  # writes over what the first one left
    assert {str(page.relative_to(docs)) for page in docs.rglob("*.html")} == pages
    links = re.findall(r"validations/[^' ]*html", (docs / "index.html").read_text())
    assert len(links) == 3  # dev, test, all
    assert pages >= set(links)


def change(row: int, **values: object) -> Callable[[list[dict]], list[dict]]:
    """Replaces values of one row."""
    return lambda rows: [{**r, **values} if i == row else r for i, r in enumerate(rows)]


@pytest.mark.parametrize(
    ("name", "file", "damage", "message"),
    [
        (
            "xnli",
            "test/de",
            lambda rows: [{**r, "label": "maybe"} if i < 7 else r for i, r in enumerate(rows)],
            r"task 'xnli', language 'de', split 'test': expected that label is one of entailment.*"
            r"expect_column_values_to_be_in_set on label.* 7 of 24 rows .*ids 1, 2, 3, 4, 5, \.\.\.\)",
        ),
        (
            "xnli",
            "test/ru",
            lambda rows: [{k: v for k, v in r.items() if k != "text_b"} for r in rows],
            r"language 'ru', split 'test': expected that every row has the keys group, id, label, text,"
            r" text_b and no others .* 24 of 24 rows",
        ),
        (
            "xnli",
            "test/ru",
            change(3, text=" "),
            r"language 'ru'.*'text' is not empty.*1 of 24.*ids 4\)",
        ),
        (
            "xnli",
            "test/en",
            change(1, id="1"),
            r"an id stands once in a language.* 2 of 24.*ids 1, 1\)",
        ),
        ("xnli", "test/en", lambda rows: rows[:-1], r"there are as many rows as the manifest lists"),
        (
            "xnli",
            "test/en",
            change(5, id="99"),
            r"the same ids in every language.*\(ids (6|99)\); 2 more languages fail it",
        ),
        ("xnli", "test/de", change(0, text="x" * 5000), r"texts have 1 to 4000 characters.*ids 1\)"),
        (
            "xnli",
            "test/ru",
            lambda rows: [{**r, "text": "river", "text_b": f"boat {r['id']}"} for r in rows],
            r"language 'ru', split 'test': expected that at least 50% of the letters",
        ),
        (
            "tatoeba",
            "test/de",
            lambda rows: [{**r, "text": "Fluss", "english": "river"} for r in rows],
            r"at most 5% of the rows are duplicates .*19 of 20 rows .*ids 2, 3, 4, 5, 6, \.\.\.\)",
        ),
        (
            "udpos",
            "test/de",
            change(2, tags=["NOUN", "VRB", "NUM"]),
            r"tags are of ADJ.*1 of 15 rows .*ids 3\)",
        ),
        (
            "xnli",
            "test/de",
            lambda rows: [{**r, "label": "neutral"} for r in rows],
            r"language 'de', split 'test': expected that labels differ: .*stripped or are constant",
        ),
        (
            "udpos",
            "train/en",
            lambda rows: [{**r, "tags": ["X"] * len(r["tags"])} for r in rows],
            r"language 'en', split 'train': expected that labels differ: .*stripped or are constant",
        ),
        ("udpos", "dev/en", change(2, tags=["NOUN"]), r"split 'dev'.*as many tags as tokens.*ids 3\)"),
        ("udpos", "train/en", change(0, tokens=["a", "", "b"]), r"split 'train'.*no token is empty"),
        (
            "xquad",
            "test/de",
            change(0, answers={"text": ["Boot"], "answer_start": [3]}),
            r"every answer stands at its offset in the context.*ids q0\)",
        ),
    ],
)
def test_damaged_data_stop_with_one_sentence(
    params: Params,
    prepared: Path,
    tmp_path: Path,
    name: str,
    file: str,
    damage: Callable[[list[dict]], list[dict]],
    message: str,
) -> None:
    path = prepared / name / f"{file}.jsonl"
    write_jsonl(path, damage(read_jsonl(path)))
    with pytest.raises(ExpectationError, match=message) as caught:
        validate(get_task(name), params, prepared / name, tmp_path / "checks.json")
    assert "\n" not in str(caught.value)
    assert not read_json(tmp_path / "checks.json")["success"]


def test_a_missing_language(params: Params, prepared: Path, tmp_path: Path) -> None:
    (prepared / "xnli/test/ru.jsonl").unlink()
    with pytest.raises(
        ExpectationError, match=r"language 'ru', split 'test': .*languages are dev/en, test/de"
    ):
        validate(get_task("xnli"), params, prepared / "xnli", tmp_path / "checks.json")


def test_test_rows_in_training_data(params: Params, prepared: Path, tmp_path: Path) -> None:
    train = [
        {**row, "context": row["context"], "question": f"Another {row['question']}"}
        for row in read_jsonl(prepared / "xquad/test/en.jsonl")[:3]
    ]
    write_jsonl(prepared / "squad/train/en.jsonl", train)
    with pytest.raises(
        ExpectationError,
        match=r"language 'en'.*none of the test rows stand in training data.*3 of 12.*ids q0, q1, q2\)",
    ):
        validate(
            get_task("xquad"),
            params,
            prepared / "xquad",
            tmp_path / "checks.json",
            proxy=prepared / "squad",
        )


@pytest.mark.parametrize("text", ["context", "question"])
@pytest.mark.parametrize("side", ["text", "english"])
def test_a_retrieved_sentence_in_the_proxys_training_data(
    params: Params, prepared: Path, tmp_path: Path, text: str, side: str
) -> None:
    """Rows of a proxy of another kind, in English only: each text is compared for itself."""
    test = read_jsonl(prepared / "tatoeba/test/de.jsonl")
    path = prepared / "squad/train/en.jsonl"
    write_jsonl(path, change(4, **{text: test[2][side]})(read_jsonl(path)))
    with pytest.raises(
        ExpectationError,
        match=r"language 'de'.*none of the test rows stand in training data.*1 of 20.*ids 3\)",
    ):
        validate(
            get_task("tatoeba"),
            params,
            prepared / "tatoeba",
            tmp_path / "checks.json",
            proxy=prepared / "squad",
        )


def test_short_tagged_sentences_may_recur(params: Params, prepared: Path, tmp_path: Path) -> None:
    path = prepared / "udpos/test/en.jsonl"
    row = read_jsonl(path)[0]
    write_jsonl(path, [{**row, "id": str(n)} for n in range(15)])
    findings = validate(get_task("udpos"), params, prepared / "udpos", tmp_path / "checks.json")
    assert findings
    assert all(finding.success for finding in findings)


def test_nothing_prepared(params: Params, tmp_path: Path) -> None:
    (tmp_path / "xnli/test").mkdir(parents=True)
    with pytest.raises(DataError, match="no prepared file; run 'xlgap prepare'"):
        validate(get_task("xnli"), params, tmp_path / "xnli", tmp_path / "checks.json")


def test_half_a_prepared_file(params: Params, prepared: Path, tmp_path: Path) -> None:
    path = prepared / "xnli/test/de.jsonl"
    path.write_text(path.read_text(encoding="utf8")[:-20], encoding="utf8")
    with pytest.raises(DataError, match=r"de\.jsonl, line 24: not a JSON object"):
        validate(get_task("xnli"), params, prepared / "xnli", tmp_path / "checks.json")


def test_a_manifest_with_other_counts(params: Params, prepared: Path, tmp_path: Path) -> None:
    path = prepared / "squad/manifest.json"
    manifest = read_json(path)
    manifest["splits"]["dev"]["en"]["rows"] = 11
    path.write_text(json.dumps(manifest))
    with pytest.raises(ExpectationError, match=r"'dev'.*as many rows as the manifest lists"):
        validate(get_task("squad"), params, prepared / "squad", tmp_path / "checks.json")


def test_generated_data_are_not_the_users_to_correct(
    study: Callable[..., Params], tmp_path: Path
) -> None:
    """More rows than the lab has different ones."""
    params = study(
        languages={"evaluation": ["en"], "pretraining": ["en"]},
        arms={"direct_en": {"regime": "direct_en"}},
        tasks={"lab_nli": {"train_rows": 3, "dev_rows": 3, "test_rows": 80_000}},
        intermediate={},
    )
    prepare(get_task("lab_nli"), params, tmp_path / "lab_nli", data_dir=None)
    with pytest.raises(ExpectationError, match=r"generated: ask for fewer rows of 'lab_nli' in params"):
        validate(get_task("lab_nli"), params, tmp_path / "lab_nli", tmp_path / "checks.json")
