"""Preparation of release files: rows, languages, caps, manifest; a failure leaves nothing."""

from __future__ import annotations

import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from release_folder import edit

from xlgap.config import Params, check
from xlgap.data.prepare import cap, prepare, require_as_prepared
from xlgap.errors import DataError
from xlgap.formats import dir_digest, read_json, read_jsonl
from xlgap.tasks import get_task

REAL = ("udpos", "xnli", "xquad", "tatoeba", "mnli", "squad")


@pytest.fixture
def study(raw_real_study: Callable[..., dict]) -> Callable[..., Params]:
    return lambda **changes: check(raw_real_study(**changes), Path("params.yaml"))


def test_languages_of_each_split(
    study: Callable[..., Params], release_files: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    found = {}
    for name in REAL:
        manifest = prepare(get_task(name), study(), out / name, data_dir=release_files)
        found[name] = {split: sorted(rows) for split, rows in manifest["splits"].items()}
        assert read_json(out / name / "manifest.json") == manifest
    assert found == {
        "udpos": {"train": ["de", "en"], "dev": ["de", "en"], "test": ["de", "en", "ru"]},
        "xnli": {"dev": ["en"], "test": ["de", "en", "ru"]},
        "xquad": {"test": ["de", "en", "ru"]},
        "tatoeba": {"test": ["de", "ru"]},
        "mnli": {"train": ["de", "en"], "dev": ["de", "en"]},
        "squad": {"train": ["en"], "dev": ["en"]},
    }
    files = sorted(str(p.relative_to(out / "udpos")) for p in (out / "udpos").rglob("*.*"))
    assert files == sorted(
        ["manifest.json", *(f"{s}/{c}.jsonl" for s, cs in found["udpos"].items() for c in cs)]
    )


def test_rows_and_manifest(study: Callable[..., Params], release_files: Path, tmp_path: Path) -> None:
    manifest = prepare(get_task("xnli"), study(), tmp_path / "xnli", data_dir=release_files)
    rows = read_jsonl(tmp_path / "xnli" / "test" / "de.jsonl")
    assert rows[1] == {
        "id": "2", "group": "1", "text": "Boot Boot 0", "text_b": "Fluss Boot 1001", "label": "neutral",
    }  # fmt: skip
    assert len(rows) == 24
    fact = manifest["splits"]["test"]["de"]
    assert (fact["rows"], fact["released_rows"], len(fact["sha256"])) == (24, 24, 64)
    assert fact["origin"]["files"][0]["path"] == "xtreme_r/xnli/test-de.tsv"
    assert manifest["noncommercial"] is True
    assert manifest["source"] == "release"


@pytest.mark.parametrize("harm", ["byte", "gone"])
def test_a_file_that_is_not_the_one_that_was_prepared(
    harm: str, study: Callable[..., Params], release_files: Path, tmp_path: Path
) -> None:
    manifest = prepare(get_task("xnli"), study(), tmp_path / "xnli", data_dir=release_files)
    require_as_prepared(tmp_path / "xnli", manifest)
    path = tmp_path / "xnli" / "test" / "de.jsonl"
    if harm == "byte":
        path.write_bytes(path.read_bytes().replace(b"Boot", b"Bood", 1))
    else:
        path.unlink()
    with pytest.raises(DataError, match=r"test/de\.jsonl: not the file .* --single-item prepare@xnli'"):
        require_as_prepared(tmp_path / "xnli", manifest)


def test_bytes_depend_on_nothing_but_the_data(
    study: Callable[..., Params], release_files: Path, tmp_path: Path
) -> None:
    for name in REAL:
        prepare(get_task(name), study(), tmp_path / "plain" / name, data_dir=release_files)
    for path in [p for p in release_files.rglob("*") if p.is_file()]:
        path.with_name(path.name + ".xz").write_bytes(lzma.compress(path.read_bytes()))
        path.unlink()
    for name in REAL:
        prepare(get_task(name), study(), tmp_path / "xz" / name, data_dir=release_files)
    assert dir_digest(tmp_path / "plain") == dir_digest(tmp_path / "xz")


def test_train_and_dev_of_a_divided_file_are_disjoint_and_complete(
    study: Callable[..., Params], release_files: Path, tmp_path: Path
) -> None:
    for name, groups in (("udpos", 20), ("mnli", 10)):
        prepare(get_task(name), study(), tmp_path / name, data_dir=release_files)
        train, dev = (read_jsonl(tmp_path / name / s / "de.jsonl") for s in ("train", "dev"))
        of_train, of_dev = {r["group"] for r in train}, {r["group"] for r in dev}
        assert of_train | of_dev == {str(n) for n in range(1, groups + 1)}
        assert not of_train & of_dev
        assert len(of_dev) == groups / 5


def test_caps_keep_the_same_items_in_every_language(
    study: Callable[..., Params], release_files: Path, tmp_path: Path
) -> None:
    params = study(tasks={"xnli": {"test_rows": 7}})
    manifest = prepare(get_task("xnli"), params, tmp_path / "xnli", data_dir=release_files)
    ids = [[r["id"] for r in read_jsonl(tmp_path / f"xnli/test/{c}.jsonl")] for c in ("de", "en", "ru")]
    assert ids[0] == ids[1] == ids[2]
    assert len(ids[0]) == 7
    assert manifest["splits"]["test"]["ru"]["released_rows"] == 24


def test_a_smaller_cap_keeps_a_part_of_a_larger_one() -> None:
    rows = [{"id": str(n)} for n in range(50)]
    few, many = cap(rows, 5), cap(rows, 20)
    assert [r for r in many if r in few] == few
    assert many == sorted(many, key=lambda r: int(r["id"]))
    assert cap(rows, None) == cap(rows, 50) == rows
    assert few != rows[:5]


def truncate(path: Path) -> None:
    packed = lzma.compress(path.read_bytes())
    path.with_name(path.name + ".xz").write_bytes(packed[: len(packed) // 2])
    path.unlink()


@pytest.mark.parametrize(
    ("task", "file", "damage", "message"),
    [
        (
            "xnli",
            "xnli/test-de.tsv",
            truncate,
            r"test-de\.tsv\.xz, line \d+: damaged or truncated \.xz",
        ),
        (
            "udpos",
            "udpos/test-ru.tsv",
            truncate,
            r"test-ru\.tsv\.xz, line \d+: damaged or truncated \.xz",
        ),
        (
            "xnli",
            "xnli/test-de.tsv",
            lambda p: p.write_bytes(p.read_text(encoding="utf8").encode("utf-16")),
            r"test-de\.tsv, line 1: byte 0 is not UTF-8 text",
        ),
        (
            "xnli",
            "xnli/test-ru.tsv",
            lambda p: edit(p, "\tneutral", ""),
            r"test-ru\.tsv, line 2: expected 3 tab-separated columns \(premise, .*\), got 2",
        ),
        (
            "xnli",
            "xnli/test-de.tsv",
            lambda p: edit(p, "\tcontradiction", "\tmaybe"),
            r"test-de\.tsv, line 3: label 'maybe' is outside the set; allowed: entailment, neutral",
        ),
        (
            "udpos",
            "udpos/test-de.tsv",
            lambda p: edit(p, "\tVERB", "\tVRB"),
            r"test-de\.tsv, line 2: tag 'VRB' is outside the set; allowed: ADJ, ADP",
        ),
        (
            "udpos",
            "udpos/train-en.tsv",
            lambda p: edit(p, "\tVERB", ""),
            r"train-en\.tsv, line 2: expected 2 tab-separated columns \(token, tag\), got 1",
        ),
        (
            "xquad",
            "xquad/xquad.de.json",
            lambda p: p.write_text(p.read_text()[:200]),
            r"xquad\.de\.json, line 1: not valid JSON at column",
        ),
        (
            "xquad",
            "xquad/xquad.ru.json",
            lambda p: edit(p, '"answer_start": ', '"answer_start": 1'),
            r"xquad\.ru\.json, article 1, paragraph 1, question 'q0': answer '0' does not stand at",
        ),
        (
            "xquad",
            "xquad/xquad.ru.json",
            lambda p: edit(p, '"context"', '"kontext"'),
            r"xquad\.ru\.json, article 1, paragraph 1: key 'context' is missing",
        ),
        (
            "mnli",
            "nli/mnli/train.jsonl",
            lambda p: edit(p, '"hypothesis"', '"hypo"'),
            r"train\.jsonl, line 1: expected the keys premise, hypothesis, label, hypothesis missing",
        ),
        (
            "tatoeba",
            "tatoeba/v1/tatoeba.deu-eng.deu",
            lambda p: edit(p, "Boot Boot 0\n", ""),
            r"tatoeba\.deu-eng\.deu, line 20: expected as many lines as .*, 20, got 19",
        ),
        ("xquad", "xquad/xquad.de.json", Path.unlink, r"xquad\.de\.json: no such file"),
        (
            "udpos",
            "udpos/test-de.tsv",
            lambda p: p.write_text(""),
            r"test-de\.tsv, line 1: the file is empty, expected some text",
        ),
    ],
)
def test_damaged_files_stop_with_one_sentence_and_write_nothing(
    study: Callable[..., Params],
    release_files: Path,
    tmp_path: Path,
    task: str,
    file: str,
    damage: Callable[[Path], None],
    message: str,
) -> None:
    (path,) = (p for p in release_files.rglob("*") if str(p).endswith(file))
    damage(path)
    with pytest.raises(DataError, match=message) as caught:
        prepare(get_task(task), study(), tmp_path / "out" / task, data_dir=release_files)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_failure_keeps_what_was_prepared_before(
    study: Callable[..., Params], release_files: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    prepare(get_task("xnli"), study(), out, data_dir=release_files)
    before = dir_digest(out)
    (release_files / "xtreme_r/xnli/test-ru.tsv").unlink()
    with pytest.raises(DataError):
        prepare(get_task("xnli"), study(), out, data_dir=release_files)
    assert dir_digest(out) == before


@pytest.mark.parametrize(
    ("directory", "message"),
    [
        (None, "no directory is named: set XLGAP_DATA"),
        (Path("nowhere"), "nowhere, which is no directory"),
    ],
)
def test_missing_directory(
    study: Callable[..., Params], tmp_path: Path, directory: Path | None, message: str
) -> None:
    with pytest.raises(DataError, match=f"task 'xnli' is read from release files.*{message}"):
        prepare(get_task("xnli"), study(), tmp_path / "out", data_dir=directory)
