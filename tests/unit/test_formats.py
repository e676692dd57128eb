from __future__ import annotations

import json
import lzma
import math
import os
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgap import formats
from xlgap.errors import DataError, ResultError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values))
def test_equal_values_have_equal_digests_whatever_their_order(value):
    backwards = dict(reversed(value.items()))
    assert formats.canonical(value) == formats.canonical(backwards)
    assert formats.digest(value) == formats.digest(backwards)


def test_digests_tell_values_apart():
    assert formats.digest({"a": 1}) != formats.digest({"a": 2})
    assert len(formats.digest([], 8)) == 8


def test_file_and_directory_digests(tmp_path):
    (tmp_path / "a").write_text("x")
    before = formats.dir_digest(tmp_path)
    (tmp_path / ".gitignore").write_text("written by DVC")
    assert formats.dir_digest(tmp_path) == before
    (tmp_path / "a").rename(tmp_path / "b")
    assert formats.dir_digest(tmp_path) != before
    assert formats.file_digest(tmp_path / "b", 64).startswith("2d711642b726b04401627ca9fbac32f5")


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused_with_file_and_place(tmp_path, odd):
    path = tmp_path / "answers.json"
    formats.write_json(path, {"old": None})
    with pytest.raises(ResultError, match=rf"answers\.json: not written: a\.b\[1\] is {odd}, a number"):
        formats.write_json(path, {"a": {"b": [1.0, odd]}})
    assert formats.read_json(path) == {"old": None}
    lines = tmp_path / "rows.jsonl"
    with pytest.raises(ResultError, match=r"rows\.jsonl, line 2: not written: score is "):
        formats.write_jsonl(lines, [{"score": 1.0}, {"score": odd}])
    assert not lines.exists()
    with pytest.raises(ValueError, match="JSON compliant"):
        formats.digest({"score": odd})
    formats.write_json(path, formats.finite({"a": (1.0, odd)}))
    assert formats.read_json(path) == {"a": [1.0, None]}


class StopError(Exception):
    pass


def test_an_exception_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "scores.json"
    formats.write_json(path, {"old": 1})

    def write_half() -> None:
        with formats.atomic_path(path) as temporary:
            temporary.write_text("half")
            raise StopError

    with pytest.raises(StopError):
        write_half()
    assert formats.read_json(path) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["scores.json"]


def test_rows_that_fail_half_way_leave_the_old_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    formats.write_jsonl(path, [{"id": "old"}])

    def rows():
        yield {"id": "new"}
        raise StopError

    with pytest.raises(StopError):
        formats.write_jsonl(path, rows())
    assert formats.read_jsonl(path) == [{"id": "old"}]


def test_an_exception_leaves_the_old_directory(tmp_path):
    path = tmp_path / "model"
    with formats.atomic_dir(path) as temporary:
        (temporary / "weights").write_text("old")

    def write_half() -> None:
        with formats.atomic_dir(path) as temporary:
            (temporary / "weights").write_text("half")
            raise StopError

    with pytest.raises(StopError):
        write_half()
    assert (path / "weights").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_a_new_directory_replaces_the_old_one_whole(tmp_path):
    path = tmp_path / "model"
    for name in ("first", "second"):
        with formats.atomic_dir(path) as temporary:
            (temporary / name).touch()
    assert [p.name for p in path.iterdir()] == ["second"]


def test_results_have_ordinary_permissions(tmp_path):
    mask = os.umask(0o022)
    try:
        formats.write_text(tmp_path / "file", "x")
        with formats.atomic_dir(tmp_path / "folder"):
            pass
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o755


def test_rows_keep_unicode_and_count(tmp_path):
    path = tmp_path / "deep" / "rows.jsonl"
    rows = [{"text": "ภาษาไทย\u2028x", "id": "1"}, {"text": "", "id": "2"}]
    assert formats.write_jsonl(path, rows) == 2
    assert formats.read_jsonl(path) == rows
    assert "ภาษาไทย" in path.read_text(encoding="utf8")


@pytest.mark.parametrize("text", ['{"id": 1}\n{"id": ', '{"id": 1}\n[1]\n', '{"id": 1}\n3\n'])
def test_a_bad_row_names_file_and_line(tmp_path, text):
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=r"rows\.jsonl, line 2"):
        formats.read_jsonl(path)


