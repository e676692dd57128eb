"""A cell and seed of an earlier run, trained again from its commit, and compared line by line.

What the run says of itself comes from a server: names and paths are checked before anything is done
with them, and no command of it is executed as it stands.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from xlgap import layout
from xlgap.errors import ConfigError, ResultError, XlgapError
from xlgap.formats import write_text
from xlgap.launch.asked import PROCESSES
from xlgap.stages.lineage import DOCUMENT, LOCK, git, processor, software
from xlgap.tracking.base import KIND, RESTORED
from xlgap.tracking.past import PastRun
from xlgap.tracking.uri import VARIABLE

PREDICTIONS = "predictions"
WANTED = (DOCUMENT, PREDICTIONS)
"""What a run must have kept."""
STAGE = re.compile(r"finetune@([a-z0-9_]+)-([a-z0-9_]+)-([a-z0-9_]+)")
MAKER = re.compile(r"[a-z_]+(@[a-z0-9_]+(-[a-z0-9_]+)*)?")
SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SHOWN = 160  # characters of a line


class NotIdenticalError(XlgapError):
    """Predictions of a run that was made again are not those that were recorded."""

    exit_code = 3


@dataclass(frozen=True)
class Cell:
    """What is to be run again.

    Attributes:
        commit: of the checkout.
        directory: of the study, from the checkout's root.
        words: model, arm and task.
        seed: of fine-tuning.
        params: the study's ``params.yaml``.
        makers: entries of ``dvc.lock`` of the stages above it.
        out: where its predictions go, from the study's directory.
        processes: that trained it.
    """

    commit: str
    directory: PurePosixPath
    words: tuple[str, str, str]
    seed: int
    params: dict[str, Any]
    makers: dict[str, Any]
    out: PurePosixPath
    processes: int


def cell_of(run: PastRun, root: Path) -> Cell:
    """What a run says of itself, checked; nothing is written.

    Raises:
        ResultError: it is no run of a cell, or it cannot be known what produced it.
        ConfigError: other versions are installed here than produced it.
    """
    kind, tags = run.tags.get(KIND), run.tags
    if kind != "cell":
        raise ResultError(f"run {run.id} is one of kind {kind!r}; only runs of cells are made again.")
    if RESTORED in tags or "xlgap.git_sha" not in tags:
        why = "it was rebuilt from results" if RESTORED in tags else "it was made without git"
        raise ResultError(f"run {run.id} does not say which commit produced it: {why}.")
    commit = tags["xlgap.git_sha"]
    if tags.get("xlgap.git_dirty") != "false":
        raise ResultError(
            f"run {run.id} was made with code that differed from its commit {commit[:12]}, and is not "
            "kept anywhere; commit before a study that is to be made again."
        )
    found = run.document(DOCUMENT)
    if found is None:
        raise ResultError(
            f"run {run.id} has no {DOCUMENT}, which 'score' writes: the cell was not scored, or by an "
            "earlier version."
        )
    if not SHA.fullmatch(commit) or not _has_commit(root, commit):
        raise ResultError(
            f"commit {commit[:12]} of run {run.id} is not in this repository; run 'git fetch --all' in "
            f"{root}, or go to a clone that has it."
        )
    made_with = tags.get("xlgap.software")
    if made_with is not None and made_with != software():
        raise ConfigError(
            f"run {run.id} was made with {_others(made_with, software())}; other versions move the "
            "last bits: install those of its commit's requirements.lock."
        )
    return _parsed(found, run, commit)


def _parsed(found: Mapping[str, Any], run: PastRun, commit: str) -> Cell:
    try:
        stage, entry = STAGE.fullmatch(found["stage"]), found["entry"]
        directory = _inside(found["directory"])
        out = _inside(entry["outs"][0]["path"])
        makers = {str(name): dict(of_one) for name, of_one in found["makers"].items()}
        for name, of_one in makers.items():
            if not MAKER.fullmatch(name):  # an option of 'dvc pull', say
                raise ValueError(f"{name!r} is no stage")
            for out_of_maker in of_one.get("outs", ()):
                _inside(out_of_maker["path"])
        params, seed = dict(found["params"]), int(run.params["seed"])
        params["study"] = dict(params["study"])
        processes = int(run.params.get("world_size", "1"))
        if stage is None:
            raise ValueError("stage")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ResultError(f"the {DOCUMENT} of run {run.id} is damaged ({error}).") from error
    model, arm, task = stage.groups()
    return Cell(commit, directory, (model, arm, task), seed, params, makers, out, processes)


def _inside(path: str) -> PurePosixPath:
    """A path that stays below the folder that it counts from.

    Raises:
        ValueError: it does not.
    """
    found = PurePosixPath(path)
    if found.is_absolute() or ".." in found.parts or "\\" in path or "\0" in path:
        raise ValueError(f"the path {path!r} leaves its folder")
    return found


def _has_commit(root: Path, commit: str) -> bool:
    command = ["git", "-C", str(root), "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _others(then: str, now: str) -> str:
    """The versions that differ: ``torch 2.12.0 (here: 2.13.0)``."""
    here = dict(pair.split(" ", 1) for pair in now.split(", "))
    pairs = [pair.partition(" ")[::2] for pair in then.split(", ")]
    return ", ".join(f"{n} {v} (here: {here.get(n, 'none')})" for n, v in pairs if here.get(n) != v)


def reproduce(run: PastRun, root: Path, folder: Path) -> list[str]:
    """Train the run's cell and seed again in a clone, and compare its predictions.

    Args:
        run: with its files, see :data:`WANTED`.
        root: a checkout of the repository, whose DVC remote has the inputs.
        folder: where the clone goes; must not be there, or be empty.

    Returns:
        Lines that say that predictions are identical.

    Raises:
        NotIdenticalError: they are not; it says where they differ first.
        ResultError: see :func:`cell_of`; or inputs are not in the remote, or the stage failed.
    """
    cell = cell_of(run, root)
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"--directory: {folder} is not empty; give another one, or remove it.")
    recorded = {
        name.removeprefix(f"{PREDICTIONS}/"): text
        for name, text in run.files.items()
        if name.startswith(f"{PREDICTIONS}/") and name.endswith(".jsonl")
    }
    if not recorded:
        raise ResultError(f"run {run.id} has kept no predictions to compare with.")
    if run.tags.get("xlgap.cpu", processor()) != processor():
        told = f"made on {run.tags['xlgap.cpu']}, this is {processor()}: the last bits may differ."
        print(f"note: {told}", file=sys.stderr)
    _clone(root, folder, cell.commit)
    study = folder / cell.directory
    _pull(root, study, cell)
    _run(study, ["finetune", *cell.words], processes=cell.processes)
    made = study / cell.out / f"seed{cell.seed}"
    found = {path.name: path.read_bytes() for path in made.glob("*.jsonl")}
    _compare(run, recorded, found)
    lines = sum(len(text.splitlines()) for text in recorded.values())
    named = f"{run.name}, commit {cell.commit[:12]}"
    return [
        f"identical: {lines} predictions in {len(recorded)} files of {named}.",
        f"clone: {folder}",
    ]


def _clone(root: Path, folder: Path, commit: str) -> None:
    print(f"cloning {commit[:12]} to {folder}", file=sys.stderr)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        git(root, "clone", "--quiet", "--no-checkout", "--shared", str(root), str(folder.resolve()))
        git(folder, "checkout", "--quiet", "--detach", commit)
    except subprocess.CalledProcessError as error:
        raise ResultError(f"git could not make {folder}: {_last(error.stderr)}.") from error


def _pull(root: Path, study: Path, cell: Cell) -> None:
    """Parameters with the one seed, and what the cell reads, from the checkout's DVC remote."""
    study.mkdir(parents=True, exist_ok=True)
    params = cell.params | {"study": {**cell.params["study"], "seeds": [cell.seed]}}
    write_text(study / layout.PARAMS, yaml.safe_dump(params, sort_keys=False, allow_unicode=True))
    _run(study, ["graph"], processes=1)
    write_text(study / LOCK, yaml.safe_dump({"schema": "2.0", "stages": cell.makers}))
    _same_remotes(root, study)
    print(f"pulling {len(cell.makers)} stages from the DVC remote", file=sys.stderr)
    done = _call(study, ["dvc", "pull", *cell.makers])
    lacking = [
        out["path"]
        for entry in cell.makers.values()
        for out in entry.get("outs", ())
        if not (study / out["path"]).exists()
    ]
    if done.returncode or lacking:
        what = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
        raise ResultError(
            f"inputs are not in the DVC remote: {what or _last(done.stderr)}; run 'dvc push' where the "
            "study ran, and see 'dvc remote list' here."
        )


