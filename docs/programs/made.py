"""Write the parts of the manual that are made from the code, or say which are stale.

    python docs/programs/made.py [--check]

A page marks such a part by ``<!-- made: NAME -->`` before it and ``<!-- end -->`` behind it; what
stands between is replaced. ``--check`` writes nothing and ends with 1 where something would change.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import layers
import tables

DOCS = Path(__file__).resolve().parents[1]
PARTS: dict[str, Callable[[], str]] = {
    "commands": tables.commands,
    "decisions": tables.decisions,
    "gaps": tables.gaps,
    "layers": layers.table,
    "results": tables.results,
    "tasks": tables.task_table,
    "task sections": tables.task_sections,
}
PICTURES: dict[str, Callable[[], str]] = {"images/layers.svg": layers.picture}
_PART = re.compile(
    r"(?P<begin><!-- made: (?P<name>[a-z ]+) -->\n).*?(?P<end>\n<!-- end -->)", re.DOTALL
)


def filled(text: str) -> str:
    """A page with its parts made anew."""

    def part(found: re.Match[str]) -> str:
        return f"{found['begin']}\n{PARTS[found['name']]()}\n{found['end']}"

    return _PART.sub(part, text)


def files() -> Iterator[tuple[Path, str]]:
    """Every file that holds something made, and what it should hold."""
    for name, draw in PICTURES.items():
        yield DOCS / name, draw()
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text(encoding="utf8")
        if _PART.search(text):
            yield path, filled(text)


def stale() -> dict[Path, str]:
    """The files that do not hold what they should."""
    return {
        path: text
        for path, text in files()
        if not path.exists() or path.read_text(encoding="utf8") != text
    }


def main() -> int:
    """The command line."""
    options = argparse.ArgumentParser(description="Parts of the manual that are made from the code.")
    options.add_argument("--check", action="store_true", help="say what is stale, write nothing")
    check = options.parse_args().check
    found = stale()
    for path, text in found.items():
        name = path.relative_to(DOCS.parent)
        if check:
            print(f"{name} is stale: run 'make docs'.", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf8")
            print(name)
    return int(check and bool(found))


if __name__ == "__main__":
    sys.exit(main())
