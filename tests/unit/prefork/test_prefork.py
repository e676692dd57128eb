"""The pre-fork server runs a command as if the caller had run it by itself."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import xlgap
from xlgap import prefork
from xlgap.prefork import launch

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the server needs Linux")

COMMANDS = """
import json, os, signal, sys, time
from xlgap import prefork

def facts(argv):
    place = [argv, sys.argv[1:], os.getcwd(), os.environ.get("COLOUR"), sys.stdin.read(), os.getpid()]
    print(json.dumps(place))
    print("to stderr", file=sys.stderr)
    old = os.umask(0); os.umask(old); print(oct(old))
    return 7

def fail(argv): raise LookupError("no such thing")
def leave(argv): sys.exit("told to leave")
def die(argv): os.kill(os.getpid(), signal.SIGSEGV)
def nested(argv):
    return 3 if prefork.call(os.environ["SOCKET"], [], entry="commands:facts") is None else 4

def linger(argv):
    "Writes its pid, then waits for a signal; SIGTERM makes it write a word and leave with 9."
    def stop(number, frame):
        open(argv[0] + ".stopped", "w").write(str(number)); os._exit(9)
    signal.signal(signal.SIGTERM, stop)
    open(argv[0] + ".part", "w").write(str(os.getpid())); os.replace(argv[0] + ".part", argv[0])
    time.sleep(60)