def _same_remotes(root: Path, study: Path) -> None:
    """Give the clone the checkout's remotes, those of this machine, too; relative ones as absolute."""
    top = Path(git(study, "rev-parse", "--show-toplevel"))
    own = root / ".dvc" / "config.local"
    if own.is_file():
        shutil.copy2(own, top / ".dvc" / "config.local")
    said = _call(root, ["dvc", "remote", "list"])
    if said.returncode:
        raise ResultError(f"DVC's remotes cannot be read in {root}: {_last(said.stderr)}.")
    for line in said.stdout.splitlines():
        name, _, url = line.partition("\t")
        url = url.strip().removesuffix("(default)").strip()
        if "://" not in url:
            _call(top, ["dvc", "remote", "modify", "--local", name, "url", str(root / ".dvc" / url)])


def _run(study: Path, words: Sequence[str], *, processes: int) -> None:
    """A command of the clone's own ``xlgap``, which says what it does on standard error.

    Raises:
        ResultError: it failed.
    """
    print(f"running xlgap {' '.join(words)}", file=sys.stderr)
    done = _call(study, ["xlgap", *words], {PROCESSES: str(processes)})
    if done.returncode:
        raise ResultError(f"'xlgap {' '.join(words)}' failed in {study}: {_last(done.stderr)}")


