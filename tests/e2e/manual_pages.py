"""The manual as tests read it: its pages, their fenced blocks, the commands that they name.

A block of a shell language (``sh``: commands; ``console``: commands behind a prompt, and what they
print) is run unless the line before it says why not: ``<!-- not run: REASON -->``. A ``yaml`` block is
read as a part of a study unless ``<!-- not read: REASON -->`` stands there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHELL = ("sh", "console")
LANGUAGES = (*SHELL, "yaml", "python", "text", "csv", "json")
HISTORY = ("docs/log.md", "CHANGELOG.md", "docs/adr/")
"""Pages of what once was: commands that they name need not be there any more."""

_FENCE = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<mark>not run|not read): (?P<said>[^\n]+?) -->\n(?P=indent))?"
    r"```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```[^\S\n]*$",
    re.MULTILINE | re.DOTALL,
)
_CODE = re.compile(r"(?<!`)`(?P<text>[^`\n]+)`(?!`)")
_PROMPT = re.compile(r"^(?:[\w.-]*\$ )")
_SETTING = re.compile(r"^[A-Z_][A-Z0-9_]*=\S*$")
_OPTION = re.compile(r"(?<![\w/-])-{1,2}[A-Za-z][\w-]*")
_NEXT = {"|", "||", "&&", ";"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, line, language, text, and what the comment before it says."""

    page: str
    line: int
    language: str
    text: str
    mark: str | None
    said: str | None

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command that a page names: its words without settings before it and what it is piped to."""

    where: str
    words: tuple[str, ...]

    @property
    def options(self) -> list[str]:
        found = (_OPTION.match(word.lstrip("[")) for word in self.words[1:])
        return [option[0] for option in found if option]

    @property
    def names(self) -> list[str]:
        """The words behind the program and its options up to the first that is one or a value."""
        found: list[str] = []
        for word in self.words[1:]:
            if not found and word.startswith("-"):
                continue
            if not re.fullmatch(r"[a-z][a-z-]*(\|[a-z-]+)*", word):
                break
            found.append(word)
        return found


def pages() -> list[str]:
    """Every page of the manual, and the files beside it that readers see first."""
    found = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))]
    return [*found, "README.md", "CONTRIBUTING.md", "CHANGELOG.md"]


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf8")


def blocks(page: str, text: str | None = None) -> list[Block]:
    """The fenced blocks of a page, or of ``text`` in its place."""
    text = text_of(page) if text is None else text
    found = []
    for fence in _FENCE.finditer(text):
        indent = fence["indent"]
        body = re.sub(rf"^{indent}", "", fence["text"], flags=re.MULTILINE)
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(page, line, fence["language"].strip(), body, fence["mark"], fence["said"]))
    return found


def commands(page: str) -> Iterator[Command]:
    """What a page names in shell blocks, run or not, and in code within its text."""
    text = text_of(page)
    for block in blocks(page):
        if block.language in SHELL:
            for line in block.text.replace("\\\n", " ").splitlines():
                shown = _PROMPT.match(line)
                if block.language == "sh" or shown:
                    yield from _split(block.where, line[shown.end() if shown else 0 :])
    for code in _CODE.finditer(_FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)):
        line = text.count("\n", 0, code.start()) + 1
        yield from _split(f"{page}:{line}", code["text"])


def _split(where: str, line: str) -> Iterator[Command]:
    """The commands of a line of shell."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return  # code that is no command
    current: list[str] = []
    for word in [*words, ";"]:
        if word in _NEXT:
            if current:
                yield Command(where, tuple(current))
            current = []
        elif current or not _SETTING.match(word):
            current.append(word)