"""


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("commands")
    (path / "commands.py").write_text(COMMANDS)
    return path


@pytest.fixture(scope="module")
def socket(folder: Path) -> Iterator[str]:
    with launch.running(["json"], log=folder / "server.log") as path:
        assert path is not None
        yield path


def run(socket: str, folder: Path, function: str, *argv: str, out: Path | None = None) -> int:
    """Run a command through the server, its output in a file."""
    target = out or folder / "out"
    with target.open("wb") as file, Path(os.devnull).open("rb") as nothing:
        streams = (nothing.fileno(), file.fileno(), file.fileno())
        remote = prefork.start(
            socket, argv, entry=f"commands:{function}", path=str(folder), streams=streams
        )
        assert remote is not None
        return remote.wait()


def client(socket: str, folder: Path, function: str, *argv: str) -> subprocess.Popen[str]:
    code = (
        "import sys; from xlgap.prefork import client\n"
        "entry = 'commands:' + sys.argv[2]\n"
        "r = client.call(sys.argv[1], sys.argv[4:], entry=entry, path=sys.argv[3])\n"
        "sys.exit(77 if r is None else r)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, socket, function, str(folder), *argv], text=True
    )


def test_takes_over_the_callers_place(socket: str, folder: Path) -> None:
    (folder / "in").write_text("typed")
    old = os.umask(0o027)
    try:
        with (folder / "in").open("rb") as given, (folder / "out").open("wb") as out:
            os.environ["COLOUR"] = "blue"
            streams = (given.fileno(), out.fileno(), out.fileno())
            remote = prefork.start(
                socket, ["a", "b c"], entry="commands:facts", path=str(folder), cwd="/", streams=streams
            )
            assert remote is not None
            assert remote.wait() == 7
    finally:
        os.umask(old)
        del os.environ["COLOUR"]
    text = (folder / "out").read_text()
    assert f'[["a", "b c"], ["a", "b c"], "/", "blue", "typed", {remote.pid}]' in text
    assert "to stderr" in text
    assert "0o27" in text


def test_exit_codes_are_those_of_a_program(socket: str, folder: Path) -> None:
    assert run(socket, folder, "fail") == 1
    assert "LookupError: no such thing" in (folder / "out").read_text()
    assert run(socket, folder, "leave") == 1
    assert "told to leave" in (folder / "out").read_text()
    assert run(socket, folder, "die") == 128 + signal.SIGSEGV


def test_a_child_calls_no_server(socket: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKET", socket)
    assert run(socket, folder, "nested") == 3


def test_signals_go_to_the_command(socket: str, folder: Path) -> None:
    mark = folder / "forwarded"
    with client(socket, folder, "linger", str(mark)) as process:
        wait_for(mark.exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 9
    assert (folder / "forwarded.stopped").read_text() == str(int(signal.SIGTERM))


def test_a_killed_client_takes_its_command_along(socket: str, folder: Path) -> None:
    mark = folder / "killed"
    with client(socket, folder, "linger", str(mark)) as process:
        wait_for(mark.exists)
        process.kill()
    wait_for(lambda: not alive(int(mark.read_text())))
    assert (folder / "killed.stopped").exists()


def test_refuses_other_import_time_settings(
    socket: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert prefork.start(socket, [], entry="commands:facts", path=str(folder)) is None
    assert "OMP_NUM_THREADS" in (folder / "server.log").read_text()


def test_a_refused_command_says_so_where_it_runs(
    socket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert prefork.call(socket, []) is None
    assert capsys.readouterr().err == (
        "note: the pre-fork server does not run this command: "
        "other import-time settings: OMP_NUM_THREADS\n"
    )


def test_what_preloaded_modules_set_is_no_other_setting(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that a child starts (DVC: xlgap) inherits what the imports in the server have set."""
    (tmp_path / "setting.py").write_text("import os\nos.environ['TORCH_X'] = '1'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with launch.running(["setting"], log=tmp_path / "log") as socket:
        assert socket is not None
        assert run(socket, folder, "facts", out=tmp_path / "out") == 7
        monkeypatch.setenv("TORCH_X", "1")
        assert run(socket, folder, "facts", out=tmp_path / "out") == 7
        monkeypatch.setenv("TORCH_X", "2")
        assert prefork.start(socket, [], entry="commands:facts", path=str(folder)) is None


def test_refuses_when_the_source_changed(tmp_path: Path) -> None:
    package = tmp_path / "xlgap"
    shutil.copytree(Path(xlgap.__file__).parent / "prefork", package / "prefork")
    (package / "__init__.py").write_text("")
    script = (
        "import os, pathlib, sys; from xlgap import prefork; from xlgap.prefork import launch\n"
        "with launch.running([], log=pathlib.Path('log')) as socket:\n"
        "    first = prefork.start(socket, ['1'], entry='builtins:len').wait()\n"
        "    pathlib.Path('xlgap/new.py').write_text('')\n"
        "    print(first, prefork.start(socket, ['1'], entry='builtins:len'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "1 None\n", done.stderr


def test_without_a_server_the_caller_runs_by_itself(tmp_path: Path) -> None:
    assert prefork.call(str(tmp_path / "nobody"), []) is None


def test_only_the_user_can_reach_the_socket(socket: str) -> None:
    assert stat.S_IMODE(Path(socket).parent.stat().st_mode) == 0o700


def test_a_module_that_starts_threads_is_not_preloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with launch.running(["threaded"], log=tmp_path / "log") as socket:
        assert socket is not None
        assert prefork.start(socket, [], entry="builtins:len") is None
    assert "importing 'threaded' started threads" in (tmp_path / "log").read_text()


def test_the_server_and_its_children_end_with_their_owner(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "orphan"
    script = (
        "import os, pathlib, sys, time; from xlgap import prefork; from xlgap.prefork import launch\n"
        "with launch.running([], log=pathlib.Path(sys.argv[1])) as socket:\n"
        "    remote = prefork.start(socket, [sys.argv[3]], entry='commands:linger', path=sys.argv[2])\n"
        "    print(socket, flush=True); time.sleep(60)\n"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path / "log"), str(folder), str(mark)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        socket = Path(owner.stdout.readline().strip())
        wait_for(mark.exists)
        owner.kill()
    wait_for(lambda: not alive(int(mark.read_text())))
    assert prefork.call(str(socket), []) is None
    wait_for(lambda: not socket.parent.exists())


def test_the_client_imports_the_standard_library_only() -> None:
    script = "import sys; import xlgap.prefork; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    slow = {"subprocess", "asyncio", "logging", "importlib.metadata", "tempfile"}
    names = set(done.stdout.split())
    assert not names & slow
    assert not [n for n in names if n in {"torch", "numpy", "yaml", "pydantic", "mlflow"}]
