"""A folder of predictions in the official layout, of whatever system: found, read and scored.

On release files predictions are scored as those of the official test file wherever it stands. What a
study would train on does not matter here: PAWS-X is scored on its test files also where, for want of
its training file, studies train and test on parts of the dev files. Where the official file is absent
and the release has another one in its place (dev files of WikiANN and MLQA), predictions of that one
are scored and said to be so; a file that is of other rows, as an official submission's is, is named and
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from xlgap.data.sources import ReleaseDirectory, load, release_names
from xlgap.errors import DataError, ResultError, XlgapError, suggestion
from xlgap.evaluation import official, official_read
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.tested import OfTests, Tested
from xlgap.formats import read_jsonl, read_text
from xlgap.tasks.base import Row, Task

MANIFEST = "manifest.json"
MARK = "\ufeff"
"""The byte order mark that some editors put before UTF-8."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What a folder of predictions scores.

    Attributes:
        scores: by task, language and metric, 0-100; every metric that the task declares.
        missing: the files that a task's folder lacks, by task.
        unscored: tasks and languages without test data to score them on, and why.
        stand_ins: files that are scored on something else than the official test file, and on what.
        tested: on how many rows each task and language was scored, and on which files in place of the
            official ones; nothing of a study's ``data/prepared``, which says it itself.
        odd: what was counted as wrong or ignored in a file that is scored, a clause each.
        refused: files and folders that cannot be scored, each with its sentence; damaged test data
            stand for all files of their task.
    """

    scores: Mapping[str, Mapping[str, Mapping[str, float]]]
    missing: Mapping[str, tuple[str, ...]]
    unscored: Mapping[str, str]
    stand_ins: Mapping[str, str]
    tested: OfTests = field(default_factory=dict)
    odd: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


def score_folder(folder: Path, data: Path) -> Submission:
    """Score a folder of predictions; a file that cannot be scored keeps no other one from it.

    Args:
        folder: holds ``<task>/test-<language>.*``.
        data: the directory of release files, or a study's ``data/prepared``.

    Raises:
        DataError: nothing can be scored, and a file is not in its format; it names the file, the line
            and what was expected.
        ResultError: the folder has no task, or nothing in it can be scored.
    """
    scores: dict[str, dict[str, dict[str, float]]] = {}
    missing: dict[str, tuple[str, ...]] = {}
    unscored: dict[str, str] = {}
    stand_ins: dict[str, str] = {}
    tested: dict[str, dict[str, Tested]] = {}
    odd: dict[str, tuple[str, ...]] = {}
    refused: dict[str, XlgapError] = {}
    for name, task in _tasks(folder, refused):
        files = _files(folder / name, task, refused)
        lacking = [c for c in task.eval_languages if c not in files]
        missing[task.name] = tuple(official.file_name(task, c) for c in lacking)
        try:
            gold, absent, instead = _test_data(task, files, data)
        except DataError as error:
            refused[name] = error
            continue
        unscored |= {f"{name}/{files[c].name}": why for c, why in absent.items()}
        for language, rows in gold.items():
            place = f"{name}/{files[language].name}"
            notes = official_read.Oddities()
            try:
                found = _read(files[language], task, rows, notes)
            except official.OtherRowsError as error:
                if language in instead:
                    unscored[place] = f"{instead[language]}: {str(error).rstrip('.')}"
                else:
                    refused[place] = DataError(f"{files[language]}, {error}")
                continue
            except DataError as error:
                refused[place] = error
                continue
            if notes.notes:
                odd[place] = tuple(notes.notes)
            if language in instead:
                stand_ins[place] = instead[language]
            if not is_prepared(data):
                other = _stands_in(task, language) if language in instead else ""
                test = Tested(rows=len(rows), released_rows=len(rows), stands_in=other)
                tested.setdefault(task.name, {})[language] = test
            scores.setdefault(task.name, {})[language] = {
                metric: round(get_metric(metric, task).score(task, rows, found, language), 8)
                for metric in task.metrics
            }
    if not scores:
        raise _nothing(folder, data, refused, unscored)
    return Submission(
        scores=scores,
        missing={task: names for task, names in missing.items() if names},
        unscored=unscored,
        stand_ins=stand_ins,
        tested=tested,
        odd=odd,
        refused={place: str(error) for place, error in refused.items()},
    )


def _nothing(
    folder: Path, data: Path, refused: Mapping[str, XlgapError], unscored: Mapping[str, str]
) -> XlgapError:
    """Why there is no score at all: the first file that is wrong, if one is."""
    if refused:
        first, *others = refused.items()
        more = f"; {len(others)} more cannot be scored: {', '.join(dict(others))}." if others else "."
        return type(first[1])(f"{str(first[1]).removesuffix('.')}{more}")
    empty = "its folders hold no files; expected such as xnli/test-de.tsv"
    why = next(iter(unscored.values()), empty)
    return ResultError(f"{folder}: nothing in it can be scored on {data}: {why}.")


def _read(path: Path, task: Task, gold: Sequence[Row], odd: official_read.Oddities) -> list[Row]:
    """The predictions of a file.

    Raises:
        OtherRowsError: they are of other rows; without the name of the file, as it may be no fault.
        DataError: the file is not in its format.
    """
    text = read_text(path)
    if text.startswith(MARK):
        odd.notes.append("the byte order mark that it begins with is ignored")
    try:
        return official_read.read(task, gold, text.removeprefix(MARK), odd)
    except official.OtherRowsError:
        raise
    except DataError as error:
        raise DataError(f"{path}, {error}") from error


def _tasks(folder: Path, refused: dict[str, XlgapError]) -> list[tuple[str, Task]]:
    """The tasks that it has folders of; those of other names are ``refused``."""
    if not folder.is_dir():
        raise ResultError(
            f"{folder}: no such directory; name one with folders such as xnli/test-de.tsv."
        )
    known = official.layout()
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    inside = sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*/seed*/"))
    for name in names:
        if name not in known and inside:
            raise ResultError(
                f"{folder}: it holds {len(inside)} submissions, one a model, arm and seed; name one of "
                f"them: {', '.join(inside[:5])}{', ...' if len(inside) > 5 else ''}."
            )
        if name not in known:
            refused[name] = ResultError(
                f"{folder / name}: no task of the official layout has this name; "
                f"{suggestion(name, known)}"
            )
    if not names:
        raise ResultError(f"{folder}: expected a folder for each task; allowed: {', '.join(known)}.")
    return [(name, known[name]) for name in names if name in known]


def _files(folder: Path, task: Task, refused: dict[str, XlgapError]) -> dict[str, Path]:
    """The files of one task by language; those of other names are ``refused``."""
    names = {official.file_name(task, c): c for c in task.eval_languages}
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.iterdir() if not p.name.startswith(".")):
        if path.name in names:
            found[names[path.name]] = path
            continue
        refused[f"{folder.name}/{path.name}"] = ResultError(
            f"{path}: not a file of the official layout of '{task.name}'; "
            f"{suggestion(path.name, names)}"
        )
    return found


def _test_data(
    task: Task, languages: Iterable[str], data: Path
) -> tuple[dict[str, list[Row]], dict[str, str], dict[str, str]]:
    """The test rows of each language, of those that have none why, and what is no official test file.

    Raises:
        DataError: they are damaged.
    """
    if is_prepared(data):
        paths = {c: data / task.name / "test" / f"{c}.jsonl" for c in languages}
        there = {c: read_jsonl(path) for c, path in paths.items() if path.is_file()}
        return there, {c: f"{path} is not there" for c, path in paths.items() if c not in there}, {}
    directory = ReleaseDirectory.open(data, wanted_by=f"task '{task.name}'")
    scored = official_first(task)
    absent = {c: why for c in languages if (why := _absent(scored, c, directory))}
    have = [c for c in languages if c not in absent]
    loaded = load(scored, "test", have, source="release", data_dir=data)
    instead = {c: why for c in have if (why := _stand_in(scored, c, directory))}
    return {c: found.rows for c, found in loaded.items()}, absent, instead


def is_prepared(data: Path) -> bool:
    """Whether a directory is a study's ``data/prepared``, and none of release files."""
    return any(data.glob(f"*/{MANIFEST}"))


