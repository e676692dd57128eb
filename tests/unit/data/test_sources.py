"""Sources: the manifest's digests, the hub without a network, the lab's rows by language."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from xlgap.data import sources
from xlgap.data.sources import ReleaseDirectory, load
from xlgap.errors import DataError
from xlgap.tasks import get_task
from xlgap.tasks.base import HubDataset


def list_in_manifest(root: Path, name: str, digest: object) -> None:
    entry = {"path": f"{name}.xz", "raw_sha256": digest, "licence_class": "nc"}
    (root / "MANIFEST.json").write_text(json.dumps({"files": [entry]}))


def test_a_file_as_its_manifest_lists_it(release_files: Path) -> None:
    name = "xtreme_r/xquad/xquad.de.json"
    digest = hashlib.sha256((release_files / name).read_bytes()).hexdigest()
    list_in_manifest(release_files, name, digest)
    text, facts = ReleaseDirectory(release_files).read(name)
    assert text == (release_files / name).read_text(encoding="utf8")
    assert facts == {"path": name, "sha256": digest, "licence_class": "nc"}
    loaded = load(get_task("xquad"), "test", ["de", "en"], source="release", data_dir=release_files)
    assert (loaded["de"].noncommercial, loaded["en"].noncommercial) == (True, False)


def test_another_digest_than_the_manifest_lists(release_files: Path) -> None:
    list_in_manifest(release_files, "xtreme_r/xquad/xquad.de.json", "0" * 64)
    with pytest.raises(DataError, match=r"xquad\.de\.json: its content has SHA-256 .* lists 000000"):
        load(get_task("xquad"), "test", ["de"], source="release", data_dir=release_files)


@pytest.mark.parametrize("manifest", ["{}", "[]", '{"files":null}', '{"files":[{}]}', '{"files":[1]}'])
def test_a_damaged_manifest(release_files: Path, manifest: str) -> None:
    (release_files / "MANIFEST.json").write_text(manifest)
    with pytest.raises(DataError, match=r"MANIFEST\.json: .* must be .*: fetch or make it again"):
        load(get_task("xquad"), "test", ["de"], source="release", data_dir=release_files)


def test_a_manifest_with_a_number_for_a_digest(release_files: Path) -> None:
    list_in_manifest(release_files, "xtreme_r/xquad/xquad.de.json", 7)
    with pytest.raises(DataError, match=r"MANIFEST\.json lists 7"):
        load(get_task("xquad"), "test", ["de"], source="release", data_dir=release_files)


def test_tatoeba_names_files_by_macrolanguage(release_files: Path) -> None:
    folder = release_files / "xtreme_r/tatoeba/v1"
    for side in ("ara", "eng"):
        (folder / f"tatoeba.ara-eng.{side}").write_text("نهر\n" if side == "ara" else "river\n")
    loaded = load(get_task("tatoeba"), "test", ["ar"], source="release", data_dir=release_files)
    assert loaded["ar"].rows == [{"id": "1", "group": "1", "text": "نهر", "english": "river"}]


@pytest.mark.parametrize("name", ["xnli", "mnli", "squad", "xquad", "udpos", "tatoeba"])
def test_hub_definitions_read_rows_of_the_documented_columns(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The border is faked: what ``load_dataset`` yields, by the columns of each repository."""
    columns = {
        "xnli": {"premise": "a b", "hypothesis": "c", "label": 2},
        "mnli": {"premise": "a b", "hypothesis": "c", "label": 0, "promptID": 7, "genre": "fiction"},
        "squad": {
            "id": "x", "title": "t", "context": "one two", "question": "?",
            "answers": {"text": ["two"], "answer_start": [4]},
        },
        "udpos": {"tokens": ["a", "b"], "pos_tags": [7, 15]},
        "tatoeba": {
            "source_sentence": "der Fluss", "source_lang": "deu",
            "target_sentence": "the river", "target_lang": "eng",
        },
    }  # fmt: skip
    columns["xquad"] = columns["squad"]
    task = get_task(name)
    asked: list[tuple[str, str]] = []

    def download(hub: HubDataset, config: str, split: str, _: object) -> list[dict]:
        asked.append((config, split))
        return [columns[name]]

    monkeypatch.setattr(sources, "_download", download)
    assert task.hub is not None
    assert len(task.hub.revision) == 40
    language = "en" if name in {"mnli", "squad"} else "de"
    for split in task.hub.splits:
        loaded = load(task, split, [language], source="hub")[language]
        assert loaded.origin["revision"] == task.hub.revision
        assert len(loaded.rows) == 1
    assert asked[-1][0] == {
        "xnli": "de", "mnli": "default", "squad": "plain_text", "xquad": "xquad.de",
        "udpos": "udpos.German", "tatoeba": "tatoeba.deu",
    }[name]  # fmt: skip


def test_a_language_that_the_hub_lacks() -> None:
    with pytest.raises(
        DataError, match="google/xtreme on the hub has no language 'lt'; it has: af, ar"
    ):
        load(get_task("udpos"), "test", ["lt"], source="hub")


def test_the_hub_offline_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        DataError, match=r"cannot load facebook/xnli \(de, test.*; check the connect"
    ) as e:
        load(get_task("xnli"), "test", ["de"], source="hub")
    assert "\n" not in str(e.value)


def test_lab_rows_by_language() -> None:
    def lab(world, split, rows, seed):
        for item in range(rows):
            for code in world.languages:
                yield {
                    "language": code, "id": str(item), "group": "g",
                    "text": f"{split} {item}", "text_b": "b", "label": "neutral",
                }  # fmt: skip

    task = replace(get_task("xnli"), name="toy", lab=lab)
    loaded = load(task, "dev", ["en", "de"], source="lab", lab_rows=3)
    assert [r["text"] for r in loaded["de"].rows] == ["dev 0", "dev 1", "dev 2"]
    assert "language" not in loaded["en"].rows[0]
    bad = replace(task, lab=lambda w, s, n, seed: [r | {"label": "no"} for r in lab(w, s, n, seed)])
    with pytest.raises(
        DataError, match=r"lab task 'toy', dev, en, row 1 \(id '0'\): label 'no' is out"
    ):
        load(bad, "dev", ["en"], source="lab", lab_rows=3)
