"""A directory of official release files, and what every text in it must be, whatever its format."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xlgap.errors import DataError
from xlgap.formats import read_json, read_text

LOST_SHARE = 0.1
"""Share of question marks from which on they stand for letters; texts have one in 40 at most."""
MARK = "\ufeff"
_FEW_DOUBLED = 10  # letters outside ASCII: fewer may be wrong in a release itself, as a few quotes are
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_BYTES = {
    ord(bytes([code]).decode("cp1252")): code
    for code in range(0x80, 0xA0)
    if code not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}
"""What Windows-1252 has where Latin-1 has control characters, with the byte of each."""


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes:
        text: without a byte-order mark.
        facts: for the manifest of what is prepared: path, digest, class of licence.
        unlisted: where the manifest lists other bytes, how both digests begin; else empty.
    """

    text: str
    facts: dict[str, Any]
    unlisted: str


@dataclass(frozen=True)
class ReleaseDirectory:
    """A directory of official release files, plain or ``.xz``, with or without a ``MANIFEST.json``."""

    root: Path

    @classmethod
    def open(cls, root: Path | None, *, wanted_by: str) -> ReleaseDirectory:
        """The directory, checked to exist.

        Raises:
            DataError: no directory is named, or it does not exist.
        """
        if root is None:
            raise DataError(
                f"{wanted_by} is read from release files, and no directory is named: set XLGAP_DATA to "
                "the directory that holds them."
            )
        if not root.is_dir():
            raise DataError(
                f"{wanted_by} is read from release files below {root}, which is no directory: set "
                "XLGAP_DATA to the directory that holds them."
            )
        return cls(root)

    @cached_property
    def listed(self) -> Mapping[str, Mapping[str, Any]]:
        """The manifest's entries by path without ``.xz``; empty when there is no manifest.

        Raises:
            DataError: it is damaged.
        """
        path = self.root / "MANIFEST.json"
        if not path.is_file():
            return {}
        files = read_json(path, {"files": [{"path": str}]})["files"]
        return {entry["path"].removesuffix(".xz"): entry for entry in files}

    def stored(self, name: str) -> Path | None:
        """The file ``name``, else ``name.xz``, else None."""
        path = self.root / name
        return next((p for p in (path, path.with_name(path.name + ".xz")) if p.is_file()), None)

    def read(self, name: str) -> tuple[str, dict[str, Any]]:
        """The text of the file ``name`` (or ``name.xz``), and facts on it.

        Raises:
            DataError: as :meth:`content` does; or other bytes than the manifest lists.
        """
        found = self.content(name)
        if found.unlisted:
            raise DataError(self.not_listed(name, found.unlisted))
        return found.text, found.facts

    def content(self, name: str) -> Content:
        """The same where the manifest may list other bytes: a reader can say more of what is wrong.

        A byte-order mark at the start is no part of the text.

        Raises:
            DataError: missing, empty, damaged, not UTF-8, or saved in an encoding that lacks its
                letters, or twice in one.
        """
        path = self.root / name
        text = read_text(path)
        found = hashlib.sha256(text.encode()).hexdigest()
        entry = self.listed.get(name, {})
        listed = str(entry.get("raw_sha256", found))
        text = text.removeprefix(MARK)
        digests = f"SHA-256 {found[:12]}..., MANIFEST.json lists {listed[:12]}..."
        try:
            _refuse_unreadable(text, path)
        except DataError as error:
            raise DataError(
                with_digests(str(error), {name: digests} if found != listed else {})
            ) from error
        facts = {"path": name, "sha256": found, "licence_class": entry.get("licence_class")}
        return Content(text, facts, digests if found != listed else "")

    def not_listed(self, name: str, digests: str) -> str:
        """The sentence on a file in which nothing is wrong but that the manifest lists other bytes."""
        return f"{self.root / name}: its content has {digests}; fetch the file again."


def with_digests(message: str, unlisted: Mapping[str, str]) -> str:
    """What was found wrong, and behind it which files are not those of the manifest.

    Args:
        message: a sentence.
        unlisted: by file how both digests begin.
    """
    if not unlisted:
        return message
    return message.removesuffix(".") + "".join(f"; {n} has {found}" for n, found in unlisted.items())


def _refuse_unreadable(text: str, path: Path) -> None:
    """Check what a text must be in any format.

    Raises:
        DataError: it is empty, or its letters are not what was written.
    """
    if not text.strip():
        raise DataError(f"{path}, line 1: the file is empty, expected some text: fetch the file again.")
    if text.isascii():
        if text.count("?") > LOST_SHARE * len(text):
            raise DataError(
                f"{path}, line {_line(text, text.find('??'))}: expected text, got question marks in "
                f"place of its letters, {text.count('?')} of {len(text)} characters; it was saved in "
                "an encoding that lacks them: fetch the file again."
            )
        return
    if doubled := _doubled(text):
        at, wrong, meant = doubled
        raise DataError(
            f"{path}, line {_line(text, at)}: expected UTF-8, got what is UTF-8 twice, {wrong!r} in "
            f"place of {meant!r} and so on in the whole file; fetch the file again."
        )


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, max(at, 0)) + 1


def _doubled(text: str) -> tuple[int, str, str] | None:
    """Where a text of UTF-8 that was taken for Latin-1 or Windows-1252 begins to show it.

    Returns:
        The place, what stands there and what it stands for; ``None`` unless this holds for every
        letter outside ASCII, and for more than a few.
    """
    first, count = None, 0
    for run in _BEYOND_ASCII.finditer(text):
        try:
            meant = run[0].translate(_BYTES).encode("latin-1").decode("utf8")
        except UnicodeError:
            return None
        count += len(meant)
        first = first or (run.start(), run[0], meant)
    return first if count >= _FEW_DOUBLED else None