def official_first(task: Task) -> Task:
    """``task`` with its official test files read wherever they stand.

    The first declaration of a split is the official one; what it needs beside its own files is for what
    trains beside it.
    """
    if task.release is None or "test" not in task.release:
        return task
    files = tuple(
        replace(file, needs=(file.path, *file.aligned)) if file.needs else file
        for file in task.release["test"]
    )
    return replace(task, release={**task.release, "test": files})


def official_name(task: Task, language: str) -> str:
    """The official test file of a language, whether or not it is there."""
    declared = (task.release or {})["test"]
    first = next(f for f in declared if f.languages is None or language in f.languages)
    of_official = replace(task, release={"test": (replace(first, needs=()),)})
    return release_names(of_official, "test", language, ReleaseDirectory(Path()))[0]


def _stand_in(task: Task, language: str, directory: ReleaseDirectory) -> str:
    """That another file stands in for the official test file; empty where none does."""
    wanted = official_name(task, language)
    found = release_names(task, "test", language, directory)[0]
    return "" if found == wanted else f"{wanted} is not there and {found} stands in for it"


def _stands_in(task: Task, language: str) -> str:
    """What a task's declaration calls the files in place of the official ones."""
    declared = (task.release or {})["test"]
    return next(
        f.stands_in
        for f in declared
        if f.stands_in and (f.languages is None or language in f.languages)
    )


def _absent(task: Task, language: str, directory: ReleaseDirectory) -> str:
    """Why a directory has no test rows of a language; empty where it has."""
    if "test" not in (task.release or {}):
        return f"the release of '{task.name}' has no test files"
    try:
        names = release_names(task, "test", language, directory)
    except DataError as error:
        return str(error).rstrip(".")
    lacking = [name for name in names if directory.stored(name) is None]
    wanted = official_name(task, language)
    first = lacking[:1] if names[0] == wanted else [wanted]
    return f"{directory.root / first[0]} is not there" if lacking else ""