def test_bad_json_names_the_place(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text('{\n "rows": 3,\n')
    with pytest.raises(DataError, match=r"manifest\.json: not valid JSON at line 3"):
        formats.read_json(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "lists or objects stand too deep in one another; the file is damaged"),
        ("[" + "9" * 5000 + "]", "a number has too many digits; the file is damaged"),
    ],
)
def test_json_beyond_what_can_be_read_is_damaged(tmp_path, text, said):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"config\.json: {said}: fetch or make it again"):
        formats.read_json(path, {})
    with pytest.raises(DataError, match=rf"config\.json, line 1: {said}"):
        formats.read_jsonl(path)


SHAPE = {"files": [{"path": str, "rows": int}], "splits": {str: {"en": dict}}}
FITS = {"files": [{"path": "a", "rows": 1, "more": None}], "splits": {"dev": {"en": {"x": 1}}}}


@pytest.mark.parametrize("value", [FITS, {"files": [], "splits": {}, "version": 1}])
def test_json_of_a_shape_is_read_whole(tmp_path, value):
    formats.write_json(tmp_path / "a.json", value)
    assert formats.read_json(tmp_path / "a.json", SHAPE) == value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "it must be an object, got a list"),
        ({}, "files must be a list, got nothing"),
        ({"files": None}, "files must be a list, got nothing"),
        ({"files": [1]}, r"files\[0\] must be an object, got a whole number"),
        ({"files": [{"path": "a", "rows": 1}, {}]}, r"files\[1\]\.path must be a text, got nothing"),
        ({"files": [{"path": "a", "rows": True}]}, "rows must be a whole number, got true or false"),
        ({**FITS, "splits": {"dev": {}}}, r"splits\.dev\.en must be an object, got nothing"),
        ({**FITS, "splits": {"dev": 1.5}}, r"splits\.dev must be an object, got a number"),
    ],
)
def test_json_of_another_shape_names_the_place(tmp_path, value, said):
    formats.write_json(tmp_path / "a.json", value)
    with pytest.raises(DataError, match=rf"a\.json: (.*\.)?{said}; the file is damaged"):
        formats.read_json(tmp_path / "a.json", SHAPE)


def test_the_compressed_twin_is_read(tmp_path):
    (tmp_path / "a.jsonl.xz").write_bytes(lzma.compress(b'{"id": 1}\n'))
    assert formats.read_jsonl(tmp_path / "a.jsonl") == [{"id": 1}]
    assert formats.read_jsonl(tmp_path / "a.jsonl.xz") == [{"id": 1}]


@pytest.mark.parametrize("keep", [0.5, 0.05])
def test_a_truncated_xz_is_said_to_be_one(tmp_path, keep):
    whole = lzma.compress(json.dumps(list(range(5000))).encode())
    (tmp_path / "a.json.xz").write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(DataError, match=r"a\.json\.xz, line \d+: damaged or truncated"):
        formats.read_json(tmp_path / "a.json")


def test_something_else_named_xz_is_damaged(tmp_path):
    (tmp_path / "a.json.xz").write_bytes(b"not xz at all")
    with pytest.raises(DataError, match="damaged"):
        formats.read_json(tmp_path / "a.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.txt: no such file"):
        formats.read_text(tmp_path / "absent.txt")


def test_other_encodings_are_refused(tmp_path):
    (tmp_path / "latin1.txt").write_bytes("Zürich".encode("latin1"))
    with pytest.raises(DataError, match="byte 1 is not UTF-8"):
        formats.read_text(tmp_path / "latin1.txt")


KILLED = """
import os, signal, sys
from pathlib import Path
from xlgap.formats import atomic_dir
with atomic_dir(Path(sys.argv[1])) as temporary:
    (temporary / "half.json").write_text("{")
    print(flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_kill_left_beside_a_folder_goes_and_what_is_being_made_stays(tmp_path):
    """A stage that depends on the whole parent would read it."""
    out = tmp_path / "out"
    command = [sys.executable, "-c", KILLED, str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        (left,) = tmp_path.iterdir()
        with formats.atomic_dir(out):
            assert (left / "half.json").is_file()
        other.communicate(b"\n")
    assert left.is_dir()
    with formats.atomic_dir(out) as temporary:
        assert not left.exists()
        (temporary / "whole.json").write_text("{}")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_the_user_s_with_a_similar_name_stays(tmp_path):
    for name in (".out.backup", ".out.x1y2", ".another.x1y2"):
        (tmp_path / name).mkdir()
    with formats.atomic_dir(tmp_path / "out"):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *(".another.x1y2", ".out.backup", ".out.x1y2", "out"),
    ]
