"""A folder of release files: written, edited, read into rows, looked up in the manifest."""

from __future__ import annotations

from pathlib import Path

from xlgap.data.sources import ReleaseDirectory, load
from xlgap.tasks import get_task
from xlgap.tasks.base import Row, Split


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf8")
    return root


def rows_of(root: Path, task: str, split: Split, code: str) -> list[Row]:
    return load(get_task(task), split, [code], source="release", data_dir=root)[code].rows


def listed(root: Path, *names: str) -> int:
    entries = ReleaseDirectory(root).listed
    return sum(entries[name]["rows"] for name in names)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf8")
