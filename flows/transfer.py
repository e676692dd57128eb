"""Outs and results of single stages, brought to DVC's remote and back, without DVC's own lock.

``dvc push --run-cache`` and ``dvc fetch --run-cache`` copy the entries of all stages each time, and
hold the repository's lock while bytes travel, so that no other stage starts (docs/log.md). Here a
stage's own outs and its one entry travel; the remote is laid out as DVC lays it out, and DVC's own
commands read and write the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sized
from pathlib import Path
from typing import Any

import lockfile
from xlgap.errors import DataError, ResultError

RUNS = "runs"  # DVC's name for the run-cache, here and in the remote


def push(repo: Any, names: Iterable[str]) -> None:
    """Bring outs of stages to the remote, and the entry of the run that made them.

    Raises:
        ResultError: not all of it arrived.
    """
    from dvc.stage.cache import _get_cache_hash, _get_stage_hash
    from dvc.stage.serialize import to_single_stage_lockfile

    for name in names:
        stage = _stage(repo, name)
        for odb, objects in stage.get_used_objs().items():
            _whole(repo.cloud.push(objects, odb=odb).failed, name, "pushed to")
        entry = to_single_stage_lockfile(stage)
        value, key = _get_cache_hash(entry), _get_stage_hash(stage)
        local = Path(repo.stage_cache._get_cache_path(key, value))
        if local.is_file():  # a stage that ran somewhere with its run-cache
            fs, folder = _remote_runs(repo, key)
            fs.makedirs(folder, exist_ok=True)
            fs.put_file(str(local), fs.join(folder, value))


def push_all(directory: Path, names: Iterable[str]) -> None:
    """The same for many stages that are up to date."""
    from dvc.repo import Repo

    lockfile.install()
    with Repo(str(directory), _wait_for_lock=True) as repo, contextlib.chdir(directory):
        push(repo, names)


def pull(repo: Any, names: Iterable[str]) -> None:
    """Have outs of stages, as ``dvc.lock`` has them, in the workspace.

    Raises:
        DataError: the remote does not have them.
    """
    for name in names:
        stage = _stage(repo, name)
        with repo.lock:
            if not stage.changed_outs():
                continue
        for odb, objects in stage.get_used_objs().items():
            _whole(repo.cloud.pull(objects, odb=odb).failed, name, "pulled from")
        with repo.lock:
            missing = [out for out in stage.outs if out.changed_cache()]
        _whole(missing, name, "pulled from")
        with repo.lock:
            stage.checkout(force=True)


def restorable(repo: Any, name: str) -> bool:
    """Whether ``dvc repro`` finds a stage up to date or restores it: its result is brought here.

    The run of the same command on the same bytes is looked for in the remote, then here.
    """
    from dvc.stage.cache import _get_stage_hash

    stage = _stage(repo, name)
    with repo.lock:
        if not stage.changed():
            return True
        stage.save_deps()
    key = _get_stage_hash(stage)
    fs, folder = _remote_runs(repo, key)
    local = Path(repo.stage_cache._get_cache_dir(key))
    with contextlib.suppress(FileNotFoundError):
        for found in sorted(fs.find(folder)):
            local.mkdir(parents=True, exist_ok=True)
            partial = local / f".{fs.name(found)}.partial"
            fs.get_file(found, str(partial))
            partial.replace(local / fs.name(found))
    if not local.is_dir() or not any(local.iterdir()):
        return False
    entry = repo.stage_cache._load(stage)
    if not entry:
        return False
    made = repo.stage_cache._create_stage(entry, wdir=stage.wdir)
    for odb, objects in made.get_used_objs().items():
        if repo.cloud.pull(objects, odb=odb).failed:
            return False
    return bool(made.outs_cached())


def entries(directory: Path, names: Iterable[str]) -> dict[str, str]:
    """The lines of ``dvc.lock`` of stages that DVC addresses by these names in a directory.

    The flow's processes replace lock files as a whole, so that each read finds a whole one.

    Raises:
        ResultError: there are none.
    """
    found = {}
    for name in names:
        file, short = _lock_file(directory, name)
        lines = lockfile.lines_of(file.read_text(encoding="utf8"), short) if file.is_file() else None
        if lines is None:
            raise ResultError(f"stage {name}: {file} has no entry of it; run it first.")
        found[name] = lines
    return found


def accept(repo: Any, directory: Path, wanted: Mapping[str, str]) -> None:
    """Give ``dvc.lock`` other lines for stages that ran elsewhere."""
    with repo.lock:
        for name, lines in wanted.items():
            lockfile.write_lines(*_lock_file(directory, name), lines)
        repo._reset()


def _lock_file(directory: Path, name: str) -> tuple[Path, str]:
    """Where a stage's entry is, and the stage's name in there."""
    file, _, short = name.rpartition(":")
    return (directory / (file or "dvc.yaml")).with_suffix(".lock"), short


def _stage(repo: Any, name: str) -> Any:
    """The stage that DVC addresses by ``name``."""
    (stage,) = repo.stage.collect(name)
    return stage


def _remote_runs(repo: Any, key: str) -> tuple[Any, str]:
    """The remote's file system, and the folder in it with runs of one command on the same bytes."""
    odb = repo.cloud.get_remote_odb(None, "push --run-cache", hash_name="md5-dos2unix")
    return odb.fs, odb.fs.join(odb.path, RUNS, key[:2], key)


def _whole(failed: Sized, name: str, how: str) -> None:
    if failed:
        raise DataError(
            f"stage {name}: {len(failed)} of its files could not be {how} DVC's remote; see "
            "that it answers and has them ('dvc push' where the stage ran)."
        )
