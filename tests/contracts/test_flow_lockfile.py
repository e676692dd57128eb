"""What the flow does to ``dvc.lock`` is what DVC does, and it waits for DVC's lock as DVC does."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from dvc.dvcfile import Lockfile
from dvc.utils.serialize import dumps_yaml, parse_yaml, parse_yaml_for_update
from hypothesis import given, settings
from hypothesis import strategies as st

import lockfile
from lockfile import Entries, is_plain, lines_of, replace_stage, stage_lines, write_lines
from xlgap.errors import ResultError

FLOWS = Path(__file__).resolve().parents[2] / "flows"


def out() -> dict[str, Any]:
    return {"path": "data/a", "hash": "md5", "md5": "0123456789abcdef0123456789abcdef.dir", "size": 12}


def entry(value: Any = 1) -> dict[str, Any]:
    return {
        "cmd": "xlgap finetune a b c",
        "deps": [out()],
        "params": {"params.yaml": {"train": value}},
        "outs": [out()],
    }


def lock(*names: str) -> str:
    return dumps_yaml({"schema": "2.0", "stages": {name: entry() for name in names}})


def by_dvc(text: str, name: str, new: dict[str, Any]) -> str:
    """What ``Lockfile.dump_stages`` does to the text."""
    data = parse_yaml_for_update(text, "dvc.lock") if text else {"schema": "2.0", "stages": {}}
    data["stages"].update({name: new})
    return dumps_yaml(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(name=st.sampled_from(["prepare@a", "warmstart@b-c.d", "report", "new@e"]), value=values)
def test_a_stage_is_recorded_in_the_bytes_of_dvc(name: str, value: Any) -> None:
    lines = stage_lines(name, entry(value))
    if lines is not None:
        text = lock("prepare@a", "warmstart@b-c.d", "report")
        assert replace_stage(text, name, lines) == by_dvc(text, name, entry(value))


@pytest.mark.parametrize(
    "value",
    [0.001, 1e-05, "a: b", "two\nlines", "word " * 60, "中文", [1, [2.5, "x"]], {"a": {"b": None}}],
)
@pytest.mark.parametrize("text", ["", lock("report"), lock("a", "report", "b")])
def test_usual_parameters_are_recorded_without_dvc(text: str, value: Any) -> None:
    lines = stage_lines("report", entry(value))
    assert lines is not None
    assert replace_stage(text, "report", lines) == by_dvc(text, "report", entry(value))


@pytest.mark.parametrize(
    "text",
    [
        lock("a") + "datasets: []\n",
        "# by hand\n" + lock("a"),
        lock("a").replace("    deps:", "    # by hand\n    deps:").replace("  a:", "  a: # mine"),
        lock("a").replace("    outs:", "\n    outs:"),
        lock("a").replace("\n", "\r\n"),
        lock("a").removesuffix("\n"),
        lock("a").replace("'2.0'", "'1.0'"),
        "<<<<<<< HEAD\n" + lock("a"),
        lock("a").replace("  a:", "  'a':"),
    ],
)
def test_a_file_that_someone_edited_is_left_to_dvc(text: str) -> None:
    assert not is_plain(text)
    lines = stage_lines("a", entry())
    assert lines is not None
    assert replace_stage(text, "a", lines) is None


def test_values_that_refer_to_each_other_are_left_to_dvc() -> None:
    shared = ["en"]
    assert stage_lines("a", entry([shared, shared])) is None
    assert stage_lines("a", entry([["en"], ["en"]])) is not None


def test_entries_are_those_that_dvc_reads() -> None:
    text = replace_stage(lock("a", "b"), "c", stage_lines("c", entry({"x": [1.5]})) or "")
    assert text is not None
    read = Entries(text)
    assert dict(read) == Lockfile.validate(parse_yaml(text, "dvc.lock"))["stages"]
    assert "d" not in read


def test_an_entry_that_dvc_refuses_is_refused() -> None:
    from dvc.utils.strictyaml import YAMLValidationError

    text = lock("a", "b").replace("cmd:", "command:", 1)
    assert is_plain(text)
    read = Entries(text)
    assert read["b"] == entry()
    with pytest.raises(YAMLValidationError, match=r"dvc\.lock"):
        read["a"]


def test_a_list_of_locks_is_never_cut_short(tmp_path: Path) -> None:
    """DVC empties the file before it writes: who ends there leaves one that nobody can read."""
    import dvc.rwlock
    from dvc.fs import localfs

    edit = lockfile._editing(dvc.rwlock._edit_rwlock)
    with edit(str(tmp_path), localfs, False) as locks:
        locks["read"]["/data"].append({"pid": 1, "cmd": "dvc"})
    before = (tmp_path / "rwlock").read_text()
    assert "/data" in before
    with pytest.raises(TypeError), edit(str(tmp_path), localfs, False) as locks:
        locks["read"]["/models"].append(object())  # cannot be written: the end of the process
    assert (tmp_path / "rwlock").read_text() == before
    with edit(str(tmp_path), localfs, False) as locks:
        assert dict(locks["read"]) == {"/data": [{"pid": 1, "cmd": "dvc"}]}


def test_a_stage_of_another_checkout_is_taken_over(tmp_path: Path) -> None:
    theirs, ours = lock("a", "b"), tmp_path / "dvc.lock"
    lines = lines_of(theirs, "b")
    assert lines is not None
    write_lines(ours, "b", lines)
    assert ours.read_text() == lock("b")
    ours.write_text(lock("a", "b", "c").replace("size: 12", "size: 13"))
    write_lines(ours, "b", lines)
    assert Lockfile.validate(parse_yaml(ours.read_text(), "x"), "x")["stages"]["b"] == entry()
    assert lines_of(ours.read_text(), "d") is None
    assert lines_of("# a note\n" + theirs, "b") is None


@pytest.mark.parametrize(
    ("file", "lines"),
    [
        ("# a note\n" + lock("a"), lock("b").partition("stages:\n")[2]),
        (lock("a"), lock("c").partition("stages:\n")[2]),  # of another stage
        (lock("a"), lock("b", "c").partition("stages:\n")[2]),
        (lock("a"), "  b:\nnot indented\n"),
        (lock("a"), ""),
    ],
)
def test_lines_that_are_none_of_dvc_are_refused(tmp_path: Path, file: str, lines: str) -> None:
    path = tmp_path / "dvc.lock"
    path.write_text(file)
    with pytest.raises(ResultError, match="bring the file back from git"):
        write_lines(path, "b", lines)
    assert path.read_text() == file


WAIT = f"""
import sys, time
sys.path.insert(0, {str(FLOWS)!r})
import lockfile
from dvc.lock import make_lock
lockfile.install()
lock = make_lock(sys.argv[1], wait=sys.argv[2] == "wait")
print("ready", flush=True)
lock.lock()
print(time.monotonic(), lock.is_locked, flush=True)
"""


def waiter(file: Path, how: str = "wait") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WAIT, str(file), how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_who_waits_for_the_lock_gets_it_at_once(tmp_path: Path) -> None:
    """DVC would look half a second after its first attempt, and find it free 0.45 seconds late."""
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with waiter(tmp_path / "lock") as process:
            time.sleep(0.55)
            assert process.poll() is None
            released = time.monotonic()
            fcntl.flock(file, fcntl.LOCK_UN)
            got, locked = process.communicate(timeout=20)[0].split()
    assert locked == "True"
    assert 0 <= float(got) - released < 0.35


def test_waiting_for_the_lock_can_be_interrupted(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with waiter(tmp_path / "lock") as process:
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            assert "KeyboardInterrupt" in process.communicate(timeout=20)[1]


def test_who_does_not_wait_is_refused_by_dvc(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with waiter(tmp_path / "lock", "no") as process:
            assert "dvc.lock.LockError" in process.communicate(timeout=20)[1]