def _call(
    folder: Path, words: Sequence[str], more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A Python program's module with the sources of the clone, and with no store but its own."""
    top = next(p for p in (folder.resolve(), *folder.resolve().parents) if (p / ".dvc").is_dir())
    ours = (VARIABLE, "XLGAP_PREFORK_SOCKET", "XLGAP_WORKERS")
    environment = {k: v for k, v in os.environ.items() if k not in ours}
    environment |= {"PYTHONPATH": str(top / "src"), **(more or {})}
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else "it said nothing"


def _compare(run: PastRun, recorded: Mapping[str, bytes], found: Mapping[str, bytes]) -> None:
    """Stop where a file or line differs.

    Raises:
        NotIdenticalError: it says where first, and how many lines differ.
    """
    if recorded == found:
        return
    differing, first = 0, ""
    for name in sorted(recorded.keys() | found.keys()):
        then, now = (
            of.get(name, b"").decode(errors="replace").splitlines() for of in (recorded, found)
        )
        for number in range(max(len(then), len(now))):
            pair = [lines[number] if number < len(lines) else "no such line" for lines in (then, now)]
            if pair[0] != pair[1]:
                differing += 1
                first = first or f"{name}, line {number + 1}: recorded {_short(pair[0], pair[1])}"
    told = first or "the bytes of line ends differ"
    raise NotIdenticalError(
        f"predictions of run {run.id} ({run.name}) are not identical, {differing} lines differ: {told}."
    )


def _short(then: str, now: str) -> str:
    """Both lines; of long JSON objects the first key that differs."""
    try:
        a, b = json.loads(then), json.loads(now)
        key = next(k for k in a if a[k] != b.get(k))
        of = f" of {a['id']!r}" if "id" in a else ""
        return f"{key}{of} {json.dumps(a[key])[:SHOWN]}, now {json.dumps(b.get(key))[:SHOWN]}"
    except (ValueError, StopIteration, TypeError, AttributeError):
        return f"{then[:SHOWN]}, now {now[:SHOWN]}"
