"""What every release file must be, whatever its format: told with its line before a reader begins."""

from __future__ import annotations

import hashlib
import json
import lzma
from pathlib import Path

import pytest

from xlgap.data.directory import ReleaseDirectory
from xlgap.data.sources import load
from xlgap.errors import DataError
from xlgap.tasks import get_task

TURKISH = "Şehir uyanık\tGüneş doğdu\tneutral\nÇocuk gülüyor\tÇocuk üzgün değil\tentailment\n" * 6


def test_a_mark_of_byte_order_counts_for_the_digest_alone(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + TURKISH.encode()
    (tmp_path / "a.tsv").write_bytes(content)
    text, facts = ReleaseDirectory(tmp_path).read("a.tsv")
    assert text == TURKISH
    assert facts["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("taken_for", ["latin-1", "cp1252"])
def test_utf8_that_was_encoded_twice(tmp_path: Path, taken_for: str) -> None:
    text = "plain\n" + TURKISH.replace("Ç", "C")
    wrong = text.encode().decode(taken_for, errors="replace").encode()
    assert b"\xef\xbf\xbd" not in wrong
    (tmp_path / "a.tsv").write_bytes(wrong)
    message = r"a\.tsv, line 2: expected UTF-8, got what is UTF-8 twice, '.*' in place of 'Ş'"
    with pytest.raises(DataError, match=message):
        ReleaseDirectory(tmp_path).read("a.tsv")


@pytest.mark.parametrize(
    "text", ["Ã© stands for é" * 9, "a dash â€“ and no more", "Ä€ Ã„ ß" * 9, "é" * 50]
)
def test_letters_that_only_look_like_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.tsv").write_text(text, encoding="utf8")
    assert ReleaseDirectory(tmp_path).read("a.tsv")[0] == text


@pytest.mark.parametrize("text", ["", "\n", " \n\n"])
def test_an_empty_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.tsv").write_text(text)
    with pytest.raises(DataError, match=r"a\.tsv, line 1: the file is empty, expected some text"):
        ReleaseDirectory(tmp_path).read("a.tsv")


def test_a_truncated_xz_is_told_with_the_line_it_ends_in(tmp_path: Path) -> None:
    lines = [hashlib.sha256(str(i).encode()).hexdigest() + "\n" for i in range(20_000)]
    whole = lzma.compress("".join(lines).encode())
    (tmp_path / "a.tsv.xz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        DataError, match=r"a\.tsv\.xz, line \d+: damaged .*, expected a whole"
    ) as caught:
        ReleaseDirectory(tmp_path).read("a.tsv")
    line = int(str(caught.value).split(", line ")[1].split(":")[0])
    assert 8_000 < line < 10_100
    (tmp_path / "a.tsv.xz").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.tsv\.xz, line 1: damaged or truncated \.xz"):
        ReleaseDirectory(tmp_path).read("a.tsv")


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.xz"])
def test_a_directory_in_place_of_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=rf"/{name}: expected a file, got a directory; put the file"):
        ReleaseDirectory(tmp_path).read("a.tsv")


def listed(root: Path, name: str, digest: str) -> None:
    entry = {"path": f"{name}.xz", "raw_sha256": digest}
    (root / "MANIFEST.json").write_text(json.dumps({"files": [entry]}))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\tneutral", "", r"line \d+: expected 3 .*: the labels are stripped"),
        ("", "", "line 1: the file is empty, expected some text: fetch the file again"),
        ("\tneutral", "\tnone", r"line \d+: label 'none' is outside the set; allowed: .*"),
    ],
)
def test_what_is_wrong_stands_before_the_digest(
    release_files: Path, old: str, new: str, message: str
) -> None:
    name = "xtreme_r/xnli/test-de.tsv"
    text = ReleaseDirectory(release_files).read(name)[0]
    (release_files / name).write_text(text.replace(old, new) if old else "", encoding="utf8")
    listed(release_files, name, "0" * 64)
    digests = rf"; {name} has SHA-256 \S+\.\.\., MANIFEST\.json lists 000000000000\.\.\.$"
    with pytest.raises(DataError, match=rf"test-de\.tsv, {message}.*{digests}"):
        load(get_task("xnli"), "test", ["de"], source="release", data_dir=release_files)


def test_a_premise_that_is_missing_is_not_taken_for_stripped_labels(release_files: Path) -> None:
    name = "xtreme_r/xnli/test-de.tsv"
    text = ReleaseDirectory(release_files).read(name)[0]
    rows = [line.split("\t", 1)[1] for line in text.splitlines()]
    (release_files / name).write_text("\n".join(rows) + "\n", encoding="utf8")
    with pytest.raises(DataError, match=r"line 1: expected 3 .* got 2; the file may be truncated or"):
        load(get_task("xnli"), "test", ["de"], source="release", data_dir=release_files)
